"""How the original files of video autoencoders name what diffusers names otherwise.

One table: architecture -> ordered rules from diffusers' naming to the original's. The facts are
those of diffusers' own conversion scripts (scripts/convert_*_to_diffusers.py and
loaders/single_file_utils.py, Apache-2.0), read the other way round. Where an original tensor holds
several of diffusers', a rule says which part and how they are laid out. Torch-free: names only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

How = Literal["", "stacked", "heads", "swapped", "conv3d"]


class Place(NamedTuple):
    """Where the original file keeps a tensor of diffusers'."""

    name: str
    how: How = ""
    """``stacked``: a third of it, ``heads``: a third of each head's rows, ``swapped``: its halves
    exchanged, ``conv3d``: the same numbers as a 1x1x1 convolution."""
    part: int = 0
    """Which third."""


_Rule = tuple[str, str | Callable[[re.Match[str]], str]]
_MIDDLE: tuple[_Rule, ...] = (
    (r"\.mid_block\.resnets\.0\.", ".mid.block_1."),
    (r"\.mid_block\.resnets\.1\.", ".mid.block_2."),
)
_ENCODER: tuple[_Rule, ...] = (
    (r"^encoder\.down_blocks\.(\d+)\.resnets\.", r"encoder.down.\1.block."),
    (r"^encoder\.down_blocks\.(\d+)\.downsamplers\.0\.", r"encoder.down.\1.downsample."),
)
_SHORTCUT: tuple[_Rule, ...] = ((r"\.conv_shortcut\.", ".nin_shortcut."),)


def _decoder(levels: int | None) -> tuple[_Rule, ...]:
    """Rename the decoder's levels; given their number, count them backwards as LDM does."""

    def rename(inside: str) -> Callable[[re.Match[str]], str]:
        def build(found: re.Match[str]) -> str:
            level = int(found[1]) if levels is None else levels - 1 - int(found[1])
            return f"decoder.up.{level}.{inside}."

        return build

    return (
        (r"^decoder\.up_blocks\.(\d+)\.resnets\.", rename("block")),
        (r"^decoder\.up_blocks\.(\d+)\.upsamplers\.0\.", rename("upsample")),
    )


def _attention(out: str) -> tuple[_Rule, ...]:
    return (
        (r"\.mid_block\.attentions\.0\.to_([qkv])\.", r".mid.attn_1.\1."),
        (rf"\.mid_block\.attentions\.0\.{re.escape(out)}\.", ".mid.attn_1.proj_out."),
        (r"\.mid_block\.attentions\.0\.(?:group_)?norm\.", ".mid.attn_1.norm."),
    )


def _numbered(per_level: int, kind: str, sample: str) -> Callable[[re.Match[str]], str]:
    """Undo the counting through of a level's blocks and its resampling."""

    def build(found: re.Match[str]) -> str:
        level, inside = divmod(int(found[2]), per_level)
        place = f"block.{inside}" if inside < per_level - 1 else sample
        return f"{found[1]}.{kind}.{level}.{place}."

    return build


def _ltx(*, up: tuple[str, ...], down: tuple[str, ...]) -> tuple[_Rule, ...]:
    """Number the parts of encoder and decoder in the order in which they run."""

    def number(parts: tuple[str, ...]) -> Callable[[re.Match[str]], str]:
        def build(found: re.Match[str]) -> str:
            kind = "down" if found[1] == "encoder" else "up"
            return f"{found[1]}.{kind}_blocks.{parts.index(found[2])}."

        return build

    def pattern(half: str, parts: tuple[str, ...]) -> str:
        longest_first = sorted(parts, key=len, reverse=True)
        return rf"^({half})\.({'|'.join(map(re.escape, longest_first))})\."

    return (
        (pattern("encoder", down), number(down)),
        (pattern("decoder", up), number(up)),
        (r"\.resnets\.", ".res_blocks."),
        (r"\.conv_shortcut\.conv\.", ".conv_shortcut."),
        (r"\.norm3\.(?!norm\.)", ".norm3.norm."),
        (r"^latents_mean$", "per_channel_statistics.mean-of-means"),
        (r"^latents_std$", "per_channel_statistics.std-of-means"),
        (r"^decoder\.time_embedder\.", "decoder.last_time_embedder."),
        (r"^decoder\.scale_shift_table$", "decoder.last_scale_shift_table"),
    )


