"""The only reader of the environment and of the configuration file, for all that vaehub decides.

Everything else gets a :class:`Settings`. Tokens are looked up when a host asks for one, are wrapped
so that printing them shows nothing, and are never part of what ``repr`` shows.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from vaehub.configuration import read_config
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
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


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


class Token(NamedTuple):
    """A token, and who holds it."""

    secret: Secret
    place: str
    """The variable, ``hub login`` or ``keyring``."""


class Settings(NamedTuple):
    """What the user's environment and configuration say."""

    store: Path
    state: Path
    cache: Path
    to: str | None = None
    """``VAEHUB_TO``."""
    default_target: str | None = None
    """``target`` of the config file."""
    catalogs: tuple[CatalogFile, ...] = ()
    offline: bool = False
    user_endpoints: Mapping[str, str] = MappingProxyType({})
    """Only those the user set: towards them plain http is allowed."""
    mirrors: tuple[Mirror, ...] = ()
    limit_rate: int | None = None
    """Bytes a second that all downloads together may take; None: no limit."""
    max_connections: int | None = None
    """Connections for bytes that may be open at once; None: what each host is good for."""
    environ: Environment = Environment({})
    """For tokens, and for what the libraries of hosts are told there."""

    def endpoint(self, host: str) -> str:
        """Give the base URL of a host, without a trailing slash."""
        return self.user_endpoints.get(host) or DEFAULT_ENDPOINTS[host]

    def token(self, host: str) -> Secret | None:
        """Find the token for a host; see :meth:`find_token`."""
        found = self.find_token(host)
        return None if found is None else found.secret

    def find_token(self, host: str) -> Token | None:
        """Find the token for a host, and who holds it.

        The order: environment, the hub's own login, system keyring.
        """
        for variable in TOKEN_VARIABLES.get(host, ()):
            value = self.environ.get(variable).strip()
            if value:
                return Token(Secret(value), variable)
        if host == "huggingface" and _hub_may_have_a_token():
            from huggingface_hub import get_token

            stored = get_token()
            if stored:
                return Token(Secret(stored), "hub login")
        secret = _from_keyring(host)
        return Token(secret, "keyring") if secret is not None else None

    @property
    def hub_offline(self) -> bool:
        """Whether requests to the Hub are forbidden by the variables of its own client."""
        switches = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        return any(self.environ.get(name).lower() in _TRUE for name in switches)

    @property
    def plain_http_origins(self) -> frozenset[str]:
        """Origins (``http://host:port``) that the user named with plain http."""
        bases = [*self.user_endpoints.values(), *(mirror.base for mirror in self.mirrors)]
        return frozenset(origin(base) for base in bases if base.startswith("http://"))


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
    folders = user_folders(os.environ)
    named_config = _path(environ.get("VAEHUB_CONFIG"), "VAEHUB_CONFIG")
    config_path = named_config or folders.config / "config.toml"
    config = read_config(config_path, hosts=DEFAULT_ENDPOINTS, required=named_config is not None)

    endpoints = {
        host: _url(value, f"endpoints.{host} in {config_path}")
        for host, value in config.get("endpoints", {}).items()
    }
    for host, variable in ENDPOINT_VARIABLES.items():
        if environ.get(variable, "").strip():
            endpoints[host] = _url(environ[variable], variable)

    return Settings(
        store=_path(environ.get("VAEHUB_STORE"), "VAEHUB_STORE")
        or _path(config.get("store"), f"store in {config_path}", base=config_path.parent)
        or folders.cache / "store",
        state=folders.state,
        cache=folders.cache,
        to=environ.get("VAEHUB_TO", "").strip() or None,
        default_target=config.get("target"),
        catalogs=_catalogs(environ, config, config_path),
        offline=_flag(environ.get("VAEHUB_OFFLINE"), "VAEHUB_OFFLINE")
        or config.get("offline", False),
        user_endpoints=endpoints,
        mirrors=_mirrors(environ, config, config_path),
        limit_rate=_rate(config.get("limit_rate"), config_path),
        max_connections=_connections(config.get("max_connections"), config_path),
        environ=Environment(environ),
    )


