"""Hold what `vaehub explain` says of pixels against what was done to them.

Usage: python -m benchmarks.insight_pictures [--quick]

Needs torch, Pillow, and the pictures of scikit-image (pip install --no-deps scikit-image). Writes
the generated part of docs/insight.md; with --quick it decodes nothing and only prints. Ends with 1
where a sound picture is called anything but that, other than one that was made to look so.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from benchmarks import insight_cases as cases
from vaehub.insight.pixels import judging, sampling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = Path(__file__).resolve().parents[1] / "docs" / "insight.md"
BEGIN, END = "<!-- explain: made by benchmarks/insight_pictures.py -->", "<!-- explain: end -->"
MEANT = ("hazy", "as pixel art")
"""Groups that were made to look like something else, and are false alarms where they do."""
WORDS = {
    "black": "black",
    "one-colour": "one colour",
    "latents": "latents",
    "washed-out": "washed out",
    "garbled": "garbled",
    "nothing-odd": "nothing odd",
}


class Told(NamedTuple):
    """One case and what was said of it."""

    source: str
    case: cases.Case
    verdict: judging.Verdict


def told(*, quick: bool) -> Iterator[Told]:
    originals = [*cases.photographs(), *cases.drawings()]
    sources = {"no VAE": [*cases.originals_as_cases(originals), *cases.constants()]}
    for source, made in sources.items():
        for case in made:
            yield Told(source, case, _said(case))
    for model in () if quick else cases.autoencoders():
        began = time.monotonic()
        for case in cases.decoded(originals, model):
            yield Told(model.name, case, _said(case))
        print(f"{model.name}: {time.monotonic() - began:.0f} s", flush=True)


def _said(case: cases.Case) -> judging.Verdict:
    return judging.judge(sampling.taken(case.image), lossless=case.lossless).verdict


def generated(found: Sequence[Told]) -> str:
    """Make the tables of the page."""
    return "\n".join((BEGIN, "", *_summary(found), "", *_table(found), "", END))


def _summary(found: Sequence[Told]) -> Iterator[str]:
    sound = [one for one in found if one.case.expected == "sound"]
    for held_out, words in ((True, "held out"), (False, "that the bounds were chosen on")):
        here = [one for one in sound if one.case.held_out == held_out]
        wrong = Counter(one.case.group for one in here if one.verdict != "nothing-odd")
        of = ", ".join(f"{count} {group}" for group, count in wrong.items()) or "none"
        yield (
            f"- Sound pictures {words}: {sum(wrong.values())} of {len(here)} called anything but "
            f"*nothing odd* ({of})."
        )


def _table(found: Sequence[Told]) -> Iterator[str]:
    groups: dict[tuple[str, str, str], list[Told]] = defaultdict(list)
    for one in found:
        groups[one.case.expected, one.case.group, one.source].append(one)
    titles = ("what is true", "what was done", "decoded with", "pictures", *WORDS.values())
    yield f"| {' | '.join(titles)} |"
    yield "|---" * (len(WORDS) + 4) + "|"
    for (expected, group, source), members in sorted(
        groups.items(), key=lambda item: (_order(item[0][0]), item[0][2] != "no VAE")
    ):
        held = [one for one in members if one.case.held_out]
        counts = Counter(one.verdict for one in held)
        cells = [_share(counts[verdict], len(held)) for verdict in WORDS]  # type: ignore[index]
        yield f"| {expected} | {group} | {source} | {len(held)} | {' | '.join(cells)} |"


def _order(expected: str) -> int:
    order = ("sound", "nearly right scale", "nearly right shift", "wrong scale", "wrong shift")
    return order.index(expected) if expected in order else len(order)


def _share(count: int, of: int) -> str:
    return f"{count / of:.0%}" if count else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="only what needs no decoding")
    given = parser.parse_args()
    # Other programs on the same cores slow torch's threads tenfold: each waits for the others.
    torch.set_num_threads(1)
    found = list(told(quick=given.quick))
    made = generated(found)
    if given.quick:
        print(made)
    else:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(before + made + rest.partition(END)[2], encoding="utf-8")
        print(f"{PAGE.name} written")
    false_alarms = [
        one
        for one in found
        if one.case.expected == "sound"
        and not one.case.group.startswith(MEANT)
        and one.verdict != "nothing-odd"
    ]
    for one in false_alarms:
        print(f"false alarm: {one.case.name}: {one.verdict}")
    return 1 if false_alarms else 0


if __name__ == "__main__":
    sys.exit(main())
