"""Train the autoencoder that ships in the package, from pictures drawn by formula.

Usage: python -m benchmarks.train_self [--state FILE] [--slice SECONDS] [--steps N] [--out FILE]

An AutoencoderKL in LDM naming, eightfold downscale, four latent channels, small enough for a wheel.
With ``--state`` the training stops after a slice of time and goes on where it was at the next call;
the result is the same as that of one long run. Same machine, torch and thread count give the same
bytes; another machine gives others, rounding being what it is. Knows no data set and no network.

The file in the package took 3200 steps and 620 s on two shared cores, torch 2.13.0 on the CPU; the
losses of the last hundred steps were .046 (pixels), .081 (coarse), .075 (edges), 8.2 (KL). Pictures
it never saw come back at 26 dB (64 px), 31 dB (128 px) and 28 dB (256 px).
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor

from benchmarks.pictures import draw
from vaehub.smoke.engine import kl as engine
from vaehub.smoke.engine.layers import ignore, same
from vaehub.weights import kl

OUT = (
    Path(__file__).resolve().parent.parent / "vaehub" / "smoke" / "self" / "autoencoder.safetensors"
)
WIDTHS = (16, 32, 48, 40)
SIZES = kl.Sizes(WIDTHS, WIDTHS, 1, 4, 4, 3, quant=True)
GROUPS = 4
SCALING_FACTOR = 0.5
"""Not one, so that forgetting it shows; the latents are folded to have a deviation of two."""
POOL = {64: 4000, 128: 1500, 256: 200}
BATCH, CROP = 12, 64
LARGE_SHARE = 0.15
"""Of the steps, at the end: on crops twice as large, where the normalisation sees more."""
KL_WEIGHT = 1e-4
SEED = 4
HELD_OUT = 1_000_000
"""First of the pictures that no training sees."""


class Losses(NamedTuple):
    """What is minimised, and in which parts."""

    pixels: Tensor
    coarse: Tensor
    edges: Tensor
    kl: Tensor

    @property
    def total(self) -> Tensor:
        return self.pixels + 0.5 * self.coarse + 0.25 * self.edges + KL_WEIGHT * self.kl


def start() -> dict[str, Tensor]:
    """Give random weights; the last convolution of each residual part starts small."""
    random = torch.Generator().manual_seed(SEED)
    weights = {}
    for name, shape in kl.manifest(SIZES, layout="ldm").items():
        values = torch.rand(shape, generator=random) * 2 - 1
        if ".norm" in name:
            values = values * 0.05 + (1.0 if name.endswith("weight") else 0.0)
        else:
            fan = math.prod(shape[1:]) if len(shape) == 4 else 100
            values = values * math.sqrt(3 / fan) * (1.0 if len(shape) == 4 else 0.2)
            if ".conv2." in name or ".proj_out." in name:
                values = values * 0.3
        weights[name] = values.contiguous(memory_format=_format(shape)).requires_grad_()
    return weights


def _format(shape: tuple[int, ...]) -> torch.memory_format:
    return torch.channels_last if len(shape) == 4 else torch.contiguous_format


def moments(weights: dict[str, Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    """Encode to mean and logarithm of the variance; the engine keeps only the mean."""
    seen: dict[str, Tensor] = {}
    mean = engine.encode(weights, images, SIZES, groups=GROUPS, watch=seen.__setitem__)
    both = same(weights, "quant_conv", seen["encoder.conv_out"])
    return mean, both.chunk(2, dim=1)[1].clamp(-12, 6)


def losses(weights: dict[str, Tensor], images: Tensor, random: torch.Generator) -> Losses:
    mean, log_variance = moments(weights, images)
    noise = torch.randn(mean.shape, generator=random)
    latents = mean + noise * (0.5 * log_variance).exp()
    again = decode(weights, latents)
    wrong = again - images
    coarse = [F.avg_pool2d(wrong, size).abs().mean() for size in (2, 4, 8, 16)]
    edges = [wrong.diff(dim=axis).abs().mean() for axis in (2, 3)]
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    return Losses(wrong.abs().mean(), sum(coarse, torch.zeros(())), edges[0] + edges[1], divergence)


def decode(weights: dict[str, Tensor], latents: Tensor) -> Tensor:
    return engine.decode(weights, latents, SIZES, groups=GROUPS, watch=ignore)


def draw_pool() -> dict[int, Tensor]:
    """Draw all pictures once, as bytes; they are cut, turned and recoloured when used."""
    pool, seed = {}, 0
    for size, count in POOL.items():
        drawn = [draw(seed + at, size) for at in range(count)]
        pool[size] = torch.from_numpy(((np.stack(drawn) + 1) * 127.5).round().astype(np.uint8))
        seed += count
    return pool


def batch(pool: dict[int, Tensor], random: torch.Generator, *, large: bool) -> Tensor:
    crop = CROP * (2 if large else 1)
    sizes = [size for size in pool if size >= crop]
    images = []
    for _ in range(BATCH // 3 if large else BATCH):
        kind, which, y, x, turn, order = torch.rand(6, generator=random).tolist()
        size = sizes[int(kind * len(sizes))]
        image = pool[size][int(which * len(pool[size]))]
        y, x = (int(place * (size - crop + 1)) for place in (y, x))
        image = image[:, y : y + crop, x : x + crop]
        image = torch.rot90(image, int(turn * 4), dims=(1, 2))
        if order > 0.5:
            image = image[torch.randperm(3, generator=random)]
        images.append(image)
    picked = torch.stack(images).float() / 127.5 - 1
    return picked.contiguous(memory_format=torch.channels_last)


class Muon:
    """Adam for vectors; for matrices momentum made orthogonal (Jordan et al., 2024, Muon)."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        groups: dict[tuple[int, ...], list[Tensor]] = {}
        for tensor in weights.values():
            if tensor.dim() == 4 and min(tensor.shape[0], tensor[0].numel()) > 8:
                groups.setdefault(tuple(tensor.shape), []).append(tensor)
        self.groups = list(groups.values())
        self.momenta = [torch.zeros(len(g), len(g[0]), g[0][0].numel()) for g in self.groups]
        rest = {id(t) for group in self.groups for t in group}
        others = [t for t in weights.values() if id(t) not in rest]
        self.adam = torch.optim.Adam(others, betas=(0.9, 0.98))

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for group in self.adam.param_groups:
            group["lr"] = rate * 0.25
        self.adam.step()
        for tensors, momentum in zip(self.groups, self.momenta, strict=True):
            new = torch.stack([t.grad.flatten(1) for t in tensors if t.grad is not None])
            momentum.lerp_(new, 0.08)
            update = _orthogonal(new.lerp(momentum, 0.92))
            scale = rate * math.sqrt(max(1, update.shape[1] / update.shape[2])) * 0.6
            for tensor, one in zip(tensors, update, strict=True):
                tensor.add_(one.view(tensor.shape), alpha=-scale)
        self.zero()

    def zero(self) -> None:
        for tensor in (t for group in self.groups for t in group):
            tensor.grad = None
        self.adam.zero_grad()

    def state(self) -> dict[str, Any]:
        return {"momenta": self.momenta, "adam": self.adam.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        self.momenta = state["momenta"]
        self.adam.load_state_dict(state["adam"])


def _orthogonal(x: Tensor) -> Tensor:
    """Push all singular values of each matrix towards one: five Newton-Schulz steps."""
    flip = x.shape[1] > x.shape[2]
    x = x.mT if flip else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-12)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.mT if flip else x


