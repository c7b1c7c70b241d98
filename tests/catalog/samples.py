"""Small catalogs as data, to be bent by the tests."""

from __future__ import annotations

import copy
import json
from typing import Any

SHA_A = "a" * 64
SHA_B = "b" * 64
SHA_C = "c" * 64
COMMIT = "0123456789abcdef0123456789abcdef01234567"

GOOD: dict[str, Any] = {
    "schema": 1,
    "catalog": {"name": "vaehub", "title": "A sample"},
    "entries": {
        "first-vae": {
            "title": "The first",
            "summary": {"en": "For everything", "zh": "通用"},
            "family": "sd1",
            "suits": ["SD 1.5"],
            "tags": ["general"],
            "license": {"id": "MIT", "source": "https://example.org/license"},
            "homepage": "https://example.org/first",
            "aliases": ["first", "one"],
            "variants": {
                "safetensors": {
                    "layout": "ldm",
                    "dtype": "fp32",
                    "artifacts": [
                        {
                            "name": "first.safetensors",
                            "size": 1000,
                            "sha256": SHA_A,
                            "evidence": "confirmed",
                            "known_as": ["odd name.safetensors"],
                            "hashes": {"autov1": "0123abcd"},
                            "sources": [
                                {
                                    "huggingface": {
                                        "repo": "acme/first",
                                        "revision": COMMIT,
                                        "path": "vae/first.safetensors",
                                    }
                                },
                                {"civitai": {"model": 1, "version": 2, "login": True}},
                            ],
                        }
                    ],
                },
                "ckpt": {
                    "layout": "ldm",
                    "dtype": "fp32",
                    "artifacts": [
                        {
                            "name": "first.ckpt",
                            "size": 1001,
                            "sha256": SHA_B,
                            "sources": [{"http": {"url": "https://example.org/first.ckpt"}}],
                        }
                    ],
                },
            },
            "smoke": {"architecture": "autoencoder-kl", "latent_channels": 4, "downscale": 8},
        },
        "second-vae": {
            "title": "The second",
            "summary": {"en": "For little", "zh": "少用"},
            "family": "sdxl",
            "tags": ["tiny"],
            "license": {"id": "LicenseRef-none-stated"},
            "variants": {
                "safetensors": {
                    "artifacts": [
                        {
                            "name": "second.safetensors",
                            "evidence": "host",
                            "sources": [
                                {
                                    "huggingface": {
                                        "repo": "acme/second",
                                        "revision": "main",
                                        "path": "second.safetensors",
                                    }
                                }
                            ],
                        }
                    ]
                }
            },
            "smoke": {"architecture": "taesd"},
        },
    },
}


def good() -> dict[str, Any]:
    """Give a catalog without a fault, to be changed at will."""
    return copy.deepcopy(GOOD)


def foreign(name: str = "mine") -> dict[str, Any]:
    """Give a user's catalog whose ids differ from the curated ones."""
    data = good()
    data["catalog"] = {"name": name}
    return data


def artifact(data: dict[str, Any], *, variant: str = "safetensors") -> dict[str, Any]:
    """Give the artifact of a variant of the first entry."""
    found: dict[str, Any] = data["entries"]["first-vae"]["variants"][variant]["artifacts"][0]
    return found


def write(data: dict[str, Any]) -> str:
    """Write data as text; JSON is YAML, one field a line."""
    return json.dumps(data, indent=1, ensure_ascii=False)
