"""A catalog with one VAE of each kind that a lock must cope with, and manifests of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests import builders
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.provision import manifest as manifest_module

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaehub.provision.manifest import Manifest

LARGE = 30_000_000
"""Bytes, as a catalog has them: SD.Next loads no VAE that is much smaller."""
COMMIT = "c0ffee00" * 5
UIS = (
    "automatic1111", "comfyui", "folder", "fooocus", "forge", "reforge", "sdnext",
    "stabilitymatrix", "swarmui",
)  # fmt: skip
BYTES = {
    name: name.encode() * 9
    for name in (
        "house.safetensors", "house.ckpt", "old.ckpt", "loose.safetensors", "twin.safetensors",
        "odd.sft", "paper.safetensors", "wide.safetensors",
    )
}  # fmt: skip

_DIGESTS = {"weights": "1" * 64, "fp16": "2" * 64, "bf16": "3" * 64}
FINGERPRINT = {"version": 1, **_DIGESTS, "exact": ["fp16"], "decoder": _DIGESTS}


def hub(name: str) -> dict[str, Any]:
    """Give a source at the fake Hugging Face."""
    return {"huggingface": {"repo": "acme/vaes", "revision": COMMIT, "path": name}}


def scope(name: str) -> dict[str, Any]:
    """Give a source at the fake ModelScope."""
    return {"modelscope": {"repo": "acme/vaes", "revision": COMMIT, "path": name}}


def artifact(name: str, *sources: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Make an artifact; a field that is None goes."""
    made = {**builders.artifact(name, BYTES[name], list(sources) or [hub(name)]), **fields}
    return {key: value for key, value in made.items() if value is not None}


def variant(*artifacts: dict[str, Any], layout: str = "ldm") -> dict[str, Any]:
    return {"layout": layout, "dtype": "fp32", "artifacts": list(artifacts)}


def entry(variants: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {**builders.entry({}), "variants": dict(variants), **fields}


ENTRIES: dict[str, dict[str, Any]] = {
    # Two containers, two hosts, an alias.
    "house": entry(
        {
            "safetensors": variant(
                artifact(
                    "house.safetensors",
                    scope("house.safetensors"),
                    hub("house.safetensors"),
                    size=LARGE,
                    fingerprint=FINGERPRINT,
                )
            ),
            "ckpt": variant(artifact("house.ckpt", size=LARGE)),
        },
        aliases=["home"],
    ),
    # A pickle alone.
    "old": entry({"ckpt": variant(artifact("old.ckpt", size=LARGE))}),
    # Its bytes are known to the host alone.
    "loose": entry(
        {"safetensors": variant(artifact("loose.safetensors", sha256=None, evidence="host"))},
        license={"id": "CC-BY-NC-SA-4.0", "source": "https://example.org/nc?id=1"},
    ),
    # Keys that not every UI loads, which a conversion renames; too small for SD.Next.
    "odd": entry({"diffusers": variant(artifact("odd.sft"), layout="diffusers")}),
    # A small decoder.
    "paper": entry(
        {"safetensors": variant(artifact("paper.safetensors"), layout="taesd")},
        slot="vae-approx",
        homepage="https://example.org/paper?token=t0ken-of-somebody",
        smoke={"architecture": "autoencoder-tiny", "scaling_factor": 1},
    ),
}
NAMES = ("house", "home@ckpt", "mine/house", "old", "loose", "odd", "paper", "house@ckpt")


def write(path: Path, entries: Mapping[str, Any] | None = None, *, name: str = "mine") -> Path:
    """Write a catalog."""
    return builders.write_catalog(path, ENTRIES if entries is None else entries, name=name)


def catalogs(folder: Path, **named: Mapping[str, Any]) -> Catalogs:
    """Load small catalogs, each of its own name; without any, the one of this module."""
    loaded = [
        load_file(
            write(folder / f"{name}.yaml", entries, name=name), cache=folder / "c", foreign=True
        )[0]
        for name, entries in (named or {"mine": ENTRIES}).items()
    ]
    return Catalogs(tuple(loaded))


def manifest(folder: Path, *vaes: Any, **rest: Any) -> Manifest:
    """Make a manifest of data."""
    text = json.dumps({"schema": 1, "vaes": list(vaes), **rest})
    return manifest_module.parse(text.encode(), path=folder / "vaehub.yaml")
