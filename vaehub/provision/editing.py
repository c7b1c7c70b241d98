"""Put VAEs into a manifest's text and take them out; every other character stays as it is.

Pure. An edit is made where :mod:`.marks` says that the list stands, in the style in which it is
written, and believed only when the new text says exactly what was meant and has all comments that
the old one had. Comments that stood beside what is taken out stay, on lines of their own.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from vaehub.catalog.read import read_text, resolve_plain
from vaehub.errors import CatalogError, ManifestError
from vaehub.provision.marks import Marked, Span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_./@+-]*[A-Za-z0-9_])?")
_LAST_BREAK = re.compile(r"(\r\n|\r|\n)\Z")
_BOM = "\ufeff"
_KEY = "vaes"


class Put(NamedTuple):
    """Put a VAE at the end of the list."""

    name: str
    targets: tuple[str, ...] = ()
    comment: str = ""
    """Stands behind it where a line of its own lets it: one line, and no secret."""

    @property
    def data(self) -> Any:
        """As the manifest says it then."""
        return {"name": self.name, "targets": list(self.targets)} if self.targets else self.name


class Take(NamedTuple):
    """Take a VAE out of the list."""

    at: int
    """Its place in the list, from 0."""
    name: str
    """For messages."""


def edit(content: bytes, changes: Sequence[Put | Take], *, path: Path) -> bytes:
    """Make changes in a manifest, one after the other.

    Args:
        content: The manifest; empty for a new one. Its ``vaes`` may be empty or missing.
        changes: What to change.
        path: For messages.

    Raises:
        ManifestError: it is written in a way in which this cannot be changed alone.
    """
    text = content.decode("utf-8")
    mark = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    for change in changes:
        text = _changed(text, change, path=path)
    return (mark + text).encode()


def _changed(text: str, change: Put | Take, *, path: Path) -> str:
    before = read_text(text).data
    wanted: dict[str, Any] = {"schema": 1} if before is None else copy.deepcopy(before)
    listed: list[Any] = wanted.get(_KEY) or []
    if isinstance(change, Put):
        wanted[_KEY] = [*listed, change.data]
    else:
        wanted[_KEY] = [*listed[: change.at], *listed[change.at + 1 :]]
    try:
        marked = Marked(text)
        made = _put(marked, change) if isinstance(change, Put) else _take(marked, change.at)
        if made is not None and _says(made, wanted) and not _lost(marked, Marked(made)):
            return made
    except (yaml.YAMLError, StopIteration, ValueError):
        pass  # unusual YAML: there is no mark where one should be
    raise _by_hand(change, path)


def _by_hand(change: Put | Take, path: Path) -> ManifestError:
    if isinstance(change, Put):
        item = json.dumps(change.data, ensure_ascii=False)
        return ManifestError(
            f"{path} is written in a way in which {change.name} cannot be put in alone",
            hint=f"write {item} into its list `vaes` with an editor; nothing was written",
        )
    return ManifestError(
        f"{path} is written in a way in which {change.name} cannot be taken out alone",
        hint=f"take {change.name} out of its list `vaes` with an editor; nothing was written",
    )


def _says(text: str, wanted: Any) -> bool:
    try:
        return bool(read_text(text).data == wanted)
    except CatalogError:
        return False


def _lost(before: Marked, after: Marked) -> bool:
    """Tell whether a comment is gone."""
    left = Counter(each.text.rstrip() for each in after.comments)
    return bool(Counter(each.text.rstrip() for each in before.comments) - left)


# Put


def _put(marked: Marked, put: Put) -> str | None:
    pair = marked.pair(_KEY)
    if pair is None:
        return _put_key(marked, put)
    key, value = pair
    in_json = key.style == '"'
    if isinstance(value, yaml.SequenceNode) and value.value:
        last = value.value[-1]
        style = '"' if in_json else last.style if isinstance(last, yaml.ScalarNode) else None
        if value.flow_style:
            return _put_flow(marked, value, _in_flow(put, style, in_json=in_json))
        return _put_block(marked, last, put, style)
    end = marked.colon(key)
    in_block = isinstance(marked.root, yaml.MappingNode) and not marked.root.flow_style
    if isinstance(value, yaml.ScalarNode):
        is_empty = value.value in {"", "null"} and not value.style
    else:
        is_empty = marked.text[end : value.end_mark.index] == " []"
    if in_block and is_empty:
        indent = marked.before(key.start_mark.index)
        lines = _in_block(put, indent + "  ", " ", None)
        stop = value.end_mark.index
        cut = Span(end, stop) if value.start_mark.index < stop else Span(end, end)
        return _with_lines(marked, marked.after_line(cut.end), lines, cut=cut)
    if isinstance(value, yaml.SequenceNode):
        at = value.start_mark.index + 1
        return marked.text[:at] + _in_flow(put, None, in_json=in_json) + marked.text[at:]
    return None


def _put_key(marked: Marked, put: Put) -> str | None:
    """Put in the list itself, below all else."""
    root = marked.root
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
        lines = ["schema: 1", f"{_KEY}:", *_in_block(put, "  ", " ", None)]
        return _with_lines(marked, len(marked.text), lines)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return None
    indent = marked.before(root.start_mark.index)
    lines = [f"{indent}{_KEY}:", *_in_block(put, indent + "  ", " ", None)]
    return _with_lines(marked, marked.after_line(marked.end(root)), lines)


def _put_block(marked: Marked, last: yaml.Node, put: Put, style: str | None) -> str | None:
    dash = marked.dash(last)
    gap = marked.text[dash + 1 : last.start_mark.index]
    if not gap or gap.strip(" "):  # a line break
        gap = " "
    lines = _in_block(put, marked.before(dash), gap, style)
    return _with_lines(marked, marked.after_line(marked.end(last)), lines)


def _put_flow(marked: Marked, value: yaml.SequenceNode, item: str) -> str:
    text, last = marked.text, value.value[-1]
    end = last.end_mark.index
    comma = marked.comma_after(last, value.end_mark.index)
    after = end if comma is None else comma.end
    indent = marked.before(last.start_mark.index)
    alone = not indent.strip() and marked.line_start(last.start_mark.index) > value.start_mark.index
    if alone and marked.is_last_in_line(after):
        at = marked.after_line(after)
        line = f"{indent}{item}{',' if comma else ''}{marked.line_break}"
        return text[:end] + ("" if comma else ",") + text[end:at] + line + text[at:]
    if comma is not None:
        return f"{text[:after]} {item},{text[after:]}"
    gap = marked.line_break + indent if alone else " "
    return f"{text[:end]},{gap}{item}{text[end:]}"


def _with_lines(marked: Marked, at: int, lines: list[str], *, cut: Span | None = None) -> str:
    """Give the text with lines put in at the start of one, and a piece before that cut out."""
    text, line_break = marked.text, marked.line_break
    head = text[:at] if cut is None else text[: cut.start] + text[cut.end : at]
    block, tail = line_break.join(lines), text[at:]
    if tail or not head or head[-1] in "\r\n":
        return head + block + line_break + tail
    return head + line_break + block


def _in_block(put: Put, indent: str, gap: str, style: str | None) -> list[str]:
    comment = f"  # {put.comment}" if put.comment else ""
    if not put.targets:
        return [f"{indent}-{gap}{_scalar(put.name, style)}{comment}"]
    targets = ", ".join(_scalar(each, None) for each in put.targets)
    return [
        f"{indent}-{gap}name: {_scalar(put.name, style)}{comment}",
        f"{indent} {' ' * len(gap)}targets: [{targets}]",
    ]


def _in_flow(put: Put, style: str | None, *, in_json: bool) -> str:
    if in_json:
        return json.dumps(put.data, ensure_ascii=False)
    if not put.targets:
        return _scalar(put.name, style)
    targets = ", ".join(_scalar(each, None) for each in put.targets)
    return f"{{name: {_scalar(put.name, style)}, targets: [{targets}]}}"


def _scalar(text: str, style: str | None) -> str:
    """Write a text: plain where it may be, in the quotes that its neighbour has."""
    if style == "'" and "'" not in text:
        return f"'{text}'"
    try:
        is_text = isinstance(resolve_plain(text), str)
    except ValueError:  # too long for a number
        is_text = False
    if style != '"' and is_text and _PLAIN.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)


# Take


def _take(marked: Marked, index: int) -> str | None:
    key, value = marked.pair(_KEY) or (None, None)
    if key is None or not isinstance(value, yaml.SequenceNode):
        return None
    if value.flow_style:
        return _take_flow(marked, value, index)
    item = value.value[index]
    dash = marked.dash(item)
    made = _without_lines(marked, dash, marked.end(item))
    if len(value.value) > 1:
        return made
    end = marked.colon(key)
    return f"{made[:end]} []{made[end:]}"


def _take_flow(marked: Marked, value: yaml.SequenceNode, index: int) -> str:
    text, items = marked.text, value.value
    item = items[index]
    start, end = item.start_mark.index, item.end_mark.index
    next_ = items[index + 1].start_mark.index if index + 1 < len(items) else value.end_mark.index
    before = items[index - 1].end_mark.index if index else value.start_mark.index
    comma = marked.comma_after(item, next_)
    if comma is None:
        comma = marked.comma_before(item, before)
    alone = not marked.before(start).strip()
    if comma is not None and comma.start >= end:
        if alone and marked.is_last_in_line(comma.end):
            return _without_lines(marked, start, comma.end)
        head, tail = text[:start], text[comma.end :]
        is_last = index == len(items) - 1 > 0
        return head.rstrip(" \t") + tail if is_last else head + tail.lstrip(" \t")
    if comma is None:
        is_line = alone and marked.is_last_in_line(end)
        return _without_lines(marked, start, end) if is_line else text[:start] + text[end:]
    if alone and marked.is_last_in_line(end):
        made = _without_lines(marked, start, end)
        return made[: comma.start] + made[comma.end :]
    return text[: comma.start] + text[end:]


def _without_lines(marked: Marked, start: int, end: int) -> str:
    """Give the text without some lines; the comments in them stay."""
    text = marked.text
    lines = Span(marked.line_start(start), marked.after_line(end))
    indent = marked.before(start)
    kept = [indent + each.text.rstrip() for each in marked.comments_in(lines)]
    head, tail = text[: lines.start], text[lines.end :]
    if tail or text[-1] in "\r\n":
        return head + "".join(line + marked.line_break for line in kept) + tail
    if kept:
        return head + marked.line_break.join(kept)
    return _LAST_BREAK.sub("", head)
