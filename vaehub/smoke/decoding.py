"""Decode one VAE on one device in one precision, and measure what comes.

Knows which latents and pictures are tried, and how to get the most out of few decodes. Judges
nothing: that is :mod:`vaehub.smoke.judge`. Memory: the weights once, and the activations of one
picture of ``cells`` times the downscale pixels.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch

from vaehub.smoke import fields, measures
from vaehub.smoke.devices import DTYPES
from vaehub.smoke.engine import decode, denormalise, encode, normalise
from vaehub.smoke.factors import Factors, factors_of
from vaehub.smoke.load import load
from vaehub.smoke.scan import HALF_LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from vaehub.smoke.structure import Part
    from vaehub.weights.found import Found

CPU_PIXELS = 64
"""Edge of the pictures on a CPU: some tenths of a second each for an SD1 VAE."""
GPU_PIXELS = 256
_GROUPS = 32
"""Of the normalisation, in every published VAE that has groups."""
_RAW = frozenset({"taesd", "taehv"})
"""Architectures that take a diffusion model's latents as they are."""


class Half(NamedTuple):
    """A file of a VAE that can decode, encode or both."""

    part: Part
    found: Found
    groups: int


class Pair(NamedTuple):
    """What decodes and what encodes: the same file mostly."""

    decoder: Half | None
    encoder: Half | None


@dataclass
class Measured:
    """What was seen of one VAE on one device in one precision."""

    device: str
    dtype: str
    cells: int
    figures: dict[str, float] = field(default_factory=dict)
    """By name; a figure that could not be had is not there."""
    golden: dict[str, float] = field(default_factory=dict)
    """By family: correlation of the decoded golden latents with the thumbnail they stand for."""
    overflows: str | None = None
    """The first layer whose activations float16 has no room for."""
    not_finite: str | None = None
    """The first layer whose activations are no numbers."""
    pictures: dict[str, Tensor] = field(default_factory=dict)
    """[1, 3, H, W] on the CPU, float32."""
    seconds: float = 0.0
    peak_bytes: int | None = None


def pair_of(parts: tuple[Part, ...]) -> Pair:
    """Say which of some files decodes and which encodes."""
    decoder = encoder = None
    for part in parts:
        if part.found is None or part.tensors is None:
            continue
        half = Half(part, part.found, _groups(part))
        if part.found.half in {"both", "decoder"}:
            decoder = decoder or half
        if part.found.half in {"both", "encoder"}:
            encoder = encoder or half
    return Pair(decoder, encoder)


