"""``vaehub audit``: hold targets against ``vaehub.lock``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from vaehub.cli import report_files, words
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import option
from vaehub.cli.output import Block, Failure, Result, failed
from vaehub.cli.tables import Column, Styled, Table
from vaehub.errors import Drift, VaehubError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vaehub.provision.audited import Audited, AuditResult

_COLUMNS = (
    Column("file", style="bold", least=16),
    Column("in the lock as", rank=2, least=16),
    Column("size", right=True, rank=1),
    Column("state"),
)


@as_command(
    "audit",
    examples=[
        ("vaehub audit", "every target of ./vaehub.yaml, every file hashed"),
        ("vaehub audit --quick", "only files whose size, time or inode changed are read"),
        ("vaehub audit --to comfy=/srv/ComfyUI", "one target of the lock, at this path"),
        ("vaehub audit --junit audit.xml --sarif audit.sarif", "reports for CI"),
    ],
)
@option("--manifest", metavar="PATH", completes="file", help="The manifest; ./vaehub.yaml.")
@option(
    "--lock", metavar="PATH", completes="file", help="The lock; vaehub.lock beside the manifest."
)
@option(
    "--to",
    metavar="PLACE",
    many=True,
    completes="target",
    help="NAME=PATH or NAME for a target of the lock, or a UI's root, or a VAE folder; may be "
    "given several times. Without it: all targets of the manifest.",
)
@option("--quick", help="Read no file whose size, time and inode are as they were.")
@option("--allow-foreign", help="Models that vaehub did not place are no problem.")
@option("--junit", metavar="FILE", completes="file", help="Write a report that CI systems read.")
@option(
    "--sarif", metavar="FILE", completes="file", help="Write a report for code scanning services."
)
def command(
    call: Call,
    *,
    manifest: str | None,
    lock: str | None,
    to: tuple[str, ...],
    quick: bool,
    allow_foreign: bool,
    junit: str | None,
    sarif: str | None,
) -> Result:
    """Hold targets against vaehub.lock, file by file.

    Tells what is missing, renamed, replaced or damaged, and what the lock does not name; places and
    removes nothing. Exit code 9 says that something differs, also the lock from the manifest.
    """
    from vaehub import provisioning

    began = time.monotonic()
    found = provisioning.audit(
        manifest, lock, to=to, quick=quick, allow_foreign=allow_foreign, settings=call.settings
    )
    seconds = time.monotonic() - began

    def as_junit(said: str) -> None:
        from vaehub import junit as marked
        from vaehub.provision.junit import junit as text_of

        text = text_of(found, seconds=seconds)
        report_files.write(said, text, option="--junit", mark=marked.MARK)

    def as_sarif(said: str) -> None:
        from vaehub.provision import sarif as writer

        text = writer.sarif(found, lock=provisioning.files(manifest, lock).lock)
        report_files.write(said, text, option="--sarif", mark=writer.MARK)

    said: dict[str, Any] = {
        "results": tuple(_as_json(file) for file in found.files),
        "problems": found.problems,
        "text": lambda: _text(found),
        "is_report": True,
    }
    failures = [*_written(junit, as_junit), *_written(sarif, as_sarif)]
    if failures:
        return failed("audit", failures, **said)
    return Result("audit", exit_code=0 if found.ok else Drift.exit_code, **said)


def _written(said: str | None, write: Callable[[str], None]) -> Iterator[Failure]:
    """Write a report, where one is asked for; that it cannot be hides nothing of what was found."""
    if said is None:
        return
    try:
        write(said)
    except VaehubError as error:
        yield Failure(error)


def _as_json(file: Audited) -> dict[str, Any]:
    expected, receipt = file.expected, file.receipt
    artifact = expected.locked.artifact if expected is not None else None
    entry = receipt.entry if receipt is not None else None
    variant = receipt.variant if receipt is not None else None
    return {
        "target": str(file.place.target),
        "name": file.place.name,
        "layout": file.place.target.layout,
        "path": str(file.path),
        "id": expected.vae.name if expected is not None else None,
        "entry": expected.vae.entry.full_name if expected is not None else entry,
        "variant": expected.vae.variant.name if expected is not None else variant,
        "sha256": artifact.sha256 if artifact is not None else None,
        "size": artifact.size if artifact is not None else None,
        "converted": expected.is_converted if expected is not None else False,
        "got": {"sha256": file.sha256, "size": file.size},
        "ok": file.ok,
        "state": file.state,
    }


def _text(found: AuditResult) -> Iterator[Block]:
    for place in found.places:
        files = [file for file in found.files if file.place == place]
        if len(found.places) > 1 or place.name is not None:
            named = f" ({place.name})" if place.name is not None else ""
            yield (Styled(f"{place.target}{named}", "bold"),)
        if not files:
            yield f"the lock names nothing for {place.target}"
            continue
        yield Table(_COLUMNS, tuple(_row(file) for file in files))
    if found.allowed:
        yield f"{words.count(found.allowed, 'foreign file')}, which the policy allows"


def _row(file: Audited) -> tuple[str, ...]:
    expected = file.expected
    name = "-"
    if expected is not None:
        vae = expected.vae
        name = f"{vae.entry.full_name.removeprefix('vaehub/')}@{vae.variant.name}"
    return (
        file.path.name,
        name,
        words.size(file.size) if file.size is not None else "-",
        file.state,
    )
