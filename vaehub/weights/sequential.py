"""TAESD, TAEHV and their kin: tiny autoencoders that are numbered rows of layers.

The rows follow madebyollin/taesd, taesd.py, and madebyollin/taehv, taehv.py; diffusers writes
AutoencoderTiny with ``layers.`` before each number and without counting the decoder's clamp.
Torch-free: knows names and shapes, and nothing of what the layers compute.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from vaehub.weights.kl import Half, half_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.weights.compare import Shapes

Row = dict[int, dict[str, tuple[int, ...]]]
"""What each numbered layer holds; numbers without tensors are activations and resizings."""

WIDTH = 64
_NUMBERED = re.compile(r"(?:(?:taesd_)?(encoder|decoder)\.)?(layers\.)?(\d+)\.(.+)")


class Sizes(NamedTuple):
    """What determines every tensor of a tiny autoencoder."""

    latent_channels: int
    downscale: int
    pool: bool = False
    """Whether the blocks at the lowest resolution have FLUX.2's pooled branch."""
    patch: int = 1
    """Pixels along each axis that one cell of the network's input holds (video only)."""
    encoder_time: tuple[int, ...] = ()
    """By how much each level of the encoder joins frames (video only)."""
    decoder_time: tuple[int, ...] = ()
    """By how much each level of the decoder makes more of one frame (video only)."""
    spare: bool = False
    """Whether the decoder's first time layer is stored for twice the frames that are made: older
    files are, and only its last outputs count (patch_tgrow_layers in taehv.py)."""
    wide: bool = False
    """Whether the decoder is the larger one with depthwise convolutions (video only)."""


def bare_name(name: str, *, half: Half) -> tuple[str, int, str] | None:
    """Split a name into half, number as the original counts, and the tensor in that layer.

    Returns:
        None for a name that is no numbered layer.
    """
    found = _NUMBERED.fullmatch(name)
    if found is None:
        return None
    side = found[1] or ("encoder" if half == "encoder" else "decoder")
    number = int(found[3]) + (1 if found[2] and side == "decoder" else 0)
    return side, number, found[4]


def half_by_layers(shapes: Shapes) -> Half | None:
    """Tell which halves are there; a lone half has no name before its numbers.

    Returns:
        None where the first layers are not those of a tiny autoencoder.
    """
    # ComfyUI writes both halves into one file as taesd_encoder and taesd_decoder.
    half = half_of([name.removeprefix("taesd_") for name in shapes])
    if half is not None:
        return half
    names = [name.removeprefix("layers.") for name in shapes]
    if not all(re.match(r"\d+\.", name) for name in names) or not names:
        return None
    # The encoder begins with a convolution, the decoder with a clamp that has no tensors.
    has_layers = any(name.startswith("layers.") for name in shapes)
    first = shapes.get("layers.0.weight" if has_layers else "0.weight", ())
    reads_image = len(first) == 4 and first[1] in {3, 4} and first[0] in {32, WIDTH}
    return "encoder" if reads_image and first[1] == 3 else "decoder"


def before_numbers(shapes: Shapes) -> str:
    """Give what stands before the numbers, ``{}`` for the half; nothing in files of one half."""
    if any(name.startswith(("taesd_encoder.", "taesd_decoder.")) for name in shapes):
        return "taesd_{}."
    return "{}." if half_of(shapes) is not None else ""


def layout_of(shapes: Shapes) -> str:
    """Tell the naming: ``diffusers`` with ``layers.``, else ``taesd`` as published."""
    return "diffusers" if any(re.match(r"(\w+\.)?layers\.\d", name) for name in shapes) else "taesd"


def image_manifest(
    sizes: Sizes, *, half: Half, layout: str, before: str
) -> dict[str, tuple[int, ...]]:
    """Give name and shape of every tensor of a TAESD.

    Args:
        sizes: what the row is made from.
        half: the halves asked for.
        layout: ``taesd`` or ``diffusers``.
        before: what stands before the numbers, from :func:`before_numbers`.
    """
    rows: dict[str, Row] = {}
    if half != "decoder":
        rows["encoder"] = _encoder(sizes)
    if half != "encoder":
        rows["decoder"] = _decoder(sizes)
    return _named(rows, layers=layout == "diffusers", before=before)


