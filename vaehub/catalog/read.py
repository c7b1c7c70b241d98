"""Read a catalog's YAML strictly.

Knows a small, safe part of YAML: JSON's types, no repeated keys, no anchors, aliases, tags or merge
keys, one document, UTF-8. Every value keeps its line and column, so that each later finding can
name a place. Refuses to know what the fields mean; only :class:`CatalogError` comes out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from vaehub.catalog.files import read_bytes
from vaehub.errors import CatalogError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import yaml

MAX_DEPTH = 24
_LONGEST_INTEGER = 18
_LONGEST_FLOAT = 25  # repr() of any double fits; a digest that happens to look like 12e34 does not

NodePath: TypeAlias = tuple[str | int, ...]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "": None}
# YAML 1.1 counts U+0085, U+2028 and U+2029 as line breaks and editors do not: refusing them keeps
# our line numbers those that a person sees.
_FORBIDDEN = re.compile(
    r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


@dataclass(frozen=True, slots=True)
class Document:
    """What a catalog file says, and where it says it."""

    data: Any
    """Mappings, lists, text, numbers, booleans and null, as JSON has them."""
    positions: Mapping[NodePath, tuple[int, int]]
    """Line and column, from 1, of each value; of a mapping's member, where its key stands."""
    origin: str
    """The file, for messages."""

    def line(self, path: NodePath) -> int:
        """Find the line of a value, or of the nearest thing around it."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, (1, 1))[0]

    def where(self, path: NodePath) -> str:
        """Name the place of a value as ``file:line``."""
        return f"{self.origin}:{self.line(path)}"


def spell(path: NodePath) -> str:
    """Write a path as people read it: ``entries.clearvae.variants.v2.3.artifacts[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_file(path: Path) -> Document:
    """Read a catalog file.

    Raises:
        CatalogError: the file is not there, too large, not UTF-8, or not the YAML we allow.
    """
    return read_text(decode(read_bytes(path), origin=str(path)), origin=str(path))


def decode(content: bytes, *, origin: str) -> str:
    """Turn a catalog's bytes into text with plain line feeds and no byte order mark.

    Raises:
        CatalogError: the bytes are not UTF-8.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _refuse(origin, line, f"expected UTF-8, got the byte 0x{content[error.start]:02x}")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read_text(text: str, *, origin: str = "<text>") -> Document:
    """Read a catalog's text.

    Raises:
        CatalogError: it is not the YAML we allow; carries the problems with file and line.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    stray = _FORBIDDEN.search(text)
    if stray:
        line = text.count("\n", 0, stray.start()) + 1
        code = ord(stray.group())
        _refuse(origin, line, f"the character U+{code:04X} may only stand escaped, in quotes")
    builder = _Builder(origin)
    for event in _events(text, origin):
        builder.feed(event)
    return builder.document()


def resolve_plain(text: str) -> Any:
    """Give an unquoted scalar its JSON type; anything that is not clearly another is text.

    Raises:
        ValueError: it looks like a number that is too long to be one.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        if len(text) > _LONGEST_INTEGER:
            raise ValueError("too long for a number")
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text) if len(text) <= _LONGEST_FLOAT else float("inf")
        if number in (float("inf"), float("-inf")):
            raise ValueError("too long or too large for a number")
        return number
    return text


def _events(text: str, origin: str) -> Iterator[yaml.Event]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        _refuse(origin, mark.line + 1 if mark else 1, f"not valid YAML: {what}")
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The pure-Python scanner lets chr() fail on escapes beyond Unicode.
        _refuse(origin, 1, f"not valid YAML: {' '.join(str(error).split())}")


def _refuse(origin: str, line: int, message: str, path: NodePath = ()) -> NoReturn:
    text = f"{spell(path)}: {message}" if path else message
    problem = Problem("yaml", text, where=f"{origin}:{line}")
    raise CatalogError(f"{origin}:{line}: {text}", problems=[problem])


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is still open."""

    container: dict[str, Any] | list[Any]
    path: NodePath
    key: str | None = None
    lines: dict[str, int] = field(default_factory=dict)


class _Builder:
    """Builds data and positions from parser events, without recursion."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._stack: list[_Frame] = []
        self._root: Any = None
        self._documents = 0
        self._positions: dict[NodePath, tuple[int, int]] = {}
        self._repeats: list[Problem] = []

    def document(self) -> Document:
        if self._repeats:
            first = self._repeats[0]
            raise CatalogError(f"{first.where}: {first.message}", problems=self._repeats)
        return Document(self._root, self._positions, self._origin)

    def feed(self, event: yaml.Event) -> None:
        import yaml

        match event:
            case yaml.ScalarEvent():
                self._plain_node(event)
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._plain_node(event)
                is_mapping = isinstance(event, yaml.MappingStartEvent)
                self._open({} if is_mapping else [], event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._stack.pop()
            case yaml.AliasEvent():
                self._refuse(event, f"an alias (*{event.anchor}) is not allowed: write it out")
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._refuse(event, "a catalog is one document, and here a second one starts")

    def _plain_node(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            self._refuse(event, f"an anchor (&{event.anchor}) is not allowed: write it out")
        tag: str | None = getattr(event, "tag", None)
        if tag is not None:
            self._refuse(event, f"a tag ({tag}) is not allowed: types are JSON's")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        value: Any = event.value
        frame = self._stack[-1] if self._stack else None
        is_key = frame is not None and isinstance(frame.container, dict) and frame.key is None
        if not event.style:  # plain: neither quoted nor a block scalar
            if value == "<<" and is_key:
                self._refuse(event, "a merge key (<<) is not allowed: write the fields out")
            try:
                value = resolve_plain(event.value)
            except ValueError as error:
                self._refuse(event, f"{event.value[:20]}… is {error}; quote it if it is text")
        elif any("\ud800" <= character <= "\udfff" for character in event.value):
            self._refuse(event, "half of a surrogate pair is not a character")
        if frame is not None and is_key:
            self._name(frame, value, event)
        else:
            self._add(value, event)

    def _name(self, frame: _Frame, key: Any, event: yaml.ScalarEvent) -> None:
        if not isinstance(key, str):
            self._refuse(event, f"a key must be text, got {event.value!r}; quote it if it is text")
        line, _ = position = _place(event)
        if key in frame.lines:
            path = (*frame.path, key)
            message = f"{spell(path)}: stands twice, first on line {frame.lines[key]}"
            self._repeats.append(Problem("yaml", message, where=f"{self._origin}:{line}"))
        else:
            frame.lines[key] = line
            self._positions[(*frame.path, key)] = position
        frame.key = key

    def _open(self, container: dict[str, Any] | list[Any], event: yaml.NodeEvent) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._refuse(event, f"more than {MAX_DEPTH} levels deep")
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            self._refuse(event, "a key must be text, got a mapping or a list")
        path = self._add(container, event)
        self._stack.append(_Frame(container, path))

    def _add(self, value: Any, event: yaml.NodeEvent) -> NodePath:
        position = _place(event)
        if not self._stack:
            self._root = value
            self._positions[()] = position
            return ()
        frame = self._stack[-1]
        if isinstance(frame.container, list):
            path: NodePath = (*frame.path, len(frame.container))
            frame.container.append(value)
            self._positions[path] = position
            return path
        assert frame.key is not None  # _scalar and _open have seen to it
        path = (*frame.path, frame.key)
        frame.container[frame.key] = value
        frame.key = None
        return path

    def _refuse(self, event: yaml.Event, message: str) -> NoReturn:
        frame = self._stack[-1] if self._stack else _Frame([], ())
        path = frame.path if frame.key is None else (*frame.path, frame.key)
        _refuse(self._origin, _place(event)[0], message, path)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
