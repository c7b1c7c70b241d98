"""What befalls weights: functions from tensors to tensors, and from a file's bytes to others.

Each changes copies, is the same every time, and knows no container.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from tests.smoke_cases.containers import Weights

_WHOLE = {2: torch.int16, 4: torch.int32}
_EXPONENT = {torch.float16: (10, 14), torch.bfloat16: (7, 14), torch.float32: (23, 30)}
"""The lowest and the highest bit of the exponent."""


def without(weights: Weights, *, first: float, last: float) -> Weights:
    """Leave a stretch of the tensors out, from one share of their number to another."""
    names = list(weights)
    gone = set(names[int(first * len(names)) : int(last * len(names))])
    return {name: tensor for name, tensor in weights.items() if name not in gone}


def only(weights: Weights, *halves: str) -> Weights:
    """Keep the tensors whose names begin so."""
    return {name: tensor for name, tensor in weights.items() if name.startswith(halves)}


def swapped(weights: Weights, one: str, other: str) -> Weights:
    """Let the tensors of two places change places, where they have equal shapes."""
    changed = dict(weights)
    for name in weights:
        there = name.replace(one, other, 1)
        if one in name and there in weights and weights[there].shape == weights[name].shape:
            changed[name], changed[there] = weights[there], weights[name]
    assert any(changed[name] is not weights[name] for name in weights), (one, other)
    return changed


def redrawn(weights: Weights, pattern: str, *, seed: int = 5) -> Weights:
    """Draw anew, with the spread that they had, the tensors whose names match."""
    random = torch.Generator().manual_seed(seed)
    changed = dict(weights)
    for name, tensor in weights.items():
        if re.match(pattern, name) and tensor.is_floating_point() and tensor.numel() > 1:
            old = tensor.float()
            new = torch.randn(tensor.shape, generator=random) * old.std() + old.mean()
            changed[name] = new.to(tensor.dtype)
    assert any(changed[name] is not weights[name] for name in weights), pattern
    return changed


def put(weights: Weights, name: str, value: float, *, at: int | None = None) -> Weights:
    """Put a number in one place of a tensor, or in all of it."""
    changed = weights[name].clone()
    if at is None:
        changed.fill_(value)
    else:
        changed.view(-1)[at] = value
    return {**weights, name: changed}


def flipped_exponents(
    weights: Weights, *, bit: int = 0, count: int = 1, seed: int = 0, within: str = ""
) -> Weights:
    """Flip a bit of the exponent of weights chosen by lot: 0 is the most significant."""
    random = torch.Generator().manual_seed(seed)
    changed = dict(weights)
    names = [n for n, t in weights.items() if t.dim() > 1 and n.startswith(within)]
    sizes = torch.tensor([float(weights[name].numel()) for name in names])
    for _ in range(count):
        name = names[int(torch.multinomial(sizes, 1, generator=random))]
        changed[name] = changed[name].clone()
        at = int(torch.randint(changed[name].numel(), (1,), generator=random))
        highest = _EXPONENT[changed[name].dtype][1]
        _flip(changed[name], at, highest - bit)
    return changed


def flipped_bits(weights: Weights, *, count: int, seed: int = 0) -> Weights:
    """Flip bits chosen by lot, each of all as likely."""
    random = torch.Generator().manual_seed(seed)
    changed = {name: tensor.clone() for name, tensor in weights.items()}
    names = [name for name, tensor in changed.items() if tensor.is_floating_point()]
    sizes = torch.tensor([float(changed[name].numel()) for name in names])
    for which in torch.multinomial(sizes, count, replacement=True, generator=random).tolist():
        tensor = changed[names[which]]
        at = int(torch.randint(tensor.numel(), (1,), generator=random))
        bit = int(torch.randint(8 * tensor.element_size(), (1,), generator=random))
        _flip(tensor, at, bit)
    return changed


def _flip(tensor: Tensor, at: int, bit: int) -> None:
    whole = tensor.view(-1).view(_WHOLE[tensor.element_size()])
    size = 8 * tensor.element_size()
    mask = 1 << bit
    whole[at] ^= mask - (1 << size) if bit == size - 1 else mask


def louder(weights: Weights, times: float) -> Weights:
    """Scale what runs through an AutoencoderKL's decoder, which its norms undo: SDXL's trouble.

    The last convolution before each sum grows, and so does the sum; each normalisation makes it
    what it was. In exact numbers the function stays; in fp16 the sum is infinite.
    """
    changed = dict(weights)
    ends = r"decoder\.(conv_in|.*\.conv2|.*\.proj_out)\.(weight|bias)"
    carried = r"decoder\..*(nin_shortcut|upsample\.conv)\.bias"
    for name, tensor in weights.items():
        if re.fullmatch(ends, name) or re.fullmatch(carried, name):
            changed[name] = tensor * times
    return changed


def louder_within(weights: Weights, place: str, times: float) -> Weights:
    """Scale one convolution in a residual branch, which the norm behind it undoes."""
    parts = {f"{place}.conv1.{part}": weights[f"{place}.conv1.{part}"] * times for part in _PARTS}
    return {**weights, **parts}


def louder_between(weights: Weights, place: str, times: float) -> Weights:
    """Scale one convolution of a tiny block up and the next down; the ReLU between passes it on."""
    first = [f"{place}.conv.0.{part}" for part in _PARTS]
    changed = {name: weights[name] * times for name in first}
    after = f"{place}.conv.2.weight"
    return {**weights, **changed, after: weights[after] / times}


_PARTS = ("weight", "bias")


def cut(path: Path, share: float) -> None:
    """Cut a file off."""
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))


def zero_tail(path: Path, share: float) -> None:
    """Write zeros over the end of a file, as space set aside and never written."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size - int(size * share))
        file.write(bytes(int(size * share)))


def flip_in_file(path: Path, share: float, *, bit: int = 6) -> None:
    """Flip one bit of the byte at a share of a file."""
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * share))
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ (1 << bit)]))
