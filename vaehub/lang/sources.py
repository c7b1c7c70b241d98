"""Find in a source what people may read: each text as a template with numbered placeholders.

``f"there is no key {key!r}"`` becomes ``there is no key {0}``. Where a part of a text is one of a
few texts (``"is" if changed else "was already"``, there or in a variable of the same function),
there is a template for each: languages differ in the order of words. Runs nothing of the source.
What is said to machines alone (logs, JSON, names) is left out by where it stands.
"""

from __future__ import annotations

import ast
import itertools
import re
from typing import TYPE_CHECKING

from vaehub.cli import table
from vaehub.lang.filling import Template, quoted, without_holes
from vaehub.lang.known import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUIET_CALLS = {
    "debug", "info", "warning", "exception", "getLogger", "AssertionError", "AttributeError",
    "compile", "search", "match", "fullmatch", "sub", "cast", "TypeVar", "Thread", "encode",
    "partition", "rpartition", "removeprefix", "removesuffix", "startswith", "endswith", "split",
    "strip", "getattr", "import_module", "replace", "formatter", "write_header", "joinpath",
    "ThreadPoolExecutor", "as_command", "argument", "completes", "NotImplementedError",
}  # fmt: skip
"""Calls whose texts people do not read (of commands and arguments, see the keywords)."""
_QUIET_KEYWORDS = {
    "style", "metavar", "name", "completes", "thread_name_prefix", "usedforsecurity",
    "prog_name", "default", "command",
}  # fmt: skip
_WORD_CALLS = {"Column", "Fact", "_fact"}
"""Calls whose first text is a label, also where it is a single word."""
_WORD_TABLES = {"WORDS", "SMOKE_WORDS"}
_STYLES = {"bold", "dim", "red", "green", "yellow"}
_VARIANTS = 12
"""Of one text; with more, its parts are templates of their own."""


def of_source(source: str, name: str) -> Iterator[Template]:
    """Give the templates of one module."""
    return _Module(ast.parse(source), name).templates()


