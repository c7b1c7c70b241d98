"""Write a KL autoencoder with random weights, in LDM's and in diffusers' layout.

Run as a script: ``random_vae.py FOLDER WIDTHS``, the widths with commas between them.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import torch

from vaehub.weights import kl


def main() -> None:
    folder, widths = Path(sys.argv[1]), tuple(map(int, sys.argv[2].split(",")))
    sizes = kl.Sizes(
        encoder_widths=widths,
        decoder_widths=widths,
        blocks=2,
        z_channels=4,
        latent_channels=4,
        image_channels=3,
        quant=True,
    )
    _write(folder / "ldm.safetensors", kl.manifest(sizes, layout="ldm"))
    theirs = folder / "diffusers"
    theirs.mkdir()
    _write(theirs / "diffusion_pytorch_model.safetensors", kl.manifest(sizes, layout="diffusers"))
    config = {
        "_class_name": "AutoencoderKL",
        "block_out_channels": list(widths),
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
        "layers_per_block": 2,
        "latent_channels": 4,
        "norm_num_groups": 32,
    }
    (theirs / "config.json").write_text(json.dumps(config))


def _write(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Write a safetensors file; with no package for it, since torch's environment may lack one."""
    generator = torch.Generator().manual_seed(1)
    header, at, tensors = {}, 0, []
    for name, shape in shapes.items():
        if len(shape) > 1:
            fan_in = torch.Size(shape[1:]).numel()
            tensor = torch.randn(shape, generator=generator) / fan_in**0.5
        else:
            tensor = torch.ones(shape) if name.endswith("weight") else torch.zeros(shape)
        size = tensor.numel() * 4
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        tensors.append(tensor)
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            file.write(tensor.numpy().tobytes())


if __name__ == "__main__":
    main()
