"""Write what the autoencoder that ships must decode to: `python -m benchmarks.self_golden`.

On the CPU in fp32, at the sizes that the smoke test uses on CPUs and on GPUs. Run it after
training; a machine on which it writes anything else than what is committed computes wrongly.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from vaehub.smoke import decoding
from vaehub.smoke.golden import golden_of, place
from vaehub.smoke.structure import look
from vaehub.smoke.testing import factors_of_file

PLACE = Path(__file__).resolve().parents[1] / "vaehub" / "smoke" / "self"


def main() -> None:
    """Decode, and write."""
    pair = decoding.pair_of((look(PLACE / "autoencoder.safetensors"),))
    assert pair.decoder is not None
    goldens = {}
    for pixels in (decoding.CPU_PIXELS, decoding.GPU_PIXELS):
        cells = pixels // pair.decoder.found.downscale
        seen = decoding.measure(
            pair,
            device=torch.device("cpu"),
            dtype="fp32",
            cells=cells,
            told=factors_of_file(pair),
        )
        goldens[place(seen, told=factors_of_file(pair))] = golden_of(seen).as_json()
    text = json.dumps(goldens, indent=None, separators=(",", ":")) + "\n"
    (PLACE / "golden.json").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(text):,} bytes\n")


if __name__ == "__main__":
    main()
