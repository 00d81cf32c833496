"""Every case of the corpus, against the codec, the engine in every phase, and live peers."""

import json
from collections.abc import Callable, Iterable
from itertools import groupby

import pytest

from barewire.fuzz.cases import Case, cases
from barewire.fuzz.judge import judge
from barewire.fuzz.soak import Tour, replay
from barewire.protocol.codec import decode
from barewire.protocol.revisions import (
    LATEST,
    LATEST_LEGACY,
    V2024_11_05,
    V2025_03_26,
    Revision,
)
from barewire.protocol.values import as_object
from barewire.session.connection import Connection
from tests.conftest import ROOT
from tests.session.test_any_bytes import CLIENTS, SERVERS, still_serves
from tests.session.wire import a_session, a_session_of_a_client, sent

CORPUS = ROOT / "fuzz" / "corpus"
every_case = pytest.mark.parametrize("case", cases(), ids=str)


def counted(items: Iterable[str]) -> tuple[str, ...]:
    """Write runs of equal items as `3 x item`, as the index does."""
    runs = [(item, len(list(run))) for item, run in groupby(items)]
    return tuple(item if count == 1 else f"{count} x {item}" for item, count in runs)


def test_every_file_of_the_corpus_is_in_the_index_and_every_entry_has_a_file() -> None:
    files = sorted(path.name for path in CORPUS.iterdir() if path.name != "index.toml")
    assert files == sorted(f"{case.name}.line" for case in cases())
    for case in cases():
        assert case.data == (CORPUS / f"{case.name}.line").read_bytes()
        assert case.why


def test_exact_bytes_stay_exact_in_version_control() -> None:
    assert "fuzz/corpus/*.line -text" in (ROOT / ".gitattributes").read_text("utf-8")


@every_case
def test_a_case_is_shaped_as_the_index_says(case: Case) -> None:
    assert counted(judge(line).shape for line in case.lines) == case.shapes


@every_case
def test_the_codec_reads_a_case_without_raising(case: Case) -> None:
    for line in case.lines:
        decode(line)


@pytest.mark.rule("S-09", "S-11", "S-12", "S-13", "S-14", "S-15", "S-16", "S-19")
@every_case
def test_a_session_answers_a_case_as_the_index_says(case: Case) -> None:
    server = a_session(capabilities={"tools": {}})
    assert counted(answers(server, case)) == case.server
    assert counted(answers(a_session_of_a_client(), case)) == case.client


def answers(connection: Connection, case: Case) -> list[str]:
    connection.receive_data(case.data + b"\n", now=0.0)
    return [written(message) for message in sent(connection)]


def written(message: dict[str, object]) -> str:
    error = as_object(message.get("error"))
    code = "result" if error is None else error["code"]
    id = json.dumps(message["id"]) if "id" in message else "-"
    return f"{id if len(id) < 60 else 'long'}: {code}"


@pytest.mark.rule("S-17", "C-10", "T4")
@pytest.mark.parametrize("make", [*SERVERS, *CLIENTS])
def test_a_connection_survives_the_corpus_in_every_phase(make: Callable[[], Connection]) -> None:
    for case in cases():
        connection = make()
        sent(connection)
        connection.receive_data(case.data + b"\n", now=0.0)
        sent(connection)
        still_serves(connection)


@pytest.mark.rule("S-17", "C-10", "T4")
@pytest.mark.parametrize("side", ["server", "client"])
@pytest.mark.parametrize("revision", [V2024_11_05, V2025_03_26, LATEST_LEGACY, LATEST], ids=str)
def test_a_live_peer_survives_the_corpus(side: str, revision: Revision) -> None:
    backend = "trio" if revision is LATEST_LEGACY else "asyncio"
    tour = Tour("server" if side == "server" else "client", revision, backend)
    assert replay(tour, [line for case in cases() for line in case.lines]).failure is None
