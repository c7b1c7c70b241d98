"""Where in a manifest's text its list of VAEs stands, and what belongs to each item of it.

Reads the text with PyYAML's own scanner, whose marks count the characters of the text as it is:
every edit can so be made between two of them. Knows no names and changes nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_BREAK = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"#[^\r\n]*")


class Span(NamedTuple):
    """A piece of the text."""

    start: int
    end: int


class Comment(NamedTuple):
    """A comment, from its sign to the end of its line."""

    at: int
    text: str


class Marked:
    """A text, and where the things in it stand.

    Raises:
        yaml.YAMLError: it is not the YAML that PyYAML reads.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = yaml.compose(text, Loader=yaml.SafeLoader)
        tokens = list(yaml.scan(text, Loader=yaml.SafeLoader))
        spans = [(token, Span(token.start_mark.index, token.end_mark.index)) for token in tokens]
        self._dashes = _of(spans, yaml.BlockEntryToken)
        self._commas = _of(spans, yaml.FlowEntryToken)
        self._colons = _of(spans, yaml.ValueToken)
        self.comments = tuple(_comments(text, [span for _, span in spans]))
        found = _BREAK.search(text)
        self.line_break = found.group() if found is not None else "\n"

    def pair(self, name: str) -> tuple[yaml.ScalarNode, yaml.Node] | None:
        """Find a key of the outermost mapping, and its value."""
        if isinstance(self.root, yaml.MappingNode):
            for key, value in self.root.value:
                if key.value == name:
                    return key, value
        return None

    def colon(self, key: yaml.Node) -> int:
        """Give the end of the colon after a key."""
        return next(span.end for span in self._colons if span.start >= key.end_mark.index)

    def dash(self, item: yaml.Node) -> int:
        """Find the dash before an item of a list in block style."""
        return max(span.start for span in self._dashes if span.start < item.start_mark.index)

    def comma_after(self, item: yaml.Node, before: int) -> Span | None:
        """Find the comma between an item of a list in flow style and what comes next."""
        end = item.end_mark.index
        return next((span for span in self._commas if end <= span.start < before), None)

    def comma_before(self, item: yaml.Node, after: int) -> Span | None:
        """Find the comma between an item of a list in flow style and the one before."""
        start = item.start_mark.index
        found = [span for span in self._commas if after <= span.start < start]
        return found[-1] if found else None

    def comments_in(self, span: Span) -> list[Comment]:
        """Give the comments that begin inside a span."""
        return [each for each in self.comments if span.start <= each.at < span.end]

    def line_start(self, at: int) -> int:
        """Give the start of the line that a character stands in."""
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def after_line(self, at: int) -> int:
        """Give the start of the next line, or the end of the text."""
        found = _BREAK.search(self.text, at)
        return found.end() if found is not None else len(self.text)

    def before(self, at: int) -> str:
        """Give what stands before a character in its line."""
        return self.text[self.line_start(at) : at]

    def is_last_in_line(self, at: int) -> bool:
        """Tell whether nothing but a comment follows in the line."""
        rest = _BREAK.split(self.text[at : self.after_line(at)], maxsplit=1)[0].lstrip(" \t")
        return not rest or rest.startswith("#")

    def end(self, node: yaml.Node) -> int:
        """Give the end of what a node says: marks of block style reach to what comes next."""
        if isinstance(node, yaml.ScalarNode):
            if node.style in {"|", ">"}:
                return len(self.text[: node.end_mark.index].rstrip())
            return int(node.end_mark.index)
        assert isinstance(node, yaml.CollectionNode)
        if node.flow_style or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        nodes = last if isinstance(last, tuple) else (last,)
        return max(self.end(each) for each in nodes)


def _of(spans: list[tuple[yaml.Token, Span]], kind: type[yaml.Token]) -> list[Span]:
    return [span for token, span in spans if isinstance(token, kind)]


def _comments(text: str, spans: list[Span]) -> Iterator[Comment]:
    """Find comments: what stands between two tokens is blanks and these."""
    at = 0
    for span in [*spans, Span(len(text), len(text))]:
        for found in _COMMENT.finditer(text, at, max(at, span.start)):
            yield Comment(found.start(), found.group())
        at = max(at, span.end)
