"""What the three standard streams are, and careful writing to them.

The only reader of ``NO_COLOR`` and ``TERM``, which concern looks and nothing else. Knows nothing
of results.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from vaehub import lang
from vaehub.cli import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.cli.tables import Line, Styled

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person looks at the stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def is_live(stream: TextIO | None) -> bool:
    """Tell whether lines on the stream can be redrawn in place."""
    return is_terminal(stream) and os.environ.get("TERM", "").lower() not in {"dumb", "unknown"}


def has_colours(stream: TextIO | None) -> bool:
    """Tell whether colours are welcome on the stream."""
    return is_live(stream) and not os.environ.get("NO_COLOR")


def columns(stream: TextIO | None) -> int | None:
    """Give the width to lay out for; None where lines may be as long as they like."""
    if not is_terminal(stream):
        return None
    import shutil

    return shutil.get_terminal_size().columns


def write(text: str, *, to: TextIO | None) -> None:
    """Write and flush, whatever characters the stream can show.

    Raises:
        BrokenPipeError: the reader went away.
        OSError: the stream cannot take it, e.g. a file on a full disk.
    """
    if to is None:  # closed before we started, as with pythonw or ``>&-``
        return
    encoding = getattr(to, "encoding", None) or "utf-8"
    to.write(text.encode(encoding, "replace").decode(encoding))
    to.flush()


def show(line: str | Line, *, to: TextIO | None) -> None:
    """Write one line of ours, with its styles where the stream has colours."""
    colours = has_colours(to)
    pieces = (line,) if isinstance(line, str) else line
    text = "".join(_piece(piece, colours=colours) for piece in pieces)
    write(text + "\n", to=to)


def mention(line: str | Line) -> None:
    """Write a line to stderr if anybody is there; what is being done goes on if not."""
    with suppress(OSError):
        show(line, to=sys.stderr)


@contextmanager
def unread(stream: TextIO | None) -> Iterator[None]:
    """Stop writing to a stream, in silence, when its reader goes away."""
    try:
        yield
    except BrokenPipeError:
        abandon(stream)


def abandon(stream: TextIO | None) -> None:
    """Point a stream to nowhere, so that Python's own last flush of it is quiet."""
    from pathlib import Path

    # What is no real file, or closed, will not be flushed into a pipe either.
    with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
        if stream is not None:
            os.dup2(nowhere.fileno(), stream.fileno())


def can_ask() -> bool:
    """Tell whether a person can answer a question."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def ask(question: str) -> bool:
    """Ask a yes-or-no question on stderr; anything but a yes is a no."""
    write(f"{words.clean(lang.tell(question))} [y/N] ", to=sys.stderr)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        write("\n", to=sys.stderr)
    return answer.strip().lower() in {"y", "yes"}


def ask_secret(question: str) -> str | None:
    """Ask for something that must not show while it is typed; None where there is no answer.

    Raises:
        OSError: the terminal cannot be kept from showing it.
    """
    import getpass
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)  # it would show what is typed
        try:
            return getpass.getpass(words.clean(lang.tell(question))).strip() or None
        except EOFError:
            return None
        except getpass.GetPassWarning:
            raise OSError("the terminal shows what is typed") from None


def _piece(piece: str | Styled, *, colours: bool) -> str:
    if isinstance(piece, str):
        return words.clean(piece)
    text = words.clean(piece.text)
    code = _CODES.get(piece.style)
    return f"\x1b[{code}m{text}\x1b[0m" if colours and code else text
