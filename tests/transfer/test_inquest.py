"""Who sent the wrong bytes: found by fetching again as little as possible."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaehub.transfer.declared import Expected
from vaehub.transfer.extents import Extent, Owner
from vaehub.transfer.inquest import Inquest
from vaehub.transfer.partial import Partial

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

SIZE = 64
RIGHT = random.Random(8).randbytes(SIZE)
WRONG = bytes(byte ^ 0xFF for byte in RIGHT)
SHA256 = hashlib.sha256(RIGHT).hexdigest()
EARLIER = Owner("yesterday's", in_this_run=False)
ONE, TWO, THREE = (Owner(name, in_this_run=True) for name in ("one", "two", "three"))


@pytest.fixture
def partial(tmp_path: Path) -> Iterator[Partial]:
    with Partial(tmp_path / "x.part") as partial:
        partial.expect(Expected(SHA256, SIZE))
        partial.spread()
        yield partial


def fill(partial: Partial, *parts: tuple[int, Owner, bytes]) -> None:
    """Lay out the file: each part goes to where the next begins, and has bytes of its owner's."""
    ends = [*(start for start, _, _ in parts[1:]), SIZE]
    for (start, owner, data), end in zip(parts, ends, strict=True):
        if start < end:
            partial.put(owner.source, start, data[start:end])
            partial.attribute([Extent(start, end, owner)])


def send(partial: Partial, source: str, data: bytes) -> list[tuple[int, int]]:
    """Let a source send all that is missing."""
    missing = partial.missing()
    for start, end in missing:
        partial.put(source, start, data[start:end])
    return missing


def opened(
    inquest: Inquest, partial: Partial, *, gone: Collection[str] = ()
) -> tuple[Owner, ...] | None:
    """Go on where the digest is wrong; None where it is right."""
    digest = partial.digest()
    return None if digest == SHA256 else inquest.open(partial, digest, gone=gone)


@pytest.mark.parametrize(
    ("layout", "gone", "first"),
    [
        # Bytes of an earlier run: whoever sent them, nobody of this run is to blame.
        ([(0, ONE, RIGHT), (10, EARLIER, WRONG)], (), EARLIER),
        # Who is gone cannot be held against others later.
        ([(0, ONE, RIGHT), (10, TWO, WRONG)], ("two",), TWO),
        ([(0, ONE, RIGHT), (10, TWO, WRONG), (40, EARLIER, RIGHT)], ("two",), EARLIER),
        # Else whom it costs least.
        ([(0, ONE, RIGHT), (10, TWO, WRONG)], (), ONE),
        ([(0, ONE, RIGHT), (40, TWO, WRONG)], (), TWO),
        ([(0, ONE, RIGHT), (10, TWO, RIGHT), (30, THREE, WRONG), (45, ONE, RIGHT)], (), THREE),
    ],
)
def test_it_begins_with_whom_it_costs_least(
    partial: Partial,
    layout: list[tuple[int, Owner, bytes]],
    gone: tuple[str, ...],
    first: Owner,
) -> None:
    fill(partial, *layout)
    theirs = [part for part in partial.extents() if part.owner == first]
    inquest = Inquest()
    assert opened(inquest, partial, gone=gone) == ()
    assert inquest.suspect == first
    assert list(inquest.taken) == theirs
    assert partial.missing() == [(part.start, part.end) for part in theirs]


def test_with_one_owner_there_is_nothing_to_find_out(partial: Partial) -> None:
    fill(partial, (0, ONE, WRONG))
    inquest = Inquest()
    assert opened(inquest, partial) == (ONE,)
    assert inquest.suspect is None
    assert partial.present == 0


def test_where_others_send_the_same_a_source_is_innocent(partial: Partial) -> None:
    fill(partial, (0, ONE, RIGHT), (10, TWO, WRONG))
    inquest = Inquest()
    opened(inquest, partial)
    assert send(partial, "two", RIGHT) == [(0, 10)]
    assert opened(inquest, partial) == ()
    assert inquest.suspect == TWO
    assert inquest.doubted == set()
    assert partial.owners() == {ONE: 10}, "what was right is its own again"
    assert send(partial, "one", RIGHT) == [(10, SIZE)]
    assert opened(inquest, partial) is None
    assert inquest.suspect == TWO


def test_where_others_send_something_else_it_is_doubted(partial: Partial) -> None:
    fill(partial, (0, ONE, RIGHT), (10, TWO, RIGHT), (30, THREE, WRONG))
    inquest = Inquest()
    opened(inquest, partial)
    assert inquest.suspect == ONE
    send(partial, "three", WRONG)
    assert opened(inquest, partial) == ()
    assert inquest.doubted == {"one"}
    assert inquest.suspect == TWO


