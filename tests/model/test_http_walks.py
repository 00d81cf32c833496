"""Streams, cuts and sessions over HTTP: short stories that the endpoint and the model share.

After each step every open answer is compared with the model; what a story asserts besides is what
it is there for.
"""

import gc
import json as codec
from collections import Counter

import pytest

from tests.model.http_asks import changed, deleting, getting, modern, posting, working
from tests.model.http_scripts import (
    STATEFUL,
    USERS,
    call,
    ids,
    opened,
    outcome,
    resume,
    sides_of,
)
from tests.model.http_seen import Seen
from tests.model.http_sides import said
from tests.model.http_words import HttpBounds, Setup
from tests.model.samples import hello, message
from tests.model.words import SUBSCRIPTION, Json

LEGACY = [1, 2, 3, 4]
EVENTS = Setup(json=False)
WHOLE = Setup(json=True)


def messages(seen: Seen) -> list[Json]:
    """Return the messages that have come on a stream."""
    return [codec.loads(one.data) for one in seen.blocks() if one.data]


def values(seen: Seen) -> list[int]:
    """Return the progress that has come on a stream."""
    return [one["params"]["progress"] for one in messages(seen) if "params" in one]


# Forms.


@pytest.mark.rule("M0326-HTTP-19", "SR-138", "DEV-10")
def test_a_result_that_comes_first_is_json() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        for session in (id, None):
            made, _, seen = call(sides, 1, session, token="t")
            assert seen.status is None
            sides.wait(1.0)
            sides.returns(made, "done")
            assert said(seen)["result"]["content"] == [{"type": "text", "text": "done"}]


@pytest.mark.rule("M0618-HTTP-26", "M1125-HTTP-30", "M0326-HTTP-27", "M0728-HTTP-33")
@pytest.mark.rule("M0728-HTTP-35", "M1105-PROG-01", "M0728-HTTP-36", "SR-138")
def test_progress_that_comes_first_makes_a_stream() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        for session in (id, None):
            made, _, seen = call(sides, 1, session, token="t")
            sides.reports(made, 1)
            assert seen.field_named("content-type") == "text/event-stream"
            sides.reports(made, 2)
            sides.returns(made, "done")
            assert values(seen) == [1, 2]
            assert messages(seen)[-1]["id"] == 1
            assert seen.ended


@pytest.mark.rule("M0326-HTTP-19", "T26")
def test_what_takes_long_becomes_a_stream() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 3)
        for session in (id, None):
            made, _, seen = call(sides, 1, session)
            sides.wait(8.0)
            assert seen.status == 200
            assert not seen.ended
            sides.returns(made, "done")
            assert len(messages(seen)) == 1
            assert seen.ended


@pytest.mark.rule("SR-152", "DEV-54")
def test_where_all_is_json_nothing_comes_before_the_result() -> None:
    with sides_of(WHOLE) as sides:
        id = opened(sides, 4)
        for session in (id, None):
            made, _, seen = call(sides, 1, session, token="t")
            sides.reports(made, 1)
            sides.logs(made, "error", "nobody hears this")
            sides.wait(60.0)
            assert seen.status is None
            sides.returns(made, "done")
            assert said(seen)["id"] == 1


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.rule("M1125-HTTP-21", "DEV-09")
def test_a_stream_is_primed_where_clients_know_what_that_is(revision: int) -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, revision)
        made, _, seen = call(sides, 1, id)
        assert [one.data for one in seen.blocks() if one.data is not None] == [""] * (revision == 4)
        sides.returns(made, "done")
        assert all(one.id is not None for one in seen.blocks() if one.data is not None)


@pytest.mark.rule("M0728-HTTP-71")
def test_a_modern_stream_has_no_event_ids() -> None:
    with sides_of(EVENTS) as sides:
        made, _, seen = call(sides, 1, accept="text/event-stream")
        sides.returns(made, "done")
        assert ids(seen) == []
        assert seen.ended


