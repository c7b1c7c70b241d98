"""Measure the distances of docs/fingerprint.md: ``python -m benchmarks.distances [TAEF2-FOLDER]``.

Real weights are perturbed, shuffled and replaced, and the fingerprints held against the original's.
Prints a table in Markdown.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vaehub.converting.writing import Entry, header, in_order
from vaehub.smoke import shipped
from vaehub.weights.fingerprint import read_fingerprint
from vaehub.weights.relation import relate
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.weights.prints import Fingerprint

Numbers = dict[str, Any]
NOISES = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5)


def load(path: Path) -> Numbers:
    tensors = read_tensors(path)
    with tensors.open() as opened:
        return {
            name: np.frombuffer(opened.read(name), "<f2").astype("<f4").reshape(stored.shape)
            for name, stored in tensors.stored.items()
        }


def fingerprint(numbers: Numbers, folder: Path) -> Fingerprint:
    path = folder / "some.safetensors"
    entries = in_order(Entry(name, "F32", value.shape) for name, value in numbers.items())
    body = b"".join(numbers[one.name].astype("<f4").tobytes() for one in entries)
    path.write_bytes(header(entries, {}, name=path.name) + body)
    return read_fingerprint(read_tensors(path)).fingerprint


def cases(chance: Any) -> dict[str, Callable[[Any], Any]]:
    def noise(share: float) -> Callable[[Any], Any]:
        return lambda one: one + share * one.std() * chance.standard_normal(one.shape)

    return {
        "fp16": lambda one: one.astype("<f2").astype("<f4"),
        **{f"noise of {share:g} deviations": noise(share) for share in NOISES},
        "its own numbers shuffled": lambda one: chance.permutation(one.ravel()).reshape(one.shape),
        "random ones of its deviation": lambda one: one.std() * chance.standard_normal(one.shape),
        "random ones, ten times larger": lambda one: (
            10 * one.std() * chance.standard_normal(one.shape)
        ),
    }


def main() -> None:
    weights = [Path(each) for each in sys.argv[1:]]
    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name, shipped.autoencoder() as own:
        folder = Path(name)
        for path in (own, *(each for there in weights for each in sorted(there.glob("*.pth")))):
            chance = np.random.default_rng(0)
            numbers = load(path)
            # Not exactly representable in half precision any more, as trained weights are not.
            numbers = {
                name: (value * (1 + 1e-4 * chance.standard_normal(value.shape))).astype("<f4")
                for name, value in numbers.items()
            }
            original = fingerprint(numbers, folder)
            for title, change in cases(chance).items():
                changed = {key: change(value) for key, value in numbers.items()}
                relation = relate(fingerprint(changed, folder), original)
                away = "?" if relation.distance is None else f"{relation.distance:.4f}"
                found.setdefault(title, []).append(f"{away} {relation.kind}")
            found.setdefault("", []).append(path.name)
    names = found.pop("")
    print("| changed by | " + " | ".join(names) + " |")
    print("|---" * (1 + len(names)) + "|")
    for title, cells in found.items():
        print(f"| {title} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
