"""Read the Markdown of this project: the commands of its code blocks, its links, its headings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_SHELLS = {"sh", "powershell"}
_ENVIRONMENT = re.compile(r"[A-Z_]+=.*")


def commands(text: str) -> Iterator[list[str]]:
    """Give what stands after ``vaehub`` in each command of the code blocks."""
    for language, block in _BLOCK.findall(text):
        if language not in _SHELLS:
            continue
        for line in block.splitlines():
            # PowerShell's separator would be the shell's escape.
            yield from _of_line(line.replace("\\", "/") if language == "powershell" else line)


def _of_line(line: str) -> Iterator[list[str]]:
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    command: list[str] = []
    redirected = False
    for word in [*words, ";"]:
        if set(word) <= set("();<>|&"):
            if not redirected and command and Path(command[0]).name == "vaehub":
                yield command[1:]
            command, redirected = [], word in {"<", ">"}
        elif command or not _ENVIRONMENT.fullmatch(word):
            command.append(word)


def links(text: str) -> Iterator[tuple[str, str]]:
    """Give path and anchor of each link to a file of this project; the path may be empty."""
    for target in _LINK.findall(_BLOCK.sub("", text)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(text: str) -> set[str]:
    """Give the anchors of the headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(_BLOCK.sub("", text))
    }


def between(text: str, mark: str) -> str:
    """Give what stands between ``<!-- mark: begin -->`` and ``<!-- mark: end -->``."""
    found = text.partition(f"<!-- {mark}: begin -->")[2].partition(f"<!-- {mark}: end -->")[0]
    assert found, f"there is no {mark} block"
    return found
