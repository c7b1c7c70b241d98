"""Find the template that a finished text was made from, and fill its translation.

The texts of vaehub are made where they arise (``f"no VAE is called {name!r}"``). Here it is found
out which template fits: the one with the most text of its own. What stood in its placeholders may
be a message itself and is translated in turn. Names, paths and what others say match nothing and
stay as they are. No text, however odd, takes longer than its length is worth: templates are found
by three characters of their longest piece, and there are no regular expressions.
"""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub.lang.filling import holes, literals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CATALOG = Path(__file__).with_name("zh_CN.mo")
KEY = 3
"""Characters by which a template is found."""
_LONGEST = 4000
"""Characters; a longer text is translated line by line."""
_DEEPEST = 6
_TRIES = 100
"""How many pieces of one text are looked up, before the rest stays as it is."""
_GLUE = (("; ", "；"), (": ", "："), (", ", "，"))
"""Between messages that were put together, and what stands between them in Chinese."""


class _Template(NamedTuple):
    literals: tuple[str, ...]
    holes: tuple[int, ...]
    weight: int
    """How many letters of its own it has."""
    translated: tuple[str, ...]
    translated_holes: tuple[int, ...]

    def rank(self) -> tuple[int, int, tuple[str, ...]]:
        """Give what puts the template with the most text of its own first."""
        return -self.weight, -sum(map(len, self.literals)), self.literals

    @property
    def is_vague(self) -> bool:
        """Whether texts of others may look like it: ``{0} of {1}``."""
        if self.literals[0]:
            return self.weight < 4
        words = [word for word in " ".join(self.literals).split() if word.strip(",;:()")]
        return len(words) < 2 and (bool(self.literals[-1]) or self.weight < 6)


