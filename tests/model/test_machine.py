"""Our peer beside the model, whatever a peer says and whatever the application does.

One machine for each role. Messages are drawn legal, illegal and late, in both eras on one pipe;
`sides` compares every reply, silence and state with the model.

BAREWIRE_MODEL_EXAMPLES sets how many scripts are drawn for each role.
"""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model.lines import read
from tests.model.samples import (
    BROKEN_ENVELOPES,
    CLIENTS,
    ENVELOPES,
    METHODS,
    NOISE,
    OTHER_METAS,
    PARAMS,
    READY,
    RESULTS,
    SERVERS,
    agreed,
    hello,
    message,
)
from tests.model.sides import BOUNDS, Sides
from tests.model.state import Ours, Theirs
from tests.model.words import (
    ASKED_BY,
    CODES,
    LEVELS,
    NOTIFICATIONS,
    REQUESTS,
    SUBSCRIPTION,
    Json,
    fits_params,
    sends,
)

ALL = (1, 2, 3, 4, 5)
LEGACY = (1, 2, 3, 4)
VERSIONS: st.SearchStrategy[int | str] = st.sampled_from([*ALL, "2027-01-01"])
SPEAKS = st.sampled_from([ALL, ALL, ALL, LEGACY, (5,), (2, 5), (1, 4)])
IDS = st.sampled_from([0, 1, 2, 3, "1", "2", "", "a", -1, 2**53, 2**63, "0"])
ODD_IDS: st.SearchStrategy[Any] = st.sampled_from([None, 1.0, 1.5, True, False, [], {}, 10**30])
TOKENS: st.SearchStrategy[Any] = st.sampled_from([None, None, 1, "1", "t", 0, "", 2, "2"])
ODD_TOKENS: st.SearchStrategy[Any] = st.sampled_from([1.0, True, None, [], {}])
TIMEOUTS = st.sampled_from([None, 3.0, 8.0, 30.0])
VALUES = st.integers(-2, 9) | st.sampled_from([0.5, 2.0, 7.25, 1e300])
CUTS = st.none() | st.integers(0, 200)
WAITS = st.sampled_from([0.5, 3.0, 10.0, 60.0])
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"

Step = Callable[[st.DataObject], None]


def variants(id: Any) -> list[Any]:
    """Return an id and what might be taken for it."""
    if isinstance(id, str):
        return [id, int(id) if id.isdigit() else id + " "]
    return [id, str(id), float(id)]


