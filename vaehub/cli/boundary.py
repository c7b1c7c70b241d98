"""Turn whatever ended a command into a result: our errors, ^C, the machine's refusals, our bugs.

Nothing of vaehub lets an exception out to the person; this is the one place that catches all.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from vaehub import __version__
from vaehub.cli import terminal
from vaehub.cli.output import Failure, Result, failed
from vaehub.cli.redaction import redact
from vaehub.errors import TargetNotUsable, VaehubError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
_REFUSALS = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO,
    errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP,
}  # fmt: skip
"""What a disk or a file system says no with: facts about the machine and not a bug of ours."""


def result_of(
    error: BaseException, command: str, *, argv: Sequence[str], verbose: bool = False
) -> Result:
    """Give the result that tells of an error; with ``verbose``, write its traceback to stderr."""
    if isinstance(error, KeyboardInterrupt):
        text = "interrupted"
        if command in {"bundle install", "install", "sync"}:
            text += "; run the same command again to go on from the bytes already here"
        return Result(command, problems=(Problem("interrupted", text),), exit_code=INTERRUPTED)
    if verbose:
        import traceback

        trace = "".join(traceback.format_exception(error))
        terminal.mention(redact(trace).rstrip("\n"))
    ours = known(error)
    if ours is not None:
        return failed(command, [Failure(ours)])
    return Result(command, problems=(_bug(error, argv=argv),), exit_code=VaehubError.exit_code)


def known(error: BaseException) -> VaehubError | None:
    """Give the error in our words; None where it can only be a bug."""
    if isinstance(error, VaehubError):
        return error
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        return _refusal(error)
    return None


def _refusal(error: OSError) -> VaehubError:
    where = f" ({error.filename})" if error.filename else ""
    return TargetNotUsable(
        f"the system refused: {error.strerror}{where}",
        hint="free some space, or choose another folder with --to or VAEHUB_STORE"
        if error.errno in {errno.ENOSPC, errno.EDQUOT}
        else "check the owner and the permissions of that path and its folder",
    )


def _bug(error: BaseException, *, argv: Sequence[str]) -> Problem:
    import platform
    import shlex
    import traceback

    what = "".join(traceback.format_exception_only(error)).strip()
    return Problem(
        "bug",
        f"this is a bug in vaehub, not something you did: {redact(what)}",
        hint="please report it with what the same command prints with -v, and this line: "
        f"vaehub {__version__}, Python {platform.python_version()}, {platform.platform()}, "
        f"vaehub {redact(shlex.join(argv))}",
    )
