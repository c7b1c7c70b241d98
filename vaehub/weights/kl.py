"""AutoencoderKL, the VAE of Stable Diffusion and its kin: names, shapes, hyperparameters.

One canonical naming, that of the LDM training code; the two namings of diffusers are renamed to it
and back. The layers follow CompVis/latent-diffusion, ldm/modules/diffusionmodules/model.py, and
diffusers, models/autoencoders/autoencoder_kl.py. Torch-free: knows no values, only shapes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.weights.kl_naming import from_ldm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vaehub.weights.compare import Shapes

Half = Literal["both", "encoder", "decoder"]


class Sizes(NamedTuple):
    """What determines every tensor of an AutoencoderKL."""

    encoder_widths: tuple[int, ...]
    """Channels of each level, the one at full resolution first."""
    decoder_widths: tuple[int, ...]
    blocks: int
    """Residual blocks of a level in the encoder; the decoder has one more."""
    z_channels: int
    """Channels inside the quant convolutions."""
    latent_channels: int
    """Channels of the latent; other than ``z_channels`` only where there are quant convolutions."""
    image_channels: int
    quant: bool
    """Whether the two 1x1 convolutions around the latent exist."""
    attention: tuple[int, ...] = ()
    """Levels that have attention after each block; the middle always has it."""
    statistics: bool = False
    """Whether FLUX.2's running statistics of the packed latent are there."""
    nested_quant: bool = False
    """Whether the quant convolutions are called a part of encoder and decoder (FLUX.2's own)."""

    @property
    def downscale(self) -> int:
        """Pixels per latent cell, along each axis."""
        levels = len(self.decoder_widths or self.encoder_widths)
        return 1 << (levels - 1)


def manifest(sizes: Sizes, *, layout: str, half: Half = "both") -> dict[str, tuple[int, ...]]:
    """Give name and shape of every tensor, in the naming asked for."""
    levels = max(len(sizes.encoder_widths), len(sizes.decoder_widths))
    shapes = dict(_tensors(sizes, half=half))
    if layout == "ldm":
        return shapes
    named = {}
    for name, shape in shapes.items():
        is_linear = ".attn_1." in name or ".attn." in name
        new = from_ldm(name, layout=layout, levels=levels)
        named[new] = shape[:2] if is_linear else shape
    return named


def _tensors(sizes: Sizes, *, half: Half) -> Iterator[tuple[str, tuple[int, ...]]]:
    z, image = sizes.z_channels, sizes.image_channels
    inside = {"encoder": "encoder.", "decoder": "decoder."} if sizes.nested_quant else {}
    if half != "decoder":
        widths = sizes.encoder_widths
        yield from _conv("encoder.conv_in", widths[0], image)
        before = widths[0]
        for level, width in enumerate(widths):
            for block in range(sizes.blocks):
                yield from _block(f"encoder.down.{level}.block.{block}", before, width)
                before = width
                if level in sizes.attention:
                    yield from _attention(f"encoder.down.{level}.attn.{block}", width)
            if level < len(widths) - 1:
                yield from _conv(f"encoder.down.{level}.downsample.conv", width, width)
        yield from _middle("encoder.mid", before)
        yield from _norm("encoder.norm_out", before)
        yield from _conv("encoder.conv_out", 2 * z, before)
        if sizes.quant:
            name = inside.get("encoder", "") + "quant_conv"
            yield from _conv(name, 2 * sizes.latent_channels, 2 * z, kernel=1)
    if half != "encoder":
        widths = sizes.decoder_widths
        if sizes.quant:
            name = inside.get("decoder", "") + "post_quant_conv"
            yield from _conv(name, z, sizes.latent_channels, kernel=1)
        before = widths[-1]
        yield from _conv("decoder.conv_in", before, z)
        yield from _middle("decoder.mid", before)
        for level in reversed(range(len(widths))):
            for block in range(sizes.blocks + 1):
                yield from _block(f"decoder.up.{level}.block.{block}", before, widths[level])
                before = widths[level]
                if level in sizes.attention:
                    yield from _attention(f"decoder.up.{level}.attn.{block}", before)
            if level:
                yield from _conv(f"decoder.up.{level}.upsample.conv", before, before)
        yield from _norm("decoder.norm_out", before)
        yield from _conv("decoder.conv_out", image, before)
    if sizes.statistics:
        for name in ("running_mean", "running_var"):
            yield f"bn.{name}", (4 * sizes.latent_channels,)
        yield "bn.num_batches_tracked", ()


def _conv(
    name: str, out: int, into: int, *, kernel: int = 3
) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (out, into, kernel, kernel)
    yield f"{name}.bias", (out,)


