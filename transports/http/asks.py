"""A request on its way through an endpoint."""

from barewire.protocol.jsonrpc import Failure, Malformed, RequestId
from barewire.protocol.record import record
from barewire.session.admission import Refusal, failure_for
from barewire.session.principal import Principal, RequestFacts
from barewire.session.session import Session
from barewire.transports.http.accept import Acceptable
from barewire.transports.http.answers import refusal, refused, with_fields
from barewire.transports.http.messages import Answer, Fields, Reply

__all__ = ["Ask", "failed"]


@record
class Ask:
    """Who asks, what they take, and where the answer goes."""

    facts: RequestFacts
    reply: Reply
    accepts: Acceptable
    principal: Principal | None
    fields: Fields
    """What goes with any answer."""
    size: int
    """Bytes of the body."""

    def answer(self, answer: Answer) -> None:
        """Give a whole answer."""
        self.reply.send(with_fields(answer, self.fields))

    def refuse(
        self, status: int, detail: str, id: RequestId | None = None, fields: Fields = ()
    ) -> None:
        """Answer by an HTTP status alone."""
        self.answer(refused(status, detail, id, fields))

    def fail(self, id: RequestId | None, fault: Refusal, session: Session | None = None) -> None:
        """Answer by an error of the protocol, as the revision of the session has it."""
        self.answer(failed(id, fault, session))

    def reject(self, frame: Malformed, *, modern: bool = False) -> None:
        """Answer what is no message: by 400 or more, whatever is wrong with it."""
        id = None if frame.kind == "response" else frame.id
        answer = failed(id, Refusal(frame.reason, frame.detail, modern=modern))
        self.answer(Answer(max(400, answer.status), answer.fields, answer.body))


def failed(id: RequestId | None, fault: Refusal, session: Session | None = None) -> Answer:
    """Return the answer to what is refused by the protocol."""
    failure = failure_for(id, fault, session)
    if id is None:  # the bodies of refusals then have none, not even `null`
        failure = Failure(None, failure.code, failure.message, failure.data)
    return refusal(failure, fault.reason, modern=fault.modern)
