"""Our peer beside the model, whatever a peer says and whatever the application does.

One machine for each role. Messages are drawn legal, illegal and late, in both eras on one pipe;
`sides` compares every reply, silence and state with the model.

BAREWIRE_MODEL_EXAMPLES sets how many scripts are drawn for each role.
"""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model.lines import read
from tests.model.samples import (
    ALL,
    CLIENTS,
    ENVELOPES,
    LEGACY,
    METHODS,
    NOISE,
    PARAMS,
    READY,
    RESULTS,
    SERVERS,
    agreed,
    hello,
    message,
)
from tests.model.sides import BOUNDS, Sides
from tests.model.state import Theirs
from tests.model.talk import TOKENS, VALUES, VERSIONS, Talk
from tests.model.words import (
    ASKED_BY,
    CODES,
    LEVELS,
    NOTIFICATIONS,
    REQUESTS,
    Json,
    sends,
)

SPEAKS = st.sampled_from([ALL, ALL, ALL, LEGACY, (5,), (2, 5), (1, 4)])
TIMEOUTS = st.sampled_from([None, 3.0, 8.0, 30.0])
CUTS = st.none() | st.integers(0, 200)
WAITS = st.sampled_from([0.5, 3.0, 10.0, 60.0])

Step = Callable[[st.DataObject], None]


