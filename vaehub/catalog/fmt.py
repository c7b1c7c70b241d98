"""Write a catalog in its one canonical form.

Knows the order of the fields and what stands on one line. Comments at the top of the file are kept;
a file with comments further down is refused, because sorting would tear them from what they speak
of. What is written says exactly what was read, and formatting it again changes nothing.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from vaehub.catalog.read import read_text
from vaehub.catalog.scalars import flow, folded, scalar
from vaehub.errors import CatalogError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WIDTH = 100

_ORDER: Mapping[str, tuple[str, ...]] = {
    "file": ("schema", "catalog", "entries"),
    "catalog": ("name", "title"),
    "entry": (
        *("title", "summary", "family", "slot", "suits", "tags", "author", "license", "homepage"),
        *("aliases", "notes", "variants", "smoke"),
    ),
    "summary": ("en", "zh"),
    "license": ("id", "source", "accept", "note"),
    "variant": ("layout", "dtype", "note", "artifacts"),
    "artifact": (
        *("name", "size", "sha256", "evidence", "known_as", "hashes", "fingerprint", "sources"),
    ),
    "hashes": ("autov1", "autov3", "blake3", "crc32"),
    "fingerprint": (
        *("version", "weights", "fp16", "bf16", "exact", "encoder", "decoder", "both"),
    ),
    "side": ("weights", "fp16", "bf16", "exact"),
    "locator": (
        *("repo", "revision", "tag", "path", "asset", "model", "version", "file", "type"),
        *("format", "url", "login", "gated"),
    ),
    "smoke": (
        *("architecture", "latent_channels", "downscale", "temporal_downscale"),
        *("scaling_factor", "shift_factor", "fp16"),
    ),
}
# Which kind of thing stands under a key; "*" is each member of a mapping or item of a list.
_CHILDREN: Mapping[tuple[str, str], str] = {
    ("file", "catalog"): "catalog",
    ("file", "entries"): "entries",
    ("entries", "*"): "entry",
    ("entry", "summary"): "summary",
    ("entry", "license"): "license",
    ("entry", "variants"): "variants",
    ("entry", "smoke"): "smoke",
    ("variants", "*"): "variant",
    ("variant", "artifacts"): "artifacts",
    ("artifacts", "*"): "artifact",
    ("artifact", "hashes"): "hashes",
    ("artifact", "fingerprint"): "fingerprint",
    ("fingerprint", "encoder"): "side",
    ("fingerprint", "decoder"): "side",
    ("fingerprint", "both"): "side",
    ("artifact", "sources"): "sources",
    ("sources", "*"): "source",
    ("source", "*"): "locator",
}
_ALWAYS_BLOCK = frozenset({"file", "entries", "entry", "summary", "variants", "variant"})
_ALWAYS_FLOW = frozenset({"source", "smoke"})


def format_text(text: str, *, origin: str = "<text>") -> str:
    """Rewrite a catalog canonically: entries sorted by id, fields in order, one style.

    Raises:
        CatalogError: it cannot be read, or something in it would be lost.
    """
    document = read_text(text, origin=origin)
    lines = text.removeprefix("\ufeff").splitlines()
    head = list(takewhile(lambda line: not line.strip() or line.lstrip()[0] == "#", lines))
    _refuse_inner_comments(text, first_line=len(head) + 1, origin=origin)
    if not isinstance(document.data, dict) or not document.data:
        raise CatalogError(f"{origin}:1: expected a catalog, got something else")
    comment = "".join(f"{line.strip()}\n" for line in head).strip("\n")
    body = "\n".join(_mapping(document.data, "file", 0)) + "\n"
    formatted = f"{comment}\n{body}" if comment else body
    if not _says(formatted, document.data):
        raise CatalogError(
            f"{origin}: the canonical form would not say the same",
            hint="look for a key that is longer than a line",
        )
    return formatted


def _says(text: str, data: Any) -> bool:
    """Read back what was written: this is cheap, and a lost fact is not."""
    try:
        return bool(read_text(text).data == data)
    except CatalogError:
        return False


def _refuse_inner_comments(text: str, *, first_line: int, origin: str) -> None:
    found = [line for line in _comment_lines(text) if line >= first_line]
    if found:
        message = "a comment inside the catalog would be lost by formatting"
        hint = "move what it says into notes or note, or to the top of the file"
        raise CatalogError(
            f"{origin}:{found[0]}: {message}",
            hint=hint,
            problems=[
                Problem("comment", message, where=f"{origin}:{line}", hint=hint) for line in found
            ],
        )


def _comment_lines(text: str) -> Iterator[int]:
    """Find comments: a ``#`` between two tokens, or behind the sign of a block scalar."""
    import yaml

    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    end = 0
    for token in yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        yield from _in_gap(text, end, token.start_mark.index)
        end = max(end, token.end_mark.index)
        if isinstance(token, yaml.ScalarToken) and token.style in {"|", ">"}:
            start = token.start_mark.index
            yield from _in_gap(text, start, text.find("\n", start))
    yield from _in_gap(text, end, len(text))


