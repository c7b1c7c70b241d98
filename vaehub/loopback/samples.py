"""Things to serve and places to install to: made by formula, so that nothing need be shipped.

Knows how a small model file, a dangerous pickle, a catalog and an empty UI look. The model is one
in container and key names only: it decodes nothing.
"""

from __future__ import annotations

import array
import hashlib
import io
import json
import sys
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SHAPES = {
    "encoder.conv_in.weight": (64, 3, 3, 3),
    "encoder.mid.block_1.conv1.weight": (64, 64, 3, 3),
    "encoder.conv_out.weight": (8, 64, 3, 3),
    "quant_conv.weight": (8, 8, 1, 1),
    "post_quant_conv.weight": (4, 4, 1, 1),
    "decoder.conv_in.weight": (64, 4, 3, 3),
    "decoder.mid.block_1.conv1.weight": (64, 64, 3, 3),
    "decoder.conv_out.weight": (3, 64, 3, 3),
}
_MARKERS = {
    "automatic1111": (
        "webui.py",
        "launch.py",
        "modules/sd_vae.py",
        "models/VAE/Put VAE here.txt",
        "models/Stable-diffusion/Put Stable Diffusion checkpoints here.txt",
    ),
    "comfyui": (
        "main.py",
        "nodes.py",
        "folder_paths.py",
        "comfy/sd.py",
        "models/vae/put_vae_here",
        "models/checkpoints/put_checkpoints_here",
    ),
}


def safetensors(seed: int = 0) -> bytes:
    """Make a valid safetensors file of about 300 kB with an autoencoder's key names.

    Args:
        seed: another seed, other numbers in it, the same size.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    numbers = array.array("f")
    for key, shape in _SHAPES.items():
        start, count = len(numbers) * 4, 1
        for extent in shape:
            count *= extent
        # A multiplicative hash spreads the numbers over -0.1 to 0.1 without a random generator.
        numbers.extend(
            ((index * 2_654_435_761 + seed * 40_503) % 2001 - 1000) / 10_000
            for index in range(count)
        )
        header[key] = {
            "dtype": "F32",
            "shape": list(shape),
            "data_offsets": [start, len(numbers) * 4],
        }
    if sys.byteorder == "big":
        numbers.byteswap()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + numbers.tobytes()


def without(safetensors: bytes, tensor: str) -> bytes:
    """Leave a tensor out of a safetensors file, as a bad merge or a careless script does.

    Raises:
        KeyError: there is no such tensor.
    """
    begin = 8 + int.from_bytes(safetensors[:8], "little")
    header = json.loads(safetensors[8:begin])
    start, end = header.pop(tensor)["data_offsets"]
    for name, rest in header.items():
        if name != "__metadata__" and rest["data_offsets"][0] >= end:
            rest["data_offsets"] = [at - (end - start) for at in rest["data_offsets"]]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = safetensors[begin : begin + start] + safetensors[begin + end :]
    return len(text).to_bytes(8, "little") + text + data


def unsafe_pickle() -> bytes:
    """Make a ``.pt`` file that would run ``os.system("true")`` if anybody loaded it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in (
            ("archive/data.pkl", b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R."),
            ("archive/version", b"3\n"),
        ):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def entry(
    name: str,
    data: bytes,
    sources: Mapping[str, Mapping[str, str | int]],
) -> dict[str, Any]:
    """Give a catalog entry with one file that may be had from these hosts.

    Args:
        name: the installed name.
        data: the bytes; their size and sha256 go into the entry.
        sources: locators by host.
    """
    artifact = {
        "name": name,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "evidence": "single",
        "sources": [{host: dict(locator)} for host, locator in sources.items()],
    }
    return {
        "title": f"Sample {name}",
        "family": "sd1",
        "license": {"id": "MIT"},
        "variants": {name.rpartition(".")[2]: {"layout": "ldm", "artifacts": [artifact]}},
    }


def catalog(name: str, entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Give the text of a catalog file; JSON is YAML."""
    return json.dumps({"schema": 1, "catalog": {"name": name}, "entries": entries}, indent=1)


def tree(root: Path, layout: str) -> Path:
    """Make a UI's folders, empty but for what it is known by, and for a file of the user's."""
    for marker in _MARKERS[layout]:
        path = root / marker
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    folder = root / "models" / ("VAE" if layout == "automatic1111" else "vae")
    (folder / "mine.safetensors").write_bytes(b"the user's own")
    return root


def snapshot(root: Path) -> dict[str, bytes | None]:
    """Take in a tree: each path and its bytes, None for a folder."""
    return {
        path.relative_to(root).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(root.rglob("*"))
    }
