"""Read what SwarmUI writes: JSON with ``sui_image_params`` and ``sui_models``.

docs/Image Metadata Format.md of SwarmUI. Its hashes are those of the tensors' bytes, after ``0x``:
AutoV3 in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.insight.makers.json_text import object_of
from vaehub.insight.makers.said import Named, Said, hexadecimal, is_name, string

if TYPE_CHECKING:
    from vaehub.insight.pictures import Picture

_UI, _LAYOUT = "SwarmUI", "swarmui"
_KEYS = ("parameters", "UserComment", "comment")


def read(picture: Picture) -> Said | None:
    """Give what SwarmUI says; None where it says nothing."""
    for key in _KEYS:
        whole = object_of(picture.text(key))
        params = whole.get("sui_image_params") if whole is not None else None
        if whole is None or not isinstance(params, dict):
            continue
        checkpoint, name = string(params, "model"), string(params, "vae")
        if name is None or not is_name(name):
            return Said(_UI, _LAYOUT, whose="checkpoint", checkpoint=checkpoint)
        digits = None
        models = whole.get("sui_models")
        for model in models if isinstance(models, list) else ():
            if isinstance(model, dict) and model.get("param") == "vae":
                digits = digits or hexadecimal(model.get("hash"))
        named = Named(name, "vae", digits, hash_kind="autov3")
        return Said(_UI, _LAYOUT, (named,), "named", checkpoint=checkpoint)
    return None
