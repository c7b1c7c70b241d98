"""The command line: thin commands over the public Python face, and one place that prints.

``table`` names the commands, ``commands/`` holds one file for each, ``declared`` says what they
take. ``plain`` and ``clicked`` read a command line, ``call`` performs it, ``boundary`` catches what
goes wrong, ``output`` prints. Nothing here decides anything about catalogs, downloads or targets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["main", "script"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; never raises.

    Args:
        argv: the arguments without the program's name; None takes the process's own.
    """
    from vaehub.cli.app import run

    return run(argv)


def script() -> NoReturn:
    """Run the command that the process was started with, and end the process with its exit code.

    Spares what a short-lived process needs not: looks for cycles of garbage after ten times as many
    objects as usual, and leaves taking the modules apart to the operating system. Together that is
    a sixth of a small install.
    """
    import gc
    import sys

    gc.set_threshold(10 * gc.get_threshold()[0], *gc.get_threshold()[1:])
    code = main()
    _leave_at_once(code)
    sys.exit(code)


def _leave_at_once(code: int) -> None:
    """End the process as Python would, but for the memory; nothing where that cannot be done."""
    import atexit
    import os
    import sys

    if threading := sys.modules.get("threading"):
        others = (one for one in threading.enumerate() if one is not threading.main_thread())
        if not all(one.daemon for one in others):  # Python waits for those
            return
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):  # Python has its own way of telling
        return
    os._exit(code)
