"""Which VAEs the settings of AUTOMATIC1111, reForge, Forge or SD.Next (``config.json``) name.

AUTOMATIC1111, reForge and SD.Next have one VAE in ``sd_vae``; Forge has a list of modules, each a
name or a whole path, with text encoders among them, and later builds one such list for each kind of
model. Where several UIs shared the file, it has both. Knows no catalog, and no disk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vaehub.provision.importing.mentions import Mention, base_name, line, merged, names_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODULES = re.compile(r"forge_additional_modules(_[a-z0-9_]+)?")
_FETCHED = frozenset({"taesd"})
"""What SD.Next fetches by itself where it is chosen in place of a VAE."""
_TEXT_ENCODERS = re.compile(r"(^|[/\\])(text[_-]?encoders?|clip|t5)[/\\]", re.I)


def mentions(data: dict[str, Any], *, origin: str) -> list[Mention]:
    """Give the VAEs that settings name.

    Args:
        data: As it was read from JSON.
        origin: The name of the file, for people.
    """
    return merged(_mentions(data, origin))


def chosen(name: str, place: str) -> list[Mention]:
    """Give what a name in the settings means: nothing, where it stands for no file."""
    base = base_name(name)
    if not base or names_nothing(base) or base.casefold() in _FETCHED:
        return []
    return [Mention(line(base), (place,))]


def _mentions(data: dict[str, Any], origin: str) -> Iterator[Mention]:
    vae = data.get("sd_vae")
    if isinstance(vae, str):
        yield from chosen(vae, f"{origin}, sd_vae")
    for key, modules in data.items():
        if _MODULES.fullmatch(key) and isinstance(modules, list):
            for module in modules:
                if isinstance(module, str) and not _TEXT_ENCODERS.search(module):
                    yield from chosen(module, f"{origin}, {key}")
