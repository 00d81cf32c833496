"""An endpoint, its model, and a world that does as it likes.

Clients of both eras post sense and nonsense, listen, resume, go away and come back; tools report,
answer, fail and close; time passes. After every step each open answer is compared with the model:
nothing is lost, nothing comes twice, nothing is on the wrong stream.

BAREWIRE_MODEL_EXAMPLES sets how many worlds are drawn.
"""

import os

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

from tests.model.http_asks import posting
from tests.model.http_sides import HttpSides
from tests.model.http_talk import HttpTalk
from tests.model.http_words import HttpBounds, Setup
from tests.model.samples import hello, message
from tests.model.words import LEVELS

SPEAKS = st.sampled_from([(1, 2, 3, 4, 5)] * 4 + [(1, 2, 3, 4), (2, 5), (4, 5), (5,)])
WAITS = st.sampled_from([0.5, 1.0, 6.0, 30.0, 90.0, 400.0])
TEXTS = st.sampled_from(["", "done", "é" * 40, "x" * 400])


class World(RuleBasedStateMachine):
    """Everything that can happen to an endpoint."""

    sides: HttpSides

    @initialize(
        speaks=SPEAKS,
        stateless=st.sampled_from([False, False, False, True]),
        json=st.sampled_from([None, None, True, False, False]),
        users=st.booleans(),
        data=st.data(),
    )
    def begin(
        self,
        speaks: tuple[int, ...],
        stateless: bool,
        json: bool | None,
        users: bool,
        data: st.DataObject,
    ) -> None:
        bounds = HttpBounds(idle=300.0)
        self.sides = HttpSides(Setup(speaks, stateless, json, users=users, bounds=bounds))
        if self.sides.setup.sessions:
            for revision in data.draw(st.lists(st.sampled_from([1, 2, 2, 3, 4, 4]), max_size=2)):
                user = "ann" if users else None
                session = self.sides.opened(posting(hello(revision, {}), user=user))
                ready = message("notifications/initialized")
                self.sides.send(posting(ready, session.id, user=user))

    @rule(data=st.data())
    def a_client_posts(self, data: st.DataObject) -> None:
        talk = HttpTalk(self.sides, data)
        kinds = [talk.a_post] * 4 + [talk.a_modern_post] * 2 + [talk.an_initialize]
        if not self.sides.setup.legacy:
            kinds += [talk.a_modern_post] * 8
        self.sides.send(talk.one(kinds, "kind")())

    @rule(data=st.data())
    def a_client_listens(self, data: st.DataObject) -> None:
        self.sides.send(HttpTalk(self.sides, data).a_listener())

    @precondition(lambda self: len(self.sides.model.sessions) > 1)
    @rule(data=st.data())
    def a_client_ends_its_session(self, data: st.DataObject) -> None:
        self.sides.send(HttpTalk(self.sides, data).an_end())

    @precondition(lambda self: any(one.live for one in self.sides.model.wires))
    @rule(data=st.data())
    def a_client_goes_away(self, data: st.DataObject) -> None:
        live = [one for one in self.sides.model.wires if one.live]
        self.sides.cut(live[data.draw(st.integers(0, len(live) - 1), "which")])

    @precondition(lambda self: any(one.live for one in self.sides.model.wires))
    @rule(data=st.data())
    def a_client_vanishes(self, data: st.DataObject) -> None:
        live = [one for one in self.sides.model.wires if one.live]
        self.sides.vanish(live[data.draw(st.integers(0, len(live) - 1), "which")])

    @precondition(lambda self: any(one.state == "runs" for one in self.sides.model.calls))
    @rule(data=st.data())
    def a_tool_goes_on(self, data: st.DataObject) -> None:
        sides = self.sides
        runs = [one for one in sides.model.calls if one.state == "runs"]
        call = runs[data.draw(st.integers(0, len(runs) - 1), "which")]
        kind = data.draw(st.sampled_from("pppplllrrrfc"), "kind")
        if kind == "p":
            sides.reports(call, data.draw(st.integers(0, 9), "value"))
        elif kind == "l":
            level = data.draw(st.sampled_from(LEVELS), "level")
            sides.logs(call, level, data.draw(TEXTS, "text"))
        elif kind == "r":
            sides.returns(call, data.draw(TEXTS, "text"))
        elif kind == "f":
            sides.fails(call, data.draw(st.sampled_from([7, -32000])), "no")
        else:
            sides.closes(call)

    @rule()
    def the_tools_change(self) -> None:
        self.sides.changes()

    @rule(seconds=WAITS)
    def time_passes(self, seconds: float) -> None:
        self.sides.wait(seconds)

    def teardown(self) -> None:
        if hasattr(self, "sides"):
            if not self.sides.failed:
                self.sides.shuts_down()
            self.sides.close()


SETTINGS = settings(
    max_examples=int(os.environ.get("BAREWIRE_MODEL_EXAMPLES", "20")),
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.reuse, Phase.generate, Phase.shrink],  # to explain would take minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.rule("T14", "T15", "T27", "T28", "T32", "B14", "H-05", "H-06", "H-09", "H-10", "H-11")
@pytest.mark.rule("M0326-HTTP-31", "M0326-HTTP-43", "M0326-HTTP-44", "M0326-HTTP-45")
@pytest.mark.rule("M0326-HTTP-46", "M0326-HTTP-49", "M0326-HTTP-55", "M0728-HTTP-37")
def test_our_endpoint_does_what_the_model_says() -> None:
    run_state_machine_as_test(World, settings=SETTINGS)