class Machine(RuleBasedStateMachine):
    """What both roles have in common."""

    role = ""
    it: Sides
    fresh = 100
    unfinished = b""
    """What stands behind the last line feed when the stream ends."""

    # What the peer says.

    def an_id(self, data: st.DataObject) -> Any:
        self.fresh += 1
        kinds = [IDS, st.just(self.fresh), st.just(self.fresh)]
        return data.draw(st.one_of(*kinds), "id")

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
        modern = self.role == "server" and model.modern
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
        id = data.draw(st.sampled_from(ids) if ids else IDS | ODD_IDS, "cancelled")
        reason: Json = data.draw(st.sampled_from([{}, {"reason": "r"}, {"reason": 3}]))
        return message("notifications/cancelled", {"requestId": id, **reason})

    def progress(self, data: st.DataObject) -> Json:
        model = self.it.model
        known = [*model.ours.values(), *model.working.values()]
        tokens = [near for one in known if one.token is not None for near in variants(one.token)]
        token = data.draw(st.sampled_from(tokens) if tokens else TOKENS | ODD_TOKENS, "token")
        params = {"progressToken": token, "progress": data.draw(VALUES, "value")}
        more: Json = data.draw(st.sampled_from([{}, {"total": 9, "message": "m"}, {"total": "x"}]))
        return message("notifications/progress", {**params, **more})

    def an_answer(self, data: st.DataObject) -> Json:
        model = self.it.model
        ids = [near for one in model.ours.values() for near in variants(one.id)[:2]]
        ids += [json.loads(one) for one in sorted(model.gone)] + [None, 1, "1", 999]
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

    def arrives(self, data: st.DataObject, said: Any) -> None:
        self.it.line(json.dumps(said).encode(), data.draw(CUTS, "cut"))

    def one_of(self, data: st.DataObject, *steps: Step) -> None:
        """Draw one of the steps and take it."""
        data.draw(st.sampled_from(steps), "step")(data)

    # There are few rules, each with several steps, so that all are met.

    @rule(data=st.data())
    def the_peer_asks(self, data: st.DataObject) -> None:
        self.one_of(data, self.something_is_asked, self.much_is_asked, self.much_is_asked)

    def something_is_asked(self, data: st.DataObject) -> None:
        self.arrives(data, self.a_request(data))

    def much_is_asked(self, data: st.DataObject) -> None:
        said = [self.a_good_request(data) for _ in range(data.draw(st.integers(1, 4), "number"))]
        if data.draw(st.booleans(), "at once"):
            self.it.burst(said)
            return
        for one in said:
            self.arrives(data, one)

    @rule(data=st.data())
    def the_peer_notifies(self, data: st.DataObject) -> None:
        kinds = [self.a_notification, self.a_cancellation, self.a_cancellation]
        if self.streams():
            kinds += [self.of_a_stream] * 3
        self.arrives(data, data.draw(st.sampled_from(kinds), "kind")(data))

    @rule(data=st.data())
    def the_peer_answers(self, data: st.DataObject) -> None:
        kinds = [self.an_answer, self.an_answer, self.progress]
        self.arrives(data, data.draw(st.sampled_from(kinds), "kind")(data))

    @rule(data=st.data())
    def what_is_no_message_arrives(self, data: st.DataObject) -> None:
        steps = (self.a_batch_arrives, self.noise_arrives, self.a_damaged_line_arrives)
        self.one_of(data, *steps, self.an_overlong_line_arrives)

    def a_batch_arrives(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(0, BOUNDS.batch + 1), "size")
        whole = st.integers(0, 5)
        said = [
            self.any_message(data) if data.draw(whole) else data.draw(st.sampled_from(JUNK))
            for _ in range(size)
        ]
        self.arrives(data, said)

    def noise_arrives(self, data: st.DataObject) -> None:
        self.it.line(data.draw(st.sampled_from(NOISE), "noise"), data.draw(CUTS, "cut"))

    def an_overlong_line_arrives(self, data: st.DataObject) -> None:
        filler = data.draw(st.sampled_from(["x", "{", '"', "\\"]), "filler")
        said = {**self.any_message(data), "filler": filler * BOUNDS.line}
        self.arrives(data, said if data.draw(st.booleans()) else dict(reversed(said.items())))

    def a_damaged_line_arrives(self, data: st.DataObject) -> None:
        line = bytearray(json.dumps(self.any_message(data)).encode())
        at = data.draw(st.integers(0, len(line)), "at")
        line[at:] = data.draw(st.sampled_from(DAMAGES), "damage") + line[at:][:: data.draw(KEEPS)]
        # What is JSON all the same may be a message whose shape is wrong somewhere deep in it.
        if read(bytes(line)).kind == "bad":
            self.it.line(bytes(line), data.draw(CUTS, "cut"))

    # What the application does.

    def streams(self) -> list[Ours]:
        return [one for one in self.it.model.ours.values() if one.listens is not None]

    @precondition(lambda self: self.it.model.theirs or self.it.model.begun)
    @rule(data=st.data())
    def the_application_serves(self, data: st.DataObject) -> None:
        steps: list[Step] = [self.it_reports]
        if self.it.model.serving:
            steps += [self.it_answers, self.it_answers]
        self.one_of(data, *steps)

    def it_answers(self, data: st.DataObject) -> None:
        serving = [one for one in self.it.model.theirs.values() if one.listens is None]
        served = data.draw(st.sampled_from(serving), "served")
        kind = data.draw(st.sampled_from("rrref"), "kind")
        if kind == "r":
            self.it.respond(served, data.draw(st.sampled_from(RESULTS), "result"))
        elif kind == "e":
            self.it.fail(served, data.draw(st.sampled_from(sorted(CODES)), "reason"))
        else:
            self.it.fail_with(served, data.draw(st.sampled_from([7, -1, -32000]), "code"))

    def it_reports(self, data: st.DataObject) -> None:
        model = self.it.model
        known = [*model.theirs.values(), *model.begun.values()]
        served = data.draw(st.sampled_from(known), "served")
        if self.it.is_known(served):
            text = data.draw(st.sampled_from([None, "so far"]), "text")
            total = data.draw(st.sampled_from([None, 10]), "total")
            self.it.report(served, data.draw(VALUES, "value"), total, text)

    @rule(data=st.data())
    def the_application_asks(self, data: st.DataObject) -> None:
        self.one_of(data, *self.ways_to_ask())

    def ways_to_ask(self) -> list[Step]:
        return [self.it_asks, self.it_asks, self.it_asks]

    def it_asks(self, data: st.DataObject) -> None:
        model = self.it.model
        revision = model.speaking() or 4
        names = [name for name in REQUESTS if sends(self.role, name, revision)]
        everything = data.draw(st.integers(0, 4), "anything") == 4
        method = data.draw(st.sampled_from(METHODS if everything else names), "method")
        self.it.ask(
            method,
            data.draw(st.sampled_from(PARAMS[method]), "params"),
            token=data.draw(TOKENS, "token"),
            timeout=data.draw(TIMEOUTS, "timeout"),
            maximum=data.draw(TIMEOUTS, "maximum"),
            parent=data.draw(st.sampled_from([None, None, *model.theirs.values()]), "parent"),
        )

    @rule(data=st.data())
    def the_application_does_something_else(self, data: st.DataObject) -> None:
        self.one_of(data, *self.other_ways())

    def other_ways(self) -> list[Step]:
        ours = self.it.model.ours
        return [self.it_notifies, *([self.it_gives_up] * 2 if ours else [])]

    def it_gives_up(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(list(self.it.model.ours.values())), "asked")
        self.it.cancel(asked, data.draw(st.sampled_from([None, "enough"]), "reason"))

    def it_notifies(self, data: st.DataObject) -> None:
        method = data.draw(st.sampled_from([*NOTIFICATIONS, "nobody/knows"]), "method")
        self.it.notify(method, data.draw(st.sampled_from(PARAMS[method]), "params"))

    @rule(seconds=WAITS)
    def time_passes(self, seconds: float) -> None:
        self.it.wait(seconds)

    def of_a_stream(self, data: st.DataObject) -> Json:
        stream = data.draw(st.sampled_from(self.streams()), "stream")
        id = data.draw(st.sampled_from([stream.id, stream.id, *variants(stream.id)]), "tag")
        methods = [ACKNOWLEDGED, ACKNOWLEDGED, *ASKED_BY, "notifications/message"]
        method = data.draw(st.sampled_from(methods), "method")
        params = data.draw(st.sampled_from(PARAMS[method]), "params")
        if method == ACKNOWLEDGED and data.draw(st.integers(0, 3), "honours"):
            params = {"notifications": stream.listens}
        return message(method, params, meta={SUBSCRIPTION: id})

    def teardown(self) -> None:
        if not hasattr(self, "it") or self.it.failed:
            return
        self.it.end(self.unfinished)
        self.it.ask("ping")
        self.it.notify("notifications/roots/list_changed", None)
        for asked in list(self.it.model.ours.values()):
            self.it.cancel(asked, None)
        if self.role == "server":
            self.it.publish("notifications/tools/list_changed", None)
        for served in list(self.it.model.theirs.values())[::2]:
            if served.listens is None:
                self.it.respond(served, {})
        self.it.end()
        self.it.close()