class Machine(RuleBasedStateMachine):
    """What both roles have in common."""

    role = ""
    it: Sides
    talk: Talk
    unfinished = b""
    """What stands behind the last line feed when the stream ends."""

    def arrives(self, data: st.DataObject, said: Any) -> None:
        self.it.line(json.dumps(said).encode(), data.draw(CUTS, "cut"))

    def one_of(self, data: st.DataObject, *steps: Step) -> None:
        """Draw one of the steps and take it."""
        data.draw(st.sampled_from(steps), "step")(data)

    # There are few rules, each with several steps, so that all are met.

    @rule(data=st.data())
    def the_peer_asks(self, data: st.DataObject) -> None:
        self.one_of(data, self.something_is_asked, self.much_is_asked, self.much_is_asked)

    def something_is_asked(self, data: st.DataObject) -> None:
        self.arrives(data, self.talk.a_request(data))

    def much_is_asked(self, data: st.DataObject) -> None:
        said = [
            self.talk.a_good_request(data) for _ in range(data.draw(st.integers(1, 4), "number"))
        ]
        if data.draw(st.booleans(), "at once"):
            self.it.burst(said)
            return
        for one in said:
            self.arrives(data, one)

    @rule(data=st.data())
    def the_peer_notifies(self, data: st.DataObject) -> None:
        kinds = [self.talk.a_notification, self.talk.a_cancellation, self.talk.a_cancellation]
        if self.talk.streams():
            kinds += [self.talk.of_a_stream] * 3
        self.arrives(data, data.draw(st.sampled_from(kinds), "kind")(data))

    @rule(data=st.data())
    def the_peer_answers(self, data: st.DataObject) -> None:
        kinds = [self.talk.an_answer, self.talk.an_answer, self.talk.progress]
        self.arrives(data, data.draw(st.sampled_from(kinds), "kind")(data))

    @rule(data=st.data())
    def what_is_no_message_arrives(self, data: st.DataObject) -> None:
        steps = (self.a_batch_arrives, self.noise_arrives, self.a_damaged_line_arrives)
        self.one_of(data, *steps, self.an_overlong_line_arrives)

    def a_batch_arrives(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(0, BOUNDS.batch + 1), "size")
        whole = st.integers(0, 5)
        said = [
            self.talk.any_message(data) if data.draw(whole) else data.draw(st.sampled_from(JUNK))
            for _ in range(size)
        ]
        self.arrives(data, said)

    def noise_arrives(self, data: st.DataObject) -> None:
        self.it.line(data.draw(st.sampled_from(NOISE), "noise"), data.draw(CUTS, "cut"))

    def an_overlong_line_arrives(self, data: st.DataObject) -> None:
        filler = data.draw(st.sampled_from(["x", "{", '"', "\\"]), "filler")
        said = {**self.talk.any_message(data), "filler": filler * BOUNDS.line}
        self.arrives(data, said if data.draw(st.booleans()) else dict(reversed(said.items())))

    def a_damaged_line_arrives(self, data: st.DataObject) -> None:
        line = bytearray(json.dumps(self.talk.any_message(data)).encode())
        at = data.draw(st.integers(0, len(line)), "at")
        line[at:] = data.draw(st.sampled_from(DAMAGES), "damage") + line[at:][:: data.draw(KEEPS)]
        # What is JSON all the same may be a message whose shape is wrong somewhere deep in it.
        if read(bytes(line)).kind == "bad":
            self.it.line(bytes(line), data.draw(CUTS, "cut"))

    # What the application does.

    @precondition(lambda self: self.it.model.theirs or self.it.model.begun)
    @rule(data=st.data())
    def the_application_serves(self, data: st.DataObject) -> None:
        steps: list[Step] = [self.it_reports]
        if self.it.model.serving:
            steps += [self.it_answers, self.it_answers]
        self.one_of(data, *steps)

    def it_answers(self, data: st.DataObject) -> None:
        serving = [one for one in self.it.model.theirs.values() if one.listens is None]
        served = data.draw(st.sampled_from(serving), "served")
        kind = data.draw(st.sampled_from("rrrefb"), "kind")
        if kind == "r":
            self.it.respond(served, data.draw(st.sampled_from(RESULTS), "result"))
        elif kind == "e":
            reason = data.draw(st.sampled_from(sorted(CODES)), "reason")
            self.it.fail(served, reason, data.draw(st.sampled_from([None, {"why": 1}]), "data"))
        elif kind == "b":
            self.it.respond_badly(served)
        else:
            self.it.fail_with(served, data.draw(st.sampled_from([7, -1, -32000]), "code"))

    def it_reports(self, data: st.DataObject) -> None:
        model = self.it.model
        known = [*model.theirs.values(), *model.begun.values()]
        served = data.draw(st.sampled_from(known), "served")
        if self.it.is_known(served):
            text = data.draw(st.sampled_from([None, "so far"]), "text")
            total = data.draw(st.sampled_from([None, 10]), "total")
            self.it.report(served, data.draw(VALUES, "value"), total, text)

    @rule(data=st.data())
    def the_application_asks(self, data: st.DataObject) -> None:
        self.one_of(data, *self.ways_to_ask())

    def ways_to_ask(self) -> list[Step]:
        return [self.it_asks, self.it_asks, self.it_asks]

    def it_asks(self, data: st.DataObject) -> None:
        model = self.it.model
        revision = model.speaking() or 4
        names = [name for name in REQUESTS if sends(self.role, name, revision)]
        everything = data.draw(st.integers(0, 4), "anything") == 4
        method = data.draw(st.sampled_from(METHODS if everything else names), "method")
        self.it.ask(
            method,
            data.draw(st.sampled_from(PARAMS[method]), "params"),
            token=data.draw(TOKENS, "token"),
            progress=data.draw(st.booleans(), "progress"),
            timeout=data.draw(TIMEOUTS, "timeout"),
            maximum=data.draw(TIMEOUTS, "maximum"),
            parent=data.draw(st.sampled_from([None, None, *model.theirs.values()]), "parent"),
        )

    @rule(data=st.data())
    def the_application_does_something_else(self, data: st.DataObject) -> None:
        self.one_of(data, *self.other_ways())

    def other_ways(self) -> list[Step]:
        ours = self.it.model.ours
        return [self.it_notifies, *([self.it_gives_up] * 2 if ours else [])]

    def it_gives_up(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(list(self.it.model.ours.values())), "asked")
        self.it.cancel(asked, data.draw(st.sampled_from([None, "enough"]), "reason"))

    def it_notifies(self, data: st.DataObject) -> None:
        method = data.draw(st.sampled_from([*NOTIFICATIONS, "nobody/knows"]), "method")
        self.it.notify(method, data.draw(st.sampled_from(PARAMS[method]), "params"))

    @rule(seconds=WAITS)
    def time_passes(self, seconds: float) -> None:
        self.it.wait(seconds)

    def teardown(self) -> None:
        if not hasattr(self, "it") or self.it.failed:
            return
        self.it.end(self.unfinished)
        self.it.ask("ping")
        self.it.notify("notifications/roots/list_changed", None)
        for asked in list(self.it.model.ours.values()):
            self.it.cancel(asked, None)
        if self.role == "server":
            self.it.publish("notifications/tools/list_changed", None)
        for served in list(self.it.model.theirs.values())[::2]:
            if served.listens is None:
                self.it.respond(served, {})
        self.it.end()
        self.it.close()


