"""Read the JSON that Fooocus writes; its other scheme is AUTOMATIC1111's.

modules/meta_parser.py (FooocusMetadataParser): ``vae`` is a name without its extension, or
*Default (model)*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.insight.makers.json_text import object_of
from vaehub.insight.makers.said import Named, Said, is_name, string

if TYPE_CHECKING:
    from vaehub.insight.pictures import Picture

_UI, _LAYOUT = "Fooocus", "fooocus"
_KEYS = ("parameters", "UserComment", "Comment", "comment")


def read(picture: Picture) -> Said | None:
    """Give what Fooocus says; None where it says nothing."""
    for key in _KEYS:
        whole = object_of(picture.text(key))
        if whole is None or "base_model" not in whole:
            continue
        checkpoint, name = string(whole, "base_model"), string(whole, "vae", "VAE")
        if name is None:  # before version 2.5
            return Said(_UI, _LAYOUT, whose="unsaid", checkpoint=checkpoint)
        if not is_name(name):
            return Said(_UI, _LAYOUT, whose="checkpoint", checkpoint=checkpoint)
        return Said(_UI, _LAYOUT, (Named(name, "vae"),), "named", checkpoint=checkpoint)
    return None
