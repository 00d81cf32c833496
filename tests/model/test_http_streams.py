"""Well-behaved clients on a bad line: streams that are cut, resumed, taken over and outlived.

Unlike the world of `test_http_machine` nobody errs here, so that more happens: after every step
each open stream has what the model says, nothing is lost, nothing comes twice.

BAREWIRE_MODEL_EXAMPLES sets how many lines are drawn.
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model.http_asks import changed, deleting, getting, modern, posting, working
from tests.model.http_sides import HttpSides
from tests.model.http_state import Call, Session
from tests.model.http_streams import Stream
from tests.model.http_words import HttpBounds, Setup
from tests.model.samples import hello, message
from tests.model.words import Json

SPEAKERS = st.lists(st.sampled_from([4, 4, 3, 2, 1]), min_size=1, max_size=2)
SIZES = st.sampled_from([0, 10, 90, 300, 800])
WAITED = [0.5, 20.0, 65.0]
WAITS = st.sampled_from([0.5, 2.5, 20.0, 65.0, 400.0])
ANSWERS: list[Json] = [{"result": {}}, {"error": {"code": 1, "message": "no"}}]


class Line(RuleBasedStateMachine):
    """A server and clients that come back."""

    sides: HttpSides

    @initialize(
        json=st.sampled_from([None, False, False]),
        revisions=SPEAKERS,
        kept=st.sampled_from([400, 1_000, 100_000]),
    )
    def begin(self, json: bool | None, revisions: list[int], kept: int) -> None:
        self.value = 0
        self.sides = HttpSides(Setup(json=json, bounds=HttpBounds(kept=kept, idle=300.0)))
        for revision in revisions:
            session = self.sides.opened(posting(hello(revision, {})))
            self.sides.send(posting(message("notifications/initialized"), session.id))

    def session(self, data: st.DataObject) -> Session:
        live = [one for one in self.sides.model.sessions if not one.over]
        if not live:
            session = self.sides.opened(posting(hello(4, {})))
            self.sides.send(posting(message("notifications/initialized"), session.id))
            return session
        return live[data.draw(st.integers(0, len(live) - 1), "session")]

    def runs(self) -> list[Call]:
        return [one for one in self.sides.model.calls if one.state == "runs"]

    @rule(data=st.data())
    def a_client_calls(self, data: st.DataObject) -> None:
        session = self.session(data)
        number = next(self.sides.numbers)
        said: Any = message("tools/call", working(number), id=number, meta={"progressToken": "t"})
        if session.revision == 2 and data.draw(st.booleans(), "array"):
            more = message("tools/call", working(next(self.sides.numbers)), id=f"{number}")
            said = [said, message("ping", id=f"p{number}"), more]
        self.sides.send(posting(said, session.id))

    @rule(data=st.data())
    def a_modern_client_calls(self, data: st.DataObject) -> None:
        if data.draw(st.booleans(), "listens"):
            wanted = {"notifications": {"toolsListChanged": True}}
            self.sides.send(modern("subscriptions/listen", wanted, "l"))
            return
        ask = modern("tools/call", working(next(self.sides.numbers)), 0, meta={"progressToken": 0})
        if data.draw(st.booleans(), "events"):
            ask = changed(ask, accept="text/event-stream")
        self.sides.send(ask)

    @precondition(lambda self: self.runs())
    @rule(data=st.data(), times=st.integers(1, 3))
    def a_tool_says_something(self, data: st.DataObject, times: int) -> None:
        runs = self.runs()
        self.a_tool_says(runs[data.draw(st.integers(0, len(runs) - 1), "which")], data, times)

    def a_tool_says(self, call: Call, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            kind = data.draw(st.sampled_from("pplla"), "kind")
            if kind == "l":
                self.sides.logs(call, "info", "x" * data.draw(SIZES, "size"))
            elif kind == "p" or call.session is None:
                self.value += 1
                self.sides.reports(call, self.value)
            else:
                self.sides.asks(call, "ping")

    @precondition(lambda self: self.runs())
    @rule(data=st.data())
    def a_tool_says_more(self, data: st.DataObject) -> None:
        self.a_tool_says_something(data, 3)

    @precondition(lambda self: self.runs())
    @rule(data=st.data())
    def a_tool_ends(self, data: st.DataObject) -> None:
        runs = self.runs()
        call = runs[data.draw(st.integers(0, len(runs) - 1), "which")]
        self.sides.returns(call, "x" * data.draw(SIZES, "size"))

    @precondition(lambda self: self.runs())
    @rule(data=st.data())
    def a_tool_lets_its_client_poll(self, data: st.DataObject) -> None:
        runs = self.runs()
        self.sides.closes(runs[data.draw(st.integers(0, len(runs) - 1), "which")])

    @precondition(lambda self: any(one.asked for one in self.sides.model.sessions))
    @rule(data=st.data())
    def a_client_answers(self, data: st.DataObject) -> None:
        sessions = [one for one in self.sides.model.sessions if one.asked and not one.over]
        for session in sessions[:1]:
            asked = session.asked[data.draw(st.integers(0, len(session.asked) - 1), "which")]
            answer = data.draw(st.sampled_from(ANSWERS), "answer")
            self.sides.send(posting({"jsonrpc": "2.0", "id": asked.id, **answer}, session.id))

    @precondition(lambda self: any(one.live for one in self.sides.model.wires))
    @rule(data=st.data())
    def a_line_is_cut(self, data: st.DataObject) -> None:
        live = [one for one in self.sides.model.wires if one.live]
        self.sides.cut(live[data.draw(st.integers(0, len(live) - 1), "which")])

    @precondition(lambda self: any(one.live for one in self.sides.model.wires))
    @rule(data=st.data())
    def a_client_vanishes(self, data: st.DataObject) -> None:
        live = [one for one in self.sides.model.wires if one.live]
        self.sides.vanish(live[data.draw(st.integers(0, len(live) - 1), "which")])

    @rule(data=st.data(), late=st.integers(0, 9))
    def a_client_comes_back(self, data: st.DataObject, late: int) -> None:
        session = self.session(data)
        known = [one for one in session.streams if seen_of(one)]
        known = [one for one in known if not one.alone or data.draw(st.booleans(), "alone")]
        if not known:
            return
        ids = seen_of(known[-1 - data.draw(st.integers(0, min(3, len(known) - 1)), "stream")])
        last = ids[data.draw(st.integers(0, len(ids) - 1), "last")] if late > 6 else ids[-1]
        user = self.session(data) if late == 9 else session
        self.sides.send(getting(user.id, last=last))

    @precondition(lambda self: self.served())
    @rule(data=st.data(), cuts=st.integers(1, 3), ends=st.booleans(), late=st.sampled_from(WAITED))
    def a_client_has_a_bad_line(
        self, data: st.DataObject, cuts: int, ends: bool, late: float
    ) -> None:
        served = self.served()
        call = served[data.draw(st.integers(0, len(served) - 1), "which")]
        self.a_tool_says(call, data, 1)
        for _ in range(cuts):
            self.is_cut(call)
            self.a_tool_says(call, data, data.draw(st.integers(0, 3), "missed"))
            self.comes_back(call)
        if ends and call.state == "runs":
            if data.draw(st.booleans(), "cut again"):
                self.is_cut(call)
            self.sides.returns(call, "done")
            self.sides.wait(late)
            self.comes_back(call)

    def served(self) -> list[Call]:
        """Return the calls of a session that run, and whose answers go on a stream."""
        return [one for one in self.runs() if one.session and one.posted.form != "json"]

    def is_cut(self, call: Call) -> None:
        for wire in self.sides.model.wires:
            if wire.live and wire.stream is not None and wire.stream is call.posted.stream:
                self.sides.cut(wire)

    def comes_back(self, call: Call) -> None:
        stream, session = call.posted.stream, call.session
        if stream is not None and session is not None and seen_of(stream):
            self.sides.send(getting(session.id, last=seen_of(stream)[-1]))

    @rule(data=st.data(), sure=st.integers(0, 3))
    def a_client_listens(self, data: st.DataObject, sure: int) -> None:
        session = self.session(data)
        if sure == 3 or self.sides.model.listener(session) is None:
            self.sides.send(getting(session.id))

    @rule()
    def the_tools_change(self) -> None:
        self.sides.changes()

    @rule(data=st.data())
    def a_client_gives_up(self, data: st.DataObject) -> None:
        calls = [one for one in self.sides.model.calls if one.session and one.state != "over"]
        asking = {asked.parent for one in self.sides.model.sessions for asked in one.asked}
        calls = [one for one in calls if one not in asking]
        if not calls:
            return
        call = calls[data.draw(st.integers(0, len(calls) - 1), "which")]
        said = message("notifications/cancelled", {"requestId": call.id})
        self.sides.send(posting(said, call.session.id if call.session else None))

    @rule(data=st.data(), sure=st.integers(0, 5))
    def a_session_ends(self, data: st.DataObject, sure: int) -> None:
        if sure == 5:
            self.sides.send(deleting(self.session(data).id))

    @rule(seconds=WAITS)
    def time_passes(self, seconds: float) -> None:
        self.sides.wait(seconds)

    def teardown(self) -> None:
        if hasattr(self, "sides"):
            if not self.sides.failed:
                self.sides.shuts_down()
            self.sides.close()


def seen_of(stream: Stream) -> list[str]:
    """Return the ids of those events of a stream that were seen."""
    return [one.id for one in stream.events if one.id is not None]


SETTINGS = settings(
    max_examples=int(os.environ.get("BAREWIRE_MODEL_EXAMPLES", "20")),
    stateful_step_count=50,
    deadline=None,
    phases=[Phase.reuse, Phase.generate, Phase.shrink],  # to explain would take minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.rule("T27", "T28", "H-11", "SR-150", "M0326-HTTP-31", "M0326-HTTP-42")
@pytest.mark.rule("M0326-HTTP-43", "M0326-HTTP-44", "M0326-HTTP-45", "M0326-HTTP-46")
@pytest.mark.rule("M0326-HTTP-49", "M1125-HTTP-21", "M1125-HTTP-23", "M1125-HTTP-47")
@pytest.mark.rule("M0728-HTTP-37", "M0728-HTTP-39")
def test_streams_lose_nothing_and_repeat_nothing() -> None:
    run_state_machine_as_test(Line, settings=SETTINGS)
