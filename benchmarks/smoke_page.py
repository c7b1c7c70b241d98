"""The generated part of docs/smoke.md: the confusion matrix, what was missed, the figures."""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import torch

from vaehub.smoke import golden, judge
from vaehub.smoke.report import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.smoke_cases.case import Case, Told

BEGIN, END = "<!-- matrix: begin -->\n", "<!-- matrix: end -->"
SOURCES = {
    "shipped": "the autoencoder of the package (trained, 4 channels, 0.5 M weights)",
    "taef2": "TAEF2 as published (trained, 32 channels, 2.7 M weights)",
    "built": "AutoencoderKLs of full size, worked out by hand",
    "random": "random weights of full size",
    "names and shapes": "names and shapes alone",
}
HINTS = frozenset({"odd-picture", "weights-outlier"})
"""Reasons that are said of what passes, and make one look twice."""
OUTCOMES = ("right", "cannot be told", "miss", "false alarm", "told otherwise")


@dataclass(frozen=True)
class Column:
    """A figure in the table of separations."""

    title: str
    get: Callable[[Told], float | None]
    limit: str
    digits: int = 2


def _figure(name: str) -> Callable[[Told], float | None]:
    def get(told: Told) -> float | None:
        reference = told.reference
        return reference.figures.get(name) if reference is not None else None

    return get


def _agrees(told: Told) -> float | None:
    found = (one.figures.get("agrees") for one in told.report.decoded if one.dtype == "bf16")
    return next(found, None)


def _speaks(told: Told) -> float | None:
    family = told.case.entry.family if told.case.entry is not None else ""
    return _figure(f"speaks_{family}")(told)


COLUMNS = (
    Column("round trip, dB", _figure("round_trip"), f"≥ {judge.ROUND_TRIP:g}", 1),
    Column("likeness", _figure("round_trip_likeness"), f"≥ {judge.LIKENESS:g}"),
    Column("second trip, dB", _figure("second_trip"), f"{judge.WEAK_SECOND_TRIP:g} (weak)", 1),
    Column("brightness shift", _figure("brightness_shift"), f"± {judge.WEAK_SHIFT:g} (weak)"),
    Column("contrast kept", _figure("contrast_kept"), f"≥ {judge.CONTRAST_KEPT:g}"),
    Column("colour kept", _figure("colour_kept"), f"≥ {judge.COLOUR_KEPT:g}"),
    Column(
        "latent deviation",
        _figure("latent_deviation"),
        f"{judge.DEVIATION[0]:g} to {judge.DEVIATION[1]:g}",
    ),
    Column("moves", _figure("moves"), f"≥ {judge.MOVES:g}"),
    Column("contrast", _figure("contrast"), ""),
    Column("speaks its own", _speaks, f"≥ {judge.DUMB:g}"),
    Column("bf16 agrees, dB", _agrees, f"≥ {judge.AGREES['bf16']:g}", 0),
    Column("largest activation", _figure("largest_activation"), "≤ 65504", 0),
)


