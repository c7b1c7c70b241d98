"""``vaehub store``: look after the store of verified files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.cli import words
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import Group, option
from vaehub.cli.output import Block, Result
from vaehub.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.store import Collected


@as_command(
    "store path",
    examples=[
        ("vaehub store path", "where the store is; VAEHUB_STORE moves it"),
        ('du -sh "$(vaehub store path)"', "what it takes"),
    ],
)
def path(call: Call) -> Result:
    """Print the folder of the store."""
    from vaehub.store import Store

    root = call.settings.store
    return Result(
        "store path",
        results=({"path": str(root), "exists": root.is_dir(), "size": Store(root).size()},),
        text=lambda: [str(root)],
    )


@as_command(
    "store gc",
    examples=[
        ("vaehub store gc --dry-run", "what would go, and how much room it gives"),
        ("vaehub store gc", "remove it"),
    ],
)
@option("--dry-run", help="Say what would go and remove nothing.")
def gc(call: Call, *, dry_run: bool) -> Result:
    """Remove copies that no installed file shares, and downloads given up a week ago.

    Installed files stay as they are; what is needed again is downloaded again.
    """
    from vaehub.store import Store

    collected = Store(call.settings.store).gc(dry_run=dry_run)
    return Result(
        "store gc",
        results=(
            {
                "removed": [str(one) for one in collected.removed],
                "bytes_freed": collected.bytes_freed,
                "kept": collected.kept,
                "dry_run": collected.dry_run,
            },
        ),
        text=lambda: _gc_text(collected),
        is_report=not dry_run,
    )


@as_command("store verify", examples=[("vaehub store verify", "hash every file of the store")])
def verify(call: Call) -> Result:
    """Hash every file of the store again; exit code 6 if one is damaged."""
    from vaehub.store import Store

    root = call.settings.store
    problems = tuple(Store(root).verify())
    return Result(
        "store verify",
        results=({"path": str(root), "damaged": len(problems)},),
        problems=problems,
        exit_code=IntegrityError.exit_code if problems else 0,
        text=lambda: [
            f"{words.count(len(problems), 'damaged file')} in {root}"
            if problems
            else f"every file in {root} is intact"
        ],
        is_report=True,
    )


command = Group(
    "store",
    "Look after the store of verified files.",
    {"path": path, "gc": gc, "verify": verify},
)


def _gc_text(collected: Collected) -> Iterator[Block]:
    for one in collected.removed:
        yield f"{'would remove' if collected.dry_run else 'removed'} {one}"
    freed = words.size(collected.bytes_freed)
    yield (
        f"{words.count(len(collected.removed), 'file')}, {freed} "
        f"{'could be freed' if collected.dry_run else 'freed'}; "
        f"{words.count(collected.kept, 'file')} in use"
    )
