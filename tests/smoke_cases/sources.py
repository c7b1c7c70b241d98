"""Where the weights of the cases are from: trained ones that lie here, and random ones.

Knows files and shapes. Trained: the autoencoder of the package, and TAEF2 as published, beside the
repository. Random: of any manifest, as wide as trained ones spread, but not as torch initialises.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

import vaehub
from tests.conftest import SHARED_WEIGHTS
from vaehub.smoke.load import load
from vaehub.weights import kl
from vaehub.weights.kl_naming import from_ldm
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from tests.smoke_cases.containers import Weights
    from vaehub.weights.compare import Shapes

SHIPPED = Path(vaehub.__file__).parent / "smoke" / "self" / "autoencoder.safetensors"
TAEF2 = {half: SHARED_WEIGHTS / f"taef2_{half}.pth" for half in ("encoder", "decoder")}
_STATISTICS = (".running_mean", ".running_var")


def lacking(*files: Path) -> str:
    """Say which files are not here; nothing where all are."""
    absent = [file.name for file in files if not file.is_file()]
    return f"{' and '.join(absent)}: not on this machine" if absent else ""


@cache
def _read(path: Path) -> tuple[Weights, dict[str, str]]:
    tensors = read_tensors(path)
    return load(tensors, dtype=torch.float32), dict(tensors.metadata)


def shipped() -> Weights:
    """Give the autoencoder that ships in the package, in fp32, under LDM's names."""
    return dict(_read(SHIPPED)[0])


def shipped_metadata() -> dict[str, str]:
    """Give what stands beside it: the number of groups, the scaling factor."""
    return dict(_read(SHIPPED)[1])


def shipped_factor() -> float:
    """Give its scaling factor, as it says itself; one where it is not here."""
    return float(shipped_metadata()["scaling_factor"]) if SHIPPED.is_file() else 1.0


def taef2(half: str) -> Weights:
    """Give one half of TAEF2 as published, in fp16."""
    return {name: tensor.half() for name, tensor in _read(TAEF2[half])[0].items()}


def renamed(weights: Weights, layout: str) -> Weights:
    """Put an AutoencoderKL of LDM's names under those of another layout."""
    levels = kl.levels_of({name: tuple(tensor.shape) for name, tensor in weights.items()})
    renamed = {}
    for name, tensor in weights.items():
        is_linear = tensor.dim() == 4 and (".attn_1." in name or ".attn." in name)
        new = from_ldm(name, layout=layout, levels=levels)
        renamed[new] = tensor[:, :, 0, 0] if is_linear and layout != "ldm" else tensor
    return renamed


def drawn(shapes: Shapes, *, seed: int = 1, dtype: torch.dtype = torch.float16) -> Weights:
    """Draw weights whose activations neither grow nor vanish, from a bell curve."""
    random = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in shapes.items():
        if not shape:
            weights[name] = torch.tensor(70_000)
            continue
        values = torch.randn(shape, generator=random)
        if name.endswith(_STATISTICS):
            values = 0.1 * values + (1.0 if name.endswith("var") else 0.0)
        elif "norm" in name.split(".")[-2] or math.prod(shape) == max(shape):
            is_scale = name.endswith(("weight", "gamma"))
            values = 0.05 * values + (1.0 if is_scale else 0.0)
        else:
            values *= math.sqrt(1 / math.prod(shape[1:]))
        weights[name] = values.to(dtype)
    return weights


def as_initialised(shapes: Shapes, *, seed: int = 1) -> Weights:
    """Draw weights just as torch does for layers that are never trained."""
    random = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in shapes.items():
        if "norm" in name:
            weights[name] = torch.full(shape, 1.0 if name.endswith("weight") else 0.0)
            continue
        fan = math.prod((shapes[name.rpartition(".")[0] + ".weight"])[1:])
        uniform = torch.rand(shape, generator=random) * 2 - 1
        weights[name] = uniform / math.sqrt(fan)
    return weights
