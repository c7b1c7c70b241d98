"""vaehub: get, check and manage the VAEs of image and video diffusion models.

The public Python face lives in :mod:`vaehub.api`; its names are re-exported here lazily, so that
``import vaehub`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vaehub.api import find, install, install_all, list_entries, uninstall, verify
    from vaehub.errors import VaehubError

__all__ = [
    "VaehubError",
    "__version__",
    "find",
    "install",
    "install_all",
    "list_entries",
    "uninstall",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "VaehubError":
        from vaehub.errors import VaehubError

        return VaehubError
    if name in __all__:
        from vaehub import api

        return getattr(api, name)
    raise AttributeError(f"module 'vaehub' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
