"""The catalog: read, check, parse, layers.

Loading and resolving come from :mod:`vaehub.catalog.layers`. What works on catalog files (check,
format, schema) is imported when first used, because ``vaehub list`` never needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.catalog.compiled import bundled_path
from vaehub.catalog.layers import Catalogs, load_catalogs

if TYPE_CHECKING:
    from vaehub.catalog.check import check_file
    from vaehub.catalog.fmt import format_text
    from vaehub.catalog.schema import schema_text

__all__ = [
    "Catalogs",
    "bundled_path",
    "check_file",
    "format_text",
    "load_catalogs",
    "schema_text",
]


def __getattr__(name: str) -> Any:
    if name == "check_file":
        from vaehub.catalog.check import check_file

        return check_file
    if name == "format_text":
        from vaehub.catalog.fmt import format_text

        return format_text
    if name == "schema_text":
        from vaehub.catalog.schema import schema_text

        return schema_text
    raise AttributeError(f"module 'vaehub.catalog' has no attribute {name!r}")