def _alternating(kind: str, sample: str, count: int) -> tuple[str, ...]:
    """List the levels of an LTX half, each before or after its resampling."""
    pairs = [(f"{kind}.{level}", f"{kind}.{level}.{sample}.0") for level in range(count)]
    if kind == "down_blocks":
        return (*(part for pair in pairs for part in pair), "mid_block")
    return ("mid_block", *(part for pair in pairs for part in reversed(pair)))


_DOWN = _alternating("down_blocks", "downsamplers", 4)
_DOWN_090 = (
    *("down_blocks.0", "down_blocks.0.downsamplers.0", "down_blocks.0.conv_out"),
    *("down_blocks.1", "down_blocks.1.downsamplers.0", "down_blocks.1.conv_out"),
    *("down_blocks.2", "down_blocks.2.downsamplers.0", "down_blocks.3", "mid_block"),
)
_UP_090 = (
    *("mid_block", "up_blocks.0", "up_blocks.1.upsamplers.0", "up_blocks.1"),
    *("up_blocks.2.conv_in", "up_blocks.2.upsamplers.0", "up_blocks.2"),
    *("up_blocks.3.conv_in", "up_blocks.3.upsamplers.0", "up_blocks.3"),
)

_MOCHI_BLOCK: tuple[_Rule, ...] = (
    (r"\.norm1\.norm_layer\.", ".stack.0."),
    (r"\.conv1\.conv\.", ".stack.2."),
    (r"\.norm2\.norm_layer\.", ".stack.3."),
    (r"\.conv2\.conv\.", ".stack.5."),
    (r"(encoder\..*)\.(norms|attentions)\.(\d+)\.", r"\1.resnets.\3.\2."),
    (r"\.norms\.norm_layer\.", ".attn_block.norm."),
    (r"\.attentions\.to_out\.0\.", ".attn_block.attn.out."),
    (r"\.attentions\.to_[qkv]\.", ".attn_block.attn.qkv."),
)


def _plus(template: str, by: int) -> Callable[[re.Match[str]], str]:
    """Fill the template with the number found last, counted on by some."""

    def build(found: re.Match[str]) -> str:
        *before, last = found.groups()
        return template.format(*before, int(last) + by)

    return build


def _mochi_level(found: re.Match[str]) -> str:
    return f"encoder.layers.{int(found[1]) + 4}.layers.{int(found[2]) + 1}."