# Cuts.


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.parametrize("json", [None, True, False], ids=["auto", "json", "events"])
@pytest.mark.rule("M0326-HTTP-31", "M0326-HTTP-32")
def test_a_cut_cancels_nothing_in_a_session(revision: int, json: bool | None) -> None:
    with sides_of(Setup(json=json)) as sides:
        id = opened(sides, revision)
        made, wire, _ = call(sides, 1, id, token="t")
        if json is False:
            sides.reports(made, 1)
        sides.cut(wire)
        assert not made.stopped
        sides.reports(made, 2)
        assert outcome(sides.send(posting(message("ping", id=1), id))[1]) == (409, -32600, 1)
        sides.returns(made, "done")
        assert outcome(sides.send(posting(message("ping", id=1), id))[1]) == (200,)


@pytest.mark.parametrize("json", [None, True, False], ids=["auto", "json", "events"])
@pytest.mark.rule("M0728-HTTP-37", "M0728-HTTP-38", "M0728-HTTP-39", "H-09")
def test_a_cut_cancels_a_modern_request(json: bool | None) -> None:
    with sides_of(Setup(json=json)) as sides:
        early, wire, _ = call(sides, 1)
        sides.cut(wire)
        assert early.stopped
        late, wire, _ = call(sides, 1, token="t")
        sides.reports(late, 1)
        sides.cut(wire)
        assert late.stopped


@pytest.mark.rule("M0326-HTTP-48", "M0326-HTTP-46", "H-11", "T28", "SR-150", "M1125-HTTP-47")
@pytest.mark.parametrize("revision", LEGACY)
def test_a_cut_loses_nothing_and_repeats_nothing(revision: int) -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, revision)
        made, wire, seen = call(sides, 1, id, token="t")
        sides.reports(made, 1)
        last, got = ids(seen)[-1], values(seen)
        sides.cut(wire)
        for value in range(2, 8, 2):
            sides.reports(made, value)
            wire, seen = resume(sides, id, last)
            sides.reports(made, value + 1)
            last, got = ids(seen)[-1], got + values(seen)
            sides.cut(wire)
        sides.returns(made, "done")
        _, seen = resume(sides, id, last)
        assert got + values(seen) == [1, 2, 3, 4, 5, 6, 7]
        assert messages(seen)[-1]["id"] == 1
        assert seen.ended


@pytest.mark.rule("M1125-HTTP-21", "T28")
def test_a_primed_stream_that_was_cut_at_once_is_resumed_from_its_beginning() -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, 4)
        made, wire, seen = call(sides, 1, id, token="t")
        (first,) = ids(seen)
        sides.cut(wire)
        sides.reports(made, 1)
        sides.returns(made, "done")
        _, seen = resume(sides, id, first)
        assert values(seen) == [1]
        assert seen.ended


@pytest.mark.rule("M0326-HTTP-44", "M0326-HTTP-45", "M0326-HTTP-49", "H-11", "T28")
def test_a_stream_brings_what_is_its_own() -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, 4)
        one, first, seen_one = call(sides, 1, id, token="one")
        other, second, seen_other = call(sides, 2, id, token="other")
        sides.reports(one, 1)
        sides.reports(other, 10)
        sides.cut(first)
        sides.cut(second)
        sides.reports(other, 20)
        sides.reports(one, 2)
        sides.returns(other, "other")
        _, again = resume(sides, id, ids(seen_one)[-1])
        assert values(again) == [2]
        assert not again.ended
        _, again = resume(sides, id, ids(seen_other)[0])
        assert values(again) == [10, 20]
        assert again.ended


@pytest.mark.parametrize(
    "last",
    [
        *("", " ", "0", "-", "x", "1", "1-", "-1", "0-0", "1-1-1", "1.1", "*", "1-1,1-2", "1-1 "),
        *("%31-1", "1-0x1", "1-99999", "999999999-0", "99999999999999999999-1", "\xb9-1"),
    ],
)
@pytest.mark.rule("T28", "M0326-HTTP-49")
def test_an_event_id_that_was_never_given_is_a_mistake(last: str) -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, 4)
        made, _, _ = call(sides, 1, id, token="t")
        sides.reports(made, 1)
        _, seen = resume(sides, id, last)
        assert outcome(seen)[0] == 400
        assert outcome(seen)[2] == "no id"


