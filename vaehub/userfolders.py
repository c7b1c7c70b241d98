"""Where this user's configuration, cache and state lie, as platformdirs has it.

On Linux the answer is nearly always in two lines of the XDG specification, which take a hundredth
of the time that importing the package takes; anything unusual is left to the package. Reads no
environment: it is given one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = "vaehub"


class UserFolders(NamedTuple):
    """The folders of ours that the system keeps for a user."""

    config: Path
    cache: Path
    state: Path


def user_folders(environ: Mapping[str, str]) -> UserFolders:
    """Give the user's folders.

    Args:
        environ: The environment of this process.
    """
    return _plain_xdg(environ) or _by_platformdirs()


def _plain_xdg(environ: Mapping[str, str]) -> UserFolders | None:
    """Give the folders of a usual Linux; None where it takes more to know."""
    home = environ.get("HOME", "")
    if sys.platform != "linux" or not home.startswith("/") or "ANDROID_DATA" in environ:
        return None
    home = home.rstrip("/")
    found = []
    for variable, usual in (
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_STATE_HOME", ".local/state"),
    ):
        base = environ.get(variable) or f"{home}/{usual}"
        if not base.startswith("/"):  # versions of platformdirs disagree
            return None
        found.append(Path(base, _NAME))
    return UserFolders(*found)


def _by_platformdirs() -> UserFolders:
    import platformdirs

    folders = platformdirs.PlatformDirs(_NAME, appauthor=False)
    return UserFolders(
        config=Path(folders.user_config_path),
        cache=Path(folders.user_cache_path),
        state=Path(folders.user_state_path),
    )
