"""What checkpoints were found to hold: one shape for scripts, and few words for people.

Knows no disk. A single checkpoint is told in full, several in a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli import words
from vaehub.cli.identified import below, common, kin_json, relation_words
from vaehub.cli.tables import NOTHING, Column, Fact, Styled, Table
from vaehub.insight.weighing import notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from vaehub.cli.output import Block
    from vaehub.insight.baked import Baked
    from vaehub.insight.weighing import Report, Status, Weighed
    from vaehub.model import Problem

WORDS: Mapping[Status, str] = {
    "sound": "sound",
    "damaged": "damaged",
    "mixed": "mixed in a merge",
    "other-family": "of another family",
    "missing": "none",
    "unknown": "unknown",
    "no-checkpoint": "no checkpoint",
    "not-read": "not read",
}
_COLUMNS = (
    Column("checkpoint", style="bold", least=20),
    Column("size", right=True, rank=3),
    Column("model", least=6, rank=1),
    Column("VAE", least=8),
    Column("is", least=16, style="green", rank=2),
    Column("what to do", least=20, rank=4),
)


def as_json(one: Weighed) -> dict[str, Any]:
    """Give all that is known of a checkpoint."""
    baked = one.baked
    return {
        "path": str(one.path),
        "size": one.size,
        "container": baked.kind if baked is not None else None,
        "model": baked.row.model if baked is not None and baked.row is not None else None,
        "families": list(baked.families) if baked is not None else [],
        "status": one.status,
        "because": one.because,
        "vae": _vae_json(one, baked),
        "ui": one.target.layout if one.target is not None else None,
        "root": str(one.target.root) if one.target is not None else None,
        "beside": [{"path": str(rival.path), "taken": rival.wins} for rival in one.beside],
        "chosen": one.chosen[1] if one.chosen is not None else None,
        "advice": [step.as_json() for step in one.advice],
        "install": one.counsel.name if one.counsel.is_sure else None,
        "sure": one.counsel.is_sure,
    }


def _vae_json(one: Weighed, baked: Baked | None) -> dict[str, Any] | None:
    if baked is None or baked.state in {"missing", "no-checkpoint"}:
        return None
    found, fingerprint = baked.found, baked.fingerprint
    return {
        "prefix": baked.prefix,
        "architecture": found.architecture if found is not None else None,
        "half": found.half if found is not None else None,
        "dtypes": list(baked.dtypes),
        "bytes": baked.nbytes,
        "entry": one.entry.full_name if one.entry is not None else None,
        "fingerprint": fingerprint.text if fingerprint is not None else None,
        "relations": [kin_json(kin) for kin in one.kin],
        "reasons": [
            {
                "code": reason.code,
                "message": reason.message,
                "damaged": reason.verdict is not None,
            }
            for reason in baked.reasons
        ],
    }


def text(report: Report) -> Iterator[Block]:
    """Tell what was found."""
    if len(report.files) == 1:
        yield from full(report.files[0])
    elif report.files:
        root = common([one.path for one in report.files])
        yield Table(_COLUMNS, tuple(_row(one, root) for one in report.files))
        counts = dict.fromkeys(WORDS, 0)
        for one in report.files:
            counts[one.status] += 1
        told = ", ".join(f"{n} {WORDS[status]}" for status, n in counts.items() if n)
        yield f"{words.count(len(report.files), 'file')}: {told}"
    if report.passed_by:
        yield f"{words.count(report.passed_by, 'other file')} passed by"


def untold(report: Report) -> tuple[Problem, ...]:
    """Give the problems that the text leaves out: of a single checkpoint it tells all."""
    told = notes(report.files[0]) if len(report.files) == 1 else []
    return tuple(problem for problem in report.problems if problem not in told)


def full(one: Weighed) -> Iterator[Block]:
    """Tell all of one checkpoint."""
    yield (Styled(str(one.path), "bold"), f", {words.size(one.size)}")
    baked = one.baked
    if one.status in {"not-read", "no-checkpoint"}:
        yield Fact("is", one.because)
    else:
        yield Fact("model", _model(baked))
        yield Fact("VAE", _vae(one, baked), "green" if one.status == "sound" else "yellow")
    if baked is not None and baked.fingerprint is not None:
        whose = relation_words(one.kin[0]) if one.kin else "none that is known here"
        yield Fact("whose", whose)
    label = "also"
    for note in notes(one):
        if note.message != one.because:
            yield Fact(label, note.message + (f"; {note.hint}" if note.hint else ""))
            label = ""
    label = "what to do"
    for step in one.advice:
        yield Fact(label, step.text)
        if step.command is not None:
            yield Fact("", step.command)
        label = ""


def _model(baked: Baked | None) -> str:
    if baked is None or baked.row is None:
        return "unknown: no row of vaehub's table fits its tensors"
    return f"{baked.row.model}; its latents are those of {baked.families[0]}"


def _vae(one: Weighed, baked: Baked | None) -> str:
    if baked is None or baked.state == "missing":
        return "none is in it"
    what = f"{WORDS[one.status]}: {one.because}"
    if baked.found is None:
        return what
    dtypes = " and ".join(baked.dtypes)
    return f"{what}\n{baked.found.architecture}, {dtypes}, {words.size(baked.nbytes)}"


def _row(one: Weighed, root: Path | None) -> tuple[str, ...]:
    baked = one.baked
    model = baked.row.model if baked is not None and baked.row is not None else NOTHING
    return (
        below(one.path, root),
        words.size(one.size),
        model,
        WORDS[one.status],
        _is(one),
        _short(one),
    )


def _is(one: Weighed) -> str:
    if one.status in {"no-checkpoint", "not-read"}:
        return one.because
    return relation_words(one.kin[0]) if one.kin else NOTHING


def _short(one: Weighed) -> str:
    """Say in one cell what to do."""
    if one.status == "sound":
        return "keep it"
    commands = (step.command for step in one.advice if step.command is not None)
    return next(commands, NOTHING)
