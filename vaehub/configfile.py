"""Change the configuration file and leave all else in it as it stands.

Knows how a TOML file is changed without losing comments, order or anything that nobody here
understands. Knows no key. Whole tables are put in and taken out by their lines, everything else by
tomlkit; whatever was done is believed only when the new text says what the change asked for, all
else unchanged and in its place.
"""

from __future__ import annotations

import contextlib
import copy
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub import configuration, durable
from vaehub.errors import TargetNotUsable, UsageError
from vaehub.locks import held

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

_HEADER = re.compile(r"\s*\[\[?(?P<name>[^\[\]#]+)\]\]?\s*(#.*)?")


class Put(NamedTuple):
    """Give a key a value."""

    keys: tuple[str, ...]
    """From the outermost table inwards."""
    value: object

    def apply(self, config: MutableMapping[str, Any]) -> None:
        """Make the change in a mapping.

        Raises:
            TypeError: what stands there is no table.
        """
        *outer, last = self.keys
        for key in outer:
            config = config.setdefault(key, {})
        config[last] = self.value


class Take(NamedTuple):
    """Take a key out, and a table that it leaves empty; no such key is fine."""

    keys: tuple[str, ...]

    def apply(self, config: MutableMapping[str, Any]) -> None:
        """Make the change in a mapping."""
        key, *rest = self.keys
        if rest and isinstance(config.get(key), dict):
            Take(tuple(rest)).apply(config[key])
            if not config[key]:
                del config[key]
        elif not rest:
            config.pop(key, None)


Change = Put | Take


def read(path: Path) -> dict[str, Any]:
    """Give what the file says, whatever its keys; empty where there is none.

    Raises:
        UsageError: it cannot be read, or is not TOML.
    """
    text = configuration.read_text(path)
    return {} if text is None else configuration.parse(text, path=path)


def rewrite(path: Path, *changes: Change, state: Path) -> bool:
    """Change the file, as a whole or not at all.

    A link is followed: what it leads to is rewritten, and the link stays. The file keeps its
    permissions and its line ends.

    Args:
        path: The file; it is made where it is missing.
        changes: What to change, one after the other.
        state: The folder of what vaehub remembers: processes that change the file wait there for
            one another.

    Returns:
        Whether there was anything to change.

    Raises:
        UsageError: the file cannot be read, is not TOML, or is written in a way that does not let
            this be changed alone.
        TargetNotUsable: it cannot be written.
    """
    with held(state / "config.lock"):
        before = configuration.read_text(path)
        text = before or ""
        dos = "\r\n" in text and "\n" not in text.replace("\r\n", "")
        if dos:
            text = text.replace("\r\n", "\n")
        for change in changes:
            text = _changed(text, change, path=path)
        if dos:
            text = text.replace("\n", "\r\n")
        if text == (before or ""):
            return False
        _write(path, text)
    return True


def _write(path: Path, text: str) -> None:
    try:
        durable.rewrite(path, text.encode("utf-8"))
    except OSError as error:
        raise TargetNotUsable(
            f"cannot write the configuration {path}: {error.strerror or error}",
            hint="check the owner and the permissions of that file and its folder",
        ) from error


def _changed(text: str, change: Change, *, path: Path) -> str:
    """Give the text with a change made, in the first way that changes nothing else."""
    before = configuration.parse(text, path=path)
    wanted = copy.deepcopy(before)
    with contextlib.suppress(TypeError):  # then it is none of the ways below either
        change.apply(wanted)
        if wanted == before:
            return text
        if isinstance(change, Take):
            change = _widened(change, wanted)
        for way in (_by_lines, _by_tomlkit):
            changed = way(text, change)
            if changed is not None and _says(changed, wanted, path=path):
                return changed
    raise UsageError(
        f"{path} is written in a way in which {'.'.join(change.keys)} cannot be changed alone",
        hint="change it there with an editor; nothing was written",
    )


def _widened(change: Take, wanted: dict[str, Any]) -> Take:
    """Take out the outermost table that is gone in the end, at once."""
    config = wanted
    for depth, key in enumerate(change.keys, 1):
        if key not in config:
            return Take(change.keys[:depth])
        config = config[key]
    return change


