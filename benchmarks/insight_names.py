"""Hold what `vaehub explain` makes of every name in the curated catalog against whose it is.

Usage: python -m benchmarks.insight_names

Writes its generated part of docs/insight.md. Ends with 1 where a name is taken for another entry's.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import api
from vaehub.insight.makers.said import Named, Said
from vaehub.insight.recognising import recognise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vaehub.model import Artifact, Entry

PAGE = Path(__file__).resolve().parents[1] / "docs" / "insight.md"
BEGIN, END = "<!-- names: made by benchmarks/insight_names.py -->", "<!-- names: end -->"
OUTCOMES: tuple[str, ...] = (
    "the file",
    "the same VAE in another container",
    "the entry, no file",
    "listed",
)
OUTCOMES += ("wrong entry",)


def _name(name: str, _: Artifact) -> Named:
    return Named(name, "VAE")


def _with_hash(name: str, artifact: Artifact) -> Named | None:
    digits = artifact.sha256[:10] if artifact.sha256 is not None else None
    return Named(name, "VAE", digits, hash_may_lie=True) if digits is not None else None


def _stem(name: str, _: Artifact) -> Named:
    return Named(name.rpartition(".")[0], "Module 1")


def _renamed(_: str, artifact: Artifact) -> Named | None:
    return _with_hash("my own name.safetensors", artifact)


WAYS: dict[str, Callable[[str, Artifact], Named | None]] = {
    "a file's name (ComfyUI, SwarmUI)": _name,
    "a name and ten digits (AUTOMATIC1111)": _with_hash,
    "a name without its extension (Forge, SD.Next, Fooocus)": _stem,
    "a name of one's own and ten digits": _renamed,
}


def counted() -> Iterator[tuple[str, Counter[str]]]:
    entries = api.list_entries()
    for words, written in WAYS.items():
        counts: Counter[str] = Counter()
        for entry in entries:
            for variant in entry.variants:
                for artifact in variant.artifacts:
                    for name in (artifact.name, *artifact.known_as):
                        named = written(name, artifact)
                        if named is not None:
                            counts[_outcome(named, entry, artifact, entries)] += 1
        yield words, counts


def _outcome(named: Named, entry: Entry, artifact: Artifact, entries: list[Entry]) -> str:
    [found] = recognise(Said("A UI", None, (named,), "named"), entries)
    if found.chosen is None:
        return OUTCOMES[2] if found.entry == entry else OUTCOMES[3]
    if found.chosen.entry != entry:
        return OUTCOMES[4]
    return OUTCOMES[0] if found.chosen.artifact == artifact else OUTCOMES[1]


def main() -> int:
    rows = list(counted())
    lines = [BEGIN, "", f"| what is written | names | {' | '.join(OUTCOMES)} |"]
    lines.append("|---" * (len(OUTCOMES) + 2) + "|")
    for words, counts in rows:
        cells = " | ".join(str(counts[outcome]) for outcome in OUTCOMES)
        lines.append(f"| {words} | {counts.total()} | {cells} |")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    text = before + "\n".join((*lines, "", END)) + rest.partition(END)[2]
    PAGE.write_text(text, encoding="utf-8")
    print("\n".join(lines))
    return 1 if any(counts[OUTCOMES[4]] for _, counts in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
