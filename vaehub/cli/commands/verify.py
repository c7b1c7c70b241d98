"""``vaehub verify``: check installed files against the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.cli import words
from vaehub.cli.call import Call, as_command, to_option
from vaehub.cli.declared import argument, option
from vaehub.cli.output import Block, Result
from vaehub.cli.tables import Column, Table
from vaehub.errors import Drift

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.checking import Verified, VerifyResult

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
    ],
)
@argument("names", metavar="[NAME]...", many=True, required=False, completes="installed")
@to_option
@option("--deep", help="Hash every file, also those that look untouched.")
def command(call: Call, *, names: tuple[str, ...], to: str | None, deep: bool) -> Result:
    """Check installed files against the catalog.

    By default only a file whose size, time or inode changed is hashed again. Exit code 9 says that
    something differs.
    """
    from vaehub import api

    found = api.verify(names, to=to, deep=deep, settings=call.settings, catalogs=call.catalogs)
    return Result(
        "verify",
        results=tuple(
            {
                "path": str(file.receipt.path),
                "entry": file.receipt.entry,
                "variant": file.receipt.variant,
                "size": file.receipt.size,
                "sha256": file.receipt.sha256,
                "ok": file.ok,
                "state": _state(file),
            }
            for file in found.files
        ),
        problems=found.problems,
        exit_code=0 if found.ok else Drift.exit_code,
        text=lambda: _text(found),
        is_report=True,
    )


def _state(file: Verified) -> str:
    return file.problems[0].code if file.problems else "ok"


def _text(found: VerifyResult) -> Iterator[Block]:
    if not found.files:
        yield f"vaehub has placed nothing of this in {found.target}"
        return
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