def video_manifest(sizes: Sizes, *, half: Half, before: str) -> dict[str, tuple[int, ...]]:
    """Give name and shape of every tensor of a TAEHV."""
    rows: dict[str, Row] = {}
    if half != "decoder":
        rows["encoder"] = _video_encoder(sizes)
    if half != "encoder":
        rows["decoder"] = _wide_decoder(sizes) if sizes.wide else _video_decoder(sizes)
    return _named(rows, layers=False, before=before)


def _named(rows: dict[str, Row], *, layers: bool, before: str) -> dict[str, tuple[int, ...]]:
    names = {}
    for side, row in rows.items():
        for number, tensors in row.items():
            shown = number - 1 if layers and side == "decoder" else number
            place = before.format(side) + "layers." * layers + str(shown)
            names.update({f"{place}.{name}": shape for name, shape in tensors.items()})
    return names


def _conv(out: int, into: int, *, bias: bool = True, kernel: int = 3) -> dict[str, tuple[int, ...]]:
    weight: dict[str, tuple[int, ...]] = {"weight": (out, into, kernel, kernel)}
    return weight | {"bias": (out,)} if bias else weight


def _block(into: int, width: int, *, pool: bool = False) -> dict[str, tuple[int, ...]]:
    tensors = {
        f"conv.{number}.{name}": shape
        for number, channels in ((0, into), (2, width), (4, width))
        for name, shape in _conv(width, channels).items()
    }
    if into != width:
        tensors["skip.weight"] = (width, into, 1, 1)
    if pool:
        tensors |= {
            "pool.0.weight": (4 * width, width, 1, 1),
            "pool.1.weight": (4 * width,),
            "pool.1.bias": (4 * width,),
            "pool.3.weight": (width, 4 * width, 1, 1),
        }
    return tensors


def _encoder(sizes: Sizes) -> Row:
    if sizes.downscale == 32:
        row: Row = {0: _conv(32, 3), 2: _conv(WIDTH, 32), 4: _block(WIDTH, WIDTH)}
        at = 5
    else:
        row = {0: _conv(WIDTH, 3), 1: _block(WIDTH, WIDTH)}
        at = 2
    for level in range(3):
        row[at] = _conv(WIDTH, WIDTH, bias=False)
        for block in range(3):
            row[at + 1 + block] = _block(WIDTH, WIDTH, pool=sizes.pool and level == 2)
        at += 4
    row[at] = _conv(sizes.latent_channels, WIDTH)
    return row


def _decoder(sizes: Sizes) -> Row:
    widths = [256, 128, 64, 64, 64, 64] if sizes.downscale == 32 else [WIDTH] * 4
    row: Row = {1: _conv(widths[0], sizes.latent_channels)}
    at = 3
    for level, (width, after) in enumerate(pairwise(widths)):
        for block in range(3):
            row[at + block] = _block(width, width, pool=sizes.pool and level == 0)
        row[at + 4] = _conv(after, width, bias=False)
        at += 5
    row[at] = _block(widths[-1], widths[-1])
    row[at + 1] = _conv(3, widths[-1])
    return row


def _memory(width: int) -> dict[str, tuple[int, ...]]:
    # Reads the frame and the one before it; the skip takes the frame alone.
    block = _block(2 * width, width)
    del block["skip.weight"]
    return block


def _video_encoder(sizes: Sizes) -> Row:
    row: Row = {0: _conv(WIDTH, 3 * sizes.patch**2)}
    at = 2
    for time in sizes.encoder_time:
        row[at] = {"conv.weight": (WIDTH, WIDTH * time, 1, 1)}
        row[at + 1] = _conv(WIDTH, WIDTH, bias=False)
        row.update({at + 2 + block: _memory(WIDTH) for block in range(3)})
        at += 5
    row[at] = _conv(sizes.latent_channels, WIDTH)
    return row


