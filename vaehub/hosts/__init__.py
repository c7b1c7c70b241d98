"""The hosts that vaehub can fetch from: one module each, and this table.

Knows which hosts there are and in which order the mirrors come. Knows no host's protocol.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from vaehub.errors import SourceUnusable
from vaehub.model import Source

if TYPE_CHECKING:
    from vaehub.hosts.base import Host, LoginHost
    from vaehub.model import Artifact
    from vaehub.settings import Mirror, Settings

_MODULES = {
    "civitai": "vaehub.hosts.civitai",
    "github": "vaehub.hosts.github",
    "http": "vaehub.hosts.http",
    "huggingface": "vaehub.hosts.huggingface",
    "liblib": "vaehub.hosts.liblib",
    "mirror": "vaehub.hosts.mirror",
    "modelscope": "vaehub.hosts.modelscope",
}


def names() -> tuple[str, ...]:
    """Give the names that a catalog may use; ``mirror`` is not one, the user's settings make it."""
    return tuple(name for name in _MODULES if name != "mirror")


def get(name: str) -> Host:
    """Give the host of a source.

    Raises:
        SourceUnusable: no host has that name.
    """
    module = _MODULES.get(name)
    if module is None:
        raise SourceUnusable(
            f"this vaehub knows no host {name!r}; it knows {', '.join(names())}",
            hint="a newer vaehub may know it",
        )
    return cast("Host", importlib.import_module(module))


def with_login(name: str) -> LoginHost:
    """Give a host that knows tokens: one of those in ``settings.TOKEN_VARIABLES``."""
    return cast("LoginHost", importlib.import_module(_MODULES[name]))


def with_mirrors(artifact: Artifact, settings: Settings) -> tuple[Source, ...]:
    """Put the user's mirrors before an artifact's own sources.

    First the mirrors' trees of blobs, which only an artifact with a sha256 can be found in; then
    their copies of plain-HTTPS addresses; then the sources in the catalog's order, unless nobody
    but the mirrors may be asked.
    """
    found: list[Source] = []
    if artifact.sha256 is not None:
        found += [Source("mirror", {"base": mirror.base}) for mirror in settings.mirrors]
    for source in artifact.sources:
        if source.host == "http":
            address = str(source.locator.get("url", ""))
            copies = (_copy(mirror, address) for mirror in settings.mirrors)
            found += [Source("mirror", {"url": copy}) for copy in copies if copy is not None]
    unique = [source for at, source in enumerate(found) if source not in found[:at]]
    if settings.mirrors_only:
        return tuple(unique)
    return (*unique, *artifact.sources)


def _copy(mirror: Mirror, address: str) -> str | None:
    """Give the address at which a mirror would hold a copy of an https address."""
    if mirror.prefix is not None:
        rest = address.removeprefix(mirror.prefix)
        # By whole segments: https://host/a stands for https://host/a/b and not for https://host/ab.
        return mirror.base + rest if rest != address and rest[:1] in {"", "/", "?"} else None
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname:
        return None
    query = f"?{parts.query}" if parts.query else ""
    return f"{mirror.base}/{parts.hostname}{port}{parts.path}{query}"
