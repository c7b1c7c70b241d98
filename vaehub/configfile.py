"""Change the configuration file and leave all else in it as it stands.

Knows how a TOML file is rewritten without losing comments, order or anything that nobody here
understands. Knows no key. The change is a function from a mapping; it is made twice, in plain data
and in the text, and the file is written only where both say the same.
"""

from __future__ import annotations

import contextlib
import copy
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub import configuration, durable
from vaehub.errors import TargetNotUsable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    Change = Callable[[MutableMapping[str, Any]], None]


def read(path: Path) -> dict[str, Any]:
    """Give what the file says, whatever its keys; empty where there is none.

    Raises:
        UsageError: it cannot be read, or is not TOML.
    """
    text = configuration.read_text(path)
    return {} if text is None else configuration.parse(text, path=path)


def rewrite(path: Path, change: Change, *, state: Path) -> bool:
    """Change the file, as a whole or not at all.

    A link is followed: what it leads to is rewritten, and the link stays. The file keeps its
    permissions.

    Args:
        path: The file; it is made where it is missing.
        change: Changes a mapping in place. It is called several times.
        state: The folder of what vaehub remembers: processes that change the file wait there for
            one another.

    Returns:
        Whether there was anything to change.

    Raises:
        UsageError: the file cannot be read, is not TOML, or is written in a way that does not let
            this be changed alone.
        TargetNotUsable: it cannot be written.
    """
    with _alone(state):
        text = configuration.read_text(path)
        before = {} if text is None else configuration.parse(text, path=path)
        wanted = copy.deepcopy(before)
        change(wanted)
        if wanted == before:
            return False
        changed = _changed(text or "", change, wanted=wanted, path=path)
        real = Path(os.path.realpath(path))
        try:
            mode = None if text is None else stat.S_IMODE(real.stat().st_mode)
            real.parent.mkdir(parents=True, exist_ok=True)
            durable.write(real, changed.encode("utf-8"), mode=mode)
        except OSError as error:
            raise TargetNotUsable(
                f"cannot write the configuration {real}: {error.strerror or error}",
                hint="check the owner and the permissions of that file and its folder",
            ) from error
    return True


def _changed(text: str, change: Change, *, wanted: dict[str, Any], path: Path) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    dos = "\r\n" in text and "\n" not in text.replace("\r\n", "")
    if dos:
        text = text.replace("\r\n", "\n")
    try:
        document = tomlkit.parse(text)
        change(document)
        changed = _with_what_follows(text, tomlkit.dumps(document))
        right = configuration.parse(changed, path=path) == wanted
    except (TOMLKitError, UsageError, KeyError, TypeError, ValueError, AttributeError):
        right = False
    if not right:
        raise UsageError(
            f"{path} is written in a way in which this cannot be changed alone",
            hint="change it there with an editor; nothing was written",
        )
    return changed.replace("\n", "\r\n") if dos else changed


def _with_what_follows(before: str, after: str) -> str:
    """Put back the comments that went with a table, although they stood below its last line.

    They are about what follows, and only tomlkit counts them to the table.
    """
    import difflib
    from collections import Counter

    old, new = before.split("\n"), after.split("\n")
    gone = Counter(filter(_is_comment, old)) - Counter(filter(_is_comment, new))
    if not gone:
        return after
    lines: list[str] = []
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for step, old_from, old_to, new_from, new_to in steps:
        lines += new[new_from:new_to]
        if step in {"delete", "replace"}:
            lines += _last_comments(old[old_from:old_to])
    return "\n".join(lines)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _last_comments(lines: list[str]) -> list[str]:
    last = max(
        (at for at, line in enumerate(lines) if line.strip()[:1] not in {"", "#"}), default=-1
    )
    return [line for line in lines[last + 1 :] if _is_comment(line)]


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Keep two processes from overwriting what the other one has just written."""
    from filelock import FileLock

    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = FileLock(state / "config.lock")
        lock.acquire(timeout=30)
    except OSError as error:  # filelock's time-out is one
        raise TargetNotUsable(
            f"cannot lock {state / 'config.lock'}: {error.strerror or 'somebody else holds it'}",
            hint="check the owner and the permissions of that folder",
        ) from error
    try:
        yield
    finally:
        lock.release()