def test_bytes_of_an_earlier_run_accuse_nobody_of_this_one(partial: Partial) -> None:
    fill(partial, (0, EARLIER, WRONG), (10, ONE, WRONG))
    inquest = Inquest()
    opened(inquest, partial)
    send(partial, "one", RIGHT)
    assert opened(inquest, partial) == (ONE,)
    assert inquest.doubted == set()


def test_the_same_wrong_bytes_from_the_same_source_prove_nothing(partial: Partial) -> None:
    """A mirror that is wrong today as it was yesterday does not vouch for itself."""
    yesterday = Owner("one", in_this_run=False)
    fill(partial, (0, yesterday, WRONG), (30, ONE, RIGHT), (50, TWO, RIGHT))
    inquest = Inquest()
    assert opened(inquest, partial) == ()
    assert inquest.suspect == yesterday
    send(partial, "one", WRONG)
    assert opened(inquest, partial) == ()
    assert inquest.suspect == TWO
    send(partial, "one", RIGHT)
    assert opened(inquest, partial) == ()
    assert inquest.suspect == ONE
    send(partial, "two", RIGHT)
    assert opened(inquest, partial) is None


def test_where_all_say_the_same_and_are_wrong_everything_goes(partial: Partial) -> None:
    fill(partial, (0, ONE, WRONG), (10, TWO, WRONG))
    inquest = Inquest()
    opened(inquest, partial)
    send(partial, "two", WRONG)
    opened(inquest, partial)
    send(partial, "one", WRONG)
    assert opened(inquest, partial) == (), "which of them is wrong cannot be said"
    assert partial.present == 0
    assert inquest.alone
    # From now on each brings the whole alone.
    fill(partial, (0, TWO, WRONG))
    assert opened(inquest, partial) == (TWO,)
    fill(partial, (0, ONE, RIGHT))
    assert opened(inquest, partial) is None


def test_nobody_is_suspected_twice(partial: Partial) -> None:
    fill(partial, (0, ONE, RIGHT), (10, TWO, WRONG), (40, THREE, WRONG))
    inquest = Inquest()
    suspected = []
    while opened(inquest, partial) == () and not inquest.alone:
        suspected.append(inquest.suspect)
        # Always somebody whose bytes are wrong in yet another way.
        fill_gaps_with_lies(partial, inquest, len(suspected))
    assert len(suspected) == len(set(suspected)) == 3


def fill_gaps_with_lies(partial: Partial, inquest: Inquest, turn: int) -> None:
    assert inquest.suspect is not None
    names = sorted({"one", "two", "three"} - {inquest.suspect.source})
    for start, end in partial.missing():
        middle = (start + end) // 2
        partial.put(names[0], start, bytes([turn]) * (middle - start))
        partial.put(names[1], middle, bytes([turn]) * (end - middle))


def test_a_suspect_may_be_let_go_where_nobody_else_is_left(partial: Partial) -> None:
    fill(partial, (0, ONE, RIGHT), (10, TWO, WRONG))
    inquest = Inquest()
    opened(inquest, partial)
    inquest.let_go()
    send(partial, "one", RIGHT)
    assert opened(inquest, partial, gone={"two"}) == ()
    assert inquest.suspect == TWO, "who was let go is not suspected again"
    send(partial, "one", RIGHT)
    assert opened(inquest, partial) is None


# Liars among any others.