_MOCHI: tuple[_Rule, ...] = (
    *_MOCHI_BLOCK,
    (r"^decoder\.conv_in\.", "decoder.blocks.0.0."),
    (r"^decoder\.block_in\.resnets\.(\d+)\.", _plus("decoder.blocks.0.{}.", 1)),
    (
        r"^decoder\.up_blocks\.(\d+)\.resnets\.(\d+)\.",
        lambda found: f"decoder.blocks.{int(found[1]) + 1}.blocks.{found[2]}.",
    ),
    (r"^decoder\.up_blocks\.(\d+)\.proj\.", _plus("decoder.blocks.{}.proj.", 1)),
    (r"^decoder\.block_out\.resnets\.(\d+)\.", r"decoder.blocks.4.\1."),
    (r"^(encoder|decoder)\.proj_out\.", r"\1.output_proj."),
    (r"^encoder\.proj_in\.", "encoder.layers.0."),
    (r"^encoder\.block_in\.resnets\.(\d+)\.", _plus("encoder.layers.{}.", 1)),
    (r"^encoder\.down_blocks\.(\d+)\.conv_in\.conv\.", _plus("encoder.layers.{}.layers.0.", 4)),
    (r"^encoder\.down_blocks\.(\d+)\.resnets\.(\d+)\.", _mochi_level),
    (r"^encoder\.block_out\.resnets\.(\d+)\.", _plus("encoder.layers.{}.", 7)),
    (r"^encoder\.norm_out\.norm_layer\.", "encoder.output_norm."),
)
_WAN22: tuple[_Rule, ...] = (
    (r"^(encoder|decoder)\.mid_block\.attentions\.0\.", r"\1.middle.1."),
    (r"^(encoder|decoder)\.mid_block\.resnets\.0\.", r"\1.middle.0."),
    (r"^(encoder|decoder)\.mid_block\.resnets\.1\.", r"\1.middle.2."),
    (r"^encoder\.down_blocks\.(\d+)\.resnets\.", r"encoder.downsamples.\1.downsamples."),
    (r"^encoder\.down_blocks\.(\d+)\.downsampler\.", r"encoder.downsamples.\1.downsamples.2."),
    (r"^decoder\.up_blocks\.(\d+)\.resnets\.", r"decoder.upsamples.\1.upsamples."),
    (r"^decoder\.up_blocks\.(\d+)\.upsampler\.", r"decoder.upsamples.\1.upsamples.3."),
    (r"(downsamples|upsamples|middle)\.(\d+)\.norm1\.", r"\1.\2.residual.0."),
    (r"(downsamples|upsamples|middle)\.(\d+)\.conv1\.", r"\1.\2.residual.2."),
    (r"(downsamples|upsamples|middle)\.(\d+)\.norm2\.", r"\1.\2.residual.3."),
    (r"(downsamples|upsamples|middle)\.(\d+)\.conv2\.", r"\1.\2.residual.6."),
    (r"\.conv_shortcut\.", ".shortcut."),
    (r"^quant_conv\.", "conv1."),
    (r"^post_quant_conv\.", "conv2."),
    (r"^(encoder|decoder)\.conv_in\.", r"\1.conv1."),
    (r"^(encoder|decoder)\.norm_out\.", r"\1.head.0."),
    (r"^(encoder|decoder)\.conv_out\.", r"\1.head.2."),
)
_COSMOS: tuple[_Rule, ...] = (
    *_MIDDLE,
    *_ENCODER,
    *_decoder(3),
    (r"\.mid_block\.attentions\.0\.", ".mid.attn_1.0."),
    (r"\.mid_block\.temp_attentions\.0\.", ".mid.attn_1.1."),
    (r"\.to_([qkv])\.", r".\1.conv3d."),
    (r"\.to_out\.0\.", ".proj_out.conv3d."),
    (r"\.conv_s\.", ".0.conv3d."),
    (r"\.conv_t\.", ".1.conv3d."),
    (r"\.conv([123])\.(weight|bias)$", r".conv\1.conv3d.\2"),
    (r"\.conv_shortcut\.", ".nin_shortcut.conv3d."),
    (r"^((?:post_)?quant_conv)\.", r"\1.conv3d."),
)
_REFINER = (*_MIDDLE, *_ENCODER, *_decoder(None), *_attention("proj_out"))

