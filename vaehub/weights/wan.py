"""Wan 2.1's causal autoencoder, which Qwen-Image took over: names, shapes, hyperparameters.

The canonical naming is that of the original, Wan-Video/Wan2.1, wan/modules/vae.py; diffusers'
AutoencoderKLWan and AutoencoderKLQwenImage share another, renamed here and back. Torch-free.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.weights.compare import Shapes
    from vaehub.weights.kl import Half


class Sizes(NamedTuple):
    """What determines every tensor of a Wan 2.1 autoencoder."""

    width: int = 96
    """Channels at full resolution; the levels have 1, 2, 4, 4 times that."""
    latent_channels: int = 16
    image_channels: int = 3
    levels: tuple[int, ...] = (1, 2, 4, 4)
    blocks: int = 2
    temporal: tuple[bool, ...] = (False, True, True)
    """Whether each downsampling joins frames too; the decoder has them in reverse."""


def manifest(sizes: Sizes, *, layout: str, half: Half = "both") -> dict[str, tuple[int, ...]]:
    """Give name and shape of every tensor, in the naming asked for."""
    shapes = dict(_tensors(sizes, half=half))
    if layout == "native":
        return shapes
    return {to_diffusers(name): shape for name, shape in shapes.items()}


def _tensors(sizes: Sizes, *, half: Half) -> Iterator[tuple[str, tuple[int, ...]]]:
    widths = [sizes.width * times for times in sizes.levels]
    z, top = sizes.latent_channels, widths[-1]
    if half != "decoder":
        yield from _conv("encoder.conv1", widths[0], sizes.image_channels, (3, 3, 3))
        before, at = widths[0], 0
        for level, width in enumerate(widths):
            for _ in range(sizes.blocks):
                yield from _block(f"encoder.downsamples.{at}", before, width)
                before, at = width, at + 1
            if level < len(widths) - 1:
                place = f"encoder.downsamples.{at}"
                yield from _conv(f"{place}.resample.1", width, width, (3, 3))
                if sizes.temporal[level]:
                    yield from _conv(f"{place}.time_conv", width, width, (3, 1, 1))
                at += 1
        yield from _middle("encoder", top)
        yield "encoder.head.0.gamma", (top, 1, 1, 1)
        yield from _conv("encoder.head.2", 2 * z, top, (3, 3, 3))
        yield from _conv("conv1", 2 * z, 2 * z, (1, 1, 1))
    if half != "encoder":
        yield from _conv("conv2", z, z, (1, 1, 1))
        yield from _conv("decoder.conv1", top, z, (3, 3, 3))
        yield from _middle("decoder", top)
        before, at = top, 0
        for level in reversed(range(len(widths))):
            for _ in range(sizes.blocks + 1):
                yield from _block(f"decoder.upsamples.{at}", before, widths[level])
                before, at = widths[level], at + 1
            if level:
                place = f"decoder.upsamples.{at}"
                # The upsampling halves the channels, so the next level begins with half of them.
                yield from _conv(f"{place}.resample.1", before // 2, before, (3, 3))
                if sizes.temporal[level - 1]:
                    yield from _conv(f"{place}.time_conv", 2 * before, before, (3, 1, 1))
                before, at = before // 2, at + 1
        yield "decoder.head.0.gamma", (before, 1, 1, 1)
        yield from _conv("decoder.head.2", sizes.image_channels, before, (3, 3, 3))


def _conv(
    name: str, out: int, into: int, kernel: tuple[int, ...]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (out, into, *kernel)
    yield f"{name}.bias", (out,)


def _block(name: str, before: int, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.residual.0.gamma", (before, 1, 1, 1)
    yield from _conv(f"{name}.residual.2", width, before, (3, 3, 3))
    yield f"{name}.residual.3.gamma", (width, 1, 1, 1)
    yield from _conv(f"{name}.residual.6", width, width, (3, 3, 3))
    if before != width:
        yield from _conv(f"{name}.shortcut", width, before, (1, 1, 1))


def _middle(half: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _block(f"{half}.middle.0", width, width)
    yield f"{half}.middle.1.norm.gamma", (width, 1, 1)
    yield from _conv(f"{half}.middle.1.to_qkv", 3 * width, width, (1, 1))
    yield from _conv(f"{half}.middle.1.proj", width, width, (1, 1))
    yield from _block(f"{half}.middle.2", width, width)


_RESIDUAL = {
    "residual.0.": "norm1.",
    "residual.2.": "conv1.",
    "residual.3.": "norm2.",
    "residual.6.": "conv2.",
    "shortcut.": "conv_shortcut.",
}
_TOP = {
    "conv1.": "quant_conv.",
    "conv2.": "post_quant_conv.",
    "encoder.conv1.": "encoder.conv_in.",
    "decoder.conv1.": "decoder.conv_in.",
    "encoder.middle.1.": "encoder.mid_block.attentions.0.",
    "decoder.middle.1.": "decoder.mid_block.attentions.0.",
    "encoder.head.0.": "encoder.norm_out.",
    "decoder.head.0.": "decoder.norm_out.",
    "encoder.head.2.": "encoder.conv_out.",
    "decoder.head.2.": "decoder.conv_out.",
}
_BLOCK = re.compile(r"(encoder|decoder)\.(middle|downsamples|upsamples)\.(\d+)\.(.+)")


def to_diffusers(name: str) -> str:
    """Rename one tensor from the original naming to diffusers'."""
    for old, new in _TOP.items():
        if name.startswith(old):
            return new + name[len(old) :]
    found = _BLOCK.fullmatch(name)
    if found is None:
        return name
    half, kind, number, rest = found[1], found[2], int(found[3]), found[4]
    is_sampling = rest.startswith(("resample.", "time_conv."))
    for old, new in _RESIDUAL.items():
        if rest.startswith(old):
            rest = new + rest[len(old) :]
    if kind == "middle":
        return f"{half}.mid_block.resnets.{number // 2}.{rest}"
    if kind == "downsamples":
        return f"{half}.down_blocks.{number}.{rest}"
    # The original counts three blocks and an upsampling through; diffusers nests them.
    inside = "upsamplers.0" if is_sampling else f"resnets.{number % 4}"
    return f"{half}.up_blocks.{number // 4}.{inside}.{rest}"


def layout_of(shapes: Shapes) -> str:
    """Tell the naming: ``native`` or ``diffusers``."""
    return "diffusers" if any(".mid_block." in n or "_blocks." in n for n in shapes) else "native"


def sizes_of(shapes: Shapes) -> Sizes:
    """Read width and channels, in either naming; what does not show is Wan 2.1's own."""
    known = Sizes()

    def read(axis: int, *names: str) -> int | None:
        return next((shapes[n][axis] for n in names if len(shapes.get(n, ())) == 5), None)

    return Sizes(
        width=read(0, "encoder.conv1.weight", "encoder.conv_in.weight")
        or read(1, "decoder.head.2.weight", "decoder.conv_out.weight")
        or known.width,
        latent_channels=read(1, "decoder.conv1.weight", "decoder.conv_in.weight")
        or known.latent_channels,
        image_channels=read(1, "encoder.conv1.weight", "encoder.conv_in.weight")
        or read(0, "decoder.head.2.weight", "decoder.conv_out.weight")
        or known.image_channels,
    )