@pytest.mark.rule("T14", "T28", "M0326-HTTP-49")
def test_an_event_id_of_another_session_brings_nothing_of_it() -> None:
    with sides_of(Setup(json=False, users=True)) as sides:
        hers, his = opened(sides, 4, "ann"), opened(sides, 4, "bob")
        made, wire, seen = call(sides, 1, hers, token="t", user="ann")
        sides.reports(made, 1)
        sides.cut(wire)
        assert outcome(resume(sides, his, ids(seen)[-1], "bob")[1])[0] == 400
        assert outcome(resume(sides, hers, ids(seen)[-1], "bob")[1])[0] == 404
        assert outcome(resume(sides, hers, ids(seen)[-1], "ann")[1]) == (200,)


@pytest.mark.rule("T28", "T6")
def test_a_stream_that_has_ended_is_kept_for_a_minute() -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, 4)
        made, wire, seen = call(sides, 1, id, token="t")
        sides.cut(wire)
        sides.returns(made, "done")
        sides.wait(55.0)
        wire, again = resume(sides, id, ids(seen)[0])
        assert messages(again)[-1]["id"] == 1
        sides.wait(10.0)
        assert outcome(resume(sides, id, ids(seen)[0])[1])[0] == 404


@pytest.mark.rule("T28", "T6")
def test_beyond_the_cap_the_oldest_events_go_and_nobody_is_told_otherwise() -> None:
    with sides_of(Setup(json=False, bounds=HttpBounds(kept=600))) as sides:
        id = opened(sides, 4)
        made, wire, seen = call(sides, 1, id, token="t")
        sides.reports(made, 1)
        sides.cut(wire)
        sides.logs(made, "info", "x" * 300)
        wire, again = resume(sides, id, ids(seen)[-1])
        assert len(messages(again)) == 1
        sides.cut(wire)
        sides.logs(made, "info", "y" * 300)
        sides.logs(made, "info", "z" * 300)
        assert outcome(resume(sides, id, ids(again)[-1])[1])[0] == 404
        assert outcome(resume(sides, id, ids(seen)[0])[1])[0] == 404
        assert outcome(sides.send(posting(message("ping", id=9), id))[1]) == (200,)


@pytest.mark.rule("M1125-HTTP-23", "SR-150")
@pytest.mark.parametrize("revision", LEGACY)
def test_a_connection_that_the_server_closed_is_taken_up_again(revision: int) -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, revision)
        made, _, seen = call(sides, 1, id, token="t")
        sides.reports(made, 1)
        sides.closes(made)
        assert seen.ended == (revision == 4)
        sides.reports(made, 2)
        sides.returns(made, "done")
        if revision == 4:
            _, seen = resume(sides, id, ids(seen)[-1])
        assert values(seen)[-1] == 2
        assert seen.ended


@pytest.mark.rule("T28", "M0326-HTTP-44")
def test_a_stream_that_is_resumed_while_it_is_open_goes_on_in_one_place() -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, 4)
        made, _, seen = call(sides, 1, id, token="t")
        sides.reports(made, 1)
        _, again = resume(sides, id, ids(seen)[0])
        sides.reports(made, 2)
        assert values(again) == [1, 2]
        assert values(seen) == [1]


# What belongs to no request.


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.rule("M0326-HTTP-42", "M0326-HTTP-43", "M0326-HTTP-44", "SR-153", "DEV-13")
def test_who_listens_hears_of_changes_and_of_nothing_else(revision: int) -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, revision)
        _, listening = sides.send(getting(id))
        made, _, seen = call(sides, 1, id, token="t")
        sides.changes()
        sides.reports(made, 1)
        sides.returns(made, "done")
        assert [one["method"] for one in messages(listening)] == [
            "notifications/tools/list_changed"
        ]
        assert not listening.ended
        assert messages(seen)[-1]["id"] == 1


