"""Judge what a scan of weights shows: one line for each cause, naming the tensors.

Knows which statistics no sound file has (*damaged*), which are unusual (*advice*), and says why.
Each threshold states its evidence. Refuses to know architectures: what a tensor is for is read off
its shape and the last words of its name alone. That a decode works is for the engine to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.smoke import signs
from vaehub.weights.checksums import wrong_storages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vaehub.smoke.statistics import Statistics
    from vaehub.weights.tensors import Tensors

Gravity = Literal["damaged", "advice"]

_NAMED = 4


class Finding(NamedTuple):
    """One cause, and every tensor that it explains."""

    code: str
    """Stable, for scripts: ``nan``, ``inf``, ``zero`` ..."""
    gravity: Gravity
    tensors: tuple[str, ...]
    message: str
    """One line for a person."""


class Usual(NamedTuple):
    """What a family's own files show of one tensor."""

    lowest_std: float
    highest_std: float


def findings(
    statistics: Mapping[str, Statistics], *, usual: Mapping[str, Usual] | None = None
) -> list[Finding]:
    """Say what is wrong or odd with weights, the gravest first.

    Args:
        statistics: what :func:`vaehub.smoke.scan.scan` counted.
        usual: by a tensor's name, what sound files of this family show; nothing by default, for
            there is no evidence that serves for every family.
    """
    tail = _zero_tail(statistics)
    rest = {name: one for name, one in statistics.items() if not (tail and name in tail.tensors)}
    found = [
        tail,
        _group(rest, "nan", "damaged", lambda _, s: s.nan > 0, _say_nan),
        _group(rest, "inf", "damaged", lambda _, s: s.inf > 0, _say_inf),
        _group(rest, "zero", "damaged", signs.is_dead, _say_zero),
        _group(rest, "zero-run", "damaged", lambda _, s: signs.has_hole(s), _say_run),
        _group(rest, "constant", "damaged", signs.is_flat, _say_constant),
        _group(rest, "giant", "damaged", lambda _, s: signs.is_giant(s), _say_giant),
        _group(rest, "zero-branch", "advice", signs.is_silent, _say_branch),
        _group(
            rest, "zero-channels", "advice", lambda _, s: signs.has_dead_channels(s), _say_channels
        ),
        _group(rest, "outlier", "advice", lambda _, s: signs.is_outlier(s), _say_outlier),
        _group(
            rest, "beyond-half", "advice", lambda _, s: signs.is_beyond_half(s), _say_beyond_half
        ),
        _group(rest, "copy", "advice", lambda _, s: s.same_as is not None, _say_copy),
        _untrained(rest),
        _unusual(rest, usual or {}),
    ]
    return [finding for finding in found if finding]


def checksum_finding(tensors: Tensors) -> Finding | None:
    """Hold a file against the checksums it carries itself; a single flipped bit shows.

    Raises:
        NotAModel: the file has changed since it was listed.
        OSError: the file cannot be read.
    """
    wrong = wrong_storages(tensors)
    names = tuple(name for name, stored in tensors.stored.items() if stored.storage in wrong)
    if not names:
        return None  # what is wrong, if anything, is none of the weights
    return Finding(
        "checksum",
        "damaged",
        names,
        f"{_listed(names)}: the bytes are not those that the archive's own checksum (CRC-32) "
        "was made of",
    )


def _group(
    statistics: Mapping[str, Statistics],
    code: str,
    gravity: Gravity,
    applies: Callable[[str, Statistics], bool],
    say: Callable[[str, Statistics], str],
) -> Finding | None:
    names = tuple(name for name, one in statistics.items() if applies(name, one))
    if not names:
        return None
    message = f"{_listed(names)}: {say(names[0], statistics[names[0]])}"
    return Finding(code, gravity, names, message)


def _listed(names: Iterable[str]) -> str:
    all_names = list(names)
    if len(all_names) <= _NAMED:
        return ", ".join(all_names)
    return f"{len(all_names)} tensors ({', '.join(all_names[: _NAMED - 1])} ...)"


def _say_nan(_: str, one: Statistics) -> str:
    return f"{one.nan:,} of {one.elements:,} elements are not numbers (NaN)"


def _say_inf(_: str, one: Statistics) -> str:
    return f"{one.inf:,} of {one.elements:,} elements are infinite"


def _say_zero(_: str, one: Statistics) -> str:
    return f"all {one.elements:,} elements are zero, so that nothing gets through this layer"


