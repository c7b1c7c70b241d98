"""Get the bytes of a catalog file.

Apart from the reader of YAML, because ``vaehub list`` needs the bytes alone: their digest leads to
the compiled form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.errors import CatalogError
from vaehub.model import Problem

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 2 * 1024 * 1024


def read_bytes(path: Path) -> bytes:
    """Give the bytes of a catalog file, if they are not too many.

    Raises:
        CatalogError: the file is not there, not readable, or too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise CatalogError(
            f"there is no catalog {path}",
            hint="check VAEHUB_CATALOG and the [[catalog]] tables of the configuration",
        ) from None
    except OSError as error:
        raise CatalogError(f"cannot read the catalog {path}: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        message = f"a catalog may have {MAX_BYTES:,} bytes, and this file has more"
        problem = Problem("yaml", message, where=f"{path}:1")
        raise CatalogError(f"{path}:1: {message}", problems=[problem])
    return content