def rate(step: int, steps: int) -> float:
    """Warm up over a hundred steps, fall along a cosine, and cool down over the last thousand."""
    warm, cool = min(1, (step + 1) / 100), min(1, (steps - step) / 1000)
    return 0.02 * warm * cool * 0.5 * (1 + math.cos(math.pi * step / 4500))


def train(
    pool: dict[int, Tensor], *, steps: int, state: Path | None, slice_s: float
) -> dict[str, Tensor] | None:
    """Train, or go on training; None where the slice ended before the training did."""
    began = time.monotonic()
    weights = start()
    optimiser = Muon(weights)
    done, spent = 0, 0.0
    if state is not None and state.is_file():
        saved = torch.load(state, weights_only=True)
        done, spent = saved["done"], saved["spent"]
        with torch.no_grad():
            for name, tensor in saved["weights"].items():
                weights[name].copy_(tensor)
        optimiser.load(saved["optimiser"])
    print(f"from step {done}", flush=True)
    told: list[list[float]] = []
    while done < steps and time.monotonic() - began < slice_s:
        random = torch.Generator().manual_seed(SEED * 1_000_003 + done)
        images = batch(pool, random, large=done >= steps * (1 - LARGE_SHARE))
        parts = losses(weights, images, random)
        parts.total.backward()  # type: ignore[no-untyped-call]
        optimiser.step(rate(done, steps))
        done += 1
        told.append([float(part.detach()) for part in parts])
        if done % 100 == 0 or done == steps:
            means = " ".join(f"{part:.4f}" for part in np.mean(told[-100:], axis=0))
            pace = (time.monotonic() - began) / len(told)
            print(f"step {done}: {means} (pixels coarse edges kl), {pace:.3f} s/step", flush=True)
    spent += time.monotonic() - began
    print(f"step {done} of {steps} after {spent:.0f} s", flush=True)
    if state is not None:
        plain = {name: tensor.detach() for name, tensor in weights.items()}
        torch.save(
            {"done": done, "spent": spent, "weights": plain, "optimiser": optimiser.state()}, state
        )
    return {n: t.detach() for n, t in weights.items()} if done == steps else None


