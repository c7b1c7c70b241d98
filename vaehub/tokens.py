"""Where tokens are kept: the Hub's own login, the system keyring, a private file.

Knows how a token is put there, read and taken away again; :mod:`vaehub.settings` knows in which
order they are asked, and :mod:`vaehub.logins` what a token is good for. What the Hub's own client
keeps is read and never changed: other programs rely on it.

::

    <the user's state folder>/
    └── tokens/              0700
        └── civitai          0600, nothing but the token
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from vaehub.errors import TargetNotUsable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HUB, KEYRING, FILE = "hub login", "keyring", "private file"
"""The places, as scripts see them."""
WORDS: Mapping[str, str] = {
    HUB: "the Hub's own login (hf auth login)",
    KEYRING: "the system keyring",
    FILE: "a private file",
}
"""And as people do."""
_SERVICE = "vaehub"


def of_the_hub(environ: Mapping[str, str]) -> str | None:
    """Give the token of the Hub's own login, as its client finds it.

    Args:
        environ: The environment of this process, which the client reads too.
    """
    if not _hub_may_have_one(environ):
        return None
    from huggingface_hub import get_token

    try:
        return get_token() or None
    except OSError:  # its file is somebody else's: that is no login of ours
        return None


def from_keyring(host: str) -> str | None:
    """Give the token that the system keyring holds for a host."""
    try:
        import keyring

        return keyring.get_password(_SERVICE, host) or None
    except Exception:  # no keyring package, no backend, locked, no D-Bus: all mean "no token"
        return None


def from_file(host: str, *, state: Path) -> str | None:
    """Give the token that our private file holds for a host."""
    try:
        return file_of(host, state=state).read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None


def file_of(host: str, *, state: Path) -> Path:
    """Give the path of the private file for a host."""
    return state / "tokens" / host


def keep(host: str, value: str, *, state: Path) -> str:
    """Keep a token in the system keyring, or where there is none in a private file.

    Returns:
        Where it is: :data:`KEYRING` or :data:`FILE`.

    Raises:
        TargetNotUsable: the file cannot be written; what it held before it still holds.
    """
    from vaehub import durable

    path = file_of(host, state=state)
    try:
        if _into_keyring(host, value):
            durable.remove(path)  # an older one, of a time without a keyring
            return KEYRING
        state.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.parent.chmod(0o700)  # ours, whatever somebody has made of it
        durable.write(path, f"{value}\n".encode(), mode=0o600)
    except OSError as error:
        raise TargetNotUsable(
            f"cannot keep the token in {path}: {error.strerror or type(error).__name__}",
            hint="check the owner and the permissions of that folder, or set the token's variable",
        ) from None
    return FILE


def forget(host: str, *, state: Path) -> tuple[str, ...]:
    """Take a token of ours away again, wherever it is kept.

    Returns:
        Where it was; nothing where there was none.

    Raises:
        TargetNotUsable: it cannot be taken away.
    """
    from vaehub import durable

    found = []
    if from_keyring(host) is not None:
        _out_of_keyring(host)
        found.append(KEYRING)
    path = file_of(host, state=state)
    if path.is_symlink() or path.exists():
        try:
            durable.remove(path)
        except OSError as error:
            raise TargetNotUsable(
                f"cannot remove {path}: {error.strerror}",
                hint="check the owner and the permissions of that folder",
            ) from None
        found.append(FILE)
    return tuple(found)


def _into_keyring(host: str, value: str) -> bool:
    try:
        import keyring

        keyring.set_password(_SERVICE, host, value)
    except Exception:  # as in from_keyring; the texts of backends may hold anything
        return False
    return from_keyring(host) == value  # a backend that keeps nothing says yes to everything


def _out_of_keyring(host: str) -> None:
    try:
        import keyring

        keyring.delete_password(_SERVICE, host)
    except Exception as error:
        raise TargetNotUsable(
            f"the system keyring does not give up the token of {host} ({type(error).__name__})",
            hint=f"remove the entry {host!r} of the service {_SERVICE!r} with its own program",
        ) from None


def _hub_may_have_one(environ: Mapping[str, str]) -> bool:
    """Tell whether the hub's own client is worth asking for a token: to import it takes a while.

    Where it looks besides ``HF_TOKEN``: its token file, CI's identity, an older variable and, in a
    notebook, that one's secrets.
    """
    if any(environ.get(name) for name in ("HF_OIDC_RESOURCE", "HUGGING_FACE_HUB_TOKEN")):
        return True
    if "huggingface_hub" in sys.modules or "IPython" in sys.modules:
        return True
    cache = environ.get("XDG_CACHE_HOME", "~/.cache")
    home = environ.get("HF_HOME", os.path.join(cache, "huggingface"))  # noqa: PTH118
    file = environ.get("HF_TOKEN_PATH", os.path.join(home, "token"))  # noqa: PTH118
    # As in its constants, which expand variables too.
    return os.path.exists(os.path.expandvars(os.path.expanduser(file)))  # noqa: PTH110, PTH111
