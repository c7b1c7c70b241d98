"""``vaehub install``: fetch, check and place VAEs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from vaehub import hosts, lang
from vaehub.cli import advised, rows, several, terminal, words
from vaehub.cli.call import Call, as_command, targets_option
from vaehub.cli.declared import argument, option
from vaehub.cli.line import limit_rate_option, limited, max_connections_option
from vaehub.cli.output import Block, Result, failed
from vaehub.cli.redaction import redact
from vaehub.cli.tables import Fact, Styled, lay_out_fact
from vaehub.errors import SmokeFailed
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vaehub.model import Entry, Target
    from vaehub.outcome import Installed, InstallResult
    from vaehub.smoke.report import SmokeReport

NEARBY = {
    "installed": "the installed",
    "hub-cache": "the Hugging Face cache:",
    "beside": "its neighbour",
    "adopted": "the adopted",
}
"""What a file of this machine is called, by its origin."""


def _a_host() -> Mapping[str, Any]:
    import click

    return {"type": click.Choice(hosts.names())}


@as_command(
    "install",
    examples=[
        ("vaehub install kl-f8-anime2", "into the UI that the current folder lies in"),
        ("vaehub install kl-f8-anime2 clearvae@v2.2 --to ~/ComfyUI", "two, one of them a variant"),
        ("vaehub install sdxl-vae --to ~/ComfyUI --to ~/webui", "into both, with one download"),
        ("vaehub install clearvae --for anything-v4", "the UI takes it with that checkpoint"),
        ("vaehub install vae-ft-mse-840000 --to ./vaes --dry-run", "what would be done"),
        ("vaehub install clearvae --source huggingface", "from this host only"),
        ("vaehub install kl-f8-anime3 --convert safetensors", "and not the .ckpt that it is"),
        ("vaehub install sdxl-vae --limit-rate 5MB", "and leave the rest of the line to others"),
        ("vaehub install --from-image 00042.png", "the VAE that made the picture"),
        ("vaehub install --from-checkpoint mix.safetensors", "the VAE that it needs, if any"),
    ],
)
@argument("names", metavar="[NAME[@VARIANT]]...", many=True, required=False, completes="name")
@option(
    "--from-image",
    metavar="IMAGE",
    completes="file",
    help="Install what `vaehub explain` finds in this picture, after showing it; exit code 4 where "
    "nothing is sure.",
)
@option(
    "--from-checkpoint",
    metavar="CHECKPOINT",
    completes="file",
    help="Install what `vaehub which` advises for this checkpoint, after showing it, into the UI "
    "that it lies in; exit code 4 where nothing is sure.",
)
@targets_option
@option(
    "--for",
    name="checkpoint",
    metavar="CHECKPOINT",
    completes="file",
    help="Name it so that the UI takes it with this checkpoint by itself: a path, which also says "
    "which UI, or a name below the UI's folder of checkpoints. AUTOMATIC1111, reForge and SD.Next "
    "do that.",
)
@option("--source", metavar="HOST", by_click=_a_host, completes="host", help="Use only this host.")
@option(
    "--convert",
    metavar="FORM",
    completes="form",
    help="Place the weights of a .ckpt or .pt as safetensors; executes nothing in them.",
)
@option("--dry-run", help="Say what would be done and do nothing.")
@option(
    "--accept-license",
    name="accept_licenses",
    metavar="ID",
    many=True,
    completes="license",
    help="Accept this license, which `vaehub info` names; may be given several times.",
)
@option("--require-pinned", help="Refuse files whose sha256 the catalog does not know.")
@option("--smoke", help="Then decode with it: `vaehub smoke`; exit code 8 if it fails.")
@limit_rate_option
@max_connections_option
def command(
    call: Call,
    *,
    names: tuple[str, ...],
    from_image: str | None,
    from_checkpoint: str | None,
    to: tuple[str, ...],
    checkpoint: str | None,
    source: str | None,
    convert: str | None,
    dry_run: bool,
    accept_licenses: tuple[str, ...],
    require_pinned: bool,
    smoke: bool,
    limit_rate: int | None,
    max_connections: int | None,
) -> Result:
    """Install VAEs into a UI or a folder.

    Every byte is checked, and nothing appears under its final name before it is whole and verified.
    Running the command again changes nothing, and goes on where an interrupted run stopped. Several
    names are fetched side by side, and into several targets each comes with one download; each
    succeeds by itself, and the exit code is that of the first one that failed.
    """
    from vaehub import api

    names, to, checkpoint = advised.wanted(
        call,
        names,
        to=to,
        checkpoint=checkpoint,
        image=from_image,
        of_checkpoint=from_checkpoint,
    )
    if not names:
        return Result("install")
    settings = limited(call.settings, limit_rate=limit_rate, max_connections=max_connections)
    with call.progress() as listener:
        attempts = api.install_each(
            names,
            to=to,
            source=source,
            convert=convert,
            checkpoint=checkpoint,
            dry_run=dry_run,
            require_pinned=require_pinned,
            accept_licenses=accept_licenses,
            ask=ask if call.can_ask else None,
            settings=settings,
            catalogs=call.catalogs,
            listener=listener,
        )
    outcomes = [attempt.outcome for attempt in attempts]
    done = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    reports = _tested(done, call) if smoke and not dry_run else [None] * len(done)
    failures = several.failures(
        [
            (attempt.outcome, attempt.name, attempt.target)
            for attempt in attempts
            if isinstance(attempt.outcome, Exception)
        ],
        names=names,
        places=to,
    )
    said: dict[str, Any] = {
        "results": tuple(map(_as_json, done, reports)),
        "problems": (
            *(problem for result in done for problem in failed_sources(result)),
            *(note for result in done for note in result.notes),
            *(problem for report in reports for problem in _smoke_problems(report)),
        ),
        "text": lambda: (line for pair in zip(done, reports, strict=True) for line in _text(*pair)),
        "is_report": True,
    }
    if failures:
        return failed("install", failures, **said)
    bad = any(report is not None and report.condemned for report in reports)
    return Result("install", exit_code=SmokeFailed.exit_code if bad else 0, **said)


def _tested(done: Sequence[InstallResult], call: Call) -> Sequence[SmokeReport | None]:
    """Smoke what was installed, and what was there already: in one of the targets that have it."""
    from vaehub import api

    names = [f"{result.entry.full_name}@{result.variant.name}" for result in done]
    where: dict[str, Target] = {}
    for name, result in zip(names, done, strict=True):
        where.setdefault(name, result.target)
    by_name: dict[str, SmokeReport] = {}
    for target in dict.fromkeys(where.values()):
        wanted = [name for name in where if where[name] == target]
        reports = api.smoke(wanted, to=target, settings=call.settings, catalogs=call.catalogs)
        by_name.update((report.name, report) for report in reports)
    return [by_name.get(name) for name in names]


def failed_sources(result: InstallResult) -> Iterator[Problem]:
    """Tell of the sources that failed before another one served."""
    for step in result.steps:
        for label, error in step.attempts:
            yield Problem(error.code, error.message, where=label, blocking=False, hint=error.hint)


def ask(entry: Entry) -> bool:
    """Show the license to the person at the terminal and take the answer."""
    license_ = entry.license
    facts = (
        Fact("license", rows.license_words(license_.id)),
        Fact("", license_.note or ""),
        Fact("read it at", license_.source or entry.homepage or ""),
    )
    first = f"{entry.id} asks you to accept its license first."
    terminal.show(lang.tell(first), to=sys.stderr)
    for label, text, style in facts:
        fact = Fact(lang.tell_word(label), lang.tell_word(text), style)
        for line in lay_out_fact(fact, room=terminal.columns(sys.stderr)):
            terminal.show(line, to=sys.stderr)
    return terminal.ask("Do you accept it? (asked once on this machine)")


def _smoke_problems(report: SmokeReport | None) -> Iterator[Problem]:
    if report is not None:
        from vaehub.cli.commands import smoke as smoke_command

        yield from smoke_command.problems(report)


def _as_json(result: InstallResult, report: SmokeReport | None) -> dict[str, Any]:
    return {
        "smoke": report.as_json() if report is not None else None,
        "id": result.entry.id,
        "entry": result.entry.full_name,
        "variant": result.variant.name,
        "license": result.entry.license.id,
        "target": str(result.target),
        "layout": result.target.layout,
        "ui": result.ui,
        "checkpoint": str(result.checkpoint) if result.checkpoint is not None else None,
        "passed_over": result.passed_over,
        "dry_run": result.dry_run,
        "changed": result.changed,
        "files": [file_json(step) for step in result.steps],
    }


def file_json(step: Installed) -> dict[str, Any]:
    """Give what was done for one file, as it stands in ``--json`` output."""
    return {
        "name": step.name,
        "path": str(step.destination),
        "listed_as": step.listed_as,
        "because": step.because,
        "set_aside": str(step.set_aside) if step.set_aside is not None else None,
        "action": step.action,
        "status": step.status,
        "reason": step.reason,
        "size": step.size,
        "sha256": step.sha256,
        "source": step.source,
        "candidates": list(step.candidates),
        "method": step.method,
        "converted_from": step.converted_from,
        "failed_sources": [
            {"source": label, "code": error.code, "message": redact(error.message)}
            for label, error in step.attempts
        ],
    }


def _text(result: InstallResult, report: SmokeReport | None) -> Iterator[Block]:
    name = f"{result.entry.id}@{result.variant.name}"
    if result.dry_run:
        verdict = "would be installed" if _has_work(result) else "is there already"
    else:
        verdict = "installed" if result.changed else "was already installed"
    yield (Styled(name, "bold"), f" {verdict} in {result.target} ({result.target.layout})")
    if result.passed_over is not None:
        yield f"  {result.passed_over}"
    pinned = {artifact.name for artifact in result.variant.artifacts if artifact.sha256}
    for step in result.steps:
        yield from _step_text(step, pinned=step.name in pinned)
    if result.changed:
        page = f" ({result.entry.license.source})" if result.entry.license.source else ""
        yield f"  license: {rows.license_words(result.entry.license.id)}{page}"
        if result.checkpoint is not None:
            yield f"  to use it: {_by_itself(result, result.checkpoint)}"
        elif result.entry.slot == "vae" and result.layout.select is not None:
            yield f"  to use it: {result.layout.select}"
    yield from (f"  {line}" for line in _listed(result))
    if report is not None:
        from vaehub.cli.commands import smoke as smoke_command

        yield from smoke_command.text(report)


def _listed(result: InstallResult) -> Iterator[str]:
    """Say under which names the UI lists the files: a pair may have one name together."""
    names = dict.fromkeys(step.listed_as for step in result.steps if step.listed_as is not None)
    verb = "would list" if result.dry_run and _has_work(result) else "lists"
    yield from (f"{result.ui} {verb} it as {name}" for name in names)


def _by_itself(result: InstallResult, checkpoint: Path) -> str:
    """Say what must be chosen for the UI to take the VAE with its checkpoint."""
    rule = result.layout.near_checkpoint
    setting = rule.setting if rule is not None else ""
    return f"{result.layout.title} takes it with {checkpoint.name} by itself, as long as {setting}"


def _has_work(result: InstallResult) -> bool:
    return any(step.action != "keep" for step in result.steps)


def _step_text(step: Installed, *, pinned: bool) -> Iterator[Block]:
    yield ("  ", Styled(str(step.destination), "green" if step.status == "installed" else ""))
    if step.because is not None:
        what = "not called" if step.converted_from is None else "made of"
        yield f"    {what} {step.name}: {step.because}"
    if step.status == "installed":
        came, how = where(step.source or ""), _how(step)
        yield f"    {words.size(step.size)} from {came}, verified, {how}"
        yield f"    sha256 {step.sha256}"
        if step.converted_from is not None:
            yield f"    made of {step.name}, sha256 {step.converted_from['sha256']}"
        if not pinned:
            yield "    which is the host's word alone: the catalog knows no sha256 of this file"
    elif step.action == "keep":
        yield f"    {step.reason}"
    else:
        act = "would be fetched" if step.action == "fetch" else "would be placed"
        if step.action == "place" and step.candidates:
            act = "would be placed without a download"
        yield f"    {words.size(step.size)}, {act}: {step.reason}"
        yield from (f"    from {where(label)}" for label in step.candidates)


def where(label: str) -> str:
    """Say where bytes come from: the store, a file of this machine, a host."""
    if label == "store":
        return "the store"
    origin, blank, path = label.partition(" ")
    return f"{NEARBY[origin]} {path}" if blank and origin in NEARBY else label


def _how(step: Installed) -> str:
    origin = (step.source or "").partition(" ")[0]
    nearby = origin in NEARBY
    match step.method:
        case "hardlink":
            # To a file of the user's own there is none, so that one is the store's copy of it.
            either = origin in {"installed", "hub-cache"}
            return "a hard link" if either else "a hard link to the store"
        case "reflink":
            return "sharing its disk space" + ("" if nearby else " with the store")
        case "copy":
            return "a copy" if nearby else "a copy of the store's"
        case _:
            return "straight to its place"
