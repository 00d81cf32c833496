"""Input rounds: how a server asks its client in the course of a request.

Legacy servers send requests of their own. Modern servers answer `input_required` with the questions
and a state to hand back, and the client asks again with the answers: Multi Round-Trip Requests.
Both ends of the modern form are here; the legacy form is `Connection.request` with `parent=`.
"""

from collections.abc import Mapping
from typing import Any

from barewire.protocol.capabilities import Capabilities, declares, required
from barewire.protocol.envelope import CLIENT_CAPABILITIES, meta_of
from barewire.protocol.jsonrpc import Params
from barewire.protocol.methods import Direction, method_named
from barewire.protocol.record import record
from barewire.protocol.revisions import LATEST
from barewire.protocol.shapes import checker_named
from barewire.protocol.values import as_string
from barewire.session.exceptions import LocalProtocolError, RemoteProtocolError
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.questions import capability_asked
from barewire.session.tables import Leniency

__all__ = [
    "Question",
    "Round",
    "answers_of",
    "ask",
    "missing_capabilities",
    "read_round",
    "retry",
    "stop_reason",
]

INPUT_REQUIRED = "input_required"


@record
class Question:
    """One request that a server puts to its client: a method of the client's, and its params."""

    method: str
    params: Params | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the wire form: no id and no `jsonrpc`."""
        plain: dict[str, Any] = {"method": self.method}
        if self.params is not None:
            plain["params"] = self.params
        return plain

    @property
    def capability(self) -> str:
        """The dotted capability that the client must have declared to be asked this."""
        capability = capability_asked(self.method, self.params, LATEST)
        if capability is None:
            raise LocalProtocolError(f"clients are not asked {self.method}")
        return capability


@record
class Round:
    """What a modern server wants before it goes on."""

    questions: dict[str, Question]
    state: str | None
    """To be handed back as it is; `None` when there is none to hand back."""


def missing_capabilities(exchange: Exchange, questions: Mapping[str, Question]) -> dict[str, Any]:
    """Return the capabilities that the questions take and the client lacks, `{}` for none."""
    return required(
        question.capability
        for question in questions.values()
        if not declares(exchange.capabilities, question.capability)
    )


def ask(
    exchange: Exchange, questions: Mapping[str, Question], state: str | None = None
) -> dict[str, Any]:
    """Return the result that asks for input, for `Exchange.respond`.

    Raises `LocalProtocolError` when the method may not ask (only tools/call, prompts/get and
    resources/read may), when there is nothing in it, when a question is not one that clients
    answer, or when the client has not declared what it takes: "Servers MUST NOT send an
    inputRequests that the client has not declared support for".
    """
    if not exchange.revision.modern or not exchange.method.input_required:
        raise LocalProtocolError(f"{exchange.method.name} cannot ask for input")
    if not questions and state is None:
        raise LocalProtocolError("a round needs questions or a state")
    for key, question in questions.items():
        method = method_named(question.method)
        if method is None or method.direction(exchange.revision) is not Direction.EMBEDDED:
            raise LocalProtocolError(f"{key}: clients are not asked {question.method}")
    missing = missing_capabilities(exchange, questions)
    if missing:
        raise LocalProtocolError(f"the client did not declare {missing}")
    result: dict[str, Any] = {"resultType": INPUT_REQUIRED}
    if questions:
        result["inputRequests"] = {key: question.as_dict() for key, question in questions.items()}
    if state is not None:
        result["requestState"] = state
    return result


def answers_of(exchange: Exchange) -> tuple[dict[str, Any], str | None]:
    """Return the answers and the state that a client's retry carries, empty on a first attempt."""
    params = exchange.params
    return params.get("inputResponses") or {}, params.get("requestState")


def read_round(exchange: Exchange, result: dict[str, Any]) -> Round | None:
    """Return what the server wants, or `None` when `result` is final.

    An absent `resultType` is `complete`. Raises `RemoteProtocolError` for an unknown `resultType`,
    for a round that is not allowed or empty, and for a question that we did not offer to answer.
    """
    kind = result.get("resultType", "complete")
    if kind == "complete" or not exchange.revision.modern:
        return None
    if kind != INPUT_REQUIRED:
        raise RemoteProtocolError(f"unknown resultType {str(kind)[:64]!r}")
    if not exchange.method.input_required:
        raise RemoteProtocolError(f"the answer to {exchange.method.name} cannot ask for input")
    fault = checker_named("InputRequiredResult", exchange.revision)(result, "result")
    if fault is not None:
        raise RemoteProtocolError(fault.message)
    state = result.get("requestState")
    asked: dict[str, dict[str, Any]] = result.get("inputRequests") or {}
    questions = {key: Question(one["method"], one.get("params")) for key, one in asked.items()}
    if not questions and state is None:
        raise RemoteProtocolError(
            "an input_required result has neither inputRequests nor requestState"
        )
    offered = _declared_with(exchange)
    for key, question in questions.items():
        if not declares(offered, question.capability):
            raise RemoteProtocolError(
                f"inputRequests.{key[:64]} takes {question.capability}, which was not declared"
            )
    return Round(questions, state)


def _declared_with(exchange: Exchange) -> Capabilities:
    """Return what we declared when we asked: each request says so itself."""
    meta = meta_of(exchange.request.params) or {}
    declared: Capabilities = meta.get(CLIENT_CAPABILITIES, {})
    return declared


def stop_reason(answer: Mapping[str, Any], local: Local) -> str | None:
    """Return why a client's model stopped writing, `None` when its answer does not say.

    The protocol writes `endTurn`, `maxTokens`, `stopSequence` and `toolUse`. Teaching material
    writes `end_turn` and so on, which is understood unless `local` is strict; `answer` keeps what
    was written. Other words are the client's own and are returned as they are.
    """
    reason = as_string(answer.get("stopReason"))
    if reason is None or not local.lenient(Leniency.GUIDE_STOP_REASON):
        return reason
    return _STOP_REASONS.get(reason, reason)


_STOP_REASONS = {
    "end_turn": "endTurn",
    "max_tokens": "maxTokens",
    "stop_sequence": "stopSequence",
    "tool_use": "toolUse",
}


def retry(params: Params, answers: Mapping[str, dict[str, Any]], round: Round) -> Params:
    """Return the params of the next attempt: the original ones, the answers, the state.

    Both belong to this attempt alone: those of an earlier one are dropped. Raises
    `LocalProtocolError` unless `answers` has one for each question and no other: "the client MUST
    construct the requested inputs before retrying".
    """
    if answers.keys() != round.questions.keys():
        wrong = ", ".join(sorted(answers.keys() ^ round.questions.keys()))
        raise LocalProtocolError(f"answers and questions differ: {wrong:.200}")
    again = {
        key: value for key, value in params.items() if key not in ("inputResponses", "requestState")
    }
    if round.questions:
        again["inputResponses"] = dict(answers)
    if round.state is not None:
        again["requestState"] = round.state
    return again
