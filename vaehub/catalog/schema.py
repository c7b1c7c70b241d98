"""Hold catalog data against the JSON Schema, and say what is wrong in a person's words.

Knows how each kind of schema failure reads and on which line it stands. The shape itself is in
``vaehub/schema/registry-1.json``. Refuses to know anything that needs two entries at once: that is
:mod:`vaehub.catalog.rules`.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub.catalog.read import NodePath, spell
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jsonschema.exceptions import ValidationError

    from vaehub.catalog.read import Document

    Hint = Callable[[NodePath, Any, Sequence[str]], str | None]
    """Takes where a value stands, the value, and what it may be, where that is a choice."""

VERSION = 1
UNKNOWN_FIELD = "unknown-field"
UNKNOWN_HOST = "unknown-host"
_SHOWN = 60
_TITLES: Mapping[str, str] = {"registry": "catalog", "manifest": "manifest", "lock": "lock"}
"""What a file of each schema is called."""
_SECRET_PARTS = re.compile(r"(?<=://)[^/\s]*@|(?<=\?)\S+")

_KINDS: Mapping[str, str] = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def schema_text(name: str = "registry") -> str:
    """Give a JSON Schema that the package ships: ``registry``, ``manifest``, ``lock``."""
    path = Path(__file__).parent.parent / "schema" / f"{name}-{VERSION}.json"
    return path.read_text(encoding="utf-8")


def shape_problems(
    document: Document, *, foreign: bool, name: str = "registry", hint: Hint | None = None
) -> tuple[list[Problem], Any]:
    """Check the shape of a catalog's data, or of another file that has a schema.

    In a foreign catalog, fields and hosts that this version does not know are advisory.

    Args:
        document: What was read.
        foreign: Whether it is another catalog than the curated one.
        name: Of the schema.
        hint: Says what to do about a value, where it knows better than this module does.

    Returns:
        The problems in the order of their lines, and the data without what is unknown. The data
        has the schema's shape exactly if no problem is blocking.
    """
    newer = _newer_schema(document, _TITLES[name])
    if newer is not None:
        return [newer], document.data
    found: list[tuple[int, Problem]] = []
    unknown: list[NodePath] = []
    seen: set[tuple[NodePath, str]] = set()
    for error in _errors(document.data, name):
        for path, code, message, usual in _explain(error):
            if (path, message) in seen:
                continue
            seen.add((path, message))
            is_unknown = code in {UNKNOWN_FIELD, UNKNOWN_HOST}
            if is_unknown:
                unknown.append(path)
            problem = Problem(
                code,
                f"{spell(path)}: {message}" if path else message,
                where=document.where(path),
                blocking=not (foreign and is_unknown),
                hint=(hint and hint(path, _value(document.data, path), _choices(error))) or usual,
            )
            found.append((document.line(path), problem))
    found.sort(key=lambda item: item[0])
    return [problem for _, problem in found], _without(document.data, unknown)


def _newer_schema(document: Document, what: str) -> Problem | None:
    """Look at the version first: a later one may look different throughout."""
    data = document.data
    version = data.get("schema") if isinstance(data, dict) else None
    if isinstance(version, bool) or not isinstance(version, int) or version <= VERSION:
        return None
    return Problem(
        "schema-version",
        f"schema: expected {VERSION}, got {version}: the {what} is for a newer vaehub",
        where=document.where(("schema",)),
        hint="update vaehub: pip install --upgrade vaehub",
    )


def load_schema(name: str) -> dict[str, Any]:
    """Give a schema with all that it refers to: what a catalog says of files, others say too."""
    import json

    schema: dict[str, Any] = json.loads(schema_text(name))
    if name != "registry":
        schema["$defs"] = {**load_schema("registry")["$defs"], **schema.get("$defs", {})}
    return schema


def _errors(data: Any, name: str) -> Iterable[ValidationError]:

    from jsonschema import Draft202012Validator, validators
    from jsonschema.exceptions import ValidationError

    def pattern(validator: Any, expected: str, value: Any, schema: Any) -> Iterator[Any]:
        # Python's $ also matches before a final line feed, which the schema's dialect does not.
        if isinstance(value, str) and ("\n" in value or not re.search(expected, value)):
            yield ValidationError(f"does not match {expected}")

    extend: Any = validators.extend  # the stubs give it no types
    strict = extend(Draft202012Validator, {"pattern": pattern})
    errors: Iterable[ValidationError] = strict(load_schema(name)).iter_errors(data)
    return errors


def _explain(error: ValidationError) -> Iterator[tuple[NodePath, str, str, str | None]]:
    """Give (path, code, message, hint) for one failure; a failure may name several keys."""
    path: NodePath = tuple(error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    value: Any = error.instance
    if "propertyNames" in error.absolute_schema_path:
        yield (*path, value), "schema-value", f"expected an id: {schema['description']}", None
        return
    match error.validator:
        case "additionalProperties":
            known = sorted(schema["properties"])
            is_source = "huggingface" in known
            for key in sorted(set(value) - set(known)):
                code, what = (UNKNOWN_HOST, "host") if is_source else (UNKNOWN_FIELD, "field")
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
                yield (*path, key), code, f"unknown {what}", hint
        case "required":
            for key in schema["required"]:
                if key not in value:
                    yield path, "schema-required", f"lacks {key}", None
        case "type":
            yield path, "schema-type", _expected(_kind(schema), value), None
        case "const" | "enum":
            allowed = schema.get("enum", [schema.get("const")])
            choices = "one of " if len(allowed) > 1 else ""
            choices += ", ".join(str(choice) for choice in allowed)
            yield path, "schema-value", _expected(choices, value), None
        case "uniqueItems":
            twice = next(item for index, item in enumerate(value) if item in value[:index])
            yield path, "schema-value", f"{_show(twice)} stands twice", None
        case _:
            wanted = schema.get("description") or f"{error.validator} {error.validator_value}"
            yield path, "schema-value", _expected(wanted, value), None


def _value(data: Any, path: NodePath) -> Any:
    """Give what stands at a path; of a name that is wrong, what it is the name of."""
    for part in path:
        data = data[part]
    return data


def _choices(error: ValidationError) -> Sequence[str]:
    schema = error.schema if isinstance(error.schema, dict) else {}
    return [choice for choice in schema.get("enum", ()) if isinstance(choice, str)]


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = " or ".join(_KINDS[each] for each in kinds)
    description = schema.get("description")
    return f"{kind} ({description})" if description else kind


def _expected(wanted: str, value: Any) -> str:
    return f"expected {wanted}; got {_show(value)}"


def _show(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            value = _SECRET_PARTS.sub("…", value)
            cut = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
            return f"the text {cut!r}"
        case dict():
            keys = (_SECRET_PARTS.sub("…", key) for key in list(value)[:4])
            return f"a mapping of {', '.join(keys)}" if value else "an empty mapping"
        case list():
            return f"a list of {len(value)}" if value else "an empty list"
        case _:
            return f"the number {value}"


def _without(data: Any, paths: Iterable[NodePath]) -> Any:
    """Copy the data without the given keys; list items keep their places."""
    gone = set(paths)
    if not gone:
        return data

    def copy(value: Any, path: NodePath) -> Any:
        if isinstance(value, dict):
            return {
                key: copy(member, (*path, key))
                for key, member in value.items()
                if (*path, key) not in gone
            }
        if isinstance(value, list):
            return [copy(item, (*path, index)) for index, item in enumerate(value)]
        return value

    return copy(data, ())
