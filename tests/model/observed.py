"""What can be observed of our peer, in the words of the model, and whether the two agree."""

from barewire.session.connection import Connection
from barewire.session.events import (
    Abandoned,
    Acknowledged,
    Answered,
    Ended,
    Event,
    Expired,
    Notified,
    Opened,
    Progressed,
    Refused,
    Requested,
    Violated,
)
from barewire.session.exchange import Exchange
from barewire.session.subscriptions import Subscription
from tests.model.due import Told
from tests.model.state import Ours, State, Theirs, tag
from tests.model.words import REVISIONS


def told_of(event: Event) -> Told:
    """Return an event as the model speaks of it."""
    if isinstance(event, Opened | Ended):
        return ("ready",) if isinstance(event, Opened) else ("ended",)
    if isinstance(event, Violated):
        word = "fatal" if event.fatal else "fault"
        return (word, None if event.exchange is None else tag(event.exchange.id))
    if isinstance(event, Notified):
        stream = None if event.exchange is None else tag(event.exchange.id)
        return ("heard", event.notification.method, stream, event.notification.params)
    id = tag(event.exchange.id)
    if isinstance(event, Requested):
        return ("asked", id, event.exchange.request.method)
    if isinstance(event, Refused):
        return ("refused", id, event.failure.code, event.failure.message, event.failure.data)
    if isinstance(event, Answered):
        return ("answered", id, event.result)
    if isinstance(event, Progressed):
        return ("progress", id, event.progress, event.total, event.message)
    if isinstance(event, Acknowledged):
        return ("acknowledged", id, event.honoured)
    if isinstance(event, Abandoned):
        return ("ended" if event.exchange.ours else "given up", id, event.reason)
    return ("expired" if isinstance(event, Expired) else "lost", id)


def compare(
    peer: Connection, model: State, served: dict[str, Exchange], sent: dict[str, Exchange]
) -> None:
    """Fail unless the state that can be seen is the model's.

    `served` and `sent` are the exchanges that the peer has given out so far, by their ids.
    """
    compare_session(peer, model)
    adopted = None if peer.modern is None else peer.modern.capabilities
    assert adopted == model.adopted, "the era differs"
    theirs = {tag(id): one for id, one in peer.exchanges.theirs.items()}
    ours = {tag(id): one for id, one in peer.exchanges.ours.items()}
    assert theirs.keys() == model.theirs.keys(), "what is served differs"
    assert ours.keys() == model.ours.keys(), "what is asked differs"
    for name, one in model.theirs.items():
        assert theirs[name] is served[name]
        compare_served(theirs[name], one)
    for name, asked in model.ours.items():
        assert ours[name] is sent[name]
        compare_asked(ours[name], asked)
    listening = {name for name, one in model.theirs.items() if one.listens is not None}
    assert {tag(one) for one in peer.listeners.open} == listening
    active = [*model.ours.values(), *model.working.values()]
    tokens = {tag(one.token) for one in active if one.token is not None}
    assert {tag(one) for one in peer.exchanges.tokens} == tokens, "the tokens differ"
    assert peer.exchanges.tasks.keys() == model.working.keys(), "what goes on differs"
    ends = [one.deadline for one in model.ours.values() if one.deadline is not None]
    soonest = peer.deadline()
    assert (soonest is None) == (not ends), "a deadline is forgotten or kept"
    assert soonest is None or soonest <= min(ends)
    assert peer.pending == 0


def compare_session(peer: Connection, model: State) -> None:
    session = peer.session
    phase = "new" if session is None else session.phase
    assert phase == model.phase, f"phase {phase}, not {model.phase}"
    if session is None or not model.established or model.agreed is None:
        return
    assert session.revision.name == REVISIONS[model.agreed]
    assert session.facts.capabilities == model.peer
    assert session.facts.peer_info == model.introduced
    if model.role == "client":
        assert session.instructions == model.instructions
    else:
        assert session.log_level == model.level
        assert sorted(session.subscriptions) == sorted(model.subscribed)


def compare_served(exchange: Exchange, served: Theirs) -> None:
    facts = exchange.facts
    assert facts.revision.name == REVISIONS[served.revision]
    assert facts.capabilities == served.capabilities
    assert facts.peer_info == served.asker
    assert facts.log_level == served.level
    assert exchange.params == served.params
    assert tag(exchange.progress_token) == tag(served.token)
    assert exchange.progressed == served.reported
    assert exchange.state == "open"


def compare_asked(exchange: Exchange, asked: Ours) -> None:
    assert exchange.revision.name == REVISIONS[asked.revision]
    assert exchange.state == ("held" if asked.held else "open")
    assert tag(exchange.progress_token) == tag(asked.token)
    assert exchange.progressed == asked.heard
    assert exchange.deadline == asked.deadline
    subscription = exchange.subscription
    if asked.listens is None:
        assert subscription is None
    else:
        assert isinstance(subscription, Subscription)
        assert subscription.honoured == asked.listens
        assert subscription.state == ("listening" if asked.acknowledged else "asked")
