"""How a client finds the revision to speak, with every kind of server on a pipe."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.revisions import (
    LATEST,
    LATEST_LEGACY,
    LEGACY,
    MODERN,
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    Revision,
)
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

Server = Callable[[Action], Observation]


def names(*revisions: Revision) -> tuple[str, ...]:
    return tuple(revision.name for revision in revisions)


def play(plan: Plan, server: Server, most: int = 20) -> list[Action]:
    """Return what a client does with this server until it is done."""
    plan, action = begin(plan)
    actions = [action]
    while not isinstance(action, Done | Fail):
        plan, action = follow(plan, server(action))
        actions.append(action)
        assert len(actions) < most, actions
    return actions


def a_legacy_server(
    probed: Observation, speaks: tuple[Revision, ...] = LEGACY, *, refuses: bool = False
) -> Server:
    """Return a server that observes nothing about modern requests but what `probed` says."""

    def answer(action: Action) -> Observation:
        if isinstance(action, Probe):
            return probed
        assert isinstance(action, Initialize | Respawn)
        if action.revision in speaks:
            return Agreed(action.revision.name)
        if refuses:
            return RefusedWith(-32602, "Unsupported protocol version", names(*speaks))
        return Agreed(speaks[-1].name)

    return answer


def a_modern_server(*speaks: str) -> Server:
    """Return a server that discovers and knows no handshake."""

    def answer(action: Action) -> Observation:
        if isinstance(action, Probe):
            if action.revision.name in speaks:
                return Discovered(speaks)
            return RefusedWith(-32022, "Unsupported protocol version", speaks)
        return RefusedWith(-32601, f"this server speaks {speaks}", speaks)

    return answer


# Eight kinds of legacy server.


@pytest.mark.rule("T12", "C-21", "M0728-STD-17", "M0728-STD-18", "M0728-DISC-01", "B10", "B11")
@pytest.mark.parametrize(
    "probed",
    [
        RefusedWith(-32601, "Method not found"),
        RefusedWith(-32602, "Invalid request parameters"),
        RefusedWith(-32600, "Server not initialized"),
        RefusedWith(-1, "what?"),
        RefusedWith(0),
        RefusedWith(-32000, "Bad Request", ("nothing",)),
        Silence(),
        Exited(),
        Discovered(()),
    ],
)
@pytest.mark.parametrize("revision", LEGACY)
def test_a_legacy_server_of_any_kind_is_initialized(
    probed: Observation, revision: Revision
) -> None:
    actions = play(Plan("auto"), a_legacy_server(probed, (revision,)))
    opened = Respawn(LATEST_LEGACY) if isinstance(probed, Exited) else Initialize(LATEST_LEGACY)
    assert actions == [Probe(LATEST), opened, Done(revision)]


@pytest.mark.rule("T12")
@pytest.mark.parametrize("revision", LEGACY)
def test_a_server_that_refuses_versions_instead_of_offering_one_is_asked_again(
    revision: Revision,
) -> None:
    server = a_legacy_server(Silence(), (revision,), refuses=True)
    *_, last = actions = play(Plan("auto"), server)
    assert last == Done(revision)
    assert actions.count(Initialize(revision)) == 1


@pytest.mark.rule("T12")
def test_a_server_that_refuses_what_it_lists_is_not_asked_for_ever() -> None:
    def server(action: Action) -> Observation:
        return RefusedWith(-32602, "no", names(*LEGACY))

    *_, last = actions = play(Plan("auto"), server)
    assert isinstance(last, Fail)
    tried = [action.revision for action in actions if isinstance(action, Initialize)]
    assert tried == list(reversed(LEGACY))


def test_a_server_that_exits_twice_is_given_up() -> None:
    def server(action: Action) -> Observation:
        return Exited()

    actions = play(Plan("auto"), server)
    assert actions[:2] == [Probe(LATEST), Respawn(LATEST_LEGACY)]
    assert actions[2] == Fail("the server did not initialize: it exited")


@pytest.mark.rule("T12")
def test_a_server_that_was_slow_and_ended_when_it_met_the_probe_is_started_once_more() -> None:
    observations = iter(list[Observation]([Silence(), Exited(), Exited()]))
    actions = play(Plan("auto"), lambda _: next(observations))
    assert actions == [
        Probe(LATEST),
        Initialize(LATEST_LEGACY),
        Respawn(LATEST_LEGACY),
        Fail("the server did not initialize: it exited"),
    ]


@pytest.mark.rule("T12", "M0728-STD-18")
@pytest.mark.parametrize("found", [Discovered(names(LATEST)), RefusedWith(-32601), Silence()])
def test_a_server_that_was_slow_and_then_says_that_it_is_modern_is_probed_once_more(
    found: Observation,
) -> None:
    observations = iter(list[Observation]([Silence(), RefusedWith(-32022, "pinned"), found]))
    *actions, end = play(Plan("auto"), lambda _: next(observations))
    assert actions == [Probe(LATEST), Initialize(LATEST_LEGACY), Probe(LATEST)]
    assert end == Done(LATEST) if isinstance(found, Discovered) else isinstance(end, Fail)


@pytest.mark.parametrize("offered", LEGACY)
def test_a_server_that_was_slow_and_contradicts_itself_is_given_up(offered: Revision) -> None:
    pinned = RefusedWith(-32022, "pinned")
    observations = iter(list[Observation]([Silence(), pinned, Discovered(names(offered)), pinned]))
    *actions, end = play(Plan("auto"), lambda _: next(observations))
    first = [Probe(LATEST), Initialize(LATEST_LEGACY), Probe(LATEST)]
    assert actions == first + [Initialize(offered)] * (offered is not LATEST_LEGACY)
    assert isinstance(end, Fail)


@pytest.mark.rule("T12")
def test_a_server_that_was_slow_and_refuses_is_not_started_once_more() -> None:
    observations = iter(list[Observation]([Silence(), RefusedWith(-32603, "no")]))
    *_, last = play(Plan("auto"), lambda _: next(observations))
    assert last == Fail("the server did not initialize: error -32603 no")


def test_an_agreement_counts_even_if_this_plan_has_not_asked_for_it() -> None:
    assert follow(Plan("auto"), Agreed(V2025_06_18.name))[1] == Done(V2025_06_18)


# Modern and dual servers.


@pytest.mark.rule("M0728-VER-02", "M0728-STD-17", "M0728-VER-09")
@pytest.mark.parametrize("mode", ["auto", "modern"])
@pytest.mark.parametrize("more", [(), names(*LEGACY), ("2999-12-31",)])
def test_a_server_that_discovers_is_modern(mode: Mode, more: tuple[str, ...]) -> None:
    server = a_modern_server(LATEST.name, *more)
    assert play(Plan(mode), server) == [Probe(LATEST), Done(LATEST)]


@pytest.mark.rule("C-20", "M0728-VER-02")
def test_a_modern_server_of_other_versions_is_not_initialized() -> None:
    for supported in (("2999-12-31",), ("2999-12-31", "3000-01-01")):
        actions = play(Plan("auto"), a_modern_server(*supported))
        assert len(actions) == 2
        assert isinstance(actions[1], Fail)
        assert "2999-12-31" in actions[1].detail
        assert LATEST.name in actions[1].detail


@pytest.mark.rule("C-20", "M0728-STD-17")
@pytest.mark.parametrize("code", [-32020, -32021, -32022])
@pytest.mark.parametrize("supported", [(), (LATEST.name,)])
def test_a_recognised_modern_error_never_leads_to_initialize(
    code: int, supported: tuple[str, ...]
) -> None:
    def server(action: Action) -> Observation:
        return RefusedWith(code, "no", supported)

    probed, failed = play(Plan("auto"), server)
    assert probed == Probe(LATEST)
    assert isinstance(failed, Fail)


@pytest.mark.parametrize("code", [-32019, -32023, -32001, -32003, -32004, -32099])
def test_no_other_code_is_a_recognised_modern_error(code: int) -> None:
    server = a_legacy_server(RefusedWith(code, "old build"))
    assert play(Plan("auto"), server)[1] == Initialize(LATEST_LEGACY)


@pytest.mark.rule("M0728-VER-02")
@pytest.mark.parametrize("discovered", [True, False])
def test_a_legacy_date_among_the_supported_is_reached_by_the_handshake(discovered: bool) -> None:
    supported = ("2999-12-31", *names(V2024_11_05, V2025_06_18))
    observed = Discovered(supported) if discovered else RefusedWith(-32022, "no", supported)
    server = a_legacy_server(observed, (V2024_11_05, V2025_06_18))
    assert play(Plan("auto"), server) == [
        Probe(LATEST),
        Initialize(V2025_06_18),
        Done(V2025_06_18),
    ]
    assert isinstance(play(Plan("modern"), server)[1], Fail)


def test_an_older_modern_version_is_tried_when_it_is_listed_and_only_once() -> None:
    newer = LATEST.but("2999-12-31")
    plan = Plan("auto", (LATEST, newer))
    assert play(plan, a_modern_server(LATEST.name)) == [Probe(newer), Probe(LATEST), Done(LATEST)]

    def never_content(action: Action) -> Observation:
        return RefusedWith(-32022, "no", (newer.name, LATEST.name))

    probed, again, failed = play(plan, never_content)
    assert (probed, again) == (Probe(newer), Probe(LATEST))
    assert isinstance(failed, Fail)


@pytest.mark.rule("C-20")
def test_a_server_that_proved_to_be_modern_is_not_initialized_when_it_falls_silent() -> None:
    newer = LATEST.but("2999-12-31")

    def server(action: Action) -> Observation:
        assert isinstance(action, Probe)
        if action.revision is newer:
            return RefusedWith(-32022, "no", (LATEST.name,))
        return Silence()

    *_, last = play(Plan("auto", (LATEST, newer)), server)
    assert last == Fail("no modern server: no answer in time")


# One era only.


def test_a_legacy_client_does_not_probe() -> None:
    for probed in (Silence(), Exited()):
        actions = play(Plan("legacy"), a_legacy_server(probed))
        assert actions == [Initialize(LATEST_LEGACY), Done(LATEST_LEGACY)]


@pytest.mark.rule("M0728-VER-08")
def test_a_legacy_client_of_a_modern_server_fails_with_what_the_server_said() -> None:
    failed = play(Plan("legacy"), a_modern_server(LATEST.name))[-1]
    assert isinstance(failed, Fail)
    assert LATEST.name in failed.detail
    assert "-32601" in failed.detail


@pytest.mark.rule("M0728-VER-09")
@pytest.mark.parametrize(
    ("probed", "said"),
    [
        (RefusedWith(-32601, "Method not found"), "error -32601 Method not found"),
        (Silence(), "no answer in time"),
        (Exited(), "it exited"),
        (Discovered(()), "its answer names no version"),
    ],
)
def test_a_modern_client_of_a_legacy_server_fails_at_once_and_says_why(
    probed: Observation, said: str
) -> None:
    for plan in (Plan("modern"), Plan("auto", MODERN, ())):
        assert play(plan, a_legacy_server(probed)) == [
            Probe(LATEST),
            Fail(f"no modern server: {said}"),
        ]


def test_a_client_that_speaks_nothing_of_an_era_says_so() -> None:
    assert play(Plan("modern", ()), a_modern_server()) == [
        Fail("no modern revision is spoken here")
    ]
    assert play(Plan("legacy", MODERN, ()), a_modern_server()) == [
        Fail("no legacy revision is spoken here")
    ]
    assert play(Plan("auto", (), ()), a_modern_server()) == [
        Fail("no auto revision is spoken here")
    ]
    assert play(Plan("auto", ()), a_legacy_server(Silence()))[0] == Initialize(LATEST_LEGACY)


@pytest.mark.rule("M1105-LIFE-12", "M1105-LIFE-08")
@pytest.mark.parametrize("version", ["1.0.0", LATEST.name, "x" * 1000, V2024_11_05.name])
def test_an_agreement_on_what_we_do_not_speak_is_a_failure(version: str) -> None:
    plan, action = begin(Plan("legacy", legacy=(V2025_03_26, V2025_11_25)))
    assert action == Initialize(V2025_11_25)
    failed = follow(plan, Agreed(version))[1]
    assert isinstance(failed, Fail)
    assert len(failed.detail) < 100


def test_a_modern_refusal_without_versions_is_told_in_the_server_s_words() -> None:
    plan, _ = begin(Plan("auto"))
    failed = follow(plan, RefusedWith(-32021, "sampling is needed"))[1]
    said = "a modern server refused server/discover: error -32021 sampling is needed"
    assert failed == Fail(said)


@pytest.mark.rule("T33")
def test_what_a_server_offers_is_named_but_not_at_any_length() -> None:
    plan, _ = begin(Plan("modern", legacy=()))
    for offered, named in (
        (("9" * 100,) * 100, ", ".join(["9" * 32] * 16)),
        (("",), "none"),
    ):
        failed = follow(plan, Discovered(offered))[1]
        assert failed == Fail(
            f"no common revision: the server offers {named}; spoken here are {LATEST.name}"
        )


@pytest.mark.parametrize(
    "observed", [Silence(), Exited(), Discovered(()), RefusedWith(-32603, "x")]
)
def test_a_handshake_that_fails_is_the_end(observed: Observation) -> None:
    plan, _ = begin(Plan("legacy"))
    assert isinstance(follow(plan, observed)[1], Fail)


OBSERVATIONS = st.one_of(
    st.just(Silence()),
    st.just(Exited()),
    st.builds(Discovered, st.lists(st.sampled_from([*names(*LEGACY, LATEST), "x"])).map(tuple)),
    st.builds(Agreed, st.sampled_from([*names(*LEGACY, LATEST), "x"])),
    st.builds(
        RefusedWith,
        st.sampled_from([-32601, -32602, -32022, -32021, 0]),
        st.text(max_size=3),
        st.lists(st.sampled_from([*names(*LEGACY, LATEST), "x"])).map(tuple),
    ),
)


@given(
    st.sampled_from(["auto", "legacy", "modern"]),
    st.sets(st.sampled_from(LEGACY)),
    st.booleans(),
    st.lists(OBSERVATIONS, min_size=12, max_size=12),
)
@pytest.mark.rule("T12", "C-20", "C-21")
def test_whatever_is_observed_it_ends_and_never_leaves_its_mode(
    mode: Mode, legacy: set[Revision], modern: bool, observed: list[Observation]
) -> None:
    speaks = tuple(revision for revision in LEGACY if revision in legacy)
    plan = Plan(mode, MODERN if modern else (), speaks)
    observations = iter(observed)
    actions = play(plan, lambda _: next(observations), most=8)
    for action in actions:
        if isinstance(action, Probe):
            assert mode != "legacy"
            assert action.revision in plan.modern
        elif isinstance(action, Initialize | Respawn):
            assert mode != "modern"
            assert action.revision in plan.legacy
        elif isinstance(action, Done):
            assert action.revision in plan.modern + plan.legacy
    tried = [action.revision for action in actions if isinstance(action, Probe | Initialize)]
    slow = observed[0] == Silence()  # and met its probe late: then it may be probed once more
    assert len(tried) - len(set(tried)) <= slow
