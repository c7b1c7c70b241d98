"""The user's configuration file: TOML, its keys and their kinds.

Knows nothing of what the values mean; :mod:`vaehub.settings` does.
"""

from __future__ import annotations

import re
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
    "limit_rate": (str, int),
    "max_connections": (int,),
    "lang": (str,),
    "targets": (dict,),
    "catalog": (list,),
    "endpoints": (dict,),
    "mirrors": (list,),
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
    text = read_text(path)
    if text is None:
        if required:
            raise UsageError(
                f"VAEHUB_CONFIG names {path}, and there is no such file",
                hint="create it (`vaehub config set` does), or unset VAEHUB_CONFIG",
            )
        return {}
    config = parse(text, path=path)
    check_keys(config, path=path, hosts=hosts)
    return config


def read_text(path: Path) -> str | None:
    """Give what stands in the file, line ends as they are; None where there is no file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the configuration {path}: {error}") from error


def parse(text: str, *, path: Path) -> dict[str, Any]:
    """Give what a text says, whatever its keys.

    Raises:
        UsageError: it is not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def check_keys(config: Mapping[str, Any], *, path: Path, hosts: Collection[str]) -> None:
    """Make sure that all keys are known, and that their values are of the right kind.

    Raises:
        UsageError: they are not.
    """
    unknown = sorted(set(config) - set(KINDS))
    if unknown:
        raise UsageError(
            f"{path}: unknown key {unknown[0]!r}; known are {', '.join(sorted(KINDS))}",
            hint="a token does not belong there: `vaehub login` keeps it"
            if is_secret(unknown[0])
            else f"correct it there, or take it out: vaehub config unset {unknown[0]}",
        )
    for key, value in config.items():
        if type(value) not in KINDS[key]:  # true would be an int
            kinds = " or a ".join(_TOML_NAMES[kind] for kind in KINDS[key])
            raise UsageError(f"{path}: {key!r} must be a {kinds}")
    stray = sorted(set(config.get("endpoints", {})) - set(hosts))
    if stray:
        raise UsageError(f"{path}: endpoints has {stray[0]!r}; known are {', '.join(hosts)}")


def is_secret(key: str) -> bool:
    """Tell whether a key looks as if its value were a secret."""
    return re.search(r"(?i)token|secret|passw|api[-_.]?key|credential", key) is not None
