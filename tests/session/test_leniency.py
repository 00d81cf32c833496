"""The spellings of guides, and strict peers, which tolerate nothing."""

import pytest

from barewire.protocol.revisions import LATEST_LEGACY
from barewire.session.events import Opened, Violated
from barewire.session.exceptions import LocalProtocolError
from barewire.session.facts import Local
from barewire.session.rounds import stop_reason
from barewire.session.tables import Leniency
from tests.session.wire import (
    CLIENT_INFO_VALUE,
    INITIALIZED,
    STRICT,
    a_modern_client,
    a_server,
    a_session_of_a_client,
    call,
    feed,
    initialize,
    notice,
    only,
    sent,
)


@pytest.mark.rule("SR-120")  # DEV-01
def test_the_guide_s_name_of_initialized_is_understood() -> None:
    server = a_server()
    feed(server, initialize(1))
    assert isinstance(only(feed(server, notice("initialized"))), Opened)
    assert feed(server, notice("initialized"), INITIALIZED) == []


@pytest.mark.rule("SR-120")  # DEV-01
def test_a_strict_server_does_not_understand_it_and_says_nothing() -> None:
    server = a_server(leniencies=STRICT)
    feed(server, initialize(1))
    sent(server)
    assert feed(server, notice("initialized")) == []
    assert sent(server) == []
    assert isinstance(only(feed(server, INITIALIZED)), Opened)


@pytest.mark.rule("SR-120", "M1105-LIFE-04")  # DEV-01
def test_we_never_say_it_that_way_ourselves() -> None:
    client = a_session_of_a_client()
    with pytest.raises(LocalProtocolError, match="sends no notification initialized"):
        client.notify("initialized")
    with pytest.raises(LocalProtocolError, match=r"is sent by Connection\.initialize"):
        client.notify("notifications/initialized")
    assert sent(client) == []


@pytest.mark.parametrize(
    "leniency", [Leniency.REQUEST_BEFORE_INITIALIZED, Leniency.GUIDE_INITIALIZED]
)
def test_each_leniency_is_taken_alone(leniency: Leniency) -> None:
    server = a_server(leniencies=leniency)
    feed(server, initialize(1))
    served = len(feed(server, call(2))) == 1
    opened = len(feed(server, notice("initialized"))) == 1
    assert served is (leniency is Leniency.REQUEST_BEFORE_INITIALIZED)
    assert opened is (leniency is Leniency.GUIDE_INITIALIZED)


def test_a_strict_peer_remembers_ids_and_a_lenient_one_keeps_no_history() -> None:
    assert a_server(leniencies=STRICT).exchanges.seen == set()
    assert a_server().exchanges.seen is None
    assert a_server(leniencies=Leniency.REUSED_ID).exchanges.seen is None


@pytest.mark.rule("C-03")
def test_a_strict_client_answers_no_reused_id_of_a_server_without_a_session() -> None:
    client = a_modern_client(leniencies=STRICT)
    for _ in range(2):
        message = {"jsonrpc": "2.0", "id": 1, "method": "roots/list"}
        assert isinstance(only(feed(client, message)), Violated)
    assert sent(client) == []


def test_leniencies_are_asked_one_by_one() -> None:
    local = Local("client", CLIENT_INFO_VALUE, leniencies=Leniency.STALE_PROGRESS)
    assert local.lenient(Leniency.STALE_PROGRESS)
    assert not local.lenient(Leniency.FOREIGN_STREAM)
    assert not Local("client", CLIENT_INFO_VALUE, leniencies=STRICT).lenient(
        Leniency.GUIDE_STOP_REASON
    )
    assert Local("client", CLIENT_INFO_VALUE).lenient(Leniency.GUIDE_STOP_REASON)
    assert local.legacy[-1] is LATEST_LEGACY


@pytest.mark.rule("SR-020")
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("end_turn", "endTurn"),
        ("max_tokens", "maxTokens"),
        ("stop_sequence", "stopSequence"),
        ("tool_use", "toolUse"),
        ("endTurn", "endTurn"),
        ("tired", "tired"),
    ],
)
def test_a_stop_reason_is_understood_in_both_spellings(written: str, meant: str) -> None:
    answer = {"stopReason": written}
    lenient = Local("server", {"name": "s", "version": "1"})
    strict = Local("server", {"name": "s", "version": "1"}, leniencies=Leniency(0))
    assert stop_reason(answer, lenient) == meant
    assert stop_reason(answer, strict) == written
    assert answer == {"stopReason": written}


@pytest.mark.parametrize("answer", [{}, {"stopReason": None}, {"stopReason": 7}])
def test_a_stop_reason_that_is_no_text_is_none(answer: dict[str, object]) -> None:
    assert stop_reason(answer, Local("server", {"name": "s", "version": "1"})) is None
