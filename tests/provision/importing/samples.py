"""Workflows, pictures and catalogs for the tests of import, built by hand."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

from tests import builders
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaehub.model import Catalog

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HOUSE = builders.safetensors_bytes(3000, seed=1)
GARDEN = builders.safetensors_bytes(3000, seed=2)
BARN = builders.safetensors_bytes(5000, seed=3)
HALF, OTHER_HALF = (builders.safetensors_bytes(500, seed=seed) for seed in (4, 5))


def chunk(kind: bytes, content: bytes, *, checksum: int | None = None) -> bytes:
    """Make a chunk of a PNG."""
    crc = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def png(*chunks: bytes) -> bytes:
    """Make a PNG of one pixel with further chunks before the picture."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    picture = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + picture + chunk(b"IEND", b"")


def text_chunk(keyword: str, text: str) -> bytes:
    """Make the plain chunk that ComfyUI writes where a text is Latin-1."""
    return chunk(b"tEXt", keyword.encode() + b"\0" + text.encode("latin-1"))


def international_chunk(keyword: str, text: str, *, packed: bool = False) -> bytes:
    """Make the chunk that ComfyUI writes where it is not."""
    content = text.encode()
    if packed:
        content = zlib.compress(content)
    head = keyword.encode() + b"\0" + bytes([packed]) + b"\0" + b"en\0" + b"\0"
    return chunk(b"iTXt", head + content)


def packed_chunk(keyword: str, text: bytes) -> bytes:
    """Make the packed chunk that optimisers of pictures turn others into."""
    return chunk(b"zTXt", keyword.encode() + b"\0\0" + zlib.compress(text, 9))


def ui_workflow(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Make a workflow as ComfyUI's Export writes it."""
    return {
        "id": "00000000-0000-0000-0000-000000000000",
        "revision": 0,
        "last_node_id": 40,
        "last_link_id": 60,
        "nodes": list(nodes),
        "links": [[9, 8, 0, 9, 0, "IMAGE"]],
        "groups": [],
        "config": {},
        "extra": {"ds": {"scale": 0.8, "offset": [10, 20]}},
        "version": 0.4,
        **more,
    }


def loader(
    id_: int, *values: Any, kind: str = "VAELoader", models: Any = None, inputs: Any = None
) -> dict[str, Any]:
    """Make a node that loads a VAE."""
    properties: dict[str, Any] = {
        "cnr_id": "comfy-core",
        "ver": "0.3.40",
        "Node name for S&R": kind,
    }
    if models is not None:
        properties["models"] = models
    return {
        "id": id_,
        "type": kind,
        "pos": [100, 200],
        "size": [315, 58],
        "flags": {},
        "order": 1,
        "mode": 0,
        "inputs": [] if inputs is None else inputs,
        "outputs": [{"name": "VAE", "type": "VAE", "links": [12]}],
        "properties": properties,
        "widgets_values": list(values),
    }


def api_workflow(**nodes: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Make a workflow as ComfyUI's Export (API) writes it; ids begin with ``n`` here."""
    return {
        id_.removeprefix("n"): {
            "inputs": inputs,
            "class_type": kind,
            "_meta": {"title": "Load VAE"},
        }
        for id_, (kind, inputs) in nodes.items()
    }


def hub(path: str, *, revision: str = COMMIT, repo: str = "acme/vae") -> dict[str, Any]:
    """Make a source at Hugging Face."""
    return {"huggingface": {"repo": repo, "revision": revision, "path": path}}


def variants(**files: Mapping[str, Any]) -> dict[str, Any]:
    """Make the variants of an entry, each of one artifact."""
    return {name: {"layout": "ldm", "artifacts": [file]} for name, file in files.items()}


def file(name: str, data: bytes, source: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Make an artifact."""
    return {**builders.artifact(name, data, [dict(source)]), **more}


def entries() -> dict[str, dict[str, Any]]:
    """Give a catalog that has what is hard to tell apart."""
    house = builders.entry({})
    house["variants"] = variants(
        safetensors=file("house.safetensors", HOUSE, hub("house.safetensors")),
        ckpt=file(
            "house.ckpt",
            GARDEN,
            hub("house.ckpt"),
            known_as=["old house.vae.pt", "shared.safetensors"],
            hashes={"autov1": "0123abcd", "blake3": "b" * 64},
        ),
    )
    barn = builders.entry({})
    barn["variants"] = variants(
        safetensors=file(
            "barn.safetensors",
            BARN,
            {"civitai": {"model": 10, "version": 20, "file": 30}},
            known_as=["shared.safetensors", "diffusion_pytorch_model.safetensors"],
        )
    )
    tiny = builders.entry(
        {
            "taesd_encoder.safetensors": (HALF, [hub("taesd_encoder.safetensors")]),
            "taesd_decoder.safetensors": (OTHER_HALF, [hub("taesd_decoder.safetensors")]),
        },
        slot="vae-approx",
        smoke={"architecture": "taesd"},
    )
    unpinned = builders.entry({})
    unpinned["variants"] = variants(
        safetensors={
            "name": "cellar.safetensors",
            "evidence": "host",
            "sources": [hub("cellar.safetensors", revision="main")],
        }
    )
    return {"barn": barn, "cellar": unpinned, "house": house, "taesd": tiny}


def catalogs(folder: Path, *, foreign: bool = False) -> Catalogs:
    """Load the catalog as the curated one; ``foreign``: and another one that has a copy of it."""
    loaded = [load(folder, "vaehub", entries())]
    if foreign:
        copy = builders.entry({"cottage.safetensors": (HOUSE, [hub("cottage.safetensors")])})
        own = builders.entry({"shed.safetensors": (b"x" * 77, [hub("shed.safetensors")])})
        loaded.append(load(folder, "acme", {"cottage": copy, "shed": own}))
    return Catalogs(tuple(loaded))


def load(folder: Path, name: str, made: Mapping[str, Any]) -> Catalog:
    """Load a catalog of some entries."""
    path = builders.write_catalog(folder / f"{name}.catalog.yaml", made, name=name)
    return load_file(path, cache=folder / "cache", foreign=True)[0]