def replaced(page: str, made: str) -> str:
    """Give the page with the part between its marks made anew."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN.strip()} and {END}")
    return head + BEGIN + made + END + tail


def generated(told: Sequence[Told], cases: Sequence[Case], *, seconds: float) -> str:
    """Make the part between the marks."""
    lacking = [case for case in cases if case.lacking]
    lines = [
        f"Made by `python -m benchmarks.smoke_matrix`: {len(told)} cases in {seconds:.0f} s, "
        f"{platform.machine()}, CPU, torch {torch.__version__}, Python "
        f"{platform.python_version()}.",
        *(f"Left out: {case.name} ({case.lacking})." for case in lacking),
        "",
        *_matrix(told),
        "",
        *_by_source(told),
        "",
        *_wrong(told),
        "",
        *_untold(told),
        "",
        *_damages(told),
        "",
        *_separations(told),
    ]
    return "\n".join(lines) + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    titles = list(head)
    yield "| " + " | ".join(titles) + " |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |"


def _matrix(told: Sequence[Told]) -> Iterator[str]:
    yield "### What was said against what is true"
    yield ""
    counts = Counter((one.case.truth, one.report.verdict) for one in told)
    truths = list(dict.fromkeys(one.case.truth for one in told))
    rows = (
        [truth, *(counts[truth, verdict] or "" for verdict in WORDS), _outcomes(told, truth)]
        for truth in truths
    )
    yield from _table(["true \\ said", *WORDS.values(), "of these"], rows)


def _outcomes(told: Sequence[Told], truth: str) -> str:
    counts = Counter(one.outcome for one in told if one.case.truth == truth)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])


def _by_source(told: Sequence[Told]) -> Iterator[str]:
    counts = Counter((one.case.source, one.outcome) for one in told)
    rows = (
        [words, *(counts[source, outcome] for outcome in OUTCOMES)]
        for source, words in SOURCES.items()
    )
    yield from _table(["weights", *OUTCOMES], rows)


def _wrong(told: Sequence[Told]) -> Iterator[str]:
    yield "### Misses and false alarms"
    yield ""
    wrong = [one for one in told if one.outcome in OUTCOMES[2:]]
    passed = sum(one.outcome == "cannot be told" for one in told)
    if not wrong:
        yield f"None without an explanation. With one: {passed} that are not right pass, see below."
    for one in wrong:
        said = ", ".join(sorted(one.codes)) or "nothing"
        yield f"- {one.outcome}: {one.case.name}: {WORDS[one.report.verdict]} ({said})"


def _untold(told: Sequence[Told]) -> Iterator[str]:
    """List what passed and is damaged, with why, and whether a golden output would tell it."""
    yield "### What cannot be told from the file alone"
    yield ""
    yield (
        "Each of these is not as it should be, and passes. The last column: a golden output of the "
        f"sound file, where the catalog has one, differs by so many dB; below "
        f"{golden.SAME['fp32']:g} it is told."
    )
    yield ""
    sound = _sound_goldens(told)
    groups: dict[tuple[str, str, str], list[Told]] = defaultdict(list)
    for one in told:
        if one.outcome == "cannot be told":
            groups[one.case.source, one.case.what, one.case.cannot_be_told].append(one)
    totals = Counter((one.case.source, one.case.what, one.case.truth) for one in told)
    rows = (
        [
            source,
            what,
            f"{len(some)} of {totals[source, what, some[0].case.truth]}",
            sum(bool(one.codes & HINTS) for one in some),
            why,
            _against(sound.get(source), some),
        ]
        for (source, what, why), some in groups.items()
    )
    yield from _table(["weights", "what", "pass", "with a word", "why", "golden, dB"], rows)


def _sound_goldens(told: Sequence[Told]) -> dict[str, golden.Golden]:
    found: dict[str, golden.Golden] = {}
    for one in told:
        if one.case.truth == "sound" and one.golden is not None:
            found.setdefault(one.case.source, one.golden)
    return found


def _against(sound: golden.Golden | None, some: Sequence[Told]) -> str:
    if sound is None or some[0].case.truth != "damaged":
        return ""
    compared = (golden.difference(one.golden, sound) for one in some if one.golden is not None)
    values = sorted(difference[1] for difference in compared if difference is not None)
    return _span(values, 0)


def _damages(told: Sequence[Told]) -> Iterator[str]:
    yield "### What shows each damage"
    yield ""
    groups: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for one in told:
        groups[one.case.truth, one.case.what].append(one)
    rows = []
    for (truth, what), some in groups.items():
        codes = Counter(code for one in some for code in one.codes)
        shown = ", ".join(f"`{code}`" for code, _ in codes.most_common(5))
        right = sum(one.outcome == "right" for one in some)
        rows.append([what, truth, f"{right} of {len(some)}", shown])
    yield from _table(["what", "true", "told", "reasons, the most frequent first"], rows)


def _separations(told: Sequence[Told]) -> Iterator[str]:
    yield "### The figures, in fp32, and how far they separate"
    yield ""
    yield "Median, and the range where there are several. A weak limit condemns with others only."
    for source in ("shipped", "taef2", "built"):
        groups: dict[tuple[str, str], list[Told]] = defaultdict(list)
        for one in told:
            if one.case.source == source and one.reference is not None:
                groups[one.case.what, one.case.truth].append(one)
        if not groups:
            continue
        yield ""
        yield f"{SOURCES[source][0].upper()}{SOURCES[source][1:]}:"
        yield ""
        columns = [
            c for c in COLUMNS if any(c.get(o) is not None for g in groups.values() for o in g)
        ]
        rows = [["limit", *(column.limit for column in columns)]]
        for (what, _), some in groups.items():
            cells = (
                [v for one in some if (v := column.get(one)) is not None] for column in columns
            )
            spans = (_span(sorted(c), k.digits) for c, k in zip(cells, columns, strict=True))
            rows.append([what, *spans])
        yield from _table(["", *(column.title for column in columns)], rows)


def _span(values: Sequence[float], digits: int) -> str:
    """Give median and range in words."""
    numbers = [value for value in values if value == value]
    if not numbers:
        return "NaN" if values else ""

    def word(value: float) -> str:
        return f"{value:.{digits}f}" if abs(value) < 1e5 else f"{value:.1g}"

    low, middle, high = word(min(numbers)), word(median(numbers)), word(max(numbers))
    return middle if low == high else f"{middle} ({low} to {high})"
