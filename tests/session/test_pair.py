"""What one end sends is exactly what the other receives, whatever happens in between.

Two ends of any revisions are joined by a wire that is cut into chunks as it likes. Handlers answer
in any order, requests are cancelled and expire, servers ask in the course of what they were asked,
noise and silence come in between, and at the end the stream ends. `pair` holds the model.
"""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from barewire.protocol.envelope import LOG_LEVELS
from barewire.protocol.methods import Role
from barewire.protocol.revisions import ALL, LATEST, LEGACY, Revision
from barewire.session.negotiation import Mode
from tests.session.pair import (
    FILTERS,
    NOISE,
    OF_CLIENTS,
    OF_LEGACY_CLIENTS,
    OF_SERVERS,
    PUBLISHED,
    ROLES,
    TOKENS,
    Ask,
    Pair,
)

Step = Callable[[st.DataObject], None]

METHODS = st.sampled_from(OF_CLIENTS + OF_LEGACY_CLIENTS)
TIMEOUTS = st.sampled_from([None, 5.0, 30.0])
SIZES = st.integers(1, 60) | st.sampled_from([200, 1_000, 1 << 30])
# A round is asked for where that is possible; elsewhere it is a result like any other.
ANSWERS = st.sampled_from(["round", "result", "reason", "own code", "unwritable", "result"])
MUCH_NOISE = 3


