"""Make problems of what was seen of a file: what is wrong, and the command that mends it.

Pure. The causes stand in the order in which they count: what is no VAE at all needs no word on
where it would be listed. The first one that applies is said, and then what is worth a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.doctor import mending, unlisted, unsound
from vaehub.doctor.around import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.doctor.around import Circumstances
    from vaehub.doctor.facts import Seen
    from vaehub.model import Problem

_CAUSES: tuple[Callable[[Seen, Circumstances], Problem | None], ...] = (
    unsound.obstacle,
    unsound.unfinished,
    unsound.condemned,
    unsound.wrong_extension,
    unlisted.wrong_slot,
    unlisted.out_of_reach,
    unlisted.not_listed,
    unlisted.not_loaded,
    unlisted.half_a_pair,
    unlisted.shadowed,
)
_WORTH_A_WORD = {
    "unexpected": "extra-tensors",
    "no-encoder": "no-encoder",
    "prefix": "prefix",
    "eight-bit": "eight-bit",
    "layout-name": "layout-name",
    "unusual-pickle": "unusual-pickle",
    "not-looked-into": "not-looked-into",
}
"""The codes of the smoke test that condemn nothing, by ours."""
_CONVERTING_HELPS = frozenset({"extra-tensors", "prefix", "unusual-pickle"})


def problems(seen: Seen, around: Circumstances) -> tuple[Problem, ...]:
    """Give what is to be said of one file.

    Args:
        seen: The file.
        around: What is around it.
    """
    for cause in _CAUSES:
        found = cause(seen, around)
        if found is not None:
            return (found, *_duplicate(seen))
    half = unlisted.lone_half(seen, around)
    return (*((half,) if half else ()), *_words(seen), *_duplicate(seen))


def _words(seen: Seen) -> tuple[Problem, ...]:
    found = []
    for reason in seen.content.reasons if seen.content is not None else ():
        code = _WORTH_A_WORD.get(reason.code)
        if code is not None and reason.verdict is None:
            helps = mending.convert(seen.path) if code in _CONVERTING_HELPS else None
            found.append(say(code, seen, reason.message, helps))
    return tuple(found)


def _duplicate(seen: Seen) -> tuple[Problem, ...]:
    if seen.same_as is None:
        return ()
    message = f"the same {seen.size:,} bytes as {seen.same_as}, which take room twice"
    share = mending.share(seen.same_as, seen.path)
    hint = share if seen.could_be_one else mending.remove(seen.path)
    return (say("duplicate", seen, message, hint),)
