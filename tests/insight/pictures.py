"""Pictures written by hand, chunk by chunk, and as each UI writes them."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

PARAMETERS = (
    "a cat, VAE: of the prompt\nNegative prompt: Steps: 3\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, Model hash: 6ce0161689, "
    'Model: v1-5, {}Lora hashes: "a: 1, VAE: b", Version: v1.10.1'
)


def infotext(vae: str = "", *, version: str | None = None) -> str:
    """Give AUTOMATIC1111's text with these parameters of a VAE in its last line."""
    text = PARAMETERS.format(vae and vae + ", ")
    return text if version is None else text.replace("v1.10.1", version)


def chunk(kind: bytes, data: bytes, *, length: int | None = None) -> bytes:
    """Write one chunk of a PNG; it may lie about its length."""
    head = struct.pack(">I", len(data) if length is None else length)
    return head + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, size: tuple[int, int] = (32, 32), grey: bytes | None = None) -> bytes:
    """Write a PNG of one channel with chunks before its pixels."""
    width, height = size
    rows = b"".join(b"\0" + bytes([(x * 7 + y * 5) % 256 for x in range(width)]) for y in range(32))
    if grey is not None:
        rows = (b"\0" + grey * width) * height
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            *chunks,
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


def text_chunk(key: str, text: str, kind: bytes = b"tEXt") -> bytes:
    """Write a text chunk of any of the three kinds; iTXt packed."""
    name = key.encode() + b"\0"
    if kind == b"tEXt":
        return chunk(kind, name + text.encode())
    packed = zlib.compress(text.encode())
    return chunk(kind, name + (b"\0" if kind == b"zTXt" else b"\1\0\0\0") + packed)


def exif(
    fields: dict[int, bytes] | None = None, *, comment: bytes = b"", order: str = ">"
) -> bytes:
    """Write EXIF data: ASCII fields, and a user's comment in a directory of its own."""
    fields = fields or {}
    ascii_ = 2
    entries, extra = [], b""
    count = len(fields) + bool(comment)
    base = 8 + 2 + 12 * count + 4
    for tag, data in sorted(fields.items()):
        entries.append(struct.pack(order + "HHII", tag, ascii_, len(data), base + len(extra)))
        extra += data
    if comment:
        entries.append(struct.pack(order + "HHII", 0x8769, 4, 1, base + len(extra)))
        inner = base + len(extra) + 2 + 12 + 4
        extra += struct.pack(order + "HHHII", 1, 0x9286, 7, len(comment), inner) + b"\0" * 4
        extra += comment
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", count) + b"".join(entries) + b"\0" * 4 + extra


def unicode_comment(text: str, encoding: str = "utf-16-be") -> bytes:
    """Write a comment as piexif does for AUTOMATIC1111."""
    return b"UNICODE\0" + text.encode(encoding)


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    """Write the head of a JPEG: segments, a frame, and the beginning of a scan."""
    parts = [b"\xff\xd8"]
    frame = (0xC0, struct.pack(">BHHB", 8, 48, 64, 1) + b"\1\x11\0")
    for marker, data in (*segments, frame):
        parts.append(bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data)
    return b"".join((*parts, b"\xff\xda\0\x08\1\1\0\0\x3f\0", b"\0" * 16, b"\xff\xd9"))


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    """Write a WebP's chunks; its pixels are none."""
    parts = [b"VP8X" + struct.pack("<I", 10) + b"\x0c\0\0\0" + b"\x3f\0\0" + b"\x2f\0\0"]
    for kind, data in chunks:
        parts.append(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2))
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def graph(vae: dict[str, Any] | None = None, **more: dict[str, Any]) -> dict[str, Any]:
    """Give a graph of ComfyUI as its examples have it, with a node 10 that loads the VAE."""
    loader = {"class_type": "VAELoader", "inputs": {"vae_name": "kl-f8-anime2.safetensors"}}
    return {
        "3": {
            "class_type": "KSampler",
            "inputs": {"seed": 1, "model": ["4", 0], "latent_image": ["5", 0]},
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
        "5": {"class_type": "VAEEncode", "inputs": {"pixels": ["6", 0], "vae": ["4", 2]}},
        "6": {"class_type": "LoadImage", "inputs": {"image": "in.png"}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["10", 0]}},
        "9": {
            "class_type": "SaveImage",
            "inputs": {"images": ["8", 0], "filename_prefix": "ComfyUI"},
        },
        "10": vae or loader,
        **{key.removeprefix("n"): node for key, node in more.items()},
    }


def comfy(prompt: dict[str, Any]) -> bytes:
    """Write a PNG as ComfyUI does."""
    return png(text_chunk("prompt", json.dumps(prompt)))