class Machine(RuleBasedStateMachine):
    """Draws what happens next. There are few rules, each with many steps, so that all are met."""

    pair: Pair | None = None
    noise_made = 0

    @initialize(
        mode=st.sampled_from(["auto", "auto", "legacy", "modern"]),
        client=st.sampled_from([ALL, ALL, ALL, LEGACY, *((revision,) for revision in ALL)]),
        server=st.just(set(ALL)) | st.sets(st.sampled_from(ALL), min_size=1),
        at_once=st.sampled_from([True, True, False]),
    )
    def begin(
        self, mode: Mode, client: tuple[Revision, ...], server: set[Revision], at_once: bool
    ) -> None:
        self.pair = Pair(mode, client, [revision for revision in ALL if revision in server])
        if at_once:
            self.pair.deliver_all()

    @property
    def it(self) -> Pair:
        assert self.pair is not None
        return self.pair

    @staticmethod
    def one_of(data: st.DataObject, *steps: Step | None) -> None:
        """Draw one of the steps that are possible now, if any is."""
        possible = [step for step in steps if step is not None]
        if possible:
            data.draw(st.sampled_from(possible))(data)

    # Asking.

    @rule(data=st.data())
    def somebody_asks(self, data: st.DataObject) -> None:
        it = self.it
        session = it.phase["server"] in ("opened", "ready")
        self.one_of(
            data,
            self.client_asks if it.speaking else None,
            self.client_listens if it.speaking and it.client_is_modern else None,
            self.server_asks if session else None,
            self.client_tries_again if it.rounds else None,
        )

    def client_asks(self, data: st.DataObject) -> None:
        level = data.draw(st.sampled_from([None, *LOG_LEVELS]))
        maximum = data.draw(st.sampled_from([None, None, 12.0]))
        token = data.draw(st.sampled_from(TOKENS))
        self.it.client_asks(data.draw(METHODS), token, level, data.draw(TIMEOUTS), maximum)

    def client_listens(self, data: st.DataObject) -> None:
        params = {"notifications": data.draw(st.sampled_from(FILTERS))}
        token = data.draw(st.sampled_from([None, True]))
        self.it.ask("client", "subscriptions/listen", params, token, data.draw(TIMEOUTS))

    def server_asks(self, data: st.DataObject) -> None:
        parent = data.draw(st.sampled_from([*self.it.served("server"), None]))
        method = data.draw(st.sampled_from(OF_SERVERS))
        token = data.draw(st.sampled_from(TOKENS))
        self.it.server_asks(method, token, data.draw(TIMEOUTS), parent)

    def client_tries_again(self, data: st.DataObject) -> None:
        self.it.try_again(data.draw(st.integers(0, len(self.it.rounds) - 1)))

    # Serving.

    @precondition(lambda self: any(self.it.served(role) for role in ROLES))
    @rule(data=st.data())
    def somebody_answers(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.served()))
        if asked.method != "subscriptions/listen":
            self.it.answer(asked, data.draw(ANSWERS))

    @precondition(lambda self: any(self.it.served(role) for role in ROLES))
    @rule(data=st.data())
    def somebody_reports(self, data: st.DataObject) -> None:
        served = self.served()
        with_token = [one for one in served if one.token is not None]
        asked = data.draw(st.sampled_from(with_token or served))
        self.it.report(asked, data.draw(st.integers(-2, 9) | st.sampled_from([0.5, 7.25])))

    @precondition(lambda self: self.it.served("server"))
    @rule(data=st.data(), level=st.sampled_from(sorted(LOG_LEVELS)))
    def somebody_logs(self, data: st.DataObject, level: str) -> None:
        self.it.log(data.draw(st.sampled_from(self.it.served("server"))), level)

    def served(self) -> list[Ask]:
        return [one for role in ROLES for one in self.it.served(role)]

    @rule(data=st.data())
    def something_changes(self, data: st.DataObject) -> None:
        it = self.it
        ready = it.phase["client"] == "ready"
        both = LATEST in it.server_revisions and LATEST in it.peers["client"].local.modern
        self.one_of(
            data,
            lambda data: it.publish(*data.draw(st.sampled_from(PUBLISHED))),
            lambda data: it.log(None, data.draw(st.sampled_from(sorted(LOG_LEVELS)))),
            (lambda _: it.change_roots()) if ready and not it.client_is_modern else None,
            (lambda _: it.adopt()) if ready and both else None,
            (lambda _: it.end_subscriptions()) if it.peers["server"].listeners.open else None,
        )

    # Giving up.

    @precondition(lambda self: any(self.it.waiting(role) for role in ROLES))
    @rule(data=st.data())
    def somebody_gives_up(self, data: st.DataObject) -> None:
        waiting = [one for role in ROLES for one in self.it.waiting(role)]
        self.it.cancel(data.draw(st.sampled_from(waiting)))

    @rule(seconds=st.sampled_from([0.5, 3.0, 10.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.it.wait(seconds)

    # The wire.

    @precondition(lambda self: any(self.it.wire.values()))
    @rule(data=st.data(), size=SIZES)
    def bytes_arrive(self, data: st.DataObject, size: int) -> None:
        self.it.deliver(data.draw(st.sampled_from([r for r in ROLES if self.it.wire[r]])), size)

    @precondition(lambda self: any(self.it.wire.values()))
    @rule()
    def everything_arrives(self) -> None:
        self.it.deliver_all()

    @precondition(lambda self: self.noise_made < MUCH_NOISE)
    @rule(sender=st.sampled_from(ROLES), noise=st.sampled_from(sorted(NOISE)))
    def noise_comes_in_between(self, sender: Role, noise: bytes) -> None:
        self.noise_made += 1
        self.it.make_noise(sender, noise)

    # Always, and at the end.

    @invariant()
    def both_ends_are_as_the_model_has_them(self) -> None:
        if self.pair is not None:
            self.pair.check()

    def teardown(self) -> None:
        if self.pair is not None:
            self.pair.finish()


SETTINGS = settings(
    max_examples=int(os.environ.get("BAREWIRE_PAIR_EXAMPLES", "80")),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.rule("S-10", "S-11", "S-21", "S-32", "S-33", "S-34", "S-35", "S-40", "S-42", "S-43")
@pytest.mark.rule("C-01", "C-02", "C-03", "C-06", "C-12", "C-13", "C-18", "L-03", "L-04", "T9")
def test_what_one_end_sends_is_what_the_other_receives() -> None:
    run_state_machine_as_test(Machine, settings=SETTINGS)