@torch.inference_mode()
def fold(weights: dict[str, Tensor], pool: dict[int, Tensor]) -> dict[str, Tensor]:
    """Give each latent channel zero mean and one deviation, times the factor, in the 1x1s."""
    latents = []
    for size, images in pool.items():
        for some in torch.split(images[:: len(images) // 40][:40], 8):
            mean = moments(weights, some.float() / 127.5 - 1)[0]
            latents.append(mean.transpose(0, 1).flatten(1)[:, :: (size // 64) ** 2])
    every = torch.cat(latents, dim=1)
    shift, scale = every.mean(dim=1), 1 / (SCALING_FACTOR * every.std(dim=1))
    new = dict(weights)
    weight, bias = weights["quant_conv.weight"], weights["quant_conv.bias"]
    both = torch.cat([scale, torch.ones(4)])
    new["quant_conv.weight"] = weight * both[:, None, None, None]
    new["quant_conv.bias"] = torch.cat([(bias[:4] - shift) * scale, bias[4:] + 2 * scale.log()])
    weight, bias = weights["post_quant_conv.weight"], weights["post_quant_conv.bias"]
    new["post_quant_conv.weight"] = weight / scale[None, :, None, None]
    new["post_quant_conv.bias"] = bias + weight[:, :, 0, 0] @ shift
    return new


@torch.inference_mode()
def tame(weights: dict[str, Tensor], pool: dict[int, Tensor]) -> dict[str, Tensor]:
    """Scale each level's residual stream to a moderate size, which changes no picture.

    Every branch normalises what it takes from the stream, so only what is added to it and what
    leads from one level to the next have to be scaled; by powers of two, which rounds nothing.
    """
    peaks: dict[str, float] = {}

    def watch(name: str, x: Tensor) -> None:
        stream = _stream(name)
        peaks[stream] = max(peaks.get(stream, 0), float(x.abs().max()))

    for images in (pool[64][:64], pool[256][:8]):
        given = images.float() / 127.5 - 1
        latents = engine.encode(weights, given, SIZES, groups=GROUPS, watch=watch)
        engine.decode(weights, latents, SIZES, groups=GROUPS, watch=watch)
    scale = {stream: 2.0 ** -max(0, round(math.log2(peak / 32))) for stream, peak in peaks.items()}
    adding = (".conv2.", ".proj_out.", "coder.conv_in.", "sample.", "nin_shortcut.bias")
    new = {}
    for name, tensor in weights.items():
        factor = scale[_stream(name)] if any(part in name for part in adding) else 1.0
        if name.endswith("sample.conv.weight"):
            factor /= scale[_stream(re.sub("(down|up)sample", "block", name))]
        new[name] = tensor * factor
    return new


def _stream(name: str) -> str:
    """Give half and level of the residual stream that a layer adds to; itself where to none."""
    half, part, *rest = name.split(".")
    level = len(WIDTHS) - 1
    if part in {"down", "up"}:
        level = int(rest[0]) + {"downsample": 1, "upsample": -1}.get(rest[1], 0)
    elif part == "conv_in":
        level = 0 if half == "encoder" else level
    elif part != "mid":
        return name
    return f"{half}.{level}"


def write(path: Path, weights: dict[str, Tensor]) -> None:
    """Write half precision; by hand, since the library's order of metadata is left to chance."""
    metadata = {
        "format": "pt",
        "license": "Apache-2.0",
        "norm_num_groups": str(GROUPS),
        "scaling_factor": str(SCALING_FACTOR),
        "source": "vaehub, benchmarks/train_self.py, trained on pictures drawn by formula",
    }
    header: dict[str, object] = {"__metadata__": metadata}
    data = bytearray()
    for name in sorted(weights):
        raw = weights[name].half().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": "F16",
            "shape": list(weights[name].shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@torch.inference_mode()
def judge(weights: dict[str, Tensor]) -> None:
    """Print how the rounded weights do on pictures that were never trained on."""
    rounded = {name: tensor.half().float() for name, tensor in weights.items()}
    largest = 0.0

    def watch(name: str, x: Tensor) -> None:
        nonlocal largest
        largest = max(largest, float(x.abs().max()))

    for size, count in ((64, 64), (128, 24), (256, 8)):
        images = torch.from_numpy(np.stack([draw(HELD_OUT + at, size) for at in range(count)]))
        latents = engine.encode(rounded, images, SIZES, groups=GROUPS, watch=watch)
        again = engine.decode(rounded, latents, SIZES, groups=GROUPS, watch=watch)
        wrong = (again.clamp(-1, 1) - images) / 2
        ratio = -10 * wrong.square().mean(dim=(1, 2, 3)).log10()
        shift = wrong.mean(dim=(2, 3)).abs()
        deviation = latents.std() * SCALING_FACTOR
        print(
            f"{size} px: {ratio.mean():.1f} dB, worst {ratio.min():.1f}; "
            f"colour shift {shift.mean():.4f}, worst {shift.max():.4f}; "
            f"deviation of normalised latents {deviation:.2f}"
        )
    print(f"largest activation {largest:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3200)
    parser.add_argument("--state", type=Path, help="file to stop in and go on from")
    parser.add_argument("--slice", type=float, default=math.inf, help="seconds until it stops")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    torch.set_num_threads(2)
    pool = draw_pool()
    weights = train(pool, steps=given.steps, state=given.state, slice_s=given.slice)
    if weights is not None:
        weights = tame(fold(weights, pool), pool)
        write(given.out, weights)
        judge(weights)


if __name__ == "__main__":
    main()
