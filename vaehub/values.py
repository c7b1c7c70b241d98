"""Read single values as the environment and the configuration file write them.

Pure. Each function takes what was said and where, for the message, and refuses in words what means
nothing; no message repeats what may be a secret.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from vaehub.errors import UsageError

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})


def url(value: object, where: str) -> str:
    """Read an address of http or https; it comes back without a trailing slash.

    Raises:
        UsageError: it is none, or holds a user name, a password or a query.
    """
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


def flag(value: str | None, where: str) -> bool:
    """Read a yes or a no; blank means no.

    Raises:
        UsageError: it is neither.
    """
    text = (value or "").strip().lower()
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise UsageError(f"{where}={value!r}: use 1 or 0")


def path(value: str | None, where: str, *, base: Path | None = None) -> Path | None:
    """Read a path; blank means none. One that is not absolute is relative to ``base``.

    Raises:
        UsageError: it begins with the home folder of nobody.
    """
    if not value or not value.strip():
        return None
    try:
        found = Path(value).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{where}: {value!r} names nobody's home folder") from error
    return found if base is None else base / found


def rate(value: object, where: str) -> int | None:
    """Read a speed; None for no limit.

    Raises:
        UsageError: it is none.
    """
    if value is None:
        return None
    from vaehub.rates import parse_rate

    try:
        return parse_rate(str(value))
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None


def at_least_one(value: int | None, where: str) -> int | None:
    """Read a number of things that takes at least one of them.

    Raises:
        UsageError: it is less.
    """
    if value is not None and value < 1:
        raise UsageError(f"{where}: {value} is less than one")
    return value


def language(value: str | None, where: str) -> str | None:
    """Read the name of a language; blank means none.

    Raises:
        UsageError: it is one that vaehub does not speak.
    """
    if not value or not value.strip():
        return None
    from vaehub.lang import locales

    found = locales.named(value)
    if found is None:
        raise UsageError(f"{where}: vaehub does not speak {value!r}", hint="it speaks en and zh")
    return found


def _without_secrets(text: str) -> str:
    """Cut what may be a password or a signature, also of what is no proper address."""
    text = text.partition("?")[0].partition("#")[0]
    scheme, mark, rest = text.rpartition("://")
    return f"{scheme.rpartition('@')[2]}{mark}{rest.rpartition('@')[2]}"