@pytest.mark.rule("T27", "T28")
def test_what_was_said_while_nobody_listened_is_heard_by_who_resumes() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        wire, listening = sides.send(getting(id))
        sides.changes()
        sides.cut(wire)
        sides.changes()
        _, again = resume(sides, id, ids(listening)[-1])
        assert len(messages(again)) == 1


@pytest.mark.rule("T27")
def test_a_second_listener_takes_over() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        wire, _ = sides.send(getting(id))
        sides.cut(wire)
        _, second = sides.send(getting(id))
        assert second.status == 200
        sides.changes()
        assert len(messages(second)) == 1


@pytest.mark.rule("T27", "M0326-HTTP-44", "M0326-HTTP-45")
def test_who_listens_already_is_not_displaced() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        _, first = sides.send(getting(id))
        _, second = sides.send(getting(id))
        sides.changes()
        sides.wait(2.0)
        assert outcome(second)[0] == 409
        assert len(messages(first)) == 1
        assert not first.ended


@pytest.mark.rule("T27")
def test_a_listener_that_turns_out_to_be_gone_is_succeeded_at_once() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        wire, _ = sides.send(getting(id))
        _, second = sides.send(getting(id))
        _, third = sides.send(getting(id))
        assert (second.status, third.status) == (None, None)
        sides.cut(wire)
        sides.changes()
        assert len(messages(second)) == 1
        sides.wait(2.0)
        assert outcome(third)[0] == 409


@pytest.mark.rule("T27", "T28")
@pytest.mark.parametrize("revision", LEGACY)
def test_a_listener_that_vanished_is_succeeded_after_a_moment(revision: int) -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, revision)
        wire, first = sides.send(getting(id))
        sides.changes()
        (last,) = [one for one in ids(first) if one][-1:]
        sides.vanish(wire)
        sides.changes()
        _, second = sides.send(getting(id))
        _, third = sides.send(getting(id))
        assert (first.ended, second.status, third.status) == (False, None, None)
        sides.wait(3.0)
        assert (first.aborted, second.status, outcome(third)[0]) == (True, 200, 409)
        sides.changes()
        assert len(messages(second)) == 1
        _, again = resume(sides, id, last)
        assert len(messages(again)) == 1, "what it did not hear is not lost"


@pytest.mark.rule("T27")
def test_a_listener_that_vanishes_after_it_was_asked_was_there() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        wire, _ = sides.send(getting(id))
        _, second = sides.send(getting(id))
        sides.vanish(wire)
        sides.wait(2.0)
        assert outcome(second)[0] == 409
        _, third = sides.send(getting(id))
        sides.wait(2.0)
        assert third.status == 200


@pytest.mark.rule("T27")
def test_a_listener_that_vanished_and_then_resumes_is_there_again() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        wire, first = sides.send(getting(id))
        sides.vanish(wire)
        _, second = sides.send(getting(id))
        _, again = resume(sides, id, ids(first)[0])
        sides.wait(3.0)
        assert outcome(second)[0] == 409
        assert not again.ended


@pytest.mark.rule("T27")
def test_a_listener_that_resumes_and_goes_is_succeeded_too() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        _, first = sides.send(getting(id))
        _, second = sides.send(getting(id))
        again, _ = resume(sides, id, ids(first)[0])
        sides.cut(again)
        assert second.status == 200


@pytest.mark.rule("T27", "M0326-HTTP-55")
def test_who_waits_to_listen_hears_that_the_session_has_ended() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        sides.send(getting(id))
        _, second = sides.send(getting(id))
        sides.send(deleting(id))
        sides.wait(2.0)
        assert outcome(second)[0] == 404


@pytest.mark.rule("SR-153", "DEV-57", "M0326-HTTP-27", "M0326-HTTP-44")
def test_what_a_client_is_asked_comes_on_the_stream_of_its_request_and_once() -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, 4)
        made, wire, seen = call(sides, 1, id, token="t")
        _, listening = sides.send(getting(id))
        asked = sides.asks(made, "ping")
        assert messages(seen)[-1]["method"] == "ping"
        sides.cut(wire)
        _, again = resume(sides, id, ids(seen)[-1])
        assert messages(again) == []
        answer: Json = {"jsonrpc": "2.0", "id": asked.id, "result": {}}
        assert outcome(sides.send(posting(answer, id))[1]) == (202,)
        assert asked.answer == "result"
        assert outcome(sides.send(posting(answer, id))[1]) == (202,)
        assert messages(listening) == []


