"""Single keys of the configuration: what each is now and who says so, and how one is changed.

Knows which keys there are, which variable comes before each, and how a value is written on a
command line. What a value means is for :mod:`vaehub.settings` to say, and how the file is rewritten
for :mod:`vaehub.configfile`. A token is no configuration: none is written, and none is shown.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub import configfile, configuration, values
from vaehub import settings as settings_module
from vaehub.configfile import Put, Take
from vaehub.errors import UsageError
from vaehub.settings import DEFAULT_ENDPOINTS, ENDPOINT_VARIABLES, TOKEN_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from vaehub.configfile import Change
    from vaehub.settings import Settings

ENVIRONMENT, FILE, DEFAULT = "environment", "file", "default"
SET = "set"
"""What is shown of a token."""
_TOKEN = "token."
_VARIABLES: Mapping[str, str] = {
    "target": "VAEHUB_TO",
    "store": "VAEHUB_STORE",
    "offline": "VAEHUB_OFFLINE",
    "lang": "VAEHUB_LANG",
    **{f"endpoints.{host}": variable for host, variable in ENDPOINT_VARIABLES.items()},
}
"""Which variable comes before a key."""
_SETTABLE = ("target", "store", "offline", "limit_rate", "max_connections", "lang")
_WITH_EDITOR = {
    "catalog": "a list of tables, [[catalog]], each with a path",
    "mirrors": "a list of tables, [[mirrors]], each with a base",
}


class Setting(NamedTuple):
    """One key as it is in force."""

    key: str
    value: str | int | bool | list[str] | None
    """None: not set, and there is no default. Of a token only that it is set."""
    origin: str
    """``environment``, ``file`` or ``default``; for a token also who else keeps it."""
    where: str | None = None
    """The variable or the file."""


class Changed(NamedTuple):
    """What became of a key in the file."""

    key: str
    value: str | int | bool | None
    """None: it is taken out."""
    changed: bool
    file: Path
    before_it: str | None
    """A variable that is set and comes before the file."""


def keys() -> tuple[str, ...]:
    """Give the keys that can be set."""
    return (*_SETTABLE, *(f"endpoints.{host}" for host in DEFAULT_ENDPOINTS))


def in_force(settings: Settings) -> list[Setting]:
    """Give every key with its value and where that comes from.

    Raises:
        UsageError: the file cannot be read.
    """
    config = configfile.read(settings.config_file)
    found = [_plain(key, settings, config) for key in _SETTABLE]
    found += [_endpoint(host, settings, config) for host in DEFAULT_ENDPOINTS]
    file = str(settings.config_file)
    found += [
        Setting(f"targets.{name}", str(target.path), FILE, file)
        for name, target in settings.targets.items()
    ]
    catalogs = [str(catalog.path) for catalog in settings.catalogs]
    found.append(_list("catalog", catalogs, "VAEHUB_CATALOG", settings, config))
    mirrors = [
        f"{mirror.prefix}={mirror.base}" if mirror.prefix else mirror.base
        for mirror in settings.mirrors
    ]
    found.append(_list("mirrors", mirrors, "VAEHUB_MIRRORS", settings, config))
    return found + [_token(host, settings) for host in TOKEN_VARIABLES]


def find(key: str, settings: Settings) -> Setting:
    """Give one key with its value and where that comes from.

    Raises:
        UsageError: there is no such key.
    """
    for setting in in_force(settings):
        if setting.key == key:
            return setting
    raise _unknown(key, [setting.key for setting in in_force(settings)])


def assign(key: str, said: str, *, cwd: Path) -> Changed:
    """Give a key a value, in the file.

    The value is checked before anything is written; a file that is wrong elsewhere can be mended.

    Args:
        key: The key.
        said: The value as it stands on a command line. A path is relative to ``cwd``.
        cwd: The working directory.

    Raises:
        UsageError: there is no such key, or the value means nothing.
        TargetNotUsable: the file cannot be written.
    """
    _refuse_what_cannot_be_set(key)
    path = settings_module.config_file()
    config = configfile.read(path)
    value = _read(key, said, cwd=cwd, targets=config.get("targets"))
    head, _, host = key.partition(".")
    settings_module.check_config({head: {host: value} if host else value}, path=path)

    return _rewritten(key, value, Put((head, host) if host else (head,), value), path=path)


def remove(key: str) -> Changed:
    """Take a key out of the file; one that is not there is fine.

    A key that nobody knows can be taken out too, where it is there: no command works with it.

    Raises:
        UsageError: there is no such key.
        TargetNotUsable: the file cannot be written.
    """
    path = settings_module.config_file()
    config = configfile.read(path)
    if key not in config:
        _refuse_what_cannot_be_set(key, gone=tuple(config))
    keys = (key,) if key in config else tuple(key.split(".", 1))
    return _rewritten(key, None, Take(keys), path=path)


def _rewritten(
    key: str,
    value: str | int | bool | None,
    change: Change,
    *,
    path: Path,
) -> Changed:
    changed = configfile.rewrite(path, change, state=settings_module.state_folder())
    variable = _VARIABLES.get(key)
    comes_first = variable if variable and settings_module.variable(variable).strip() else None
    return Changed(key, value, changed, path, comes_first)


def _refuse_what_cannot_be_set(key: str, *, gone: Iterable[str] = ()) -> None:
    if key in keys():
        return
    if configuration.is_secret(key):
        raise UsageError(
            "a token is no configuration: the file may be read, copied and shared",
            hint=f"vaehub login HOST keeps it where it is safe; HOST is one of "
            f"{', '.join(TOKEN_VARIABLES)}",
        )
    head = key.partition(".")[0]
    if head == "targets":
        raise UsageError(
            f"{key} is not set by itself",
            hint="vaehub targets add NAME PATH, vaehub targets remove NAME",
        )
    if head in _WITH_EDITOR:
        raise UsageError(
            f"{head} is {_WITH_EDITOR[head]}, which one value cannot say",
            hint=f"write it with an editor: {settings_module.config_file()}",
        )
    raise _unknown(key, [*keys(), *gone])


def _unknown(key: str, known: Iterable[str]) -> UsageError:
    import difflib

    close = difflib.get_close_matches(key, list(known), n=3)
    question = f"; did you mean {' or '.join(close)}?" if close else ""
    return UsageError(
        f"there is no key {key!r}{question}", hint="vaehub config list shows all of them"
    )


def _read(key: str, said: str, *, cwd: Path, targets: Mapping[str, Any] | None) -> str | int | bool:
    """Read a value as people type it."""
    if not said.strip():
        raise UsageError(f"{key}: the value is empty", hint=f"vaehub config unset {key}")
    match key:
        case "offline":
            return values.flag(said, key)
        case "max_connections":
            try:
                return int(said)
            except ValueError:
                raise UsageError(f"{key}: {said!r} is no whole number") from None
        case "store":
            return _absolute(said, cwd=cwd)
        case "target":
            return _target(said, cwd=cwd, names=targets or {})
    return said.strip()


def _target(said: str, *, cwd: Path, names: Mapping[str, Any]) -> str:
    if said in names:
        return said
    separators = {"/", os.sep, os.altsep or os.sep}
    is_path = said[0] in ".~" or any(mark in said for mark in separators) or ":" in said
    if not is_path and not (cwd / said).is_dir():
        raise UsageError(
            f"target: no target is called {said!r}, and no folder here is",
            hint=f"vaehub targets add {said} PATH, or write ./{said} for a folder to be made",
        )
    return _absolute(said, cwd=cwd)


def _absolute(said: str, *, cwd: Path) -> str:
    """Make a path good for every working directory; ``~`` is as good as absolute."""
    if said.startswith("~"):
        return said
    path = cwd / said
    return os.path.realpath(path) if ".." in path.parts else str(path)


def _plain(key: str, settings: Settings, config: Mapping[str, Any]) -> Setting:
    known: dict[str, str | int | bool | None] = {
        "target": settings.to or settings.default_target,
        "store": str(settings.store),
        "offline": settings.offline,
        "limit_rate": config.get("limit_rate"),
        "max_connections": settings.max_connections,
        "lang": settings.lang,
    }
    variable = _VARIABLES.get(key)
    said = settings.environ.get(variable).strip() if variable else ""
    if key == "offline" and said and not values.flag(said, key) and config.get(key):
        said = ""  # a no there does not take back the yes here
    return _setting(key, known[key], variable if said else None, settings, config.get(key))


def _endpoint(host: str, settings: Settings, config: Mapping[str, Any]) -> Setting:
    key = f"endpoints.{host}"
    said = settings.environ.get(_VARIABLES[key]).strip()
    in_file = config.get("endpoints", {}).get(host)
    return _setting(
        key, settings.endpoint(host), _VARIABLES[key] if said else None, settings, in_file
    )


def _setting(
    key: str,
    value: str | int | bool | None,
    variable: str | None,
    settings: Settings,
    in_file: object,
) -> Setting:
    if variable:
        return Setting(key, value, ENVIRONMENT, variable)
    if in_file is not None:
        return Setting(key, value, FILE, str(settings.config_file))
    return Setting(key, value, DEFAULT)


def _list(
    key: str, found: list[str], variable: str, settings: Settings, config: Mapping[str, Any]
) -> Setting:
    said = bool(settings.environ.get(variable).strip())
    in_file = bool(config.get(key))
    file = str(settings.config_file)
    if said and in_file:
        return Setting(key, found, f"{ENVIRONMENT} and {FILE}", f"{variable}, {file}")
    return Setting(
        key,
        found,
        ENVIRONMENT if said else FILE if in_file else DEFAULT,
        variable if said else file if in_file else None,
    )


def _token(host: str, settings: Settings) -> Setting:
    found = settings.find_token(host)
    if found is None:
        return Setting(f"{_TOKEN}{host}", None, DEFAULT)
    if found.place in TOKEN_VARIABLES[host]:
        return Setting(f"{_TOKEN}{host}", SET, ENVIRONMENT, found.place)
    return Setting(f"{_TOKEN}{host}", SET, found.place)
