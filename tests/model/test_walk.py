"""Every method in every revision, both ways, beside the model: nothing here is left to chance."""

import pytest

from tests.model.samples import (
    ALL,
    BROKEN_ENVELOPES,
    CLIENTS,
    ENVELOPES,
    LEGACY,
    METHODS,
    NOISE,
    ODD_CAPABILITIES,
    ODD_NAMES,
    OTHER_METAS,
    PARAMS,
    READY,
    SERVERS,
    agreed,
    hello,
    message,
)
from tests.model.sides import Sides, a_client, a_server
from tests.model.words import CODES, FILTERS, LEVELS, REVISIONS, Json

DUAL_OR_ONE = [ALL, LEGACY, (5,), (1,), (2, 5), (3, 4)]


def settle(sides: Sides) -> None:
    """Answer all that is being served, and end what is listened to."""
    for served in list(sides.model.theirs.values()):
        if served.listens is None:
            sides.respond(served, {"a": [1.5]})
    if sides.role == "server":
        sides.end_subscriptions()


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.rule("S-12", "S-18", "S-52", "L-02", "C-32", "C-33", "M0326-RPC-18")
@pytest.mark.rule("M0618-LIFE-16", "M1105-PING-01", "M1105-LOG-02", "T9")
def test_a_session_serves_what_its_revision_has_and_refuses_the_rest(
    role: str, revision: int
) -> None:
    for capabilities in SERVERS if role == "server" else CLIENTS:
        make = a_server if role == "server" else a_client
        sides = make(revision, capabilities)
        for method in METHODS:
            for number, params in enumerate(PARAMS[method]):
                sides.hear(message(method, params, id=f"{method} {number}"))
                sides.hear(message(method, params))
                settle(sides)
        sides.end()


@pytest.mark.parametrize("speaks", DUAL_OR_ONE)
@pytest.mark.rule("S-07", "S-18", "S-21", "S-22", "S-23", "S-24", "S-26", "S-27", "S-44")
@pytest.mark.rule("S-45", "L-04", "M0728-META-07", "M0728-META-13", "M0728-VER-01")
@pytest.mark.rule("M0728-VER-03", "M0728-DISC-02", "M0728-LOG-03", "M0728-RPC-13")
def test_a_server_judges_each_envelope_by_itself(speaks: tuple[int, ...]) -> None:
    sessions = [None, *(one for one in speaks if one in LEGACY)]
    for turn, capabilities in enumerate(SERVERS):
        sides = a_server(sessions[turn % len(sessions)], capabilities, speaks)
        for method in METHODS:
            for number, params in enumerate(PARAMS[method]):
                sides.hear(message(method, params, id=number, meta=ENVELOPES[number % 3]))
                sides.hear(message(method, params, meta=ENVELOPES[0]))
                settle(sides)
        metas = [*ENVELOPES, *BROKEN_ENVELOPES, *OTHER_METAS] if turn < 2 else []
        for number, meta in enumerate(metas):
            for method in ("tools/list", "server/discover", "ping", "nobody/knows"):
                sides.hear(message(method, None, id=f"{method} {number}", meta=meta))
                settle(sides)


@pytest.mark.parametrize("speaks", DUAL_OR_ONE)
@pytest.mark.rule("L-02", "L-04", "M0728-VER-08", "M1105-LIFE-03", "M1105-PING-01")
def test_a_server_without_a_session_serves_pings_and_handshakes_alone(
    speaks: tuple[int, ...],
) -> None:
    for method in METHODS:
        for number, params in enumerate(PARAMS[method]):
            sides = Sides("server", speaks, SERVERS[0])
            sides.hear(message(method, params, id=number), message(method, params))
            sides.hear(hello(3, {}, "again"), hello(3, {}, "and again"), READY, READY)


@pytest.mark.parametrize("revision", [*ALL, None])
@pytest.mark.rule("C-03", "C-32", "S-12", "M0728-STD-08", "M0326-RPC-18")
def test_a_client_takes_what_a_server_of_its_revision_may_say(revision: int | None) -> None:
    for capabilities in CLIENTS[:3]:
        sides = a_client(revision, capabilities)
        for method in METHODS:
            for number, params in enumerate(PARAMS[method]):
                sides.hear(message(method, params, id=f"{method} {number}"))
                sides.hear(message(method, params))
                settle(sides)


@pytest.mark.parametrize("revision", [*ALL, None])
@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.rule("L-03", "C-01", "S-31", "M0728-META-06", "M0728-META-09", "M0618-LIFE-17")
@pytest.mark.rule("M0728-PAT-01", "M0728-STD-10")
def test_the_application_is_held_to_the_revision_and_to_what_was_declared(
    role: str, revision: int | None
) -> None:
    for theirs in CLIENTS if role == "server" else SERVERS:
        if role == "client":
            sides = a_client(revision, CLIENTS[0], theirs)
        else:
            sides = a_server(None, SERVERS[0])
            if revision in LEGACY:
                sides.hear(hello(revision or 1, theirs), READY)
        for method in METHODS:
            for params in PARAMS[method]:
                asked = sides.ask(method, params, token=f"{method} {sides.now}")
                if asked is not None:
                    sides.cancel(asked, None)
                sides.wait(1.0)


