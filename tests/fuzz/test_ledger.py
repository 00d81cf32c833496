"""The books on a peer: what balances and what does not."""

import pytest

from barewire.fuzz.ledger import Ledger, Terms, Unbalanced

SERVER = Terms("server")
CLIENT = Terms("client")
LISTEN = b'{"jsonrpc":"2.0","id":"s","method":"subscriptions/listen"}'
CANCEL = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%b}}'
TOO_MUCH = pytest.raises(Unbalanced, match="asked")


def ping(id: object) -> bytes:
    return f'{{"jsonrpc":"2.0","id":{id},"method":"ping"}}'.encode()


def books(*lines: bytes, terms: Terms = SERVER) -> Ledger:
    ledger = Ledger(terms)
    for line in lines:
        ledger.sent(line)
    return ledger


def pay(ledger: Ledger, *ids: int | str | None) -> Ledger:
    for id in ids:
        ledger.answered(id)
    return ledger


def balances(ledger: Ledger) -> bool:
    complete = ledger.complete
    try:
        ledger.check()
    except Unbalanced:
        return False
    return complete


def test_every_request_has_one_answer() -> None:
    assert balances(pay(books(ping(1), ping('"1"')), "1", 1))
    assert not balances(pay(books(ping(1), ping('"1"')), 1))
    with pytest.raises(Unbalanced, match="asked 1x"):
        pay(books(ping(1)), 1, 1)
    with pytest.raises(Unbalanced, match="asked 0x"):
        pay(books(ping(1)), "1")


def test_an_id_that_is_in_flight_already_is_answered_without_it() -> None:
    assert balances(pay(books(ping(1), ping(1)), 1, None))
    assert balances(pay(books(ping(1), ping(1)), 1, 1))
    assert not balances(pay(books(ping(1), ping(1)), 1))


def test_two_ids_in_one_request_are_answered_by_a_server_and_without_either() -> None:
    twice = b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}'
    assert balances(pay(books(twice), None))
    assert not balances(books(twice))
    assert balances(books(twice, terms=CLIENT))
    with pytest.raises(Unbalanced):
        pay(books(twice), 2)


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","method":"x"}',
        b'{"jsonrpc":"2.0","id":1,"result":{}}',
        b'{"jsonrpc":"2.0","id":1,"error":1}',
        b"",
    ],
)
def test_notifications_and_answers_are_not_answered(line: bytes) -> None:
    for terms in (SERVER, CLIENT):
        assert balances(books(line, terms=terms))
        assert not balances(pay(books(line, terms=terms), None))


@pytest.mark.parametrize("line", [b"1", b"{}", b"[]", b"{", ping("null"), b"[" + ping(1) + b"]"])
def test_a_server_answers_once_whatever_may_have_been_a_request(line: bytes) -> None:
    assert balances(pay(books(line), None))
    assert not balances(books(line))
    assert not balances(pay(books(line), None, None))


@pytest.mark.parametrize("line", [b"1", b"{}", b"{", b"hello", b'{"id":1'])
def test_a_client_does_not_answer_noise(line: bytes) -> None:
    assert balances(books(line, terms=CLIENT))
    assert not balances(pay(books(line, terms=CLIENT), None))


@pytest.mark.parametrize("line", [b"[]", ping(1)[:-1]])
def test_a_client_may_answer_what_may_have_been_a_request(line: bytes) -> None:
    assert balances(books(line, terms=CLIENT))
    assert balances(pay(books(line, terms=CLIENT), None))


def test_a_client_without_a_session_answers_nothing() -> None:
    silent = Terms("client", answers=False)
    assert balances(books(ping(1), b"{", terms=silent))
    with TOO_MUCH:
        pay(books(ping(1), terms=silent), 1)


def test_what_cannot_be_read_may_be_answered_by_an_id_that_is_in_it() -> None:
    assert balances(pay(books(ping(7)[:-1]), 7))
    assert balances(pay(books(ping(7)[:-1]), None))
    with TOO_MUCH:
        pay(books(ping(7)[:-1]), 8)


def test_what_its_maker_knows_to_be_a_request_is_owed_an_answer_by_a_client_too() -> None:
    ledger = Ledger(CLIENT)
    ledger.sent(ping(7)[:-1] + b',"x":' + b"[" * 9000 + b"]" * 9000 + b"}", request=True)
    assert not ledger.complete
    assert balances(pay(ledger, 7))


def test_a_cancelled_request_may_be_answered_or_not_but_not_twice() -> None:
    lines = ping(1), CANCEL % b"1"
    assert balances(books(*lines))
    assert balances(pay(books(*lines), 1))
    with TOO_MUCH:
        pay(books(*lines), 1, 1)
    assert not balances(books(CANCEL % b"1", ping(1)))
    assert not balances(books(ping(1), CANCEL % b'"1"'))


@pytest.mark.parametrize("rounds", [1, 2])
def test_an_answer_that_may_be_late_is_accepted_in_a_later_round_and_once(rounds: int) -> None:
    ledger = books(ping(1), CANCEL % b"1")
    for _ in range(rounds):
        ledger.check()
    assert balances(pay(ledger, 1))
    with TOO_MUCH:
        pay(ledger, 1)


def test_a_late_answer_is_not_taken_for_one_that_is_owed_now() -> None:
    ledger = books(ping(7), CANCEL % b"7")
    ledger.check()
    ledger.sent(b'{"jsonrpc":"2.0","id":7,"method":5}')  # answered by its id
    assert balances(pay(ledger, 7))


def test_a_request_may_be_answered_late_when_a_line_beside_it_was_answered_by_its_id() -> None:
    ledger = books(ping(7), ping(7)[:-1], CANCEL % b"7")
    assert balances(pay(ledger, 7))
    assert balances(pay(ledger, 7))
    with TOO_MUCH:
        pay(ledger, 7)


def test_a_batch_is_answered_one_by_one_where_it_is_taken_apart() -> None:
    batch = b"[" + ping(1) + b',{"jsonrpc":"2.0","method":"x"},' + ping(2) + b",1]"
    apart = Terms("server", batch=True)
    assert balances(pay(books(batch, terms=apart), 1, 2, None))
    assert not balances(pay(books(batch, terms=apart), 1, None))
    small = Terms("server", batch=True, batch_limit=3)
    assert balances(pay(books(batch, terms=small), None))
    assert not balances(pay(books(batch, terms=small), 1, 2, None))


def test_a_batch_that_may_be_refused_whole_may_also_be_answered_late() -> None:
    batch = b"[" + ping(1)[:-1] + b',"x":"\\ud800"}]'
    ledger = books(batch, terms=Terms("server", batch=True))
    assert balances(ledger)
    assert balances(pay(ledger, 1))
    with TOO_MUCH:
        pay(ledger, 1)


def test_a_stream_has_its_acknowledgement_for_an_answer_and_stays_open() -> None:
    ledger = books(LISTEN)
    ledger.acknowledged("s")
    assert balances(ledger)
    assert ledger.streams == {"s"}
    ledger.sent(ping('"s"'))
    assert balances(pay(ledger, None))
    ledger.sent(CANCEL % b'"s"')
    assert ledger.streams == set()
    assert balances(ledger)


def test_a_line_beyond_the_limit_is_answered_once_unless_it_may_be_an_answer() -> None:
    terms = Terms("server", line_limit=50)
    assert balances(pay(books(ping(1) + b" " * 50, terms=terms), None))
    assert not balances(books(ping(1) + b" " * 50, terms=terms))
    assert balances(books(b'{"jsonrpc":"2.0","id":1,"result":{}}' + b" " * 50, terms=terms))
