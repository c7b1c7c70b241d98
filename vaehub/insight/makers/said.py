"""What a picture's texts say of the VAE that made it, as plain data.

The reader of each UI gives one; whose the VAE is, is for :mod:`vaehub.insight.recognising`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

HashKind = Literal["sha256", "autov3", "blake3"]
Whose = Literal["named", "checkpoint", "unsaid"]


class Named(NamedTuple):
    """A VAE, or what may be one, as a text names it."""

    name: str | None
    where: str
    """Where it stands: ``VAE``, ``Module 1``, ``node 12 (VAELoader)``."""
    hash: str | None = None
    """Lower-case hex digits, mostly the first few."""
    hash_kind: HashKind = "sha256"
    hash_may_lie: bool = False
    """This UI is known to write the hash of another file."""


class Said(NamedTuple):
    """What a UI wrote."""

    ui: str
    """As its users call it."""
    layout: str | None
    """Id of its layout, where there is one."""
    vaes: tuple[Named, ...] = ()
    """Several, where the texts do not tell which of them decoded it."""
    whose: Whose = "unsaid"
    """Where no VAE is named: that of the checkpoint, or nobody said."""
    among_modules: bool = False
    """The VAE is one of ``vaes``; others are text encoders."""
    checkpoint: str | None = None
    notes: tuple[str, ...] = ()
    may_be_another: bool = False
    """It may also have been one that ``vaes`` does not name: the checkpoint's own."""


_NO_NAMES = frozenset({"", "none", "automatic", "auto", "default", "default (model)", "baked vae"})
"""What UIs write in the place of a name where the checkpoint's own VAE is used."""


def is_name(value: object) -> bool:
    """Tell whether a value names a VAE of its own."""
    return isinstance(value, str) and value.strip().casefold() not in _NO_NAMES


def string(values: Mapping[str, Any], *keys: str) -> str | None:
    """Give the first value of these keys that is a text and not empty."""
    found = (values.get(key) for key in keys)
    return next((one.strip() for one in found if isinstance(one, str) and one.strip()), None)


def hexadecimal(value: object) -> str | None:
    """Give a digest as lower-case digits; None where it is none."""
    if not isinstance(value, str):
        return None
    digits = value.strip().casefold().removeprefix("0x")
    return digits if len(digits) >= 8 and not set(digits) - set("0123456789abcdef") else None
