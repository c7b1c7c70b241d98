"""Read the files that an import is made of, each within its ceiling.

Knows containers: JSON, and JSON within a PNG. What is in it is for :mod:`.workflows` and
:mod:`.webui` to know.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO

from vaehub.errors import UsageError
from vaehub.provision.importing import png, workflows

if TYPE_CHECKING:
    from pathlib import Path

CEILING = 64 << 20
"""Bytes of a JSON file; the longest workflows have a few million."""
_KEYWORDS = ("workflow", "prompt")
"""Under which ComfyUI keeps what a picture was made with: in the UI's format, and in the API's."""


def workflow(path: Path) -> list[Any]:
    """Read a workflow; a picture carries it in up to two formats.

    Raises:
        UsageError: it cannot be read, or is no workflow.
    """
    try:
        with path.open("rb") as file:
            whole = file if file.seekable() else io.BytesIO(_bytes(file, path))  # a pipe
            is_png = whole.read(len(png.SIGNATURE)) == png.SIGNATURE
            whole.seek(0)
            found = _of_png(whole, path) if is_png else [_parsed(_bytes(whole, path), path)]
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    found = [data for data in found if workflows.is_workflow(data)]
    if not found:
        raise UsageError(
            f"{path} is no ComfyUI workflow",
            hint="save it in ComfyUI with Workflow > Export, or Export (API), or name a PNG that "
            "ComfyUI has saved",
        )
    return found


def settings(path: Path) -> dict[str, Any]:
    """Read the settings of a UI.

    Raises:
        UsageError: they cannot be read, or are none.
    """
    try:
        with path.open("rb") as file:
            data = _parsed(_bytes(file, path), path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(data, dict) or "_class_name" in data or "architectures" in data:
        raise UsageError(
            f"{path} is not the settings of a UI",
            hint="they are in config.json, in the root of AUTOMATIC1111, reForge, Forge or SD.Next",
        )
    return data


def _of_png(file: BinaryIO, path: Path) -> list[Any]:
    try:
        found = png.read(file, _KEYWORDS)
    except png.DamagedPng as error:
        raise UsageError(
            f"{path} cannot be read: {error}", hint="take the picture as ComfyUI saved it"
        ) from None
    if not found.texts:
        known = ", ".join(sorted(found.keywords)) or "no text at all"
        raise UsageError(
            f"{path} carries no ComfyUI workflow; it has {known}",
            hint="what edits, uploads or converts a picture mostly drops it: take the picture as "
            "ComfyUI saved it",
        )
    return [_parsed(text.encode(), path) for text in found.texts.values()]


def _bytes(file: BinaryIO, path: Path) -> bytes:
    content = file.read(CEILING + 1)
    if len(content) > CEILING:
        raise UsageError(f"{path} has more than {CEILING:,} bytes: that is no such file")
    return content


def _parsed(content: bytes, path: Path) -> Any:
    try:
        return json.loads(content)  # also UTF-16, which Windows likes to write
    except RecursionError:
        reason = "it is too deeply nested"
    except UnicodeDecodeError:
        reason = "it is no text"
    except ValueError as error:  # not JSON, or a number of thousands of digits
        reason = str(error)
    raise UsageError(
        f"{path} is neither JSON nor a PNG: {reason}",
        hint="other pictures carry no workflow that vaehub reads: name a .json or .png file",
    )


def _unreadable(path: Path, error: OSError | ValueError) -> UsageError:
    return UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}")
