"""The user's configuration file: TOML, its keys and their kinds.

Knows nothing of what the values mean; :mod:`vaehub.settings` does.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from vaehub.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

KINDS: Mapping[str, tuple[type, ...]] = {
    "target": (str,),
    "store": (str,),
    "offline": (bool,),
    "catalog": (list,),
    "endpoints": (dict,),
    "mirrors": (list,),
    "limit_rate": (str, int),
    "max_connections": (int,),
}
_TOML_NAMES: Mapping[type, str] = {
    dict: "table",
    list: "list",
    str: "string",
    int: "whole number",
    bool: "boolean (true or false)",
}


def read_config(path: Path, *, hosts: Collection[str], required: bool) -> dict[str, Any]:
    """Read the configuration file.

    Args:
        path: The file.
        hosts: Whose endpoints it may name.
        required: The user named it, so that it must be there.

    Returns:
        What it says, keys and kinds checked; empty where there is none.

    Raises:
        UsageError: it cannot be read, or holds what nobody knows.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if required:
            raise UsageError(
                f"VAEHUB_CONFIG names {path}, and there is no such file",
                hint="create it, or unset VAEHUB_CONFIG",
            ) from None
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the configuration {path}: {error}") from error
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        config = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    unknown = sorted(set(config) - set(KINDS))
    if unknown:
        raise UsageError(
            f"{path}: unknown key {unknown[0]!r}; known are {', '.join(sorted(KINDS))}"
        )
    for key, value in config.items():
        if type(value) not in KINDS[key]:  # true would be an int
            kinds = " or a ".join(_TOML_NAMES[kind] for kind in KINDS[key])
            raise UsageError(f"{path}: {key!r} must be a {kinds}")
    stray = sorted(set(config.get("endpoints", {})) - set(hosts))
    if stray:
        raise UsageError(f"{path}: endpoints has {stray[0]!r}; known are {', '.join(hosts)}")
    return config