def _norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def _block(name: str, before: int, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _norm(f"{name}.norm1", before)
    yield from _conv(f"{name}.conv1", width, before)
    yield from _norm(f"{name}.norm2", width)
    yield from _conv(f"{name}.conv2", width, width)
    if before != width:
        yield from _conv(f"{name}.nin_shortcut", width, before, kernel=1)


def _attention(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _norm(f"{name}.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        yield from _conv(f"{name}.{part}", width, width, kernel=1)


def _middle(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _block(f"{name}.block_1", width, width)
    yield from _attention(f"{name}.attn_1", width)
    yield from _block(f"{name}.block_2", width, width)


def layout_of(shapes: Shapes) -> str:
    """Tell the naming from the names; ``ldm`` where nothing speaks for diffusers."""
    if any(".mid_block." in name or "_blocks." in name for name in shapes):
        old = re.compile(r"\.attentions\.\d+\.(query|key|value|proj_attn)\.")
        return "diffusers-old" if any(map(old.search, shapes)) else "diffusers"
    return "ldm"


def levels_of(shapes: Shapes) -> int:
    """Count the levels of the larger half, in any naming."""
    found = (re.match(r"(?:encoder|decoder)\.(?:down|up)(?:_blocks)?\.(\d+)\.", n) for n in shapes)
    return max((int(match[1]) + 1 for match in found if match), default=0)


def half_of(shapes: Iterable[str]) -> Half | None:
    """Tell which halves are there at all; None where neither is."""
    names = tuple(shapes)
    has = {half for half in ("encoder", "decoder") if any(n.startswith(half + ".") for n in names)}
    if len(has) == 2:
        return "both"
    return "encoder" if has == {"encoder"} else "decoder" if has else None


def sizes_of(shapes: Shapes) -> Sizes | None:
    """Read the hyperparameters from names and shapes in the LDM naming.

    Damaged files are read as far as they go: a count is the largest index seen, a width is what
    most tensors of the level say, and the comparison with the manifest then names what is amiss.

    Returns:
        None where not even a width or the latent's channels can be read.
    """
    levels, half = levels_of(shapes), half_of(shapes)
    if not levels or half is None:
        return None
    encoder = _widths(shapes, "encoder.down", levels)
    decoder = _widths(shapes, "decoder.up", levels)
    if half == "encoder":
        decoder = encoder
    elif half == "decoder":
        encoder = decoder
    blocks = max(_blocks(shapes, "encoder.down"), _blocks(shapes, "decoder.up") - 1)
    filled = [
        tuple(a or b for a, b in zip(one, other, strict=True))
        for one, other in ((encoder, decoder), (decoder, encoder))
    ]
    if not all(map(all, filled)) or blocks < 1:
        return None
    z = _first(shapes, ("decoder.conv_in.weight", 1, 1), ("encoder.conv_out.weight", 0, 2))
    image = _first(shapes, ("decoder.conv_out.weight", 0, 1), ("encoder.conv_in.weight", 1, 1))
    nested = any(name.startswith(("encoder.quant_conv.", "decoder.post_quant")) for name in shapes)
    quants = [n for n in shapes if "quant_conv." in n]
    latent = _first(
        shapes,
        *((f"{inside}post_quant_conv.weight", 1, 1) for inside in ("", "decoder.")),
        *((f"{inside}quant_conv.weight", 0, 2) for inside in ("", "encoder.")),
    )
    if z is None or image is None:
        return None
    attention = {
        int(match[1])
        for match in (re.match(r"(?:encoder\.down|decoder\.up)\.(\d+)\.attn\.", n) for n in shapes)
        if match
    }
    return Sizes(
        encoder_widths=filled[0],
        decoder_widths=filled[1],
        blocks=blocks,
        z_channels=z,
        latent_channels=latent or z,
        image_channels=image,
        quant=bool(quants),
        attention=tuple(sorted(attention)),
        statistics=any(name.startswith("bn.running_") for name in shapes),
        nested_quant=nested,
    )


def _widths(shapes: Shapes, place: str, levels: int) -> tuple[int, ...]:
    """Read the channels of each level; 0 where the level shows none."""
    seen: list[list[int]] = [[] for _ in range(levels)]
    pattern = re.compile(re.escape(place) + r"\.(\d+)\.block\.\d+\.(?:conv[12]|norm2)\.bias")
    for name, shape in shapes.items():
        found = pattern.fullmatch(name)
        if found and len(shape) == 1:
            seen[int(found[1])].append(shape[0])
    return tuple(max(set(level), key=level.count) if level else 0 for level in seen)


def _blocks(shapes: Shapes, place: str) -> int:
    pattern = re.compile(re.escape(place) + r"\.\d+\.block\.(\d+)\.")
    return max((int(m[1]) + 1 for m in map(pattern.match, shapes) if m), default=0)


def _first(shapes: Shapes, *places: tuple[str, int, int]) -> int | None:
    """Read one number: of the first tensor that is there, that axis, divided."""
    for name, axis, divisor in places:
        shape = shapes.get(name, ())
        if len(shape) == 4 and shape[axis] % divisor == 0 and shape[axis]:
            return shape[axis] // divisor
    return None