class Translator:
    """Translates finished texts by a table of templates."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        """Make ready.

        Args:
            messages: Templates and their translations, with the same placeholders.
        """
        self._exact: dict[str, str] = {}
        self._index: dict[str, list[tuple[str, _Template]]] = {}
        for text, translation in messages.items():
            if not text or not translation:
                continue
            template = _Template(
                tuple(literals(text)),
                tuple(holes(text)),
                sum(map(str.isalpha, "".join(literals(text)))),
                tuple(literals(translation)),
                tuple(holes(translation)),
            )
            if not template.holes:
                self._exact[template.literals[0]] = template.translated[0]
                continue
            anchor = max(template.literals, key=len)
            self._index.setdefault(anchor[:KEY], []).append((anchor, template))

    def exactly(self, text: str) -> str:
        """Translate a text that is whole and alone; any other comes back."""
        return self._exact.get(text, text)

    def translate(self, text: str) -> str:
        """Translate a text; what nobody translated comes back as it is."""
        return _Telling(self).said(text)

    def candidates(self, text: str) -> set[_Template]:
        """Give the templates that have their longest piece in the text."""
        found: set[_Template] = set()
        for start in range(len(text) - KEY + 1):
            for anchor, template in self._index.get(text[start : start + KEY], ()):
                if text.startswith(anchor, start):
                    found.add(template)
        return found


class _Telling:
    """One text on its way, and how much more may be tried for it."""

    def __init__(self, table: Translator) -> None:
        self._table = table
        self._left = _TRIES

    def said(self, text: str) -> str:
        """Give it in Chinese, as far as it is ours."""
        return self._said(text, depth=0)

    def _said(self, text: str, *, depth: int) -> str:
        core = text.strip()
        if not core or depth > _DEEPEST or self._left <= 0:
            return text
        said = self._joined(core, depth=depth)
        if said is None:
            said = self._whole(core, depth=depth)
        if said is None:
            said = self._pieces(core, depth=depth)
        if said is None:
            said = self._whole(core, depth=depth, vague=True)
        if said is None:
            return text
        start = text.index(core)
        return f"{text[:start]}{said}{text[start + len(core) :]}"

    def _joined(self, text: str, *, depth: int) -> str | None:
        """Translate what follows something else: ``: 3 files``, ``, with a remark``."""
        for mark, chinese in _GLUE:
            if not text.startswith(mark):
                continue
            whole = self._whole(text, depth=depth, begin=mark)
            if whole is not None:
                return whole
            rest = text.removeprefix(mark)
            told = self._said(rest, depth=depth)
            return f"{chinese}{told}" if told != rest else text
        return None

    def _whole(self, text: str, *, depth: int, begin: str = "", vague: bool = False) -> str | None:
        if depth == 0 or " " in text:  # a word alone in a placeholder is a name
            for spelled in (text, text[0].lower() + text[1:]):
                exact = self._table.exactly(spelled)
                if exact != spelled:
                    return exact
        self._left -= 1
        if len(text) > _LONGEST or self._left <= 0:
            return None
        for spelled in dict.fromkeys((text, text[0].lower() + text[1:])):
            found = sorted(self._table.candidates(spelled), key=_Template.rank)
            for template in found:
                if template.is_vague is not vague or not template.literals[0].startswith(begin):
                    continue
                values = _match(template.literals, spelled)
                if values is None:
                    continue
                said = self._filled(template, values, depth=depth)
                if said is not None:
                    return said
        return None

    def _filled(self, template: _Template, values: Sequence[str], *, depth: int) -> str | None:
        told = [
            # What somebody else said stands in quotation marks.
            value if before.endswith("“") else self._said(value, depth=depth + 1)
            for before, value in zip(template.literals, values, strict=False)
        ]
        if template.is_vague:
            begins = depth == 0 and template.literals[0] and len(values) == 1
            plain = template.literals[-1] and " " not in values[0]
            if not (begins or plain or values[0][:1].isdigit() or told != list(values)):
                return None
        by_number = dict(zip(template.holes, told, strict=True))
        pieces = [template.translated[0]]
        for number, literal in zip(template.translated_holes, template.translated[1:], strict=True):
            pieces += [by_number[number], literal]
        return "".join(pieces)

    def _after(self, mark: str, chinese: str, text: str, depth: int) -> str:
        """Translate what stands behind a mark, which may be a part of its template."""
        whole = self._whole(mark + text, depth=depth + 1, begin=mark)
        return self._said(text, depth=depth + 1) if whole is None else whole.removeprefix(chinese)

    def _pieces(self, text: str, *, depth: int) -> str | None:
        """Translate what was put together of several texts, piece by piece."""
        if "\n" in text:
            lines = text.split("\n")
            told = [self._said(line, depth=depth + 1) for line in lines]
            return "\n".join(told) if told != lines else None
        if len(text) > _LONGEST:
            return None
        for mark, chinese in _GLUE:
            parts = text.split(mark, 1) if mark == ": " else text.split(mark)
            if len(parts) < 2:
                continue
            told = [parts[0], *(self._after(mark, chinese, one, depth) for one in parts[1:])]
            told[0] = self._said(parts[0], depth=depth + 1)
            if told == parts or any(
                one == part and _is_prose(part) for one, part in zip(told, parts, strict=True)
            ):
                continue  # half a sentence would be worse than none
            if mark != ": ":  # beside something that is ours, a word is ours as well
                told = list(map(self._table.exactly, told))
            elif told[0] == parts[0]:
                chinese = mark  # after a place or a name
            return chinese.join(told)
        if text.endswith(")") and " (" in text:
            before, _, inside = text[:-1].partition(" (")
            told = [self._said(before, depth=depth + 1), self._said(inside, depth=depth + 1)]
            if told != [before, inside]:
                told[1] = self._table.exactly(told[1])
                return f"{told[0]}（{told[1]}）"
        return None


def _is_prose(text: str) -> bool:
    words = [word.replace("'", "") for word in text.split()]
    return sum(word.isalpha() and word.islower() for word in words) > 2


def _match(pieces: Sequence[str], text: str) -> list[str] | None:
    """Give what stands between the pieces of a template, the first that fits; None: nothing."""
    first, *middle, last = pieces
    if not text.startswith(first) or not text.endswith(last):
        return None
    end = len(text) - len(last)
    place = len(first)
    values = []
    for piece in middle:
        # Without text between them, placeholders cannot be told apart: the last has it all.
        found = text.find(piece, place, end) if piece else place
        if found < 0:
            return None
        values.append(text[place:found])
        place = found + len(piece)
    if place > end:
        return None
    return [*values, text[place:end]]


def translate(text: str) -> str:
    """Translate a text by the catalog that ships with vaehub."""
    return _ours().translate(text)


def exactly(text: str) -> str:
    """Translate a text that is whole and alone by the catalog that ships with vaehub."""
    return _ours().exactly(text)


@cache
def _ours() -> Translator:
    try:
        with CATALOG.open("rb") as file:
            return Translator(dict(_Messages(file).templates()))
    except OSError:  # an installation without it speaks English
        return Translator({})


class _Messages(gettext.GNUTranslations):
    """A compiled catalog that also says what is in it."""

    def templates(self) -> Iterator[tuple[str, str]]:
        catalog: dict[object, str] = self._catalog  # type: ignore[attr-defined]
        for text, translation in catalog.items():
            if isinstance(text, str):
                yield text, translation
