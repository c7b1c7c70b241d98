"""Read what InvokeAI writes: ``invokeai_metadata``, and ``sd-metadata`` of its first years.

invokeai/app/invocations/metadata.py (CoreMetadata): ``vae`` is the model that was chosen, or null
for the checkpoint's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.insight.makers.json_text import object_of
from vaehub.insight.makers.said import Named, Said, hexadecimal, is_name, string

if TYPE_CHECKING:
    from vaehub.insight.pictures import Picture

_UI, _LAYOUT = "InvokeAI", "invokeai"


def read(picture: Picture) -> Said | None:
    """Give what InvokeAI says; None where it says nothing."""
    if picture.text("sd-metadata") is not None or picture.text("Dream") is not None:
        note = "InvokeAI did not write the VAE down before version 3"
        found = object_of(picture.text("invokeai_metadata"))
        if found is None:
            return Said(_UI, _LAYOUT, notes=(note,))
    whole = object_of(picture.text("invokeai_metadata"))
    if whole is None:
        return None
    model, vae = whole.get("model"), whole.get("vae")
    checkpoint = string(model, "name", "model_name") if isinstance(model, dict) else None
    if isinstance(vae, dict):
        name = string(vae, "name", "model_name")
        kind, _, digits = str(vae.get("hash", "")).partition(":")
        digest = hexadecimal(digits) if kind == "blake3" else None
        if (name is not None and is_name(name)) or digest is not None:
            named = Named(name, "vae", digest, hash_kind="blake3")
            return Said(_UI, _LAYOUT, (named,), "named", checkpoint=checkpoint)
    return Said(_UI, _LAYOUT, whose="checkpoint", checkpoint=checkpoint)
