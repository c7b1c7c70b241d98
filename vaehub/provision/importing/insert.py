"""Put what an import found into the text of a manifest; every other character stays as it is.

Pure. VAEs go in as ``vaehub add`` puts them (:mod:`vaehub.provision.editing`), and targets likewise
where :mod:`vaehub.provision.marks` says that they stand.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import yaml

from vaehub.catalog.read import read_text
from vaehub.catalog.scalars import scalar
from vaehub.errors import CatalogError, ManifestError
from vaehub.provision import editing
from vaehub.provision.editing import Put
from vaehub.provision.marks import Marked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaehub.provision.importing.draft import Draft
    from vaehub.provision.importing.items import Offered

_KEY = "targets"
_STEP = "  "


def insert(content: bytes | None, draft: Draft, *, path: Path) -> bytes:
    """Give the manifest that says what it said before, and what is new.

    Args:
        content: The manifest; None where there is none.
        draft: What is new.
        path: For messages.

    Raises:
        ManifestError: it is written in a way in which this cannot be put in alone.
    """
    if not (content or b"").strip():
        return draft.text().encode()
    assert content is not None
    puts = [Put(one.name, one.targets, one.comment) for one in draft.lines]
    made = editing.edit(content, puts, path=path)
    return (
        _with_targets(made.decode(), draft.targets, path=path).encode() if draft.targets else made
    )


def _with_targets(text: str, targets: Mapping[str, Offered], *, path: Path) -> str:
    wanted = copy.deepcopy(read_text(text).data)
    wanted[_KEY] = {
        **(wanted.get(_KEY) or {}),
        **{name: {"ui": one.ui, "path": one.path} for name, one in targets.items()},
    }
    try:
        made = _put(Marked(text), targets)
        if made is not None and read_text(made).data == wanted:
            return made
    except (yaml.YAMLError, CatalogError, StopIteration):
        pass  # unusual YAML
    names = " and ".join(targets)
    raise ManifestError(
        f"{path} is written in a way in which the target {names} cannot be put in alone",
        hint="write it with an editor, with ui and path, or take the UI's VAE folder in place of "
        "its root; nothing was written",
    )


def _put(marked: Marked, targets: Mapping[str, Offered]) -> str | None:
    root, pair = marked.root, marked.pair(_KEY)
    if not isinstance(root, yaml.MappingNode):
        return None
    outer = marked.before(root.start_mark.index)
    if pair is None:
        at = marked.after_line(marked.end(root))
        return _with_lines(marked, at, [f"{outer}{_KEY}:", *_lines(targets, outer + _STEP)])
    _, value = pair
    if not isinstance(value, yaml.MappingNode) or value.flow_style or not value.value:
        return None
    at = marked.after_line(marked.end(value))
    inner = marked.before(value.start_mark.index)
    return _with_lines(marked, at, _lines(targets, inner))


def _lines(targets: Mapping[str, Offered], indent: str) -> list[str]:
    return [
        f"{indent}{line}"
        for name, one in targets.items()
        for line in (f"{name}:", f"{_STEP}ui: {one.ui}", f"{_STEP}path: {scalar(one.path)}")
    ]


def _with_lines(marked: Marked, at: int, lines: list[str]) -> str:
    head, tail, end = marked.text[:at], marked.text[at:], marked.line_break
    gap = "" if head[-1:] in {"\r", "\n"} else end
    return head + gap + "".join(line + end for line in lines) + tail