RULES: Mapping[str, tuple[_Rule, ...]] = {
    "autoencoder-kl-cogvideox": (*_MIDDLE, *_ENCODER, *_decoder(4), *_SHORTCUT),
    "autoencoder-kl-cosmos": _COSMOS,
    "autoencoder-kl-hunyuan-image": (
        *_MIDDLE,
        *_attention("proj"),
        (r"^(encoder)\.down_blocks\.(\d+)\.", _numbered(3, "down", "downsample")),
        (r"^(decoder)\.up_blocks\.(\d+)\.", _numbered(4, "up", "upsample")),
    ),
    "autoencoder-kl-hunyuan-image-refiner": _REFINER,
    "autoencoder-kl-hunyuan-video15": _REFINER,
    "autoencoder-kl-hunyuan-video": (
        *_MIDDLE,
        *_ENCODER,
        *_decoder(4),
        *_SHORTCUT,
        *_attention("to_out.0"),
        (r"\.conv_norm_out\.", ".norm_out."),
    ),
    "autoencoder-kl-ltx-video": _ltx(up=_alternating("up_blocks", "upsamplers", 3), down=_DOWN),
    "autoencoder-kl-ltx-video 0.9.0": _ltx(up=_UP_090, down=_DOWN_090),
    "autoencoder-kl-ltx-video 0.9.1": _ltx(
        up=_alternating("up_blocks", "upsamplers", 3), down=_DOWN_090
    ),
    "autoencoder-kl-ltx2-video": _ltx(up=_alternating("up_blocks", "upsamplers", 4), down=_DOWN),
    "autoencoder-kl-minimax-h3": (
        *_ENCODER,
        *_SHORTCUT,
        (r"^decoder\.proj_in\.", "decoder.x_embedder."),
        (r"\.attn\.to_[qkv]\.", ".attn.to_qkv."),
        (r"\.attn\.to_out\.0\.", ".attn.to_out."),
        (r"\.ff\.net\.0\.proj\.", ".ff.w1."),
        (r"\.ff\.net\.2\.", ".ff.w2."),
    ),
    "autoencoder-kl-mochi": _MOCHI,
    "autoencoder-kl-wan": _WAN22,
}
"""Architectures whose original files differ from diffusers' in names; a variant that differs from
the others has its own rules, behind a space."""

LAYOUT_NAMES: Mapping[str, str] = {"autoencoder-kl-hunyuan-video": "ldm"}
"""What the catalog calls the other layout, where that is not ``native``."""

EXTRAS: Mapping[str, str] = {
    "autoencoder-kl-cosmos": r".*(wavelets|_arange|patch_size_buffer)|latent_(mean|std)",
    "autoencoder-kl-ltx-video": r"per_channel_statistics\.(channel|mean-of-stds.*)",
    "autoencoder-kl-ltx2-video": r"per_channel_statistics\.(channel|mean-of-stds.*)",
    "autoencoder-kl-minimax-h3": r"decoder\.mask_token|latents_(mean|std)",
    "mage-vae": r"pipeline\.y_embedder\.(encoder|bottleneck)\..*",
    "taesd": r"vae_(scale|shift)",
}
"""Tensors of original files that no decoder reads: constants, and statistics of the training."""


def place(architecture: str, variant: str, name: str) -> Place:
    """Give where the original layout keeps a tensor that diffusers names so."""
    new = name
    for pattern, by in RULES.get(f"{architecture} {variant}", RULES.get(architecture, ())):
        new = re.sub(pattern, by, new)
    part = "qkv".find(match[1]) if (match := re.search(r"\.to_([qkv])\.", name)) else 0
    if architecture == "autoencoder-kl-mochi" and ".attn.qkv." in new:
        return Place(new, "stacked", part)
    if architecture == "autoencoder-kl-minimax-h3" and ".attn.to_qkv." in new:
        return Place(new, "heads", part)
    if architecture == "autoencoder-kl-minimax-h3" and ".ff.w1." in new:
        return Place(new, "swapped")
    if architecture == "autoencoder-kl-hunyuan-video" and re.search(
        r"\.mid\.attn_1\.(q|k|v|proj_out)\.weight$", new
    ):
        return Place(new, "conv3d")
    return Place(new)


def shape_of(shape: tuple[int, ...], how: How) -> tuple[int, ...]:
    """Give the shape in the original file of a tensor that has this one in diffusers'."""
    if how in {"stacked", "heads"}:
        return (3 * shape[0], *shape[1:])
    return (*shape, 1, 1, 1) if how == "conv3d" else shape
