"""Words and types that several groups of cases share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.smoke_cases.containers import Weights

    Change = Callable[[Weights], Weights]
    After = Callable[[Path], None]

HASH = "the file's sha256 shows it"
CLOSE = "every number is one that a sound file could have, and the picture stays within what sound "
CLOSE += "ones paint; a golden output of the sound file shows nearly all, the sha256 every one"
BIT = "it changes one number to another that a sound file could have; " + HASH
ONE_BLOCK = "one block random (held out)"
"""These were drawn after the limits had been chosen, and none was changed for them."""
BOTH = ("fp32", "bf16")
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def same(weights: Weights) -> Weights:
    """Change nothing."""
    return weights
