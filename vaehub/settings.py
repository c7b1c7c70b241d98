"""The only reader of the environment and of the configuration file, for all that vaehub decides.

Everything else gets a :class:`Settings`. Tokens are looked up when a host asks for one, are wrapped
so that printing them shows nothing, and are never part of what ``repr`` shows.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from vaehub import tokens, values
from vaehub.configuration import check_keys, parse, read_config
from vaehub.errors import UsageError
from vaehub.userfolders import user_folders

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_ENDPOINTS: Mapping[str, str] = {
    "huggingface": "https://huggingface.co",
    "civitai": "https://civitai.com",
    "liblib": "https://www.liblib.art",
    "modelscope": "https://www.modelscope.cn",
    "github": "https://github.com",
}
ENDPOINT_VARIABLES: Mapping[str, str] = {
    "huggingface": "HF_ENDPOINT",
    "civitai": "VAEHUB_CIVITAI_ENDPOINT",
    "liblib": "VAEHUB_LIBLIB_ENDPOINT",
    "modelscope": "VAEHUB_MODELSCOPE_ENDPOINT",
    "github": "VAEHUB_GITHUB_ENDPOINT",
}
TOKEN_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "huggingface": ("HF_TOKEN",),
    "civitai": ("CIVITAI_TOKEN", "CIVITAI_API_TOKEN", "CIVITAI_API_KEY"),
    "liblib": ("LIBLIB_TOKEN",),
    "modelscope": ("MODELSCOPE_TOKEN",),
}
TARGET_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"
"""What a named target may be called: nothing that looks like a path."""


class Secret:
    """A token whose value must be asked for by name, so that no log shows it by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the token itself, for the request header of its own host."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__


class Environment:
    """The variables of a process: some hold tokens, so that printing them shows nothing."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str:
        """Give a variable; empty where it is not set."""
        return self._values.get(name, "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Environment) and self._values == other._values

    __hash__ = None  # type: ignore[assignment]  # as every mapping

    def __repr__(self) -> str:
        return "Environment(***)"


class Mirror(NamedTuple):
    """A place to try first: a tree by sha256, and optionally a stand-in for one URL prefix."""

    base: str
    """Blobs lie at ``{base}/sha256/{digest}``; without ``prefix``, plain-HTTPS sources at
    ``{base}/{host}/{path}``."""
    prefix: str | None = None
    """With it, plain-HTTPS sources that begin so are tried at ``{base}{rest}``."""


class CatalogFile(NamedTuple):
    """A further catalog that the user named."""

    path: Path
    name: str | None = None
    """Overrides the name that the file gives itself, where the config says so."""


class NamedTarget(NamedTuple):
    """A target that the user gave a name."""

    path: Path
    """A UI's root or a folder."""
    layout: str | None = None
    """Id of the layout, where the user said it; else what lies there decides."""


class Token(NamedTuple):
    """A token, and who holds it."""

    secret: Secret
    place: str
    """The variable, or one of the places of :mod:`vaehub.tokens`."""


