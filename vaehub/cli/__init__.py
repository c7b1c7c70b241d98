"""The command line: thin commands over the public Python face, and one place that prints.

``table`` names the commands, ``commands/`` holds one file for each, ``declared`` says what they
take. ``plain`` and ``clicked`` read a command line, ``call`` performs it, ``boundary`` catches what
goes wrong, ``output`` prints. Nothing here decides anything about catalogs, downloads or targets.
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
