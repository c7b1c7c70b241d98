"""Load catalogs from a compiled form, because parsing YAML is what takes the time.

Knows where the curated catalog lies (in a checkout, or inside the installed package with its
compiled form beside it) and keeps the compiled form of all others in a cache, keyed by content.
Neither PyYAML nor jsonschema is imported where a compiled form serves. A cache that is damaged or
cannot be written costs time, never an answer.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub import __version__, caching
from vaehub.catalog.files import read_bytes
from vaehub.catalog.parse import parse
from vaehub.errors import CatalogError
from vaehub.model import Problem

if TYPE_CHECKING:
    from vaehub.model import Catalog

FORMAT = 2
"""Changes whenever what is written here does."""


def bundled_path() -> Path:
    """Give the path of the curated ``registry.yaml``: the checkout's, else the package's."""
    package = Path(__file__).parent.parent
    checkout = package.parent / "registry.yaml"
    # A registry.yaml that somebody else left in site-packages is not ours.
    if checkout.is_file() and (package.parent / "hatch_build.py").is_file():
        return checkout
    return package / "registry.yaml"


def load_curated(cache: Path, *, keep: bool = True) -> tuple[Catalog, tuple[Problem, ...]]:
    """Load the curated catalog; without ``keep``, nothing is written to the cache.

    Raises:
        CatalogError: it is not there, or (in a checkout) it is wrong.
    """
    path = bundled_path()
    compiled = path.with_suffix(".json")
    if path.parent == Path(__file__).parent.parent and compiled.is_file():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            return _restore(compiled.read_text(encoding="utf-8"), origin=str(path), name=None)
    if not path.is_file():
        raise CatalogError(
            "this installation of vaehub lacks its own catalog", hint="install vaehub again"
        )
    return load_file(path, cache=cache, foreign=False, keep=keep)


def load_file(
    path: Path, *, cache: Path, foreign: bool, name: str | None = None, keep: bool = True
) -> tuple[Catalog, tuple[Problem, ...]]:
    """Load a catalog file through the cache; ``name`` overrides the name it gives itself.

    Without ``keep`` the cache is read and never written.

    Returns:
        The catalog, and what it holds that this version does not know.

    Raises:
        CatalogError: the file cannot be read, or breaks the schema or a rule.
    """
    content = read_bytes(path)
    sha256 = caching.sha256(content)
    kind = "foreign" if foreign else "curated"
    cached = cache / "catalogs" / f"{sha256}-{kind}-{FORMAT}-{__version__}"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        return _restore(caching.recall(cached), origin=str(path), name=name)
    text = compile_catalog(content, origin=str(path), foreign=foreign)
    if keep:
        caching.remember(cached, text)
    return _restore(text, origin=str(path), name=name)


def compile_catalog(content: bytes, *, origin: str, foreign: bool) -> str:
    """Check a catalog and give its compiled form.

    Raises:
        CatalogError: it breaks the schema or a rule; carries the problems.
    """
    from vaehub.catalog import read
    from vaehub.catalog.check import check
    from vaehub.catalog.schema import UNKNOWN_FIELD, UNKNOWN_HOST

    document = read.read_text(read.decode(content, origin=origin), origin=origin)
    problems, data = check(document, foreign=foreign)
    blocking = [problem for problem in problems if problem.blocking]
    if blocking:
        first = blocking[0]
        more = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
        raise CatalogError(
            f"{first.where}: {first.message}{more}",
            hint=first.hint or f"vaehub catalog check {origin}",
            problems=blocking,
        )
    unknown = [problem for problem in problems if problem.code in {UNKNOWN_FIELD, UNKNOWN_HOST}]
    return pack(data, sha256=caching.sha256(content), problems=unknown, origin=origin)


def pack(data: Any, *, sha256: str, problems: list[Problem] | None = None, origin: str = "") -> str:
    """Write data that may be parsed, and what was found in it, as the compiled form."""
    return json.dumps(
        {
            "format": FORMAT,
            "sha256": sha256,
            "problems": [
                {**problem.as_json(), "where": (problem.where or "").removeprefix(origin)}
                for problem in problems or ()
            ],
            "data": data,
        },
        separators=(",", ":"),  # and in ASCII, which is several times quicker to read
    )


def _restore(text: str, *, origin: str, name: str | None) -> tuple[Catalog, tuple[Problem, ...]]:
    compiled = json.loads(text)
    if compiled["format"] != FORMAT:
        raise ValueError("another format")
    problems = tuple(
        Problem(**{**problem, "where": f"{origin}{problem['where']}"})
        for problem in compiled["problems"]
    )
    catalog = parse(compiled["data"], origin=origin, sha256=compiled["sha256"], name=name)
    return catalog, problems
