"""What a peer may say to ours, drawn: legal, illegal and late, by what is in flight."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.model.samples import (
    BROKEN_ENVELOPES,
    ENVELOPES,
    METHODS,
    ODD_TOKENS,
    OTHER_METAS,
    PARAMS,
    RESULTS,
    SERVERS,
    agreed,
    message,
)
from tests.model.shapes import fits_params
from tests.model.sides import Sides
from tests.model.state import Ours
from tests.model.words import (
    ASKED_BY,
    NOTIFICATIONS,
    REQUESTS,
    REVISIONS,
    SUBSCRIPTION,
    Json,
    sends,
)

VERSIONS: st.SearchStrategy[int | str] = st.sampled_from([*REVISIONS, "2027-01-01"])
IDS = st.sampled_from([0, 1, 2, 3, "1", "2", "", "a", -1, 2**53, 2**63, "0"])
ODD_IDS: st.SearchStrategy[Any] = st.sampled_from([None, 1.0, 1.5, True, False, [], {}, 10**30])
TOKENS: st.SearchStrategy[Any] = st.sampled_from([None, None, 1, "1", "t", 0, "", 2, "2"])
VALUES = st.integers(-2, 9) | st.sampled_from([0.5, 2.0, 7.25, 1e300])
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"

MALFORMED_ANSWERS: list[Json] = [
    {"result": 3},
    {"result": {}, "error": {"code": 1, "message": "m"}},
    {"error": {"code": "1", "message": "m"}},
    {"error": {"code": 1}},
    {"error": None},
    {"result": {}, "jsonrpc": "1.0"},
]


def variants(id: Any) -> list[Any]:
    """Return an id and what might be taken for it."""
    if isinstance(id, str):
        return [id, int(id) if id.isdigit() else id + " "]
    return [id, str(id), float(id)]


class Talk:
    """What the far end of a pipe says."""

    def __init__(self, it: Sides) -> None:
        self.it = it
        self.fresh = 100
        self.spoken: list[Any] = []
        """The ids of its requests, oldest first."""

    def an_id(self, data: st.DataObject) -> Any:
        self.fresh += 1
        kinds = [IDS, st.just(self.fresh), st.just(self.fresh)]
        self.spoken.append(data.draw(st.one_of(*kinds), "id"))
        return self.spoken[-1]

    def meta(self, data: st.DataObject) -> Any:
        """Draw a `_meta`: none, a token, an envelope, a broken one."""
        kind = data.draw(st.sampled_from("  eeetb?"), "meta")
        if kind == " ":
            return None
        if kind == "b":
            return data.draw(st.sampled_from(BROKEN_ENVELOPES))
        if kind == "?":
            return data.draw(st.sampled_from(OTHER_METAS))
        made = dict(data.draw(st.sampled_from(ENVELOPES))) if kind == "e" else {}
        token = data.draw(TOKENS if kind == "e" else TOKENS | IDS, "token")
        return made if token is None else {**made, "progressToken": token}

    def a_request(self, data: st.DataObject) -> Json:
        method = data.draw(st.sampled_from(METHODS), "method")
        params = data.draw(st.sampled_from(PARAMS[method]), "params")
        return message(method, params, id=self.an_id(data), meta=self.meta(data))

    def a_good_request(self, data: st.DataObject) -> Json:
        """Draw a request that is likely to be served, in one era or the other."""
        model = self.it.model
        modern = self.it.role == "server" and model.modern
        modern = modern and (not model.established or data.draw(st.booleans(), "modern"))
        revision = 5 if modern else model.agreed or 4
        names = [name for name in REQUESTS if sends(model.other, name, revision)]
        method = data.draw(st.sampled_from(names), "method")
        params = [one for one in PARAMS[method] if fits_params(method, one, revision)]
        meta: Json = dict(data.draw(st.sampled_from(ENVELOPES))) if modern else {}
        token = data.draw(TOKENS, "token")
        if token is not None:
            meta["progressToken"] = token
        params_drawn = data.draw(st.sampled_from(params), "params")
        return message(method, params_drawn, id=self.an_id(data), meta=meta or None)

    def a_notification(self, data: st.DataObject) -> Json:
        method = data.draw(st.sampled_from([*NOTIFICATIONS, "initialized", *METHODS]), "method")
        params = data.draw(st.sampled_from(PARAMS.get(method, [None])), "params")
        return message(method, params, meta=self.meta(data))

    def a_cancellation(self, data: st.DataObject) -> Json:
        model = self.it.model
        known = [one.id for one in model.theirs.values()] + [one.id for one in model.ours.values()]
        ids = [near for id in known for near in variants(id)]
        late = [*self.spoken[-3:], *(json.loads(one) for one in sorted(model.used)[-3:])]
        id = data.draw(st.sampled_from([*ids, *late]) if ids else IDS | ODD_IDS, "cancelled")
        reason: Json = data.draw(st.sampled_from([{}, {"reason": "r"}, {"reason": 3}]))
        return message("notifications/cancelled", {"requestId": id, **reason})

    def progress(self, data: st.DataObject) -> Json:
        model = self.it.model
        known = [*model.ours.values(), *model.working.values()]
        tokens = [near for one in known if one.token is not None for near in variants(one.token)]
        odd = TOKENS | st.sampled_from(ODD_TOKENS)  # of what is over, as a rule, or of nothing
        token = data.draw(st.sampled_from(tokens) | odd if tokens else odd, "token")
        params = {"progressToken": token, "progress": data.draw(VALUES, "value")}
        more: Json = data.draw(st.sampled_from([{}, {"total": 9, "message": "m"}, {"total": "x"}]))
        return message("notifications/progress", {**params, **more})

    def an_answer(self, data: st.DataObject) -> Json:
        model = self.it.model
        ids = [near for one in model.ours.values() for near in (one.id, *variants(one.id)[:2])]
        ids += [json.loads(one) for one in [*sorted(model.gone), *sorted(model.used)[-3:]]]
        ids += [None, 1, "1", 999]
        id = data.draw(st.sampled_from(ids), "answered")
        initializing = next(
            (one for one in model.ours.values() if one.method == "initialize" and one.id == id),
            None,
        )
        kind = data.draw(st.sampled_from("rrrrree?"), "kind")
        plain: Json = {"jsonrpc": "2.0", "id": id}
        if kind == "e":
            error = {"code": data.draw(st.sampled_from([-32601, -32022, 7])), "message": "m"}
            return {**plain, "error": error}
        if kind == "?":
            return {**plain, **data.draw(st.sampled_from(MALFORMED_ANSWERS))}
        if initializing is not None and data.draw(st.integers(0, 5)):
            version = data.draw(VERSIONS)
            return {**plain, "result": agreed(version, data.draw(st.sampled_from(SERVERS)))}
        return {**plain, "result": data.draw(st.sampled_from(RESULTS), "result")}

    def any_message(self, data: st.DataObject) -> Json:
        kinds: list[Callable[[st.DataObject], Json]] = [
            *(self.a_request, self.a_good_request, self.a_notification),
            *(self.a_cancellation, self.progress, self.an_answer),
        ]
        return data.draw(st.sampled_from(kinds), "kind")(data)

    def streams(self) -> list[Ours]:
        return [one for one in self.it.model.ours.values() if one.listens is not None]

    def of_a_stream(self, data: st.DataObject) -> Json:
        stream = data.draw(st.sampled_from(self.streams()), "stream")
        id = data.draw(st.sampled_from([stream.id, stream.id, *variants(stream.id)]), "tag")
        methods = [ACKNOWLEDGED, ACKNOWLEDGED, *ASKED_BY, "notifications/message"]
        method = data.draw(st.sampled_from(methods), "method")
        params = data.draw(st.sampled_from(PARAMS[method]), "params")
        if method == ACKNOWLEDGED and data.draw(st.integers(0, 3), "honours"):
            params = {"notifications": stream.listens}
        return message(method, params, meta={SUBSCRIPTION: id})