JUNK: list[Any] = [None, 3, [], {}, {"jsonrpc": "2.0", "id": 8}, {"jsonrpc": "2.0", "method": 3}]
DAMAGES = [b"", b"", b'"', b"}", b"{", b",", b"\xff", b"\\", b"\\ud800", b"nope", b"1", b":", b"]"]
KEEPS = st.sampled_from([1, 1, 1000])


class ServerMachine(Machine):
    """A server, and a client that may say anything."""

    role = "server"

    @initialize(data=st.data(), speaks=SPEAKS, capabilities=st.sampled_from([SERVERS[0], *SERVERS]))
    def begin(self, data: st.DataObject, speaks: tuple[int, ...], capabilities: Json) -> None:
        strict = data.draw(st.integers(0, 5), "strict") == 5
        advice = data.draw(st.sampled_from([None, "", "read this"]), "advice")
        self.it = Sides("server", speaks, capabilities, strict=strict, instructions=advice)
        self.talk = Talk(self.it)
        self.unfinished = data.draw(st.sampled_from(NOISE), "unfinished")
        if data.draw(st.integers(0, 3), "a session"):
            revision = data.draw(st.sampled_from(LEGACY), "revision")
            theirs = data.draw(st.sampled_from([CLIENTS[0], *CLIENTS]), "theirs")
            self.it.hear(hello(revision, theirs))
            if data.draw(st.integers(0, 3), "ready"):
                self.it.hear(READY)

    @rule(data=st.data())
    def the_handshake_goes_on(self, data: st.DataObject) -> None:
        self.one_of(data, self.a_handshake_arrives, self.it_is_ready)

    def a_handshake_arrives(self, data: st.DataObject) -> None:
        version = data.draw(VERSIONS, "version")
        meta = data.draw(st.sampled_from([None, None, *ENVELOPES[:2]]), "meta")
        said = hello(version, data.draw(st.sampled_from(CLIENTS)), id=self.talk.an_id(data))
        if meta is not None:
            said["params"]["_meta"] = meta
        self.arrives(data, said)

    def it_is_ready(self, data: st.DataObject) -> None:
        spellings = ["notifications/initialized", "initialized"]
        self.arrives(data, message(data.draw(st.sampled_from(spellings), "spelling")))

    def other_ways(self) -> list[Step]:
        listened = any(one.listens is not None for one in self.it.model.theirs.values())
        more = [self.subscriptions_end] if listened else []
        return [*super().other_ways(), self.it_logs, self.it_logs, self.it_publishes, *more]

    def it_logs(self, data: st.DataObject) -> None:
        known: Sequence[Theirs | None] = [None, *self.it.model.theirs.values()]
        served = data.draw(st.sampled_from(known), "served")
        logger = data.draw(st.sampled_from([None, "db"]), "logger")
        self.it.log(served, data.draw(st.sampled_from(LEVELS), "level"), logger)

    def it_publishes(self, data: st.DataObject) -> None:
        method = data.draw(st.sampled_from(sorted(ASKED_BY)), "method")
        uri = data.draw(st.sampled_from(["a:1", "a:1/x", "b:/x/y", "c:"]), "uri")
        self.it.publish(method, {"uri": uri} if method.endswith("updated") else None)

    def subscriptions_end(self, data: st.DataObject) -> None:
        self.it.end_subscriptions()