# Sessions.


@pytest.mark.rule("B14", "T15", "M1105-RPC-02")
@pytest.mark.parametrize("json", [None, False], ids=["auto", "events"])
def test_a_second_request_with_an_id_in_flight_leaves_the_first_alone(json: bool | None) -> None:
    with sides_of(Setup(json=json)) as sides:
        id = opened(sides, 4)
        made, _, seen = call(sides, 1, id, token="t")
        for again in (message("ping", id=1), message("tools/call", working(999), id=1)):
            _, refused = sides.send(posting(again, id))
            assert outcome(refused) == (409, -32600, 1)
        assert outcome(sides.send(posting(message("ping", id="1"), id))[1]) == (200,)
        sides.returns(made, "done")
        assert b"done" in seen.body


@pytest.mark.rule("T15", "M0728-RPC-13")
def test_modern_requests_share_ids_and_keep_their_answers_apart() -> None:
    with sides_of(STATEFUL) as sides:
        one, _, first = call(sides, 0)
        other, _, second = call(sides, 0)
        sides.returns(other, "second")
        sides.returns(one, "first")
        assert b"first" in first.body
        assert b"second" in second.body


@pytest.mark.parametrize("json", [None, True, False], ids=["auto", "json", "events"])
@pytest.mark.rule("M0326-HTTP-32", "SR-055", "SR-056", "M1105-CAN-04", "M1105-CAN-05")
def test_a_request_that_was_cancelled_ends_without_an_answer(json: bool | None) -> None:
    with sides_of(Setup(json=json)) as sides:
        id = opened(sides, 4)
        made, _, seen = call(sides, 1, id, token="t")
        cancel = message("notifications/cancelled", {"requestId": 1})
        assert outcome(sides.send(posting(cancel, id))[1]) == (202,)
        assert made.stopped
        assert seen.ended
        assert b"result" not in seen.body
        assert outcome(sides.send(posting(cancel, id))[1]) == (202,)
        assert outcome(sides.send(posting(message("ping", id=1), id))[1]) == (200,)


@pytest.mark.rule("SR-143", "M0326-HTTP-55", "T6")
def test_a_session_that_is_deleted_ends_with_all_that_goes_on_in_it() -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, 4)
        made, _, seen = call(sides, 1, id, token="t")
        _, listening = sides.send(getting(id))
        assert outcome(sides.send(deleting(id))[1]) == (200,)
        assert made.stopped
        assert seen.ended
        assert listening.ended
        assert outcome(resume(sides, id, ids(seen)[0])[1])[0] == 404


@pytest.mark.rule("SR-144", "DEV-39", "M0326-HTTP-55", "T6")
def test_a_session_that_nothing_happens_in_ends() -> None:
    with sides_of(Setup(bounds=HttpBounds(idle=100.0))) as sides:
        id = opened(sides, 4)
        for _ in range(3):
            sides.wait(90.0)
            assert outcome(sides.send(posting(message("ping", id=1), id))[1]) == (200,)
        sides.wait(110.0)
        assert outcome(sides.send(posting(message("ping", id=1), id))[1])[0] == 404


@pytest.mark.rule("SR-144", "T26")
def test_a_session_that_somebody_listens_to_or_works_for_does_not_end() -> None:
    with sides_of(Setup(json=False, bounds=HttpBounds(idle=100.0))) as sides:
        listened, worked = opened(sides, 4), opened(sides, 4)
        sides.send(getting(listened))
        made, wire, _ = call(sides, 1, worked)
        sides.cut(wire)
        sides.wait(500.0)
        sides.changes()
        sides.returns(made, "done")
        for id in (listened, worked):
            assert outcome(sides.send(posting(message("ping", id=2), id))[1]) == (200,)


