"""The drivers: two descriptors, a machine, and the memory of a process."""

import os
import threading
from collections.abc import Iterator
from random import Random

import pytest

from barewire.fuzz import drive
from barewire.fuzz.drive import Memory, converse, read_to_the_end, resident
from barewire.fuzz.machines import Broken, ServerSoak
from barewire.protocol.revisions import LATEST
from tests.fuzz.test_machines import FakeServer


class Pipes:
    """Both directions between a machine and a peer."""

    def __init__(self) -> None:
        self.reads, self.peer_writes = os.pipe()
        self.peer_reads, self.writes = os.pipe()
        self.open = {self.reads, self.peer_writes, self.peer_reads, self.writes}

    def close(self, *fds: int) -> None:
        for fd in self.open.intersection(fds or self.open):
            self.open.discard(fd)
            os.close(fd)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    made.close()


def serve(pipes: Pipes) -> None:
    server = FakeServer()
    while data := os.read(pipes.peer_reads, 1 << 16):
        said = server(data)
        while said:
            said = said[os.write(pipes.peer_writes, said) :]
    server.connection.end_subscriptions()
    os.write(pipes.peer_writes, server.said())
    pipes.close(pipes.peer_writes)


def test_a_conversation_goes_both_ways_at_once(pipes: Pipes) -> None:
    thread = threading.Thread(target=serve, args=(pipes,))
    thread.start()
    machine = ServerSoak(LATEST, Random(1))
    try:
        converse(machine, machine.open(), pipes.reads, pipes.writes)
        converse(machine, machine.round(3000), pipes.reads, pipes.writes)
    finally:
        pipes.close(pipes.writes)
        read_to_the_end(machine, pipes.reads)
        thread.join()
    machine.close()
    assert machine.count >= 3000


def test_a_peer_that_hangs_up_is_found(pipes: Pipes) -> None:
    machine = ServerSoak(LATEST, Random(1))
    pipes.close(pipes.peer_writes)
    with pytest.raises(Broken, match="closed its output"):
        converse(machine, b"", pipes.reads, pipes.writes)


def test_a_peer_that_does_not_listen_is_found(pipes: Pipes) -> None:
    machine = ServerSoak(LATEST, Random(1))
    pipes.close(pipes.peer_reads)
    with pytest.raises(Broken, match="closed its input"):
        converse(machine, b"x", pipes.reads, pipes.writes)


def test_a_peer_that_says_nothing_is_found(pipes: Pipes) -> None:
    machine = ServerSoak(LATEST, Random(1))
    with pytest.raises(Broken, match="nothing moves: the correct call was not served"):
        converse(machine, machine.open(), pipes.reads, pipes.writes, patience=0.01)


def test_memory_may_grow_while_warming_up_and_by_the_bound_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = iter([10, 50, 40, 59, 60, 61])

    def next_size(_: int) -> int:
        return next(sizes) * 2**20

    monkeypatch.setattr(drive, "resident", next_size)
    memory = Memory(0, warm=2, bound=10 * 2**20)
    for lines in range(1, 6):
        memory.look(lines)
    assert str(memory) == "60.0 MiB, +10.0 since warm"
    with pytest.raises(Broken, match=r"61\.0 MiB, \+11\.0 since warm, where 10 MiB are the most"):
        memory.look(6)


def test_the_memory_of_a_process_is_known_where_there_is_a_proc() -> None:
    size = resident(os.getpid())
    assert size is None or size > 2**20
    assert resident(2**30) is None
    memory = Memory(2**30, warm=0, bound=0)
    memory.look(1)
    assert str(memory) == "memory unknown"