@pytest.mark.parametrize("revision", [*ALL, None])
@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.rule("S-41", "S-43", "M0618-LIFE-17", "M1105-LOG-01", "M0728-LOG-05")
@pytest.mark.rule("M0728-SUB-01", "SR-067", "SR-068", "SR-069", "SR-070", "SR-071", "SR-072")
@pytest.mark.rule("SR-073", "SR-074")
def test_the_application_announces_what_it_declared_and_nothing_else(
    role: str, revision: int | None
) -> None:
    for capabilities in SERVERS if role == "server" else CLIENTS:
        if role == "client":
            sides = a_client(revision, capabilities)
        else:
            sides = a_server(revision if revision in LEGACY else None, capabilities)
            listen: Json = {"notifications": dict.fromkeys(FILTERS, True)}
            listen["notifications"]["resourceSubscriptions"] = ["a:1", "b:/x", "a:1"]
            sides.hear(message("subscriptions/listen", listen, id="l", meta=ENVELOPES[3]))
            for uri in ("a:1", "c:/y/"):
                sides.hear(message("resources/subscribe", {"uri": uri}, id=uri))
            for level in LEVELS:
                sides.hear(message("logging/setLevel", {"level": level}, id=level))
                for said in LEVELS:
                    sides.log(None, said)
            for served in list(sides.model.theirs.values()):
                sides.log(served, "emergency")
                sides.report(served, 1.0)
            for uri in ("a:1", "a:1/b/c", "a:12", "b:/x", "b:/xy", "c:/y/z", "c:/y", "d:"):
                sides.publish("notifications/resources/updated", {"uri": uri})
        for method in METHODS:
            for params in PARAMS[method]:
                sides.notify(method, params)


@pytest.mark.parametrize("revision", [*ALL, None])
@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.rule("S-14", "S-15", "S-16", "S-17", "S-19", "C-10", "M1105-RPC-03")
@pytest.mark.rule("M1105-RPC-08", "M1125-RPC-14")
def test_noise_is_judged_alike_in_every_phase(role: str, revision: int | None) -> None:
    if role == "client":
        sides = a_client(revision, CLIENTS[0])
    else:
        sides = a_server(revision if revision in LEGACY else None, SERVERS[0])
    for line in NOISE:
        sides.line(line, cut=len(line) // 2)
        settle(sides)
    sides.end(NOISE[-1])


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.rule("S-07", "S-08", "M0728-RPC-27", "M0728-RPC-28", "M0728-RPC-29")
def test_a_reason_has_the_code_of_the_revision(revision: int) -> None:
    sides = a_server(revision if revision in LEGACY else None, SERVERS[0])
    for reason in CODES:
        meta = ENVELOPES[0] if revision == ALL[-1] else None
        sides.hear(message("tools/call", {"name": "t"}, id=reason, meta=meta))
        (served,) = sides.model.theirs.values()
        sides.fail(served, reason)


@pytest.mark.parametrize("offered", [*REVISIONS.values(), "2027-01-01", ""])
@pytest.mark.parametrize("speaks", [one for one in DUAL_OR_ONE if one != (5,)])
@pytest.mark.rule("L-01", "M1105-LIFE-09", "M1105-LIFE-10", "M1105-LIFE-11")
def test_a_server_agrees_to_what_it_speaks_and_offers_its_newest_handshake_otherwise(
    speaks: tuple[int, ...], offered: str
) -> None:
    sides = Sides("server", speaks, SERVERS[0])
    sides.hear(hello(offered, CLIENTS[1]), message("ping", id=1), READY)


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.rule("M1105-LIFE-02")
def test_what_a_client_says_of_itself_is_judged_by_the_revision_agreed_on(revision: int) -> None:
    odd = [{"capabilities": one} for one in ODD_CAPABILITIES]
    for one in [*odd, *({"clientInfo": who} for who in ODD_NAMES)]:
        server = Sides("server", ALL, SERVERS[0])
        said = hello(revision, {})
        said["params"] |= one
        server.hear(said, READY)


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.rule("M1105-LIFE-03")
def test_what_a_server_says_of_itself_is_judged_by_the_revision_agreed_on(revision: int) -> None:
    odd = [{"serverInfo": who} for who in ODD_NAMES] + [{"instructions": 3}, {"more": 3}]
    for one in odd:
        client = Sides("client", ALL, CLIENTS[0])
        client.initialize(revision)
        said = {**agreed(revision, SERVERS[0]), **one}
        client.hear({"jsonrpc": "2.0", "id": 1, "result": said}, message("ping", id=1))


@pytest.mark.parametrize("answered", [*REVISIONS.values(), "2027-01-01", ""])
@pytest.mark.parametrize("speaks", [one for one in DUAL_OR_ONE if one != (5,)])
@pytest.mark.rule("M1105-LIFE-02", "M1105-LIFE-04", "M1105-LIFE-07", "M1105-LIFE-12")
def test_a_client_agrees_to_what_it_speaks_and_goes_away_otherwise(
    speaks: tuple[int, ...], answered: str
) -> None:
    sides = Sides("client", speaks, CLIENTS[0])
    for revision in ALL:
        sides.initialize(revision)
        for asked in list(sides.model.ours.values()):
            result = agreed(answered, SERVERS[1])
            sides.hear(message("ping", id="early"), message("roots/list", id="too early"))
            sides.hear({"jsonrpc": "2.0", "id": asked.id, "result": result})
    sides.hear(message("ping", id="p"), message("roots/list", id="r"))