@pytest.mark.rule("SR-144", "SR-150", "T28")
def test_what_ends_in_a_session_happens_in_it_too() -> None:
    with sides_of(Setup(json=False, bounds=HttpBounds(idle=100.0))) as sides:
        listened, worked = opened(sides, 4), opened(sides, 4)
        listener, heard = sides.send(getting(listened))
        made, wire, seen = call(sides, 1, worked)
        sides.cut(wire)
        sides.wait(85.0)
        sides.returns(made, "done")
        sides.cut(listener)
        sides.wait(40.0)
        _, again = resume(sides, worked, ids(seen)[-1])
        assert messages(again)[-1]["id"] == 1
        assert resume(sides, listened, ids(heard)[-1])[1].status == 200


@pytest.mark.rule("T6", "T33")
def test_there_are_only_so_many_sessions() -> None:
    with sides_of(Setup(bounds=HttpBounds(sessions=2))) as sides:
        first = opened(sides, 4)
        opened(sides, 3)
        assert outcome(sides.send(posting(hello(4, {})))[1])[0] == 503
        sides.send(deleting(first))
        assert outcome(sides.send(posting(hello(4, {})))[1]) == (200,)


@pytest.mark.rule("T33")
def test_only_so_many_handlers_run_and_wait() -> None:
    bounds = HttpBounds(running=1, queued=1)
    with sides_of(Setup(bounds=bounds)) as sides:
        first, _, _ = call(sides, 1)
        second, wire, _ = call(sides, 2)
        assert (first.state, second.state) == ("runs", "waits")
        _, seen = sides.send(modern("tools/call", working(99), 3))
        assert outcome(seen) == (503, -32603, 3)
        sides.cut(wire)
        third, _, _ = call(sides, 4)
        sides.returns(first, "done")
        assert third.state == "runs"


# Arrays of revision 2.


@pytest.mark.parametrize("json", [None, True, False], ids=["auto", "json", "events"])
@pytest.mark.rule("M0326-HTTP-25", "M0326-HTTP-28", "M0326-HTTP-29", "M0326-RPC-18", "DEV-06")
def test_an_array_is_answered_whole_or_one_by_one(json: bool | None) -> None:
    with sides_of(Setup(json=json)) as sides:
        id = opened(sides, 2)
        one, other = next(sides.numbers), next(sides.numbers)
        array = [
            message("tools/call", working(one), id="a"),
            message("notifications/roots/list_changed"),
            message("ping", id="b"),
            message("tools/call", working(other), id="c"),
        ]
        wire, seen = sides.send(posting(array, id))
        first, second = (made for made in sides.model.calls if made.posted.wire is wire)
        sides.returns(second, "second")
        sides.returns(first, "first")
        assert seen.ended
        answers = messages(seen) if seen.begun else said(seen)
        assert sorted(one["id"] for one in answers) == ["a", "b", "c"]


@pytest.mark.rule("M0326-HTTP-25", "M0326-RPC-18")
def test_a_member_of_an_array_that_is_no_message_has_its_own_answer() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 2)
        _, seen = sides.send(posting([3, message("ping", id="p"), {"id": 5}], id))
        codes = [one.get("error", {}).get("code") for one in said(seen)]
        assert sorted(map(str, codes)) == ["-32600", "-32600", "None"]


# Subscriptions of revision 5.

LISTEN = {"notifications": {"toolsListChanged": True}}


@pytest.mark.rule("M0728-SUB-01", "T26", "M0728-HTTP-36", "M0728-HTTP-34")
@pytest.mark.parametrize("json", [None, True, False], ids=["auto", "json", "events"])
def test_a_subscription_begins_at_once_and_is_kept_alive(json: bool | None) -> None:
    with sides_of(Setup(json=json)) as sides:
        wire, seen = sides.send(modern("subscriptions/listen", LISTEN, "sub"))
        (first,) = messages(seen)
        assert first["method"] == "notifications/subscriptions/acknowledged"
        sides.changes()
        assert messages(seen)[-1]["params"]["_meta"] == {
            "io.modelcontextprotocol/subscriptionId": "sub"
        }
        sides.wait(20.0)
        assert any(one.comment for one in seen.blocks())
        sides.cut(wire)
        sides.changes()


