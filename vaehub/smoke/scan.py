"""Count what the numbers of weights show: NaN, zeros, range, moments, runs, copies.

Knows one tensor at a time and judges nothing; :mod:`vaehub.smoke.findings` does. Works in chunks,
so that memory stays near one tensor, and so that each chunk is in the processor's cache while
several passes go over it. What is rare (NaN, zeros, giants) costs its pass only where it occurs.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from vaehub.smoke.load import stream
from vaehub.smoke.statistics import (
    EXACT,
    HALF_LARGEST,
    RUN_WORTH_FINDING,
    SMALLEST_COPY,
    TOP,
    Statistics,
    stands_out,
)
from vaehub.weights.tensors import Tensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


__all__ = ["HALF_LARGEST", "TOP", "Statistics", "scan"]

_CHUNK = 1 << 17
"""Elements; measured from 2**15 to 2**20: smaller costs calls, larger leaves the cache."""


def scan(
    weights: Tensors | Mapping[str, torch.Tensor], *, names: Iterable[str] | None = None
) -> dict[str, Statistics]:
    """Count what each tensor shows.

    Args:
        weights: a file, or tensors that are loaded already, on any device.
        names: those to look at (a training's checkpoint has others beside the VAE's); all by
            default.

    Returns:
        By the tensor's name, in the order of ``names``.

    Raises:
        KeyError: there is no tensor of such a name.
        NotAModel: a tensor is of a type that torch has none for, or the file has changed.
        OSError: the file cannot be read.
    """
    if names is None:
        names = weights.stored if isinstance(weights, Tensors) else weights
    found: dict[str, Statistics] = {}
    alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for name, tensor in _each(weights, names):
        with _one_thread():
            found[name] = statistics = _statistics(tensor)
        if isinstance(weights, Tensors) and weights.stored[name].is_contiguous:
            found[name] = statistics._replace(offset=weights.stored[name].offset)
        if statistics.elements >= SMALLEST_COPY and not statistics.is_constant:
            # Equal bytes have equal statistics, NaN apart; only those are worth a digest.
            alike[statistics[:11]].append(name)
    suspects = [name for group in alike.values() if len(group) > 1 for name in group]
    for name, first in _copies(weights, suspects):
        found[name] = found[name]._replace(same_as=first)
    return found


def _each(
    weights: Tensors | Mapping[str, torch.Tensor], names: Iterable[str]
) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(weights, Tensors):
        yield from stream(weights, names=names, mapped=False)
    else:
        for name in names:
            yield name, weights[name].detach()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch from sharing a chunk out over threads.

    Measured on two cores: 0.07 s for 335 MB with one thread, 0.06 s with two; with another program
    on one of the cores, 0.07 s and up to 6 s, for each of the thousands of passes waits for both.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _copies(
    weights: Tensors | Mapping[str, torch.Tensor], names: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Pair each tensor with the first that has the same bytes at another place."""
    first: dict[tuple[object, ...], tuple[str, object]] = {}
    for name, tensor in _each(weights, names):
        flat = tensor.contiguous().reshape(-1).view(torch.uint8).cpu()
        digest = hashlib.sha256(flat.numpy().data).digest()
        if isinstance(weights, Tensors):
            place: object = (weights.stored[name].storage, weights.stored[name].offset)
        else:
            place = tensor.data_ptr()
        earlier, there = first.setdefault((tensor.dtype, tensor.shape, digest), (name, place))
        if place != there:
            yield name, earlier


def _statistics(tensor: torch.Tensor) -> Statistics:
    flat = tensor.reshape(-1)
    if flat.is_complex():
        flat = torch.view_as_real(flat).reshape(-1)
    tally = _Tally(flat.dtype)
    wide = flat.dtype == torch.float64 or not flat.is_floating_point()
    for chunk in _chunks(flat):
        exact = wide or flat.numel() <= EXACT
        tally.add(chunk.to(torch.float64 if exact else torch.float32))
    elements = flat.numel()
    zero_run = None
    if RUN_WORTH_FINDING <= tally.zeros < elements:
        zero_run = _longest_zero_run(flat)
    ninth = None
    std = tally.std
    if stands_out(tally.largest, elements=elements, std=std):
        ninth = _ninth_largest(flat)
    return Statistics(
        dtype=str(tensor.dtype).removeprefix("torch."),
        shape=tuple(tensor.shape),
        elements=elements,
        nan=tally.nan,
        inf=tally.inf,
        zeros=tally.zeros,
        denormals=tally.denormals,
        beyond_half=tally.beyond_half,
        minimum=tally.minimum if tally.finite else math.nan,
        maximum=tally.maximum if tally.finite else math.nan,
        mean=tally.mean,
        std=std,
        zero_run=zero_run,
        ninth=ninth,
        same_as=None,
        offset=None,
        nbytes=tensor.numel() * tensor.element_size(),
    )