def _in_gap(text: str, start: int, end: int) -> Iterator[int]:
    if "#" not in text[start:end]:
        return
    line = text.count("\n", 0, start) + 1
    for offset, part in enumerate(text[start:end].split("\n")):
        if "#" in part:
            yield line + offset


def _mapping(data: Mapping[str, Any], kind: str, indent: int) -> Iterator[str]:
    for number, key in enumerate(_sorted_keys(data, kind)):
        if kind == "entries" and number:
            yield ""
        child = _CHILDREN.get((kind, key)) or _CHILDREN.get((kind, "*"), "other")
        yield from _member(f"{' ' * indent}{scalar(key)}:", data[key], child, indent)


def _member(start: str, value: Any, kind: str, indent: int) -> Iterator[str]:
    """Write ``key: value``, on one line where it fits and the kind may be short."""
    value = _ordered(value, kind)
    line = f"{start} {flow(value) if isinstance(value, dict | list) else scalar(value)}"
    if _fits_one_line(value, kind, line):
        yield line
    elif isinstance(value, dict):
        yield start
        yield from _mapping(value, kind, indent + 2)
    elif isinstance(value, list):
        yield start
        for item in value:
            yield from _item(item, _CHILDREN.get((kind, "*"), "other"), indent + 2)
    else:
        block = folded(value, indent=indent + 2, width=WIDTH) if isinstance(value, str) else None
        if block is None or len(block) < 2:
            yield line
        else:
            yield f"{start} >-"
            yield from block


def _item(value: Any, kind: str, indent: int) -> Iterator[str]:
    """Write a list's item: a mapping begins on the line of its dash."""
    value = _ordered(value, kind)
    dash = " " * indent + "- "
    if isinstance(value, dict) and value and kind == "source":
        ((first, locator), *others) = value.items()
        yield f"{dash}{scalar(first)}: {flow(locator)}"
        for key, member in others:
            yield f"{' ' * (indent + 2)}{scalar(key)}: {flow(member)}"
    elif isinstance(value, dict) and value:
        first_line, *lines = _mapping(value, kind, indent + 2)
        yield dash + first_line.lstrip(" ")
        yield from lines
    else:
        yield dash + (flow(value) if isinstance(value, dict | list) else scalar(value))


def _fits_one_line(value: Any, kind: str, line: str) -> bool:
    if isinstance(value, dict | list):
        if not value or kind in _ALWAYS_FLOW:
            return True
        if kind in _ALWAYS_BLOCK or any(isinstance(member, dict) for member in _members(value)):
            return False
    return len(line) <= WIDTH


def _members(value: Mapping[str, Any] | list[Any]) -> Iterator[Any]:
    yield from value.values() if isinstance(value, dict) else value


def _ordered(value: Any, kind: str) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: _ordered(value[key], _CHILDREN.get((kind, key)) or _CHILDREN.get((kind, "*"), "other"))
        for key in _sorted_keys(value, kind)
    }


def _sorted_keys(data: Mapping[str, Any], kind: str) -> list[str]:
    """Sort the keys: ids by name, known fields in their order, then the others as they stood."""
    if kind == "entries":
        return sorted(data)
    order = _ORDER.get(kind, ())
    return [key for key in order if key in data] + [key for key in data if key not in order]