@pytest.mark.rule("T26")
def test_silent_streams_are_kept_alive() -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, 3)
        _, listening = sides.send(getting(id))
        _, _, legacy = call(sides, 1, id)
        _, _, seen = call(sides, 1)
        sides.wait(20.0)
        for one in (listening, legacy, seen):
            assert any(block.comment for block in one.blocks())


@pytest.mark.rule("T33")
def test_there_are_only_so_many_subscriptions() -> None:
    with sides_of(Setup(bounds=HttpBounds(listening=1))) as sides:
        wire, _ = sides.send(modern("subscriptions/listen", LISTEN, 1))
        _, seen = sides.send(modern("subscriptions/listen", LISTEN, 2))
        assert outcome(seen) == (503, -32603, 2)
        sides.cut(wire)
        assert outcome(sides.send(modern("subscriptions/listen", LISTEN, 3))[1]) == (200,)


@pytest.mark.rule("B18", "T29")
def test_who_takes_json_alone_cannot_subscribe() -> None:
    with sides_of(STATEFUL) as sides:
        ask = changed(modern("subscriptions/listen", LISTEN, 1), accept="application/json")
        assert outcome(sides.send(ask)[1])[0] == 406


# Garbage.


@pytest.mark.rule("T6")
def test_a_request_that_stands_alone_leaves_nothing_to_the_collector() -> None:
    with sides_of(Setup(stateless=True)) as sides:
        asks = [posting(message("ping", id=1), version=4), modern("tools/list", id=1)]
        for ask in asks:
            sides.send(ask)
        gc.collect()
        gc.disable()
        try:
            before = Counter(type(one).__name__ for one in gc.get_objects())
            for ask in asks * 5:
                sides.send(ask)
            after = Counter(type(one).__name__ for one in gc.get_objects())
        finally:
            gc.enable()
        ours = ("Talk", "Aside", "Connection", "Post", "LegacyPost", "Exchange", "Changes")
        assert {name: after[name] - before[name] for name in ours} == dict.fromkeys(ours, 0)


# The end.


@pytest.mark.rule("SR-188", "M0728-SUB-01", "M0728-HTTP-35")
def test_a_server_that_shuts_down_ends_what_lasts_and_answers_what_was_asked() -> None:
    with sides_of(EVENTS) as sides:
        id = opened(sides, 4)
        _, listening = sides.send(getting(id))
        _, subscribed = sides.send(modern("subscriptions/listen", LISTEN, "sub"))
        legacy, _, seen = call(sides, 1, id)
        made, _, whole = call(sides, 2)
        sides.shuts_down()
        assert listening.ended
        assert messages(subscribed)[-1]["result"]["_meta"][SUBSCRIPTION] == "sub"
        assert subscribed.ended
        asks = [posting(message("ping", id=1), id), getting(id), modern("tools/list", id=1)]
        assert [sides.send(ask)[1].status for ask in asks] == [503, 503, 503]
        sides.returns(legacy, "done")
        sides.returns(made, "done")
        assert b"done" in seen.body
        assert b"done" in whole.body


# Principals.


@pytest.mark.rule("T14", "DEV-33", "M0326-HTTP-55")
def test_a_session_serves_its_principal_alone() -> None:
    with sides_of(USERS) as sides:
        hers = opened(sides, 4, "ann")
        made, _, _ = call(sides, 1, hers, token="t", user="ann")
        for ask in (
            posting(message("ping", id=1), hers, user="bob"),
            posting(message("notifications/cancelled", {"requestId": 1}), hers, user="bob"),
            posting({"jsonrpc": "2.0", "id": 1, "result": {}}, hers, user="bob"),
            getting(hers, user="bob"),
            deleting(hers, user="bob"),
        ):
            assert outcome(sides.send(ask)[1])[0] == 404
        sides.returns(made, "done")
        assert outcome(sides.send(posting(message("ping", id=1), hers, user="ann"))[1]) == (200,)