class _Module:
    def __init__(self, tree: ast.Module, name: str) -> None:
        self._tree = tree
        self._name = name
        self._above = {
            child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)
        }
        self._inlined: set[ast.AST] = set()

    def templates(self) -> Iterator[Template]:
        nodes = [node for node in ast.walk(self._tree) if isinstance(node, _TEXTS)]
        nodes = [node for node in nodes if not self._is_part(node) and not self._is_quiet(node)]
        spelled = {node: list(self._spell(node)) for node in nodes}
        for node in sorted(nodes, key=lambda one: (one.lineno, one.col_offset)):
            if node in self._inlined:
                continue
            for text, expressions in spelled[node]:
                stripped = text.strip()
                if "\n" in stripped:  # whoever shows it fills its lines anew
                    stripped = " ".join(stripped.split())
                if _is_prose(stripped, word=self._is_word(node)):
                    yield Template(stripped, self._name, node.lineno, tuple(expressions))
        yield from self._helps()
        yield from self._counts()

    def _helps(self) -> Iterator[Template]:
        """Give the docstrings of commands, paragraph by paragraph."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(one, ast.Call) and _called(one) == "as_command"
                for one in node.decorator_list
            ):
                for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                    yield Template(" ".join(paragraph.split()), self._name, node.lineno)

    def _counts(self) -> Iterator[Template]:
        """Give ``1 file`` and ``3 files`` of each ``words.count(number, "file")``."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                for _, text in self._counted(node) or ():
                    assert isinstance(text, str)
                    yield Template("{0}" + text, self._name, node.lineno)

    def _is_part(self, node: ast.AST) -> bool:
        above = self._above.get(node)
        return isinstance(above, (ast.JoinedStr, ast.FormattedValue))

    def _is_quiet(self, node: ast.AST) -> bool:
        above: ast.AST | None = self._above.get(node)
        below: ast.AST = node
        if isinstance(above, (ast.Expr, ast.Subscript, ast.MatchValue, ast.Compare, ast.Slice)):
            return True
        if isinstance(above, ast.Dict) and node in above.keys:
            return not self._name.startswith("selftest/")  # there, a check's name is its title
        if isinstance(above, ast.Call) and below in above.args and _called(above) in {
            "Result", "Problem", "Reason", "Group", "failed", "_reported", "count", "Template",
        }:  # fmt: skip
            first = above.args[0] is below or _called(above) == "count"
            if first and _called(above) != "failed":
                return True
        while above is not None and not isinstance(above, ast.stmt):
            if isinstance(above, ast.keyword) and above.arg in _QUIET_KEYWORDS:
                return True
            if isinstance(above, ast.keyword) and above.arg == "examples":
                return self._is_example_line(node)
            if isinstance(above, ast.Call) and _called(above) in _QUIET_CALLS:
                return below is not above.func
            if isinstance(above, (ast.Set, ast.arguments)):
                return True
            below, above = above, self._above.get(above)
        if isinstance(above, (ast.FunctionDef, ast.ClassDef)):
            return not any(below is decorator for decorator in above.decorator_list)
        return isinstance(above, ast.AnnAssign) and below is above.annotation

    def _is_example_line(self, node: ast.AST) -> bool:
        pair = self._above.get(node)
        return isinstance(pair, ast.Tuple) and pair.elts[0] is node

    def _is_word(self, node: ast.AST) -> bool:
        """Tell whether a single word is something that people read here."""
        above = self._above.get(node)
        if isinstance(above, ast.Call) and above.args and above.args[0] is node:
            return _called(above) in _WORD_CALLS
        if isinstance(above, ast.Tuple):  # for label, ... in (("summary", ...), ...)
            return isinstance(self._above.get(self._above.get(above, above)), ast.For)
        while above is not None and not isinstance(above, ast.stmt):
            above = self._above.get(above)
        if isinstance(above, (ast.Assign, ast.AnnAssign)):
            targets = above.targets if isinstance(above, ast.Assign) else [above.target]
            return any(isinstance(one, ast.Name) and one.id in _WORD_TABLES for one in targets)
        return False

    def _spell(self, node: ast.expr) -> Iterator[tuple[str, list[str]]]:
        """Give each way in which a text may read, and the expressions of its placeholders."""
        before = set(self._inlined)
        ways = self._ways(node, depth=0)
        if len(ways) > _VARIANTS:
            self._inlined = before
            ways = self._ways(node, depth=9)
        for pieces in ways:
            text = ""
            expressions: list[str] = []
            for piece in pieces:
                if isinstance(piece, str):
                    text += quoted(piece)
                else:
                    text += f"{{{len(expressions)}}}"
                    expressions.append(ast.unparse(piece))
            yield text, expressions

    def _ways(self, node: ast.expr, *, depth: int) -> list[list[str | ast.expr]]:
        match node:
            case ast.Constant(value=str(text)):
                return [[text]]
            case ast.JoinedStr(values=parts):
                each = [self._ways(part, depth=depth) for part in parts]
                return [
                    list(itertools.chain(*way))
                    for way in itertools.islice(itertools.product(*each), 99)
                ]
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None) if depth < 3:
                return self._inside(value, depth=depth + 1) or [[value]]
            case ast.FormattedValue(value=value):
                return [[value]]
        return [[node]]

    def _inside(self, value: ast.expr, *, depth: int) -> list[list[str | ast.expr]] | None:
        """Give the texts that a placeholder stands for, where these are to be seen."""
        if isinstance(value, ast.Name):
            said = self._assigned(value)
        elif isinstance(value, ast.IfExp):
            said = [value]
        else:
            return self._counted(value)
        ways: list[list[str | ast.expr]] = []
        for one in said:
            told = self._either(one, depth=depth)
            if told is None:
                return None
            ways += told
        return ways or None

    def _either(self, value: ast.expr, *, depth: int) -> list[list[str | ast.expr]] | None:
        if isinstance(value, ast.IfExp):
            branches = (value.body, value.orelse)
            found = [
                self._inside(one, depth=depth)
                if isinstance(one, ast.IfExp)
                else self._ways(one, depth=depth)
                if isinstance(one, _TEXTS)
                else None
                for one in branches
            ]
            if not any(found):
                return None
            if all(found):
                self._inlined.update(one for one in branches if isinstance(one, _TEXTS))
            ways: list[list[str | ast.expr]] = []
            for one, told in zip(branches, found, strict=True):
                ways += told or [[one]]
            return ways
        if isinstance(value, _TEXTS) and (
            not isinstance(value, ast.Constant) or isinstance(value.value, str)
        ):
            self._inlined.add(value)
            return self._ways(value, depth=depth)
        return self._counted(value)

    def _counted(self, value: ast.expr) -> list[list[str | ast.expr]] | None:
        """Give ``1 file`` and ``3 files`` of ``words.count(number, "file")``."""
        if not isinstance(value, ast.Call) or _called(value) != "count" or len(value.args) < 2:
            return None
        said = [one.value for one in value.args[1:] if isinstance(one, ast.Constant)]
        words = [one for one in said if isinstance(one, str)]
        if not words:
            return None
        return [[value.args[0], f" {one}"] for one in (words[0], (*words, f"{words[0]}s")[1])]

    def _assigned(self, name: ast.Name) -> list[ast.expr]:
        """Give what a variable of the function may stand for."""
        above: ast.AST | None = name
        while above is not None and not isinstance(above, ast.FunctionDef):
            above = self._above.get(above)
        if above is None:
            return []
        said = [
            node.value
            for node in ast.walk(above)
            if isinstance(node, ast.Assign)
            and any(isinstance(one, ast.Name) and one.id == name.id for one in node.targets)
        ]
        changed = any(
            isinstance(node, ast.AugAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == name.id
            for node in ast.walk(above)
        )
        return [] if changed else said


_TEXTS = (ast.Constant, ast.JoinedStr)


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_prose(text: str, *, word: bool) -> bool:
    if text in NAMES or text.startswith("{0}: verified model files"):
        return False
    plain = without_holes(text)
    if word:
        return re.search(r"[a-z]{2}", plain) is not None and plain not in _STYLES
    command = re.match(r"(vaehub|hf|pip|unset|urn) ([a-z\0-]+)", plain)
    is_command = command and (command[1] != "vaehub" or command[2] in {*table.COMMANDS, "\0"})
    if is_command and not re.search(r"[,;:] |\b(shows|keeps|adds|is|are|has|may)\b", plain):
        return False  # a command to copy
    if re.search(r"^(Bearer|bytes=|[a-z]+/[a-z]+;)|^[\[<(]?\0?/|^\S*://|\(\?P|^Download\(", plain):
        return False
    words = re.findall(r"(?<![\w.{/@=\0-])[A-Za-z']{2,}(?![\w./@=\0-]*[\w/@=\0])", plain)
    # One word beside a placeholder is a text; one word alone is a name, as far as is known.
    return bool(words) and (" " in plain or "\0" in plain) and bool(re.search(r"[a-z]{2}", plain))
