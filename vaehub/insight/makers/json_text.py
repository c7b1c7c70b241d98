"""Read JSON that anybody may have written into a picture: no shape of it is an error."""

from __future__ import annotations

import json
from typing import Any


def object_of(text: str | None) -> dict[str, Any] | None:
    """Give the object that a text is; None where it is none.

    Knows the NaN that ComfyUI writes. Nesting and figures beyond what Python reads are no object.
    """
    if text is None or not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