def cells_for(found: Found, device: torch.device) -> int:
    """Say how many latent cells the tried pictures have along an edge; an even number."""
    pixels = CPU_PIXELS if device.type == "cpu" else GPU_PIXELS
    cells = max(4 if found.downscale > 16 else 8, pixels // found.downscale)
    return cells // 2 * 2


def factors_for(found: Found, family: str, *, told: Factors | None = None) -> Factors:
    """Give what lies between a diffusion model's latents and this decoder's."""
    known = factors_of(family) or Factors()
    if found.architecture in _RAW:
        return Factors(scaling_factor=1.0, rgb=known.rgb, rgb_bias=known.rgb_bias)
    if told is not None and not known.mean:
        return known._replace(scaling_factor=told.scaling_factor, shift_factor=told.shift_factor)
    return known


def measure(
    pair: Pair,
    *,
    device: torch.device,
    dtype: str,
    cells: int,
    families: tuple[str, ...] = (),
    told: Factors | None = None,
) -> Measured:
    """Decode and encode what tells most, and measure it.

    Args:
        pair: What decodes and what encodes.
        device: Where.
        dtype: ``fp32``, ``bf16`` or ``fp16``.
        cells: Edge of the latents.
        families: Whose latents it may speak; the first is what it is supposed to.
        told: The factors that the catalog names.

    Raises:
        RuntimeError: memory runs out, or the device cannot compute something; from torch.
        NotAModel: the file changed meanwhile, or has types that torch has none for.
        CannotDecode: no engine here knows the architecture.
        OSError: a file cannot be read.
    """
    began = time.monotonic()
    seen = Measured(str(device), dtype, cells)
    with _exactly(), _peak(device, seen):
        run = _Run(pair, device, DTYPES[dtype], seen)
        if pair.decoder is not None:
            _decode_all(run, pair.decoder.found, families, told)
        if pair.encoder is not None:
            _encode_all(run, pair.encoder.found, families, told)
    seen.seconds = time.monotonic() - began
    return seen


class _Run:
    """One set of weights on a device."""

    def __init__(
        self, pair: Pair, device: torch.device, dtype: torch.dtype, seen: Measured
    ) -> None:
        self.pair = pair
        self.device = device
        self.dtype = dtype
        self.seen = seen
        self._weights: dict[str, dict[str, Tensor]] = {}

    def weights(self, half: Half) -> dict[str, Tensor]:
        """Give the weights of a file, loaded once, by their names without the prefix."""
        part = half.part
        key = str(part.path)
        if key not in self._weights:
            assert part.tensors is not None
            assert part.inside is not None
            originals = {part.inside.original(name): name for name in part.inside.shapes}
            loaded = load(part.tensors, names=originals, device=self.device, dtype=self.dtype)
            self._weights[key] = {originals[name]: one for name, one in loaded.items()}
        return self._weights[key]

    def decode(self, latents: Tensor, *, watched: bool = False) -> Tensor:
        """Decode what the raw decoder takes; gives [B, 3, H, W] on the device."""
        half = self.pair.decoder
        assert half is not None
        picture = decode(
            self.weights(half),
            latents.to(self.device, self.dtype),
            found=half.found,
            groups=half.groups,
            watch=self._watch if watched else None,
        )
        return picture[:, :3]

    def encode(self, picture: Tensor, *, watched: bool = False) -> Tensor:
        half = self.pair.encoder
        assert half is not None
        picture = picture.to(self.device, self.dtype)
        if half.found.image_channels == 4:
            picture = torch.cat([picture, torch.ones_like(picture[:, :1])], dim=1)
        return encode(
            self.weights(half),
            picture,
            found=half.found,
            groups=half.groups,
            watch=self._watch if watched else None,
        )

    def _watch(self, layer: str, activation: Tensor) -> None:
        largest = float(activation.detach().abs().amax())
        seen = self.seen
        if math.isnan(largest) or math.isinf(largest):
            seen.not_finite = seen.not_finite or layer
            return
        if largest > HALF_LARGEST:
            seen.overflows = seen.overflows or layer
        seen.figures["largest_activation"] = max(
            largest, seen.figures.get("largest_activation", 0.0)
        )


def _decode_all(run: _Run, found: Found, families: tuple[str, ...], told: Factors | None) -> None:
    seen, cells = run.seen, run.seen.cells
    usual = factors_for(found, families[0] if families else "", told=told)
    half = run.pair.decoder
    assert half is not None
    weights = run.weights(half)

    def decoded(latents: Tensor, factors: Factors = usual, *, watched: bool = False) -> Tensor:
        # To the CPU at once: figures want float64, which not every GPU has.
        return _shown(run.decode(denormalise(latents, factors, weights=weights), watched=watched))

    shares = []
    natural, still = fields.latents("natural", channels=found.latent_channels, size=cells), None
    meant = measures.thumbnail(fields.picture(8 * cells), cells)
    likeness: dict[Factors, float] = {}
    for family in families:
        is_first = family == families[0]
        factors = factors_for(found, family, told=told if is_first else None)
        known = fields.golden(factors, cells)
        if known is None or known.shape[1] != found.latent_channels:
            continue
        if factors in likeness:  # families that share one VAE
            seen.golden[family] = likeness[factors]
            continue
        picture = decoded(known, factors, watched=is_first)
        shares.append(measures.finite_share(picture))
        likeness[factors] = measures.correlation(measures.thumbnail(picture, cells), meant)
        seen.golden[family] = likeness[factors]
        if is_first:
            natural, still = known, picture
            seen.pictures["golden"] = picture
    if still is None:
        still = decoded(natural, watched=True)
        seen.pictures["natural"] = still
    shifted = decoded(torch.roll(natural, 1, -1))
    shares += [measures.finite_share(still), measures.finite_share(shifted)]
    kinds: tuple[fields.Kind, ...] = ("flat", "gradient", "extremes")
    for kind in kinds:
        latents = fields.latents(kind, channels=found.latent_channels, size=cells)
        picture = decoded(latents, watched=True)
        seen.pictures[kind] = picture
        shares.append(measures.finite_share(picture))
    seen.figures["finite"] = min(shares)
    if seen.figures["finite"] == 1.0:
        seen.figures["contrast"] = measures.contrast(still)
        seen.figures["flat_blocks"] = measures.flat_share(still)
        seen.figures["moves"] = measures.moved(still, shifted, pixels=found.downscale)
        seen.figures["beyond_range"] = float((still.abs() > 1.05).float().mean())


def _encode_all(run: _Run, found: Found, families: tuple[str, ...], told: Factors | None) -> None:
    seen = run.seen
    picture = fields.picture(seen.cells * found.downscale)
    encoded = run.encode(picture, watched=True)
    seen.figures["encoded_finite"] = measures.finite_share(encoded)
    if seen.figures["encoded_finite"] < 1.0:
        return
    usual = factors_for(found, families[0] if families else "", told=told)
    half = run.pair.encoder
    assert half is not None
    latents = normalise(encoded, usual, weights=run.weights(half))
    seen.figures["latent_deviation"] = float(latents.float().std(correction=0))
    seen.pictures["original"] = picture
    if run.pair.decoder is None:
        return
    back = run.decode(encoded).cpu().float()
    seen.pictures["round trip"] = back
    if measures.finite_share(back) < 1.0:
        seen.figures["finite"] = 0.0
        return
    seen.figures["round_trip"] = measures.psnr(back, picture)
    seen.figures["round_trip_likeness"] = measures.correlation(
        measures.thumbnail(back, 8), measures.thumbnail(picture, 8)
    )
    seen.figures["contrast_kept"] = measures.contrast(back) / measures.contrast(picture)
    seen.figures["colour_kept"] = measures.saturation(back) / measures.saturation(picture)
    seen.figures["brightness_shift"] = float(back.mean() - picture.mean()) / measures.RANGE
    again = run.decode(run.encode(back.clamp(-1, 1))).cpu().float()
    seen.figures["second_trip"] = measures.psnr(again, back.clamp(-1, 1))


def _shown(picture: Tensor) -> Tensor:
    return picture.detach().to("cpu", torch.float32)


def _groups(part: Part) -> int:
    """Say how many groups the normalisation has: 32, unless the file says otherwise."""
    said = part.tensors.metadata.get("norm_num_groups", "") if part.tensors is not None else ""
    return int(said) if said.isascii() and said.isdigit() and 0 < int(said) < 1024 else _GROUPS


@contextlib.contextmanager
def _exactly() -> Iterator[None]:
    """Keep GPUs from rounding products to TF32: two runs are to be comparable."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    matmul.allow_tf32 = cudnn.allow_tf32 = cudnn.benchmark = False
    try:
        with torch.inference_mode():
            yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before


@contextlib.contextmanager
def _peak(device: torch.device, seen: Measured) -> Iterator[None]:
    """Measure the most memory that was in use."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    yield
    if device.type == "cuda":
        seen.peak_bytes = torch.cuda.max_memory_allocated(device)
        return
    with contextlib.suppress(ImportError):  # not on Windows
        import resource
        import sys

        unit = 1 if sys.platform == "darwin" else 1024
        seen.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def agreement(one: Measured, reference: Measured) -> Mapping[str, float]:
    """Compare what two runs decoded, picture by picture: dB, where both have it."""
    return {
        kind: measures.psnr(one.pictures[kind], reference.pictures[kind])
        for kind in one.pictures.keys() & reference.pictures.keys()
        if kind != "original" and one.pictures[kind].shape == reference.pictures[kind].shape
    }
