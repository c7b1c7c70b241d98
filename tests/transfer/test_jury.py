"""Who sends the same bytes: no majority is a proof, and nobody vouches for himself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transfer.test_lane import new_lane
from vaehub.transfer.extents import Extent, Owner
from vaehub.transfer.jury import SAMPLE, Jury

if TYPE_CHECKING:
    from vaehub.transfer.lane import Lane

HERE, OTHER, THIRD = b"here", b"other", b"third"


def lane(label: str = "newcomer") -> Lane:
    made = new_lane()
    made.asked.label = label
    return made


def part(start: int, end: int, source: str = "first") -> Extent:
    return Extent(start, end, Owner(source, in_this_run=True))


def test_the_sample_is_from_the_middle_of_the_most_that_another_has() -> None:
    parts = [part(0, 2 * SAMPLE), part(9 * SAMPLE, 19 * SAMPLE, "second")]
    assert Jury().sample_for(lane(), parts) == (
        13 * SAMPLE + SAMPLE // 2,
        14 * SAMPLE + SAMPLE // 2,
    )


@pytest.mark.parametrize(
    "parts", [[], [part(0, SAMPLE - 1)], [part(0, 9 * SAMPLE, "newcomer"), part(10**9, 10**9 + 9)]]
)
def test_without_enough_of_others_there_is_no_sample(parts: list[Extent]) -> None:
    assert Jury().sample_for(lane(), parts) is None


def test_the_same_sample_for_all_and_none_for_whoever_sent_it() -> None:
    jury, parts = Jury(), [part(0, 9 * SAMPLE), part(10 * SAMPLE, 11 * SAMPLE, "newcomer")]
    sample = jury.sample_for(lane(), parts)
    assert sample is not None
    more = [*parts, part(100 * SAMPLE, 999 * SAMPLE, "second")]
    assert jury.sample_for(lane("second"), more) == sample
    assert jury.sample_for(lane("first"), more) is None


def test_a_sample_that_is_gone_is_chosen_anew_and_those_aside_return() -> None:
    jury, parts = Jury(), [part(0, 9 * SAMPLE)]
    jury.sample_for(lane(), parts)
    differing = lane("differing")
    jury.hear(differing, OTHER, HERE)
    assert jury.recall(parts) == []
    gone = [part(20 * SAMPLE, 30 * SAMPLE)]
    assert jury.recall(gone) == [differing]
    assert jury.aside == {}
    assert jury.sample_for(lane(), gone) == (24 * SAMPLE + SAMPLE // 2, 25 * SAMPLE + SAMPLE // 2)


def test_whoever_agrees_goes_on() -> None:
    assert Jury().hear(lane(), HERE, HERE) == (True, [], None)


def test_two_of_different_minds_want_a_third() -> None:
    jury, second = Jury(), lane("second")
    assert jury.hear(second, OTHER, HERE) == (False, (), None)
    assert jury.aside == {OTHER: second}
    verdict = jury.hear(lane("third"), HERE, HERE)
    assert verdict == (True, [(second, OTHER)], None)
    assert jury.aside == {}


def test_two_that_agree_with_one_another_overrule_what_is_here() -> None:
    jury, second = Jury(), lane("second")
    jury.hear(second, OTHER, HERE)
    assert jury.hear(lane("third"), OTHER, HERE) == (True, [], second)


def test_once_two_agree_whoever_differs_is_outvoted_at_once() -> None:
    jury, late = Jury(), lane("late")
    jury.hear(lane(), HERE, HERE)
    assert jury.hear(late, OTHER, HERE) == (False, [(late, OTHER)], None)
    assert jury.aside == {}


@given(st.lists(st.sampled_from([HERE, OTHER, THIRD]), min_size=1, max_size=6))
def test_everybody_is_heard_of_once(samples: list[bytes]) -> None:
    """Whoever differs stands aside, is outvoted or is recalled, and never two of these."""
    jury, here = Jury(), HERE
    lanes = [lane(str(number)) for number in range(len(samples))]
    heard: list[Lane] = []
    for one, theirs in zip(lanes, samples, strict=True):
        verdict = jury.hear(one, theirs, here)
        heard += [other for other, _ in verdict.outvoted]
        if verdict.agrees:
            heard.append(one)
        if verdict.recalled is not None:
            heard.append(verdict.recalled)
            here = theirs
        assert all(sample != here for _, sample in verdict.outvoted)
    heard += jury.aside.values()
    assert sorted(heard, key=id) == sorted(lanes, key=id)
