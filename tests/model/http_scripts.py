"""The words that scripts over HTTP are written in."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.model.http_asks import deleting, getting, modern, posting, working
from tests.model.http_seen import Seen
from tests.model.http_sides import HttpSides, said
from tests.model.http_state import Call, Wire
from tests.model.http_words import Setup
from tests.model.samples import hello, message
from tests.model.words import Json, as_object

STATEFUL = Setup()
STATELESS = Setup(stateless=True)
MODERN_ONLY = Setup(speaks=(5,))
LEGACY_ONLY = Setup(speaks=(1, 2, 3, 4))
USERS = Setup(users=True)


@contextmanager
def sides_of(setup: Setup) -> Generator[HttpSides, None, None]:
    """Give a server and its model, and end them."""
    sides = HttpSides(setup)
    try:
        yield sides
    finally:
        sides.close()


def opened(sides: HttpSides, revision: int, user: str | None = None) -> str:
    """Open a session that is ready, and return its id."""
    session = sides.opened(posting(hello(revision, {}), user=user))
    assert session.id is not None
    sides.send(posting(message("notifications/initialized"), session.id, user=user))
    return session.id


def ended(sides: HttpSides, revision: int, user: str | None = None) -> str:
    """Return the id of a session that has ended."""
    id = opened(sides, revision, user)
    sides.send(deleting(id, user=user))
    return id


def outcome(seen: Seen) -> tuple[Any, ...]:
    """Return the status of an answer, and the code and the id of an error in it."""
    if not seen.body or seen.begun:
        return (seen.status,)
    failure = as_object(said(seen))
    if failure is None or "error" not in failure:
        return (seen.status,)
    return (seen.status, failure["error"]["code"], failure.get("id", "no id"))


def call(
    sides: HttpSides,
    id: Any,
    session: str | None = None,
    token: Any = None,
    user: str | None = None,
    accept: str | None = None,
) -> tuple[Call, Wire, Seen]:
    """Call the tool that the test plays; by a modern request when there is no session."""
    number = next(sides.numbers)
    meta: Json = {} if token is None else {"progressToken": token}
    if session is None and not sides.setup.stateless:
        ask = modern("tools/call", working(number), id, user, meta)
    else:
        ask = posting(message("tools/call", working(number), id=id, meta=meta), session, user=user)
    if accept is not None:
        ask.fields["accept"] = accept
    wire, seen = sides.send(ask)
    return sides.call_of(wire), wire, seen


def ids(seen: Seen) -> list[str]:
    """Return the ids of the events that a client has seen."""
    return [one.id for one in seen.blocks() if one.id is not None]


def resume(sides: HttpSides, session: str, last: str, user: str | None = None) -> tuple[Wire, Seen]:
    """Resume a stream."""
    return sides.send(getting(session, user=user, last=last))