def _says(text: str, wanted: dict[str, Any], *, path: Path) -> bool:
    try:
        return configuration.parse(text, path=path) == wanted
    except UsageError:
        return False


def _by_lines(text: str, change: Change) -> str | None:
    """Make a change among the lines that it concerns; the others are not even read.

    The text may be wrong afterwards, where it is written in an unusual way.
    """
    *outer, last = change.keys
    if isinstance(change, Take):
        without = _without_tables(text, change.keys)
        if without != text:
            return without
    lines = text.splitlines(keepends=True)
    section = _section(lines, tuple(outer))
    if isinstance(change, Put) and (section is None or isinstance(change.value, dict)):
        return _with_table(text, change)
    if section is None:
        return None
    body = [*lines[section]]
    end = max((at for at, line in enumerate(body, 1) if _says_something(line)), default=0)
    changed = _by_tomlkit("".join(body[:end]), change._replace(keys=(last,)))
    if changed is None:
        return None
    # A first line above the first table keeps a distance from it, and from the words about it.
    gap = "\n" if not end and not outer and lines and lines[0].strip() else ""
    return "".join([*lines[: section.start], changed, gap, *body[end:], *lines[section.stop :]])


def _section(lines: list[str], name: tuple[str, ...]) -> slice | None:
    """Find the lines below the header of a table, or those above all headers; None: no such."""
    starts: list[tuple[int, tuple[str, ...]]] = [(-1, ())]
    starts += [(at, keys) for at, line in enumerate(lines) if (keys := _header(line))]
    for number, (at, keys) in enumerate(starts):
        if keys == name:
            stop = starts[number + 1][0] if number + 1 < len(starts) else len(lines)
            return slice(at + 1, stop)
    return None


def _with_table(text: str, change: Put) -> str:
    import tomlkit

    value = change.value
    for key in reversed(change.keys):
        value = {key: value}
    assert isinstance(value, dict)
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}{tomlkit.dumps(value)}"


def _without_tables(text: str, keys: tuple[str, ...]) -> str:
    """Cut out the tables of that name, and those inside them, with what stands in them.

    Comments below the last line of a table stay: they are about what follows.
    """
    kept: list[str] = []
    held: list[str] = []
    cutting = False
    for line in text.splitlines(keepends=True):
        header = _header(line)
        if header is not None:
            cutting = header[: len(keys)] == keys
        if not cutting:
            kept += [*held, line]
            held = []
        elif not _says_something(line):
            held.append(line)
        else:
            held = []  # what stood between two lines of the table goes with it
    return "".join([*kept, *held])


def _says_something(line: str) -> bool:
    return line.strip()[:1] not in {"", "#"}


def _header(line: str) -> tuple[str, ...] | None:
    """Read the keys in the header of a table; None: the line is none."""
    match = _HEADER.fullmatch(line.rstrip("\r\n"))
    if match is None:
        return None
    # A key in quotes may hold dots.
    parts = re.findall(r"\s*(\"[^\"]*\"|'[^']*'|[^.\s]+)\s*", match["name"])
    return tuple(part.strip("\"'") for part in parts)


def _by_tomlkit(text: str, change: Change) -> str | None:
    """Let tomlkit make the change; None where it fails, or moves or loses other lines."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        change.apply(document)
        changed = tomlkit.dumps(document)
    except (TOMLKitError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return changed if _in_place(text, changed) else None


def _in_place(before: str, after: str) -> bool:
    """Tell whether no line has moved and no comment is gone."""
    import difflib
    from collections import Counter

    old, new = before.split("\n"), after.split("\n")
    gone: Counter[str] = Counter()
    come: Counter[str] = Counter()
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for step, old_from, old_to, new_from, new_to in steps:
        if step != "equal":
            gone.update(line.strip() for line in old[old_from:old_to])
            come.update(line.strip() for line in new[new_from:new_to])
    del gone[""], come[""]
    return not gone & come and not any(line.startswith("#") for line in gone)
