"""Judges every message of a wire by the shapes of its revision.

The shapes come from the payloads by the names in the method table, so a judge shares nothing with
the code under test but these two.
"""

from typing import Any

from barewire.protocol.envelope import PROTOCOL_VERSION, SUBSCRIPTION_ID, meta_of
from barewire.protocol.methods import Method, Role, other, sent_by
from barewire.protocol.revisions import LEGACY, Revision, revision_named
from barewire.protocol.shapes import checker_named
from tests.session.wire import Json

INITIALIZE = "initialize"


class Judge:
    """Remembers who asked what, for an answer is judged by its request."""

    def __init__(self) -> None:
        self.session: Revision | None = None
        """The revision that the last answer to `initialize` named."""
        self.asked: dict[tuple[Role, int | str], tuple[Method, Revision]] = {}
        self.tokens: dict[tuple[Role, str], Revision] = {}
        self.judged = 0

    def judge(self, sender: Role, message: Json) -> None:
        """Fail unless `sender` may put this message on the wire, in this shape."""
        self.judged += 1
        assert message["jsonrpc"] == "2.0"
        if "method" in message:
            self._judge_method(sender, message)
        elif message.get("id") is None:
            # The first three schemas know no error without an id: there it is null.
            null = self.session is not None and self.session.null_id
            assert ("id" in message) is null, message
            assert set(message["error"]) <= {"code", "message", "data"}
        else:
            self._judge_answer(sender, message)

    def _judge_method(self, sender: Role, message: Json) -> None:
        revision = self._revision_of(sender, message)
        row = sent_by(sender, revision).get(message["method"])
        assert row is not None, f"a {sender} does not send {message} in {revision.name}"
        assert ("id" in message) is (row.kind == "request"), message
        whole = "JSONRPCRequest" if row.kind == "request" else "JSONRPCNotification"
        self._check(whole, revision, message)
        self._check(row.params, revision, message.get("params", {}))
        if row.kind == "request":
            assert (sender, message["id"]) not in self.asked, f"{message} reuses an id"
            self.asked[sender, message["id"]] = row, revision
            token = (meta_of(message.get("params")) or {}).get("progressToken")
            self.tokens[sender, repr(token)] = revision

    def _judge_answer(self, sender: Role, message: Json) -> None:
        row, revision = self.asked[other(sender), message["id"]]
        if "error" in message:
            self._check("JSONRPCErrorResponse", revision, message)
            return
        assert row.result is not None
        result = message["result"]
        if row.name == INITIALIZE:
            agreed = revision_named(result["protocolVersion"])
            assert agreed in LEGACY
            assert agreed is not None
            revision = self.session = agreed
        self._check("JSONRPCResultResponse", revision, message)
        if revision.modern and result["resultType"] == "input_required":
            assert row.input_required, message
            self._check("InputRequiredResult", revision, result)
            assert result.keys() & {"inputRequests", "requestState"}
        else:
            self._check(row.result, revision, result)

    def _revision_of(self, sender: Role, message: Json) -> Revision:
        params: Any = message.get("params")
        meta = meta_of(params) or {}
        if message["method"] == INITIALIZE:
            named = revision_named(params["protocolVersion"])
        elif PROTOCOL_VERSION in meta:
            named = revision_named(meta[PROTOCOL_VERSION])
        else:
            about = self._about(sender, message)
            named = about if about is not None else self.session or LEGACY[0]
        assert named is not None, message
        return named

    def _about(self, sender: Role, message: Json) -> Revision | None:
        """Return the revision of the request that a notification is about."""
        params: Json = message.get("params", {})
        tag = (meta_of(params) or {}).get(SUBSCRIPTION_ID)
        if tag is not None:
            return self.asked["client", tag][1]
        if message["method"] == "notifications/cancelled":
            return self.asked[sender, params["requestId"]][1]
        if message["method"] == "notifications/progress":
            return self.tokens[other(sender), repr(params["progressToken"])]
        return None

    @staticmethod
    def _check(name: str, revision: Revision, value: object) -> None:
        fault = checker_named(name, revision)(value, name)
        assert fault is None, f"{fault} in {value} ({revision.name})"
