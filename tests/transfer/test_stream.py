"""The body of an answer: every byte once, in order, however it comes and is asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transfer.bench import DATA, SIZE
from tests.transfer.helping import QUICK, settings_for
from tests.transfer.origins import KIB, Origin, origins, pieces_of
from tests.transfer.scripted import Request, ranged, reply
from vaehub.errors import SourceUnreachable
from vaehub.transfer.reply import Closing
from vaehub.transfer.session import Session
from vaehub.transfer.stream import Answer
from vaehub.weights.heads import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def take(server: Origin, sizes: list[int], *, look: bool) -> Iterator[bytes]:
    """Read an answer to its end, in pieces of these sizes in turn."""
    with (
        Session(settings_for(server.url), patience=QUICK) as session,
        session.get(f"{server.url}/vae") as reply,
    ):
        answer = Answer(reply)
        if look:
            assert answer.head() == DATA[:HEAD_BYTES]
        count = 0
        while piece := answer.read(sizes[count % len(sizes)]):
            assert len(piece) <= sizes[count % len(sizes)]
            count += 1
            yield bytes(piece)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    piece=st.integers(500, 100_000),
    sizes=st.lists(st.integers(3000, SIZE), min_size=1, max_size=3),
    look=st.booleans(),
)
def test_every_byte_comes_once(piece: int, sizes: list[int], look: bool) -> None:
    with origins(lambda request: pieces_of(ranged(DATA, request), piece=piece)) as [server]:
        assert b"".join(take(server, sizes, look=look)) == DATA


@pytest.mark.parametrize("look", [True, False])
@pytest.mark.parametrize("count", [HEAD_BYTES, HEAD_BYTES + 1, 100_000])
def test_what_had_come_before_a_break_is_given(count: int, look: bool) -> None:
    with origins(lambda request: ranged(DATA, request, upto=count)) as [server]:
        answer = take(server, [SIZE], look=look)
        came: list[bytes] = []
        with pytest.raises(SourceUnreachable):
            came.extend(answer)
        assert b"".join(came) == DATA[:count]


def test_what_has_come_does_not_wait_for_what_has_not() -> None:
    may_go_on = threading.Event()

    def halting(request: Request) -> Iterator[bytes]:
        whole = reply(200, DATA)
        yield whole[:-1000]
        assert may_go_on.wait(30), "nothing was given while the rest was missing"
        yield whole[-1000:]

    with origins(halting) as [server]:
        came = b""
        for piece in take(server, [SIZE], look=False):
            came += piece
            if len(came) == SIZE - 1000:
                may_go_on.set()
        assert came == DATA


class Records(Closing):
    """An answer that comes in records, as over TLS."""

    url = "https://mirror.example/vae"
    status = 200
    headers: Mapping[str, str] = {}

    def __init__(self, count: int, size: int, *, at_once: bool) -> None:
        self.left = [bytes([number]) * size for number in range(count)]
        self.at_once = at_once

    def receive_into(self, buffer: memoryview) -> int:
        record = self.left.pop(0) if self.left else b""
        buffer[: len(record)] = record
        return len(record)

    def has_more(self, seconds: float) -> bool:
        return self.at_once and bool(self.left) and seconds > 0

    def close(self) -> None:
        self.left.clear()


def test_records_that_are_there_are_handed_on_together() -> None:
    answer = Answer(Records(12, 16 * KIB, at_once=True))
    sizes = []
    while piece := answer.read(256 * KIB):
        sizes.append(len(piece))
    # All that is there, but no more than is worth being handed on.
    assert sizes == [128 * KIB, 64 * KIB]


def test_a_record_that_comes_alone_is_handed_on_alone() -> None:
    answer = Answer(Records(3, 16 * KIB, at_once=False))
    assert [len(answer.read(256 * KIB)) for _ in range(4)] == [16 * KIB, 16 * KIB, 16 * KIB, 0]