class Settings(NamedTuple):
    """What the user's environment and configuration say."""

    store: Path
    state: Path
    cache: Path
    to: str | None = None
    """``VAEHUB_TO``."""
    default_target: str | None = None
    """``target`` of the config file."""
    targets: Mapping[str, NamedTarget] = MappingProxyType({})
    """``[targets.NAME]`` of the config file, in its order."""
    catalogs: tuple[CatalogFile, ...] = ()
    offline: bool = False
    user_endpoints: Mapping[str, str] = MappingProxyType({})
    """Only those the user set: towards them plain http is allowed."""
    mirrors: tuple[Mirror, ...] = ()
    mirrors_only: bool = False
    """Nobody but the mirrors is asked: a box without a network may have one at its side."""
    limit_rate: int | None = None
    """Bytes a second that all downloads together may take; None: no limit."""
    max_connections: int | None = None
    """Connections for bytes that may be open at once; None: what each host is good for."""
    environ: Environment = Environment({})
    """For tokens, and for what the libraries of hosts are told there."""
    config_file: Path = Path()
    """Where the configuration file is, or would be."""
    lang: str | None = None
    """What people are told in, where the user said it: ``en`` or ``zh``."""

    def endpoint(self, host: str) -> str:
        """Give the base URL of a host, without a trailing slash."""
        return self.user_endpoints.get(host) or DEFAULT_ENDPOINTS[host]

    def token(self, host: str) -> Secret | None:
        """Find the token for a host; see :meth:`find_token`."""
        found = self.find_token(host)
        return None if found is None else found.secret

    def find_token(self, host: str) -> Token | None:
        """Find the token for a host, and who holds it.

        The order: environment, the hub's own login, system keyring, a private file of ours.
        """
        if host not in TOKEN_VARIABLES:
            return None
        for variable in TOKEN_VARIABLES[host]:
            value = self.environ.get(variable).strip()
            if value:
                return Token(Secret(value), variable)
        stored = tokens.of_the_hub(os.environ) if host == "huggingface" else None
        if stored:
            return Token(Secret(stored), tokens.HUB)
        stored = tokens.from_keyring(host)
        if stored:
            return Token(Secret(stored), tokens.KEYRING)
        stored = tokens.from_file(host, state=self.state)
        return Token(Secret(stored), tokens.FILE) if stored else None

    @property
    def hub_offline(self) -> bool:
        """Whether requests to the Hub are forbidden by the variables of its own client."""
        switches = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        return any(self.environ.get(name).lower() in values.TRUE for name in switches)

    @property
    def hub_cache(self) -> Path:
        """Where the Hub's own client keeps what it downloads; as its constants have it."""
        base = self.environ.get("XDG_CACHE_HOME") or "~/.cache"
        home = self.environ.get("HF_HOME") or f"{base}/huggingface"
        named = self.environ.get("HF_HUB_CACHE") or self.environ.get("HUGGINGFACE_HUB_CACHE")
        # It expands variables too.
        return Path(os.path.expandvars(os.path.expanduser(named or f"{home}/hub")))  # noqa: PTH111

    @property
    def plain_http_origins(self) -> frozenset[str]:
        """Origins (``http://host:port``) that the user named with plain http."""
        bases = [*self.user_endpoints.values(), *(mirror.base for mirror in self.mirrors)]
        return frozenset(origin(base) for base in bases if base.startswith("http://"))

    @property
    def allowed_origins(self) -> frozenset[str] | None:
        """The only origins that may be asked; None where any may be."""
        if not self.mirrors_only:
            return None
        return frozenset(origin(mirror.base) for mirror in self.mirrors)


def origin(url: str) -> str:
    """Give ``scheme://host:port`` of a URL, lower-case, with the port spelled out."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment and the configuration file.

    Raises:
        UsageError: a variable or the configuration file says something impossible.
    """
    environ = dict(os.environ if environ is None else environ)
    path = config_file(environ)
    named = bool(environ.get("VAEHUB_CONFIG", "").strip())
    return _understood(environ, read_config(path, hosts=DEFAULT_ENDPOINTS, required=named), path)


def config_file(environ: Mapping[str, str] | None = None) -> Path:
    """Give the place of the configuration file, whether there is one or not.

    Raises:
        UsageError: ``VAEHUB_CONFIG`` is no path.
    """
    environ = os.environ if environ is None else environ
    named = values.path(environ.get("VAEHUB_CONFIG"), "VAEHUB_CONFIG")
    return named or user_folders(os.environ).config / "config.toml"


def language(asked: str | None = None) -> str:
    """Give the language that people are told things in: ``en`` or ``zh``.

    The order: the command line, ``VAEHUB_LANG``, the configuration file, the locale. What makes no
    sense is passed by here, and refused where the settings are read.

    Args:
        asked: What the command line says.
    """
    from vaehub.lang import locales

    for said in (asked, os.environ.get("VAEHUB_LANG"), _configured_language()):
        found = locales.named(said) if said else None
        if found is not None:
            return found
    return locales.of_locale(os.environ)


def _configured_language() -> str | None:
    with suppress(OSError, UsageError, ValueError):
        path = config_file()
        text = path.read_bytes().decode("utf-8")
        if "lang" in text:  # else reading TOML would be for nothing
            said = parse(text, path=path).get("lang")
            return said if isinstance(said, str) else None
    return None


def check_config(config: Mapping[str, Any], *, path: Path) -> None:
    """Make sure that a configuration, or a part of one, means something.

    Args:
        config: What it says.
        path: The file that it is to stand in.

    Raises:
        UsageError: it means nothing.
    """
    check_keys(config, path=path, hosts=DEFAULT_ENDPOINTS)
    _understood({}, config, path)


def state_folder() -> Path:
    """Give the folder of what vaehub remembers for this user."""
    return user_folders(os.environ).state


def variable(name: str) -> str:
    """Give a variable of this process; empty where it is not set."""
    return os.environ.get(name, "")