def _say_run(_: str, one: Statistics) -> str:
    start, length = one.zero_run or (0, 0)
    where = ""
    if one.offset is not None:
        item = one.nbytes // one.elements
        where = (
            f" (bytes {one.offset + start * item:,} to {one.offset + (start + length) * item:,})"
        )
    return (
        f"{length:,} elements in a row are zero, from element {start:,} of {one.elements:,} on"
        f"{where}: a hole in the file, as an unfinished download leaves it"
    )


def _say_constant(_: str, one: Statistics) -> str:
    return f"all {one.elements:,} elements are {one.minimum:g}: never trained, or overwritten"


def _say_giant(_: str, one: Statistics) -> str:
    if signs.lead(one) <= signs.OUTLIER:
        return f"elements reach {one.largest:.3g}, which no weight does: overwritten bytes"
    return (
        f"one element is {one.largest:.3g}, and the ninth largest {one.ninth:.3g}: "
        "a flipped bit in its exponent"
    )


def _say_branch(_: str, one: Statistics) -> str:
    return f"all {one.elements:,} elements are zero, so that its branch adds nothing"


def _say_channels(_: str, one: Statistics) -> str:
    length = one.zero_run[1] if one.zero_run else 0
    whole, part = divmod(length, signs.row(one))
    if part:
        return f"{length:,} elements in a row of one channel are zero: dead, or overwritten"
    return f"{whole:,} whole channels of {one.shape[0]:,} are zero: dead or pruned"


def _say_outlier(_: str, one: Statistics) -> str:
    return (
        f"one element is {one.largest:.3g}, and the ninth largest {one.ninth:.3g}: "
        "it may be a flipped bit"
    )


def _say_beyond_half(_: str, one: Statistics) -> str:
    return (
        f"{one.beyond_half:,} of {one.elements:,} elements are beyond float16 "
        f"(up to {one.largest:.3g}): in that precision they become infinite"
    )


def _say_copy(_: str, one: Statistics) -> str:
    return f"has the same bytes as {one.same_as}, which trained weights never have by chance"


def _zero_tail(statistics: Mapping[str, Statistics]) -> Finding | None:
    """Find that the end of the file is zero: space was set aside and never written."""
    placed = [(name, one) for name, one in statistics.items() if one.offset is not None]
    placed.sort(key=lambda item: item[1].offset or 0)
    whole: list[str] = []
    while placed and placed[-1][1].is_zero:
        whole.append(placed.pop()[0])
    names = whole[::-1]
    # Zero on purpose are biases and the ends of branches, and these may well lie last.
    is_torn = any(signs.is_dead(name, statistics[name]) for name in names)
    start = statistics[names[0]].offset if names else None
    if placed:
        name, one = placed[-1]
        run, at = one.zero_run or (0, 0), one.offset or 0
        if sum(run) == one.elements and (is_torn or signs.has_hole(one)):
            is_torn = True
            names = [name, *names]
            start = at + run[0] * (one.nbytes // one.elements)
    if not is_torn:
        return None
    return Finding(
        "zero-tail",
        "damaged",
        tuple(names),
        f"{_listed(names)}: the file is zero from byte {start:,} to its end: "
        "an unfinished download",
    )


def _untrained(statistics: Mapping[str, Statistics]) -> Finding | None:
    """Find layers that are just as torch initialises them."""
    names = [name for name, one in statistics.items() if signs.is_as_initialised(one)]
    if not names:
        return None
    matrices = sum(
        signs.is_matrix(one) and one.elements >= signs.LARGE for one in statistics.values()
    )
    of = "every one" if len(names) == matrices else f"{len(names)} of {matrices}"
    return Finding(
        "untrained",
        "advice",
        tuple(names),
        f"{_listed(names)}: {of} of the large layers is as torch initialises it at random: "
        "never trained, or filled in where the file had nothing",
    )


def _unusual(statistics: Mapping[str, Statistics], usual: Mapping[str, Usual]) -> Finding | None:
    names = [
        name
        for name, one in statistics.items()
        if name in usual and not usual[name].lowest_std <= one.std <= usual[name].highest_std
    ]
    if not names:
        return None
    first, expected = statistics[names[0]], usual[names[0]]
    return Finding(
        "unusual",
        "advice",
        tuple(names),
        f"{_listed(names)}: spreads by {first.std:.3g}, where this family's own files show "
        f"{expected.lowest_std:.3g} to {expected.highest_std:.3g}",
    )
