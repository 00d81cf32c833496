"""Our client finds out what to speak with a server, beside the model, on pipes that it judges too.

The server may be of either era or of none: it answers, refuses, keeps silent, answers late, exits.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.revisions import revision_named
from barewire.session.negotiation import (
    Action,
    Agreed,
    Discovered,
    Done,
    Exited,
    Fail,
    Initialize,
    Mode,
    Observation,
    Plan,
    Probe,
    RefusedWith,
    Respawn,
    Silence,
    begin,
    follow,
)
from tests.model.opening import MODERN_ERRORS, Act, Opening
from tests.model.samples import CLIENTS, SERVERS, agreed, message
from tests.model.sides import Sides
from tests.model.state import Ours
from tests.model.words import MODERN, NUMBERS, REVISIONS, Json

SPEAKS = st.sampled_from([(1, 2, 3, 4, 5), (1, 2, 3, 4, 5), (1, 2, 3, 4), (5,), (2, 5), (1, 4)])
MODES: st.SearchStrategy[Mode] = st.sampled_from(["auto", "auto", "auto", "legacy", "modern"])
VERSIONS = st.sampled_from([*REVISIONS.values(), "2027-01-01", ""])
OFFERS = st.lists(VERSIONS, max_size=4)
CODES = st.sampled_from([*sorted(MODERN_ERRORS), -32601, -32602, -32600, -32000, -32002, 0, 7])
WAYS = st.sampled_from(["answers", "answers", "refuses", "refuses", "keeps silent", "exits"])
PATIENCE = 3.0


def plan_of(speaks: tuple[int, ...], mode: Mode) -> Plan:
    revisions = {one: revision_named(REVISIONS[one]) for one in speaks}
    modern = [one for number, one in revisions.items() if one and number == MODERN]
    legacy = [one for number, one in revisions.items() if one and number != MODERN]
    return Plan(mode, tuple(modern), tuple(legacy))


def act_of(action: Action) -> Act:
    """Return what the plan wants in the words of the model."""
    if isinstance(action, Fail):
        return "give up", 0
    revision = NUMBERS[action.revision.name]
    if isinstance(action, Probe):
        return "probe", revision
    if isinstance(action, Initialize):
        return "initialize", revision
    return ("start anew" if isinstance(action, Respawn) else "speak"), revision


class Driver:
    """A client that opens a pipe to a server of which everything is drawn."""

    def __init__(self, data: st.DataObject, speaks: tuple[int, ...], mode: Mode) -> None:
        self.data = data
        self.speaks = speaks
        self.model = Opening(speaks, mode)
        self.sides = Sides("client", speaks, CLIENTS[0])
        self.late: list[Ours] = []
        """What was given up and may be answered yet."""

    def open(self, plan: Plan) -> Act:
        """Open it; return what it ended with."""
        plan, action = begin(plan)
        act = self.model.begins()
        while True:
            assert act_of(action) == act, f"does {action}, due {act}"
            if isinstance(action, Done | Fail):
                return act
            observed, act = self.meets(*act)
            plan, action = follow(plan, observed)

    def meets(self, what: str, revision: int) -> tuple[Observation, Act]:
        """Do something; return what is seen of the server then, and what the model makes of it."""
        sides, model, draw = self.sides, self.model, self.data.draw
        if what == "start anew":
            sides = self.sides = Sides("client", self.speaks, CLIENTS[0])
            self.late.clear()
        if what == "probe":
            sides.discover(PATIENCE)
        else:
            sides.initialize(revision, PATIENCE)
        asked = list(sides.model.ours.values())[-1]
        for one in self.late:
            if draw(st.booleans(), "late"):
                sides.hear(self.answer(one, draw(OFFERS)))
        way = draw(WAYS, "way")
        if way == "refuses":
            code, offers = draw(CODES, "code"), draw(OFFERS, "offers")
            error = {"code": code, "message": "m", "data": {"supported": offers}}
            sides.hear({"jsonrpc": "2.0", "id": asked.id, "error": error})
            return RefusedWith(code, "m", tuple(offers)), model.refused(code, offers)
        if way == "keeps silent":
            sides.wait(PATIENCE)
            self.late.append(asked)
            return Silence(), model.unanswered()
        if way == "exits":
            sides.end()
            return Exited(), model.gone()
        if what == "probe":
            offers = draw(OFFERS, "discovered")
            sides.hear(self.answer(asked, offers))
            return Discovered(tuple(offers)), model.discovered(offers)
        version = draw(st.just(REVISIONS[revision]) | VERSIONS, "version")
        sides.hear(self.answer(asked, [version]))
        return Agreed(version), model.agreed(version)

    @staticmethod
    def answer(asked: Ours, versions: list[str]) -> Any:
        found: Json = {"supportedVersions": versions, "capabilities": SERVERS[0]}
        if asked.method == "initialize":
            found = agreed(versions[0] if versions else "", SERVERS[0])
        return {"jsonrpc": "2.0", "id": asked.id, "result": found}


@given(data=st.data(), speaks=SPEAKS, mode=MODES)
@pytest.mark.rule("M0728-STD-17", "M0728-STD-18", "M0728-STD-19", "M0728-VER-02", "M0728-VER-09")
@pytest.mark.rule("M0728-DISC-01", "M1105-LIFE-08", "M1105-LIFE-12", "M1105-LIFE-19")
def test_a_client_falls_back_as_the_model_says(
    data: st.DataObject, speaks: tuple[int, ...], mode: Mode
) -> None:
    driver = Driver(data, speaks, mode)
    end, revision = driver.open(plan_of(speaks, mode))
    sides = driver.sides
    if end == "speak" and revision == MODERN:
        sides.adopt(SERVERS[0])
    assert sides.model.speaking() == (revision if end == "speak" else None)
    asked = sides.ask("tools/list", timeout=PATIENCE)
    assert (asked is None) == (end == "give up")
    for late in driver.late:
        sides.hear(driver.answer(late, [REVISIONS[4]]))
    sides.hear(message("roots/list", id="r"), message("ping", id="p"))
    if asked is not None:
        sides.hear({"jsonrpc": "2.0", "id": asked.id, "result": {"tools": []}})
