"""``vaehub verify``: check installed files against the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli import several, words
from vaehub.cli.call import Call, as_command, targets_option
from vaehub.cli.declared import argument, option
from vaehub.cli.output import Block, Result, failed
from vaehub.cli.tables import Column, Styled, Table
from vaehub.errors import Drift

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.checking import Verified, VerifyResult
    from vaehub.model import Target

_COLUMNS = (
    Column("file", style="bold", least=16),
    Column("installed as", rank=2, least=16),
    Column("size", right=True, rank=1),
    Column("state"),
)


@as_command(
    "verify",
    examples=[
        ("vaehub verify", "all that vaehub placed in the UI that the current folder lies in"),
        ("vaehub verify kl-f8-anime2 --to ~/ComfyUI --deep", "re-read and hash one of them"),
        ("vaehub verify --to ~/ComfyUI --to ~/webui", "all that vaehub placed in these two"),
    ],
)
@argument("names", metavar="[NAME]...", many=True, required=False, completes="installed")
@targets_option
@option("--deep", help="Hash every file, also those that look untouched.")
def command(call: Call, *, names: tuple[str, ...], to: tuple[str, ...], deep: bool) -> Result:
    """Check installed files against the catalog.

    By default only a file whose size, time or inode changed is hashed again. Exit code 9 says that
    something differs.
    """
    from vaehub import api

    def check(target: Target) -> VerifyResult:
        return api.verify(
            names, to=target, deep=deep, settings=call.settings, catalogs=call.catalogs
        )

    found, failures = several.in_each(call, to, check)
    said: dict[str, Any] = {
        "results": tuple(
            {
                "path": str(file.receipt.path),
                "entry": file.receipt.entry,
                "variant": file.receipt.variant,
                "size": file.receipt.size,
                "sha256": file.receipt.sha256,
                "ok": file.ok,
                "state": _state(file),
                "target": str(each.target),
            }
            for each in found
            for file in each.files
        ),
        "problems": tuple(problem for each in found for problem in each.problems),
        "text": lambda: (
            block
            for each in found
            for block in _text(each, named=len(found) > 1, chosen=bool(names))
        ),
        "is_report": True,
    }
    if failures:
        return failed("verify", failures, **said)
    sound = all(each.ok for each in found)
    return Result("verify", exit_code=0 if sound else Drift.exit_code, **said)


def _state(file: Verified) -> str:
    return file.problems[0].code if file.problems else "ok"


def _text(found: VerifyResult, *, named: bool, chosen: bool) -> Iterator[Block]:
    if not found.files:
        what = "nothing of this" if chosen else "nothing"
        yield f"vaehub has placed {what} in {found.target}"
        return
    if named:
        yield (Styled(str(found.target), "bold"),)
    rows = tuple(
        (
            file.receipt.path.name,
            f"{file.receipt.entry.removeprefix('vaehub/')}@{file.receipt.variant}",
            words.size(file.receipt.size),
            _state(file),
        )
        for file in found.files
    )
    yield Table(_COLUMNS, rows)
