"""The command line: thin commands over the public Python face, and one place that prints.

``app`` holds the table of commands and the error boundary, ``call`` the options that every command
shares, ``output`` the printing, ``commands/`` one file per command. Nothing here decides anything
about catalogs, downloads or targets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; never raises.

    Args:
        argv: the arguments without the program's name; None takes the process's own.
    """
    from vaehub.cli.app import run

    return run(argv)
