"""Give every text that people may read, wherever it stands in the package.

Reads the sources, the layouts of UIs, and the schema of catalogs, whose descriptions are repeated.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

from vaehub.lang.filling import Template, quoted
from vaehub.lang.known import ELSEWHERE, NAMES
from vaehub.lang.sources import of_source

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parent.parent
_LEFT_OUT = (
    *("lang/", "loopback/", "cli/man.py", "junit.py", "smoke/junit.py", "catalog/scalars.py"),
    *("provision/findings.py", "provision/junit.py", "provision/sarif.py"),
)
"""Says nothing to people, or (the man page) says it elsewhere."""


def find() -> list[Template]:
    """Give all templates, in the order of files and lines, each text once."""
    found: dict[str, Template] = {}
    for template in itertools.chain(_of_sources(), _of_layouts(), _of_others()):
        found.setdefault(template.text, template)
    return list(found.values())


def _of_sources() -> Iterator[Template]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith(_LEFT_OUT):
            yield from of_source(path.read_text(encoding="utf-8"), name)


def _of_layouts() -> Iterator[Template]:
    name = "targets/layouts.json"
    schema = json.loads((PACKAGE / "schema" / "registry-1.json").read_text(encoding="utf-8"))
    for text in _described(schema):
        if " " in text and text not in NAMES:
            yield Template(quoted(text), "schema/registry-1.json", 0)
    for layout in json.loads((PACKAGE / name).read_text(encoding="utf-8")).values():
        for text in _spoken(layout):
            if " " in text and text not in NAMES:
                yield Template(text, name, 0)


def _described(value: object) -> Iterator[str]:
    """Give what a schema says of its values: messages repeat it."""
    if isinstance(value, dict):
        if isinstance(value.get("description"), str):
            yield value["description"]
        for inner in value.values():
            yield from _described(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _described(inner)


def _spoken(value: object, key: str = "") -> Iterator[str]:
    match value:
        case dict():
            for inner_key, inner in value.items():
                told = key if key == "without" else inner_key
                yield from _spoken(inner, told)
        case str() if key in {"title", "select", "setting", "larger_is", "refuses", "instead",
                              "without"}:  # fmt: skip
            yield value


def _of_others() -> Iterator[Template]:
    return (Template(text, "lang/known.py", 0) for text in ELSEWHERE)