JUNK: list[Any] = [None, 3, [], {}, {"jsonrpc": "2.0", "id": 8}, {"jsonrpc": "2.0", "method": 3}]
MALFORMED_ANSWERS: list[Json] = [
    {"result": 3},
    {"result": {}, "error": {"code": 1, "message": "m"}},
    {"error": {"code": "1", "message": "m"}},
    {"error": {"code": 1}},
    {"error": None},
    {"result": {}, "jsonrpc": "1.0"},
]
DAMAGES = [b"", b"", b'"', b"}", b"{", b",", b"\xff", b"\\", b"\\ud800", b"nope", b"1", b":", b"]"]
KEEPS = st.sampled_from([1, 1, 1000])


class ServerMachine(Machine):
    """A server, and a client that may say anything."""

    role = "server"

    @initialize(data=st.data(), speaks=SPEAKS, capabilities=st.sampled_from([SERVERS[0], *SERVERS]))
    def begin(self, data: st.DataObject, speaks: tuple[int, ...], capabilities: Json) -> None:
        strict = data.draw(st.integers(0, 5), "strict") == 5
        advice = data.draw(st.sampled_from([None, "", "read this"]), "advice")
        self.it = Sides("server", speaks, capabilities, strict=strict, instructions=advice)
        self.unfinished = data.draw(st.sampled_from(NOISE), "unfinished")
        if data.draw(st.integers(0, 3), "a session"):
            revision = data.draw(st.sampled_from(LEGACY), "revision")
            theirs = data.draw(st.sampled_from([CLIENTS[0], *CLIENTS]), "theirs")
            self.it.hear(hello(revision, theirs))
            if data.draw(st.integers(0, 3), "ready"):
                self.it.hear(READY)

    @rule(data=st.data())
    def the_handshake_goes_on(self, data: st.DataObject) -> None:
        self.one_of(data, self.a_handshake_arrives, self.it_is_ready)

    def a_handshake_arrives(self, data: st.DataObject) -> None:
        version = data.draw(VERSIONS, "version")
        meta = data.draw(st.sampled_from([None, None, *ENVELOPES[:2]]), "meta")
        said = hello(version, data.draw(st.sampled_from(CLIENTS)), id=self.an_id(data))
        if meta is not None:
            said["params"]["_meta"] = meta
        self.arrives(data, said)

    def it_is_ready(self, data: st.DataObject) -> None:
        spellings = ["notifications/initialized", "initialized"]
        self.arrives(data, message(data.draw(st.sampled_from(spellings), "spelling")))

    def other_ways(self) -> list[Step]:
        listened = any(one.listens is not None for one in self.it.model.theirs.values())
        more = [self.subscriptions_end] if listened else []
        return [*super().other_ways(), self.it_logs, self.it_logs, self.it_publishes, *more]

    def it_logs(self, data: st.DataObject) -> None:
        known: Sequence[Theirs | None] = [None, *self.it.model.theirs.values()]
        served = data.draw(st.sampled_from(known), "served")
        self.it.log(served, data.draw(st.sampled_from(LEVELS), "level"))

    def it_publishes(self, data: st.DataObject) -> None:
        method = data.draw(st.sampled_from(sorted(ASKED_BY)), "method")
        uri = data.draw(st.sampled_from(["a:1", "a:1/x", "b:/x/y", "c:"]), "uri")
        self.it.publish(method, {"uri": uri} if method.endswith("updated") else None)

    def subscriptions_end(self, data: st.DataObject) -> None:
        self.it.end_subscriptions()


