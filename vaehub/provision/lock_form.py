"""What a lock must look like to be believed: strict JSON, its schema, and no contradiction.

Anybody may have edited a lock, and a bundle or a mirror brings one from elsewhere. Knows nothing of
what becomes of the data.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from vaehub.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SCHEMA = 1
CEILING = 8 << 20
"""Bytes; a thousand VAEs take a quarter of it."""
_SOUND = "sound"
_FORMAT = 3
"""Changes whenever the checks do: what was found sound before is then looked at again."""
_LONGEST_INTEGER = 18
_OURS = re.compile(rb'\s*\{\s*"schema": 1,\s*(<<<<<<<|"manifest": ")')
_ANEW = "make it anew: vaehub lock"
_ANOTHER = "name another file with --lock, or take this one away"


def load(content: bytes, *, origin: str, cache: Path | None = None) -> dict[str, Any]:
    """Give the data of a lock, which has the schema's shape then.

    Args:
        content: The file's bytes.
        origin: For messages.
        cache: The user's cache, which remembers that a lock was found sound; looking takes longer
            than all else when there is nothing to do.

    Raises:
        LockError: it is no lock.
    """
    if len(content) > CEILING:
        raise LockError(
            f"{origin}: a lock may have {CEILING:,} bytes, and this file has more", hint=_ANOTHER
        )
    try:
        data = _read(content)
    except (ValueError, RecursionError) as error:
        conflict = " (it has the marks of a merge conflict)" if b"<<<<<<<" in content else ""
        raise LockError(f"{origin} is no lock: {error}{conflict}", hint=_hint(content)) from None
    if cache is None:
        _check(data, content, origin=origin)
        return data  # type: ignore[no-any-return]  # the schema has seen to it
    from vaehub import __version__, caching

    known = cache / "locks" / f"{caching.sha256(content)}-{_FORMAT}-{__version__}"
    with contextlib.suppress(OSError, ValueError):
        if caching.recall(known) == _SOUND:
            return data  # type: ignore[no-any-return]
    _check(data, content, origin=origin)
    caching.remember(known, _SOUND)
    return data  # type: ignore[no-any-return]  # the schema has seen to it


def may_be_replaced(content: bytes) -> bool:
    """Tell whether a file that is no lock was one of ours, with conflict marks in it, for instance.

    A file of the user's, or the lock of a newer vaehub, is none of ours to write over.
    """
    return not content.strip() or _OURS.match(content) is not None


def _read(content: bytes) -> Any:
    """Read strict JSON: what could be understood in two ways is refused."""
    text = content.decode("utf-8")
    data = json.loads(
        text,
        object_pairs_hook=_unique,
        parse_int=_integer,
        parse_float=_real,
        parse_constant=_no_number,
    )
    if "\\u" in text:  # half of a surrogate pair is no character
        json.dumps(data, ensure_ascii=False).encode()
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice!r} stands twice in one mapping")
    return found


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        _no_number(text)
    return int(text)


def _real(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        _no_number(text)
    return number


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is too large for a number, or none")


def _check(data: Any, content: bytes, *, origin: str) -> None:
    from vaehub.catalog.read import Document
    from vaehub.catalog.schema import shape_problems

    try:
        problems, _ = shape_problems(Document(data, {}, origin), foreign=False, name="lock")
        if not problems:
            wrapped = {"schema": 1, "vaes": [], "policy": data["policy"]}
            document = Document(wrapped, {}, origin)
            problems, _ = shape_problems(document, foreign=False, name="manifest")
    except RecursionError:
        raise LockError(f"{origin} is no lock: it is nested too deeply") from None
    found = [problem.message for problem in problems] or list(_contradictions(data))
    if found:
        hint = problems[0].hint if problems and problems[0].code == "schema-version" else None
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise LockError(f"{origin} is no lock: {found[0]}{more}", hint=hint or _hint(content))


def _hint(content: bytes) -> str:
    return _ANEW if may_be_replaced(content) else _ANOTHER


def _contradictions(data: Mapping[str, Any]) -> Iterator[str]:
    """Find what the shape alone does not show."""
    answers: set[tuple[str, str]] = set()
    names: dict[tuple[str, str, str], str] = {}
    for vae in data["vaes"]:
        name, layouts = vae["name"], vae["layouts"]
        for target in vae["targets"]:
            if target not in data["targets"]:
                yield f"{name} is for the target {target}, which it does not have"
        for layout in layouts:
            if (name, layout) in answers:
                yield f"it has two answers for {name} in {layout}"
            answers.add((name, layout))
        for artifact in vae["artifacts"]:
            installed = artifact["installed"]
            if set(installed) != set(layouts):
                yield f"{artifact['name']} of {name} has not one name for each of its layouts"
            if not set(artifact.get("converted", ())) <= set(layouts):
                yield f"{artifact['name']} of {name} is converted for layouts that it is not for"
            for layout, given in installed.items():
                key = (layout, folder_of(layout, vae["slot"]), given.casefold())
                if names.setdefault(key, artifact["sha256"]) != artifact["sha256"]:
                    yield f"two files are called {given} in {layout}"


def folder_of(layout: str, slot: str) -> str:
    """Give the folder in which the names of a slot must differ: two slots may share one."""
    from vaehub.targets.layouts import layouts

    known = layouts().get(layout)
    found = known.slots.get(slot) if known is not None else None
    return slot if found is None else found.folder