def _understood(
    environ: Mapping[str, str], config: Mapping[str, Any], config_path: Path
) -> Settings:
    folders = user_folders(os.environ)
    endpoints = {
        host: values.url(value, f"endpoints.{host} in {config_path}")
        for host, value in config.get("endpoints", {}).items()
    }
    for host, variable in ENDPOINT_VARIABLES.items():
        if environ.get(variable, "").strip():
            endpoints[host] = values.url(environ[variable], variable)

    return Settings(
        store=values.path(environ.get("VAEHUB_STORE"), "VAEHUB_STORE")
        or values.path(config.get("store"), f"store in {config_path}", base=config_path.parent)
        or folders.cache / "store",
        state=folders.state,
        cache=folders.cache,
        to=environ.get("VAEHUB_TO", "").strip() or None,
        default_target=config.get("target"),
        targets=_targets(config, config_path),
        catalogs=_catalogs(environ, config, config_path),
        offline=values.flag(environ.get("VAEHUB_OFFLINE"), "VAEHUB_OFFLINE")
        or config.get("offline", False),
        user_endpoints=endpoints,
        mirrors=_mirrors(environ, config, config_path),
        limit_rate=values.rate(config.get("limit_rate"), f"limit_rate in {config_path}"),
        max_connections=values.at_least_one(
            config.get("max_connections"), f"max_connections in {config_path}"
        ),
        environ=Environment(environ),
        config_file=config_path,
        lang=values.language(environ.get("VAEHUB_LANG"), "VAEHUB_LANG")
        or values.language(config.get("lang"), f"lang in {config_path}"),
    )


def _targets(config: Mapping[str, Any], config_path: Path) -> Mapping[str, NamedTarget]:
    found: dict[str, NamedTarget] = {}
    for name, table in config.get("targets", {}).items():
        where = f"targets.{name} in {config_path}"
        if not re.fullmatch(TARGET_NAME, name):
            raise UsageError(
                f"{where}: {name!r} is no name for a target",
                hint="use letters, digits, dots, hyphens and underscores",
            )
        path = None
        if isinstance(table, dict) and isinstance(table.get("path"), str):
            path = values.path(table["path"], where, base=config_path.parent)
        if path is None:
            raise UsageError(f"{where} needs a path")
        stray = sorted(set(table) - {"path", "layout"})
        if stray:
            raise UsageError(f"{where} has {stray[0]!r}; known are layout, path")
        if not isinstance(table.get("layout", ""), str):
            raise UsageError(f"{where}: layout must be a string")
        found[name] = NamedTarget(path, table.get("layout") or None)
    return MappingProxyType(found)


def _catalogs(
    environ: Mapping[str, str], config: Mapping[str, Any], config_path: Path
) -> tuple[CatalogFile, ...]:
    found: list[CatalogFile] = []
    for layer in config.get("catalog", []):
        where = f"catalog in {config_path}"
        path = None
        if isinstance(layer, dict) and isinstance(layer.get("path"), str):
            path = values.path(layer["path"], where, base=config_path.parent)
        if path is None:
            raise UsageError(f"{config_path}: each [[catalog]] needs a path")
        if not isinstance(layer.get("name", ""), str):
            raise UsageError(f"{config_path}: the name of a [[catalog]] must be a string")
        found.append(CatalogFile(path=path, name=layer.get("name") or None))
    for part in environ.get("VAEHUB_CATALOG", "").split(os.pathsep):
        path = values.path(part, "VAEHUB_CATALOG")
        if path is not None:
            found.append(CatalogFile(path=path))
    return tuple(found)


def _mirrors(
    environ: Mapping[str, str], config: Mapping[str, Any], config_path: Path
) -> tuple[Mirror, ...]:
    """Read ``VAEHUB_MIRRORS``: blank-separated ``BASE`` or ``PREFIX=BASE``, in order."""
    found: list[Mirror] = []
    for item in environ.get("VAEHUB_MIRRORS", "").replace(",", " ").split():
        prefix, split, base = item.partition("=http")
        if split:
            found.append(
                Mirror(
                    values.url("http" + base, "VAEHUB_MIRRORS"),
                    values.url(prefix, "VAEHUB_MIRRORS"),
                )
            )
        else:
            found.append(Mirror(values.url(item, "VAEHUB_MIRRORS")))
    for item in config.get("mirrors", []):
        if not isinstance(item, dict) or not isinstance(item.get("base"), str):
            raise UsageError(f"{config_path}: each [[mirrors]] needs a base")
        where = f"mirrors in {config_path}"
        prefix_value = item.get("prefix")
        prefix_url = values.url(prefix_value, where) if prefix_value else None
        found.append(Mirror(values.url(item["base"], where), prefix_url))
    return tuple(found)
