"""Small valid files and catalogs, built by code."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def safetensors_bytes(size: int = 4096, *, seed: int = 0) -> bytes:
    """Build a valid safetensors file of about ``size`` bytes: one tensor of random bytes."""
    count = max(1, size)
    header = json.dumps(
        {"decoder.conv_in.weight": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}
    ).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + random.Random(seed).randbytes(count)


def entry(files: Mapping[str, tuple[bytes, list[dict[str, Any]]]], **fields: Any) -> dict[str, Any]:
    """Make an entry of one variant out of file names, their bytes and their sources."""
    return {
        "title": "A VAE for tests",
        "summary": {"en": "For tests", "zh": "用于测试"},
        "family": "sd1",
        "tags": ["general"],
        "license": {"id": "MIT", "source": "https://example.org/license"},
        "homepage": "https://example.org/vae",
        "variants": {
            "safetensors": {
                "layout": "ldm",
                "dtype": "fp32",
                "artifacts": [
                    artifact(name, data, sources) for name, (data, sources) in files.items()
                ],
            }
        },
        "smoke": {"architecture": "autoencoder-kl", "latent_channels": 4, "downscale": 8},
        **fields,
    }


def artifact(name: str, data: bytes, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """Make a pinned artifact."""
    return {
        "name": name,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "evidence": "single",
        "sources": sources,
    }


def write_catalog(
    path: Path,
    entries: Mapping[str, Mapping[str, Any]],
    *,
    name: str = "mine",
) -> Path:
    """Write a catalog: each entry either ready-made, or file names with bytes and sources.

    JSON is YAML, so no emitter is needed.
    """
    made = {
        id_: dict(value) if "variants" in value else entry(value) for id_, value in entries.items()
    }
    document = {"schema": 1, "catalog": {"name": name, "title": "For tests"}, "entries": made}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    return path
