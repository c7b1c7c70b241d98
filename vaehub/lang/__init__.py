"""Say texts for people in their language.

Texts are written in English where they arise; what prints them for a person calls :func:`tell`.
What is for machines, JSON and logs, does not, and stays English. As long as the language is
English, nothing is imported and nothing looked up here.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_asked: str | None = None
_translate: Callable[[str], str] | None = None
_decided = False


def ask_for(name: str | None) -> None:
    """Take down which language the command line asks for, if it does; what follows is told in it.

    Args:
        name: As a person writes it: ``zh``, ``zh_CN``, ``en``.
    """
    global _asked, _translate, _decided
    _asked, _translate, _decided = name, None, False


def tell(text: str) -> str:
    """Give a text in the person's language, as it is where there is no translation of it."""
    if is_english() or _translate is None:
        return text
    return _translate(text)


def tell_word(text: str) -> str:
    """Give a word or a phrase in the person's language, where exactly that is translated."""
    if is_english() or _translate is None:
        return text
    from vaehub.lang.translating import exactly

    return exactly(text)


def is_english() -> bool:
    """Tell whether the person is spoken to in English."""
    global _translate, _decided
    if not _decided:
        _decided = True
        from vaehub import settings

        if settings.language(_asked) == "zh" and _can_show("\u4e2d"):
            from vaehub.lang.translating import translate

            _translate = translate
    return _translate is None


def _can_show(character: str) -> bool:
    """Tell whether both streams can show a character: question marks would help nobody."""
    for stream in (sys.stdout, sys.stderr):
        try:
            character.encode(getattr(stream, "encoding", None) or "utf-8")
        except (UnicodeEncodeError, LookupError):
            return False
    return True
