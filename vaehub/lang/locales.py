"""Which language a name or a locale means.

Pure. Knows English and Simplified Chinese: a Traditional one is not answered with the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "zh")
_TRADITIONAL = {"tw", "hk", "mo", "hant"}


def named(text: str) -> str | None:
    """Give the language that a name means: ``zh_CN.UTF-8``, ``zh-Hans``, ``en``; None: none."""
    name = text.strip().lower().partition(".")[0].partition("@")[0]
    parts = name.replace("-", "_").split("_")
    if name in {"c", "posix"}:
        return "en"
    if parts[0] not in LANGUAGES or (parts[0] == "zh" and _TRADITIONAL.intersection(parts[1:])):
        return None
    return parts[0]


def of_locale(environ: Mapping[str, str]) -> str:
    """Give the language of a process's locale, as gettext has it.

    ``LANGUAGE`` lists languages in the order of liking. It counts for nothing where the locale is
    explicitly that of machines, ``C``; where there is no locale at all it does, as in many
    containers.
    """
    locale = next(
        (value for name in _LOCALE if (value := environ.get(name, "").strip())),
        "",
    )
    if locale.partition(".")[0].upper() in {"C", "POSIX"}:
        return "en"
    for name in (*environ.get("LANGUAGE", "").split(":"), locale):
        found = named(name)
        if found is not None:
            return found
    return "en"


_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
