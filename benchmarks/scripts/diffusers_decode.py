"""Let diffusers encode and decode as often as a smoke test does, on the CPU.

Run as a script: ``diffusers_decode.py FOLDER DTYPES``; the folder holds ``diffusers/``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
DECODES, ENCODES = 8, 2
"""Of a smoke test in each precision: golden latents of two families, moved ones, three more fields,
two round trips."""
SIDE = 64


@torch.inference_mode()
def main() -> None:
    for dtype in sys.argv[2].split(","):
        kind = DTYPES[dtype]
        vae = AutoencoderKL.from_pretrained(
            Path(sys.argv[1]) / "diffusers", torch_dtype=kind, local_files_only=True
        )
        latents = torch.zeros(1, 4, SIDE // 8, SIDE // 8, dtype=kind)
        for _ in range(DECODES):
            picture = vae.decode(latents).sample
            if not torch.isfinite(picture).all():
                sys.exit("not finite")
        for _ in range(ENCODES):
            vae.encode(torch.zeros(1, 3, SIDE, SIDE, dtype=kind)).latent_dist.mode()


if __name__ == "__main__":
    main()