def _catalogs(
    environ: Mapping[str, str], config: Mapping[str, Any], config_path: Path
) -> tuple[CatalogFile, ...]:
    found: list[CatalogFile] = []
    for layer in config.get("catalog", []):
        where = f"catalog in {config_path}"
        path = None
        if isinstance(layer, dict) and isinstance(layer.get("path"), str):
            path = _path(layer["path"], where, base=config_path.parent)
        if path is None:
            raise UsageError(f"{config_path}: each [[catalog]] needs a path")
        if not isinstance(layer.get("name", ""), str):
            raise UsageError(f"{config_path}: the name of a [[catalog]] must be a string")
        found.append(CatalogFile(path=path, name=layer.get("name") or None))
    for part in environ.get("VAEHUB_CATALOG", "").split(os.pathsep):
        path = _path(part, "VAEHUB_CATALOG")
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
                Mirror(_url("http" + base, "VAEHUB_MIRRORS"), _url(prefix, "VAEHUB_MIRRORS"))
            )
        else:
            found.append(Mirror(_url(item, "VAEHUB_MIRRORS")))
    for item in config.get("mirrors", []):
        if not isinstance(item, dict) or not isinstance(item.get("base"), str):
            raise UsageError(f"{config_path}: each [[mirrors]] needs a base")
        where = f"mirrors in {config_path}"
        prefix_value = item.get("prefix")
        found.append(
            Mirror(_url(item["base"], where), _url(prefix_value, where) if prefix_value else None)
        )
    return tuple(found)


def _rate(value: object, config_path: Path) -> int | None:
    if value is None:
        return None
    from vaehub.rates import parse_rate

    try:
        return parse_rate(str(value))
    except ValueError as error:
        raise UsageError(f"limit_rate in {config_path}: {error}") from None


def _connections(value: int | None, config_path: Path) -> int | None:
    if value is not None and value < 1:
        raise UsageError(f"max_connections in {config_path}: {value} is less than one")
    return value


def _url(value: object, where: str) -> str:
    text = str(value).strip().rstrip("/")
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # an unclosed bracket, a port above 65535
        usable = False
    if not usable or any(char.isspace() or not char.isprintable() for char in text):
        raise UsageError(f"{where}: {_without_secrets(text)!r} is not an http(s) address")
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise UsageError(f"{where}: the address must hold no user name, password or query")
    return f"{parts.scheme}{text[len(parts.scheme) :]}"  # HTTP:// counts as http://


def _without_secrets(text: str) -> str:
    """Cut what may be a password or a signature, also of what is no proper address."""
    text = text.partition("?")[0].partition("#")[0]
    scheme, mark, rest = text.rpartition("://")
    return f"{scheme.rpartition('@')[2]}{mark}{rest.rpartition('@')[2]}"


def _flag(value: str | None, where: str) -> bool:
    text = (value or "").strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise UsageError(f"{where}={value!r}: use 1 or 0")


def _path(value: str | None, where: str, *, base: Path | None = None) -> Path | None:
    """Read a path; blank means none. One that is not absolute is relative to ``base``."""
    if not value or not value.strip():
        return None
    try:
        path = Path(value).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{where}: {value!r} names nobody's home folder") from error
    return path if base is None else base / path


def _hub_may_have_a_token() -> bool:
    """Tell whether the hub's own client is worth asking for a token: to import it takes a while.

    Where it looks besides ``HF_TOKEN``: its token file, CI's identity, an older variable and, in a
    notebook, that one's secrets.
    """
    if any(os.environ.get(name) for name in ("HF_OIDC_RESOURCE", "HUGGING_FACE_HUB_TOKEN")):
        return True
    if "huggingface_hub" in sys.modules or "IPython" in sys.modules:
        return True
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME", os.path.join(cache, "huggingface"))  # noqa: PTH118
    file = os.environ.get("HF_TOKEN_PATH", os.path.join(home, "token"))  # noqa: PTH118
    # As in its constants, which expand variables too.
    return os.path.exists(os.path.expandvars(os.path.expanduser(file)))  # noqa: PTH110, PTH111


def _from_keyring(host: str) -> Secret | None:
    if host not in TOKEN_VARIABLES:
        return None
    try:
        import keyring

        value = keyring.get_password("vaehub", host)
    except Exception:  # no keyring package, no backend, locked, no D-Bus: all mean "no token"
        return None
    return Secret(value) if value else None
