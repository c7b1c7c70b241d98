"""Pieces handed to several workers: every byte exactly once, whatever happens to the workers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaehub.transfer.segments import (
    LARGEST,
    MIB,
    SLOW_SECONDS,
    SMALLEST,
    SMALLEST_AFAR,
    TINIEST,
    Piece,
    Segments,
)


def test_pieces_come_from_the_front_and_get_smaller() -> None:
    segments = Segments([(0, 335 * MIB)])
    pieces = []
    while (piece := segments.take(4)) is not None and segments.unassigned:
        pieces.append(piece)
    starts = [piece.position for piece in pieces]
    sizes = [piece.left for piece in pieces]
    assert starts == sorted(starts)
    assert sizes[0] == LARGEST
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) >= SMALLEST


def test_the_largest_piece_is_split_when_nothing_is_left_to_hand_out() -> None:
    segments = Segments([(0, 10 * MIB)])
    pieces = []
    while segments.unassigned:
        pieces.append(segments.take(1))
    largest = max((piece for piece in pieces if piece), key=lambda piece: piece.left)
    start, end = largest.position, largest.end
    stolen = segments.take(2)
    assert stolen is not None
    assert (largest.position, stolen.end) == (start, end)
    assert largest.end == stolen.position == start + (end - start) // 2


@pytest.mark.parametrize(("size", "rate"), [(TINIEST, 0.0), (MIB, 10.0 * MIB)])
def test_a_small_rest_is_left_to_whoever_has_it(size: int, rate: float) -> None:
    segments = Segments([(5, 5 + size)])
    assert segments.take(2, rate=rate) is not None
    assert segments.take(2) is None


def test_a_piece_is_split_where_both_halves_end_at_the_same_time() -> None:
    segments = Segments([(0, MIB)])
    slow = segments.take(1, rate=3e6)
    assert slow is not None
    size = slow.left
    fast = segments.take(2, rate=9e6)
    assert fast is not None
    assert fast.end == size
    assert abs(fast.left / 9e6 - slow.left / 3e6) < 0.01


def test_the_slower_one_keeps_even_a_tiny_half() -> None:
    """It has its answer already; only what is split off costs a request."""
    segments = Segments([(0, MIB)])
    slow = segments.take(1, rate=1e6)
    assert slow is not None
    fast = segments.take(2, rate=20e6)
    assert fast is not None
    assert 0 < slow.left < TINIEST < fast.left


@pytest.mark.parametrize(("wait", "size"), [(0.001, SMALLEST), (0.05, SMALLEST_AFAR)])
def test_pieces_stay_larger_where_hosts_take_long_to_answer(wait: float, size: int) -> None:
    segments = Segments([(0, 4 * MIB)])
    piece = segments.take(8, rate=20e6, wait=wait)
    assert piece is not None
    assert piece.left == size


def test_a_newcomer_begins_small_beside_others() -> None:
    """Should it be slow, whoever hashes the bytes in their order would wait for it."""
    segments = Segments([(0, 400 * MIB)])
    assert segments.take(4, rate=20e6) is not None
    newcomer = segments.take(4)
    assert newcomer is not None
    assert newcomer.left == SMALLEST


def test_a_slow_worker_is_done_with_each_piece_soon() -> None:
    segments = Segments([(0, 400 * MIB)])
    for _ in range(4):
        assert segments.take(5, rate=20e6) is not None
    slow = segments.take(5, rate=1e6)
    assert slow is not None
    assert slow.time_left <= SLOW_SECONDS


@pytest.mark.parametrize("size", [MIB // 8, MIB])
def test_what_drips_is_taken_over_whole(size: int) -> None:
    """Its own half would be too small for a request, and take for ever all the same."""
    segments = Segments([(0, size)])
    drip = segments.take(1, rate=1e7)
    assert drip is not None
    segments.advance(drip, 1000)
    drip.rate = 1000.0
    taken = segments.take(2, rate=1e7)
    assert taken is not None
    assert (taken.position, taken.end) == (1000, size)
    assert drip.left == 0
    assert segments.take(2, rate=1e7) is None, "who has it now is fast enough"


def test_what_drips_is_left_to_it_where_nobody_is_faster() -> None:
    segments = Segments([(0, MIB // 8)])
    drip = segments.take(1, rate=1000.0)
    assert drip is not None
    assert segments.take(2, rate=2000.0) is None


def test_what_drips_is_taken_over_by_one_that_was_too_fast_to_be_measured() -> None:
    segments = Segments([(0, MIB // 8)])
    drip = segments.take(1, rate=1000.0)
    assert drip is not None
    taken = segments.take(2)
    assert taken is not None
    assert taken.left == MIB // 8
    assert segments.take(2) is None, "nothing is known of it yet"


def test_a_slow_worker_gets_less() -> None:
    segments = Segments([(0, 400 * MIB)])
    fast = segments.take(4, rate=20e6)
    slow = segments.take(4, rate=2e6)
    assert fast is not None
    assert slow is not None
    assert slow.left * 2 < fast.left


def test_bytes_that_were_given_up_are_fetched_again() -> None:
    segments = Segments([(0, MIB)])
    piece = segments.take(1)
    assert piece is not None
    segments.advance(piece, MIB)
    segments.give_back(piece)
    segments.add([(10, 20)])
    again = segments.take(1)
    assert again is not None
    assert (again.position, again.end) == (10, 20)


def test_a_stalled_piece_is_taken_over_whole() -> None:
    segments = Segments([(0, MIB)])
    slow = segments.take(1)
    assert slow is not None
    segments.advance(slow, 1000)
    taken = segments.take_over(slow)
    assert (taken.position, taken.end) == (1000, MIB)
    assert segments.advance(slow, 5000) == 0, "what the stalled worker still brings does not count"


def test_a_piece_that_was_taken_over_does_not_keep_others_from_being_split() -> None:
    segments = Segments([(0, 4 * MIB)])
    silent, slow = segments.take(1), segments.take(1)
    assert silent is not None
    assert slow is not None
    slow.rate = 100_000.0
    taken = segments.take_over(silent)
    segments.advance(taken, taken.left)
    assert segments.take(2) is not None


ranges = st.lists(st.integers(0, 40 * MIB), min_size=2, max_size=8, unique=True).map(
    lambda edges: list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
)


@settings(deadline=None)
@given(ranges, st.data())
def test_every_byte_is_fetched_exactly_once(
    missing: list[tuple[int, int]], data: st.DataObject
) -> None:
    segments = Segments(missing)
    got: list[tuple[int, int]] = []
    active: list[Piece] = []
    workers = data.draw(st.integers(1, 8))
    for _ in range(60):
        if segments.done:
            break
        act = data.draw(st.sampled_from(["take", "take", "advance", "fail", "stall"]))
        if act == "take" or not active:
            piece = segments.take(workers, rate=data.draw(st.sampled_from([0.0, 1e5, 1e7])))
            if piece is not None:
                active.append(piece)
                continue
            act = "advance"
        if not active:
            continue
        piece = data.draw(st.sampled_from(active))
        if act == "stall":
            if piece.left:
                active.append(segments.take_over(piece))
            continue
        if act == "advance":
            at = piece.position
            counted = segments.advance(piece, data.draw(st.integers(1, 20 * MIB)))
            if counted:
                got.append((at, at + counted))
        if act == "fail" or not piece.left:
            active.remove(piece)
            segments.give_back(piece)
    while not segments.done:  # bring it to an end without further trouble
        piece = active.pop() if active else segments.take(1)
        assert piece is not None
        if piece.left:
            got.append((piece.position, piece.end))
            segments.advance(piece, piece.left)
        segments.give_back(piece)
    got.sort()
    merged: list[list[int]] = []
    for start, end in got:
        assert not merged or start >= merged[-1][1], "a byte was counted twice"
        if merged and merged[-1][1] == start:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    wanted: list[list[int]] = []
    for start, end in sorted(missing):
        if wanted and wanted[-1][1] == start:
            wanted[-1][1] = end
        elif start < end:
            wanted.append([start, end])
    assert merged == wanted