def _chunks(flat: torch.Tensor) -> Iterator[torch.Tensor]:
    for at in range(0, flat.numel(), _CHUNK):
        yield flat[at : at + _CHUNK]


class _Tally:
    """Adds chunks of one tensor up."""

    def __init__(self, dtype: torch.dtype) -> None:
        # Of whole numbers, only zero is smaller than one.
        self._smallest_normal = torch.finfo(dtype).tiny if dtype.is_floating_point else 1.0
        self.finite = self.nan = self.inf = self.zeros = self.denormals = self.beyond_half = 0
        self.minimum, self.maximum = math.inf, -math.inf
        self._sum = self._squares = 0.0

    @property
    def largest(self) -> float:
        return max(abs(self.minimum), abs(self.maximum)) if self.finite else math.nan

    @property
    def mean(self) -> float:
        return self._sum / self.finite if self.finite else math.nan

    @property
    def std(self) -> float:
        if not self.finite or self.minimum == self.maximum:
            return 0.0 if self.finite else math.nan
        return math.sqrt(max(0.0, self._squares / self.finite - self.mean * self.mean))

    def add(self, chunk: torch.Tensor) -> None:
        """Count a chunk of float32 or float64."""
        if not chunk.numel():
            return
        low, high = _ends(chunk)
        if not (math.isfinite(low) and math.isfinite(high)):
            chunk = self._without_strays(chunk)
            if not chunk.numel():
                return
            low, high = _ends(chunk)
        self.finite += chunk.numel()
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        self._sum += float(chunk.sum())
        squares = float(torch.dot(chunk, chunk))
        if not math.isfinite(squares):
            wide = chunk.double()
            squares = float(torch.dot(wide, wide))
        self._squares += squares
        size = chunk.abs()
        if max(-low, high) > HALF_LARGEST:
            self.beyond_half += int(torch.count_nonzero(size > HALF_LARGEST))
        if float(size.min()) < self._smallest_normal:
            zeros = chunk.numel() - int(torch.count_nonzero(chunk))
            small = int(torch.count_nonzero(size < self._smallest_normal))
            self.zeros += zeros
            self.denormals += small - zeros

    def _without_strays(self, chunk: torch.Tensor) -> torch.Tensor:
        self.nan += int(torch.count_nonzero(torch.isnan(chunk)))
        self.inf += int(torch.count_nonzero(torch.isinf(chunk)))
        return chunk[torch.isfinite(chunk)]


def _ends(chunk: torch.Tensor) -> tuple[float, float]:
    low, high = torch.aminmax(chunk)
    return float(low), float(high)


def _longest_zero_run(flat: torch.Tensor) -> tuple[int, int]:
    start, length = 0, 0
    last = -1  # where the last element that is not zero lies
    at = 0
    for chunk in _chunks(flat):
        places = torch.nonzero(chunk != 0).reshape(-1) + at
        at += chunk.numel()
        ends = torch.cat([places.new_tensor([last]), places])
        if at == flat.numel():
            ends = torch.cat([ends, places.new_tensor([at])])
        gaps = ends.diff() - 1
        if gaps.numel() and int(gaps.max()) > length:
            index = int(gaps.argmax())
            start, length = int(ends[index]) + 1, int(gaps[index])
        if places.numel():
            last = int(places[-1])
    return start, length


def _ninth_largest(flat: torch.Tensor) -> float:
    """Find the ninth largest of the finite magnitudes."""
    top = torch.empty(0, dtype=torch.float64, device=flat.device)
    for chunk in _chunks(flat):
        size = chunk.to(torch.float64).abs()
        size = size[torch.isfinite(size)]
        top = torch.cat([top, size.topk(min(TOP, size.numel())).values])
        top = top.topk(min(TOP, top.numel())).values
    return float(top[-1]) if top.numel() == TOP else math.nan