def _video_decoder(sizes: Sizes) -> Row:
    widths = (256, 128, 64, 64)
    row: Row = {1: _conv(widths[0], sizes.latent_channels)}
    at = 3
    for (width, after), time in zip(pairwise(widths), sizes.decoder_time, strict=True):
        row.update({at + block: _memory(width) for block in range(3)})
        stored = 2 * time if sizes.spare and at == 3 else time
        row[at + 4] = {"conv.weight": (width * stored, width, 1, 1)}
        row[at + 5] = _conv(after, width, bias=False)
        at += 6
    row[at + 1] = _conv(3 * sizes.patch**2, widths[-1])
    return row


def _wide_decoder(sizes: Sizes) -> Row:
    widths = (512, 256, 128, 64)
    row: Row = {0: _conv(widths[0], sizes.latent_channels, bias=False, kernel=1)}
    at = 1
    for (width, after), time in zip(pairwise(widths), sizes.decoder_time, strict=True):
        row.update({at + block: _wide_memory(width) for block in range(3)})
        row[at + 3] = _conv(4 * after, width)
        stored = 2 * time if sizes.spare and at == 1 else time
        row[at + 6] = {"conv.weight": (after * stored, after, 1, 1)}
        at += 7
    row[at] = _conv(3 * sizes.patch**2, widths[-1])
    return row


def _wide_memory(width: int) -> dict[str, tuple[int, ...]]:
    return {
        "conv.0.weight": (2 * width, 1, 7, 7),
        "conv.1.weight": (4 * width, 2 * width, 1, 1),
        "conv.1.bias": (4 * width,),
        "conv.3.weight": (width, 4 * width, 1, 1),
    }


def image_sizes_of(shapes: Shapes, *, half: Half) -> Sizes | None:
    """Read the sizes of a TAESD for another latent; None where it shows no latent channels."""
    named = {}
    for name, shape in shapes.items():
        found = bare_name(name, half=half)
        if found is not None:
            named[found] = shape
    convolutions = [n for (side, n, rest) in named if side == "encoder" and rest == "weight"]
    into = named.get(("decoder", 1, "weight"), ())
    out = named.get(("encoder", max(convolutions, default=0), "weight"), ())
    channels = into[1] if len(into) == 4 else out[0] if len(out) == 4 else None
    if channels is None:
        return None
    return Sizes(channels, 8, pool=any(".pool." in name for name in shapes))


def known_image_sizes() -> Iterator[tuple[Sizes, tuple[str, ...]]]:
    """Give the published TAESDs and the families whose latents they decode."""
    yield Sizes(4, 8), ("sd1", "sd2", "sdxl")
    yield Sizes(16, 8), ("sd3", "flux1")
    yield Sizes(32, 8, pool=True), ("flux2",)
    yield Sizes(32, 32), ("sana",)


def known_video_sizes() -> Iterator[tuple[Sizes, tuple[str, ...]]]:
    """Give the published TAEHVs and the families whose latents they decode."""
    two_late, all_three = (1, 2, 2), (2, 2, 2)
    published: tuple[tuple[int, int, tuple[int, ...], tuple[int, ...], tuple[str, ...]], ...] = (
        (16, 1, (2, 2, 1), two_late, ("hunyuan-video", "wan21", "qwen-image", "cogvideox")),
        (48, 2, (2, 2, 1), two_late, ("wan22",)),
        (32, 2, (2, 2, 1), two_late, ("hunyuan-video15",)),
        (24, 2, (2, 2, 1), two_late, ("minimax-h3",)),
        (128, 4, all_three, all_three, ("ltx2",)),
    )
    for channels, patch, encoder, decoder, families in published:
        for wide in (False, True):
            for spare in {False, decoder[0] == 1}:
                sizes = Sizes(
                    channels,
                    8 * patch,
                    patch=patch,
                    encoder_time=encoder,
                    decoder_time=decoder,
                    spare=spare,
                    wide=wide,
                )
                yield sizes, families