class ClientMachine(Machine):
    """A client, and a server that may say anything."""

    role = "client"

    @initialize(
        data=st.data(),
        speaks=SPEAKS,
        capabilities=st.sampled_from([CLIENTS[0], *CLIENTS]),
        begins=st.sampled_from(["nothing", "session", "session", "modern", "modern", "both"]),
    )
    def begin(
        self, data: st.DataObject, speaks: tuple[int, ...], capabilities: Json, begins: str
    ) -> None:
        strict = data.draw(st.integers(0, 5), "strict") == 5
        self.it = it = Sides("client", speaks, capabilities, strict=strict)
        self.unfinished = data.draw(st.sampled_from(NOISE), "unfinished")
        legacy = it.model.legacy
        if begins in ("session", "both") and legacy:
            it.initialize(data.draw(st.sampled_from(legacy), "revision"))
            (asked,) = it.model.ours.values()
            result = agreed(
                data.draw(st.sampled_from(legacy), "agreed"),
                data.draw(st.sampled_from([SERVERS[0], *SERVERS]), "theirs"),
            )
            it.hear({"jsonrpc": "2.0", "id": asked.id, "result": result})
        if begins in ("modern", "both"):
            it.adopt(data.draw(st.sampled_from([SERVERS[0], *SERVERS]), "server"))

    def ways_to_ask(self) -> list[Step]:
        listens = [self.it_listens] * 2 if self.it.model.adopted is not None else []
        opens = [self.it_probes, self.it_initializes, self.it_adopts]
        return [*super().ways_to_ask(), *opens, *listens]

    def it_probes(self, data: st.DataObject) -> None:
        self.it.discover(data.draw(TIMEOUTS, "timeout"))

    def it_initializes(self, data: st.DataObject) -> None:
        self.it.initialize(data.draw(st.sampled_from(ALL), "revision"), data.draw(TIMEOUTS))

    def it_adopts(self, data: st.DataObject) -> None:
        self.it.adopt(data.draw(st.sampled_from(SERVERS), "server"))

    def it_listens(self, data: st.DataObject) -> None:
        params = data.draw(st.sampled_from(PARAMS["subscriptions/listen"]), "filter")
        timeout, token = data.draw(TIMEOUTS, "timeout"), data.draw(TOKENS, "token")
        self.it.ask("subscriptions/listen", params, timeout=timeout, token=token)


SETTINGS = settings(
    max_examples=int(os.environ.get("BAREWIRE_MODEL_EXAMPLES", "60")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("machine", [ServerMachine, ClientMachine])
@pytest.mark.rule("S-05", "S-06", "S-09", "S-10", "S-11", "S-12", "S-13", "S-14", "S-15")
@pytest.mark.rule("S-16", "S-17", "S-19", "S-20", "S-21", "S-32", "S-33", "S-34", "S-35")
@pytest.mark.rule("S-36", "S-37", "S-38", "S-39", "S-40", "S-41", "S-42", "S-43", "C-01")
@pytest.mark.rule("C-02", "C-03", "C-04", "C-05", "C-06", "C-09", "C-10", "C-11", "C-12")
@pytest.mark.rule("C-13", "C-18", "C-32", "L-01", "L-02", "L-03", "L-04", "M1105-RPC-06")
@pytest.mark.rule("M1105-RPC-08", "M0326-RPC-18", "M1125-RPC-14", "T9")
def test_our_peer_does_what_the_model_says(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=SETTINGS)