@dataclass
class Course:
    """What happens from the first wrong digest to the end."""

    partial: Partial
    sends: Mapping[str, bytes]
    alive: Collection[str]
    choose: Callable[[list[str]], str]
    inquest: Inquest = field(default_factory=Inquest)
    failed: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    again: Counter[int] = field(default_factory=Counter)
    """How often each byte was fetched again, until somebody was found to be wrong."""

    def run(self) -> None:
        for _ in range(50):
            digest = self.partial.digest()
            suspect = self.inquest.suspect
            if digest == SHA256:
                if suspect is not None and suspect.in_this_run:
                    self.wrong.add(suspect.source)
                return
            dead = {name for name in self.sends if name not in self.alive} | self.failed
            for owner in self.inquest.open(self.partial, digest, gone=dead):
                if owner.in_this_run:
                    self.failed.add(owner.source)
                    self.wrong.add(owner.source)
            self.fetch()
        raise AssertionError("it never ends")

    def fetch(self) -> None:
        suspect = self.inquest.suspect
        accused = suspect.source if suspect is not None and suspect.in_this_run else None
        usable = [name for name in self.alive if name not in self.failed and name != accused]
        usable.sort(key=self.inquest.doubted.__contains__)
        if not usable:
            self.inquest.let_go()
            usable = [name for name in self.alive if name not in self.failed]
        assert usable, "nobody is left to ask"
        if self.inquest.alone:
            usable = usable[:1]
        for start, end in self.partial.missing():
            if not self.failed:
                self.again.update(range(start, end))
            while start < end:
                source = self.choose(usable)
                stop = min(end, start + 1 + (end - start) // 2)
                self.partial.put(source, start, self.sends[source][start:stop])
                start = stop


def laid_out(
    cuts: list[int], owners: list[Owner], sends: Mapping[str, bytes]
) -> list[tuple[int, Owner, bytes]]:
    return [(cut, own, sends[own.source]) for cut, own in zip(cuts, owners, strict=True)]


LIAR, HONEST = "liar", ("a", "b", "c")
NAMES = (LIAR, "other liar", *HONEST)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_however_many_are_wrong_no_honest_one_is_lost(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """They may even be of one mind."""
    sends = {}
    for name in NAMES:
        theirs = bytearray(RIGHT)
        if name not in HONEST:
            for at in data.draw(st.sets(st.integers(0, 3))):
                theirs[at * 16] ^= 1
        sends[name] = bytes(theirs)
    alive = {"a", *data.draw(st.sets(st.sampled_from(NAMES)))}
    cuts = sorted({0, *data.draw(st.sets(st.integers(1, SIZE - 1), max_size=6))})
    owners = [
        Owner(data.draw(st.sampled_from(NAMES)), in_this_run=data.draw(st.booleans())) for _ in cuts
    ]
    path = tmp_path_factory.mktemp("inquest") / "x.part"
    with Partial(path) as partial:
        partial.expect(Expected(SHA256, SIZE))
        partial.spread()
        fill(partial, *laid_out(cuts, owners, sends))
        any_of = st.sampled_from
        course = Course(partial, sends, sorted(alive), lambda usable: data.draw(any_of(usable)))
        course.run()
        assert partial.digest() == SHA256
    assert course.wrong.isdisjoint(HONEST)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_one_liar_is_found_and_nobody_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lies = sorted(data.draw(st.sets(st.integers(0, SIZE - 1), min_size=1)))
    theirs = bytearray(RIGHT)
    for at in lies:
        theirs[at] ^= 1
    honest = data.draw(st.lists(st.sampled_from(HONEST), min_size=1, unique=True))
    alive = {LIAR, *honest[:1], *data.draw(st.sets(st.sampled_from(honest)))}
    if data.draw(st.booleans()) and len(alive) > 1:
        alive.discard(LIAR)
    sends = {LIAR: bytes(theirs), **dict.fromkeys(honest, RIGHT)}
    cuts = sorted({0, *data.draw(st.sets(st.integers(1, SIZE - 1), max_size=6))})
    owners = [
        Owner(data.draw(st.sampled_from([LIAR, *honest])), in_this_run=data.draw(st.booleans()))
        for _ in cuts
    ]
    path = tmp_path_factory.mktemp("inquest") / "x.part"
    with Partial(path) as partial:
        partial.expect(Expected(SHA256, SIZE))
        partial.spread()
        fill(
            partial, *((cut, own, sends[own.source]) for cut, own in zip(cuts, owners, strict=True))
        )
        course = Course(
            partial, sends, sorted(alive), lambda all_: data.draw(st.sampled_from(all_))
        )
        course.run()
        assert partial.digest() == SHA256
    assert path.read_bytes() == RIGHT
    assert course.wrong <= {LIAR}


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_byte_is_fetched_again_twice_where_the_others_are_honest(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Two honest sources, of which one serves all that is given up; the liar's lie is its own."""
    cuts = sorted({0, *data.draw(st.sets(st.integers(1, SIZE - 1), max_size=6))})
    names = [data.draw(st.sampled_from([LIAR, "a", "b"])) for _ in cuts]
    sends = {LIAR: WRONG, "a": RIGHT, "b": RIGHT}
    path = tmp_path_factory.mktemp("inquest") / "x.part"
    with Partial(path) as partial:
        partial.expect(Expected(SHA256, SIZE))
        partial.spread()
        owners = [Owner(name, in_this_run=True) for name in names]
        fill(
            partial, *((cut, own, sends[own.source]) for cut, own in zip(cuts, owners, strict=True))
        )
        shares = partial.owners()
        liars = shares.get(Owner(LIAR, in_this_run=True), 0)
        course = Course(
            partial,
            sends,
            ["a", "b", LIAR],
            lambda all_: next((name for name in all_ if name != LIAR), LIAR),
        )
        course.run()
        assert partial.digest() == SHA256
    assert course.wrong == ({LIAR} if liars else set())
    assert all(count == 1 for count in course.again.values())
    # Fetched again is the liar's share, and before it those of whom it cost no more to ask.
    less = [size for owner, size in shares.items() if owner.source != LIAR and size <= liars]
    if liars and len(shares) > 1:
        assert sum(course.again.values()) <= liars + sum(less)