class ClientMachine(Machine):
    """A client, and a server that may say anything."""

    role = "client"

    @initialize(
        data=st.data(),
        speaks=SPEAKS,
        capabilities=st.sampled_from([CLIENTS[0], *CLIENTS]),
        begins=st.sampled_from(["nothing", "session", "session", "modern", "modern", "both"]),
    )
    def begin(
        self, data: st.DataObject, speaks: tuple[int, ...], capabilities: Json, begins: str
    ) -> None:
        strict = data.draw(st.integers(0, 5), "strict") == 5
        self.it = it = Sides("client", speaks, capabilities, strict=strict)
        self.talk = Talk(it)
        self.unfinished = data.draw(st.sampled_from(NOISE), "unfinished")
        legacy = it.model.legacy
        if begins in ("session", "both") and legacy:
            it.initialize(data.draw(st.sampled_from(legacy), "revision"))
            (asked,) = it.model.ours.values()
            result = agreed(
                data.draw(st.sampled_from(legacy), "agreed"),
                data.draw(st.sampled_from([SERVERS[0], *SERVERS]), "theirs"),
            )
            it.hear({"jsonrpc": "2.0", "id": asked.id, "result": result})
        if begins in ("modern", "both"):
            it.adopt(data.draw(st.sampled_from([SERVERS[0], *SERVERS]), "server"))

    def ways_to_ask(self) -> list[Step]:
        listens = [self.it_listens] * 2 if self.it.model.adopted is not None else []
        opens = [self.it_probes, self.it_initializes, self.it_adopts]
        return [*super().ways_to_ask(), *opens, *listens]

    def it_probes(self, data: st.DataObject) -> None:
        self.it.discover(data.draw(TIMEOUTS, "timeout"))

    def it_initializes(self, data: st.DataObject) -> None:
        self.it.initialize(data.draw(st.sampled_from(ALL), "revision"), data.draw(TIMEOUTS))

    def it_adopts(self, data: st.DataObject) -> None:
        self.it.adopt(data.draw(st.sampled_from(SERVERS), "server"))

    def it_listens(self, data: st.DataObject) -> None:
        params = data.draw(st.sampled_from(PARAMS["subscriptions/listen"]), "filter")
        timeout, token = data.draw(TIMEOUTS, "timeout"), data.draw(TOKENS, "token")
        self.it.ask("subscriptions/listen", params, timeout=timeout, token=token)


SETTINGS = settings(
    max_examples=int(os.environ.get("BAREWIRE_MODEL_EXAMPLES", "40")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("machine", [ServerMachine, ClientMachine])
@pytest.mark.rule("S-05", "S-06", "S-09", "S-10", "S-11", "S-12", "S-13", "S-14", "S-15")
@pytest.mark.rule("S-16", "S-17", "S-19", "S-20", "S-21", "S-32", "S-33", "S-34", "S-35")
@pytest.mark.rule("S-36", "S-37", "S-38", "S-39", "S-40", "S-41", "S-42", "S-43", "C-01")
@pytest.mark.rule("C-02", "C-03", "C-04", "C-05", "C-06", "C-09", "C-10", "C-11", "C-12")
@pytest.mark.rule("C-13", "C-18", "C-32", "L-01", "L-02", "L-03", "L-04", "M1105-RPC-06")
@pytest.mark.rule("M1105-RPC-08", "M0326-RPC-18", "M1125-RPC-14", "T9")
def test_our_peer_does_what_the_model_says(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=SETTINGS)
