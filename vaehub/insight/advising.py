"""What to do about a picture, in the words of the UI that made it.

Pure. Where a VAE is chosen is in the layouts, and which flags a UI has for the precision is in
:mod:`vaehub.smoke.advice`; nothing of that stands here a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.smoke.advice import FOR, IN_FP32

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vaehub.insight.makers import Said
    from vaehub.insight.pixels.judging import Judged
    from vaehub.insight.recognising import Recognised
    from vaehub.model import Entry
    from vaehub.targets.layouts import Layout

_ALSO = {"reForge": "AUTOMATIC1111", "SwarmUI": "ComfyUI"}
"""UIs whose flags are another's: a fork, and what draws behind another face."""
_NO_UI = "diffusers"
_MOST = 3
OVERFLOWN = frozenset({"black", "one-colour"})
"""What pictures look like where the decoder left the range of half precision."""
WRONG = frozenset({"washed-out", "garbled", "latents"})
"""What they look like where a VAE is the wrong one, damaged, or missing."""


class Step(NamedTuple):
    """One thing to do."""

    text: str
    command: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the step as it stands in ``--json`` output."""
        return {"text": self.text, "command": self.command}


def advise(
    said: Said | None,
    recognised: Sequence[Recognised],
    judged: Judged | None,
    *,
    layouts: Mapping[str, Layout],
    entries: Sequence[Entry],
) -> tuple[Step, ...]:
    """Give what to do, the likeliest help first.

    Args:
        said: What the UI wrote.
        recognised: What the VAEs that it named are.
        judged: What the pixels look like; None: nobody looked.
        layouts: Of all UIs.
        entries: Of all catalogs.
    """
    steps: list[Step] = []
    layout = layouts.get(said.layout) if said is not None and said.layout is not None else None
    ui = said.ui if said is not None and layout is not None else None
    entry = recognised[0].entry if len(recognised) == 1 else None
    verdict = judged.verdict if judged is not None else "nothing-odd"
    if verdict in OVERFLOWN:
        steps += in_fp32(ui, entry, entries)
    elif verdict in WRONG:
        steps += _another(said, entry)
    steps += _installs(recognised, layout, bad=verdict in WRONG)
    return tuple(dict.fromkeys(steps))


def in_fp32(ui: str | None, entry: Entry | None, entries: Sequence[Entry]) -> Iterator[Step]:
    """Say how a UI, or each of them, keeps a VAE out of half precision, and what holds in it."""
    flags = {advice.ui: advice.what for advice in IN_FP32 if advice.ui != _NO_UI}
    if ui is None:
        yield from (Step(f"in {known}: {what}") for known, what in flags.items())
    elif (what := flags.get(_ALSO.get(ui, ui))) is not None:
        yield Step(f"in {ui}: {what}")
    else:
        yield Step(
            f"in {ui}: let the VAE run in 32 bits, or in bfloat16, where it has that setting"
        )
    others = instead_of(entry, entries) if entry is not None else []
    if entry is not None and others:
        yield Step(
            f"{entry.id} is known to overflow in half precision; {others[0].id} does not",
            f"vaehub install {name_of(others[0])}",
        )


def instead_of(entry: Entry, entries: Sequence[Entry]) -> list[Entry]:
    """Give what holds in half precision, where an entry is known not to."""
    if entry.smoke is None or entry.smoke.fp16 != "nan":
        return []
    return [
        other
        for other in entries
        if other.family == entry.family
        and other.slot == entry.slot
        and other.smoke is not None
        and other.smoke.fp16 == "ok"
    ]


def name_of(entry: Entry) -> str:
    """Give the name by which an entry is installed."""
    return entry.id if entry.catalog == "vaehub" else entry.full_name


def _another(said: Said | None, entry: Entry | None) -> Iterator[Step]:
    if said is not None and said.whose == "checkpoint":
        called = f" {said.checkpoint}" if said.checkpoint else ""
        yield Step(
            f"the VAE in the checkpoint{called} decoded it: one may be missing there, or damaged; "
            "choose an external one of the checkpoint's family",
            "vaehub list --family FAMILY",
        )
    elif entry is not None:
        yield Step(
            f"{entry.id} speaks the latents of {entry.family}: use it with a checkpoint of that "
            "family only, and look for another one where the checkpoint is of that family",
            f"vaehub list --family {entry.family}",
        )
    else:
        yield Step(FOR["wrong-family"][0].what, "vaehub list --family FAMILY")


def _installs(
    recognised: Sequence[Recognised], layout: Layout | None, *, bad: bool
) -> Iterator[Step]:
    for one in recognised:
        if one.chosen is not None:
            entry, variant = one.chosen.entry, one.chosen.variant
            name = name_of(entry) if variant == entry.default else one.chosen.label
            what = (
                "have the same VAE again" if not bad else "have that VAE anew, should it be damaged"
            )
            yield Step(f"to {what}: install {name}{_select(layout)}", f"vaehub install {name}")
        else:
            labels = list(dict.fromkeys(candidate.label for candidate in one.candidates))
            for label in labels[:_MOST]:
                yield Step(f"if it was {label}: install that", f"vaehub install {label}")


def _select(layout: Layout | None) -> str:
    if layout is None:
        return ""
    if layout.refuses is not None:
        return f"; {layout.title} lists no folder: {layout.instead}" if layout.instead else ""
    return f"; then in {layout.title}: {layout.select}" if layout.select is not None else ""
