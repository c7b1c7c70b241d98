"""Pictures decoded rightly and wrongly, for `benchmarks.insight_pictures`.

Photographs are those that scikit-image ships (read as files: the package itself is not imported);
drawings are this project's own, by formula. Two trained autoencoders decode them: the one in the
package and, where its weights lie beside the checkout, TAEF2. What goes wrong is done to the
latents, as a UI does it: the factor left out or taken twice, another family's factor or channels,
latents shown as if they were colours.
"""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from benchmarks.pictures import draw
from vaehub.smoke import engine, load, shipped
from vaehub.weights.architectures import Found, find
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

WEIGHTS = Path(__file__).resolve().parents[2] / "shared" / "weights"
EDGE = 256
COLOUR: tuple[str, ...] = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "motorcycle_left",
    "ihc",
    "retina",
)
COLOUR += ("hubble_deep_field", "color")
GREY = ("camera", "coins", "moon", "brick", "grass", "gravel", "cell", "page", "text")
DRAWINGS = 20
_FIRST_DRAWING = 7_000_000
"""Far above the numbers that the shipped autoencoder was trained on."""
_PLAIN = 0.05
"""Deviation below which a drawing is of one colour, and no picture."""
_OFTEN = (0.13025, 0.18215, 0.3611, 1.5305)
"""Scaling factors of SDXL, SD1, FLUX.1 and SD3."""


class Original(NamedTuple):
    """A picture before anything was done to it; [1, 3, EDGE, EDGE] from -1 to 1."""

    name: str
    kind: str
    """``photograph``, ``grey``, ``drawing``."""
    pixels: Tensor
    held_out: bool
    """No threshold was chosen by looking at it."""


class Autoencoder(NamedTuple):
    name: str
    encoder: dict[str, Tensor]
    decoder: dict[str, Tensor]
    found: tuple[Found, Found]
    groups: int

    def encode(self, pixels: Tensor) -> Tensor:
        return engine.encode(self.encoder, pixels, found=self.found[0], groups=self.groups)

    def decode(self, latents: Tensor) -> Tensor:
        return engine.decode(self.decoder, latents, found=self.found[1], groups=self.groups)


class Case(NamedTuple):
    """A picture as a UI would have saved it, and what is true of it."""

    name: str
    group: str
    """What was done."""
    expected: str
    """``sound``, or what is wrong."""
    image: Image.Image
    held_out: bool
    lossless: bool = True


def photographs() -> Iterator[Original]:
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pip install --no-deps scikit-image: its pictures are what is measured on")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    for number, name in enumerate((*COLOUR, *GREY)):
        path = next(folder.glob(f"{name}.*"))
        kind = "photograph" if name in COLOUR else "grey"
        with Image.open(path) as image:
            whole = image.convert("RGB")
        edge = min(whole.size)
        for crop, (left, size) in enumerate(((0.5, edge), (0.2, edge // 2))):
            x, y = (int((length - size) * left) for length in whole.size)
            piece = whole.crop((x, y, x + size, y + size)).resize((EDGE, EDGE))
            yield Original(f"{name} {crop + 1}", kind, _tensor(piece), number % 2 == 1)


def drawings() -> Iterator[Original]:
    for number in range(DRAWINGS):
        drawn = torch.from_numpy(draw(_FIRST_DRAWING + number, EDGE))[None]
        if float(drawn.std()) < _PLAIN:
            continue
        yield Original(f"drawing {number + 1}", "drawing", drawn, number % 2 == 1)


def autoencoders() -> Iterator[Autoencoder]:
    with shipped.autoencoder() as path:
        weights, found, groups = _read(path)
        yield Autoencoder("the shipped one", weights, weights, (found, found), groups)
    if (WEIGHTS / "taef2_decoder.pth").exists():
        encoder, found_encoder, _ = _read(WEIGHTS / "taef2_encoder.pth")
        decoder, found_decoder, _ = _read(WEIGHTS / "taef2_decoder.pth")
        yield Autoencoder("TAEF2", encoder, decoder, (found_encoder, found_decoder), 32)


def _read(path: Path) -> tuple[dict[str, Tensor], Found, int]:
    tensors = read_tensors(path)
    weights = load.load(tensors, dtype=torch.float32)
    found = find({name: tuple(tensor.shape) for name, tensor in weights.items()})
    assert isinstance(found, Found), path
    return weights, found, int(tensors.metadata.get("norm_num_groups", 32))


def originals_as_cases(originals: list[Original]) -> Iterator[Case]:
    """Give the pictures themselves, and such as look unusual and are meant so."""
    for one in originals:
        pixels = one.pixels
        yield _case(one, "original", "sound", pixels)
        yield _case(one, "darkened", "sound", _gamma(pixels, 2.2))
        yield _case(one, "brightened", "sound", _gamma(pixels, 0.6))
        yield _case(one, "muted (saturation halved)", "sound", _muted(pixels, 0.5))
        yield _case(one, "black and white", "sound", _muted(pixels, 0.0))
        yield _case(one, "hazy (contrast 0.7, lifted)", "sound", pixels * 0.7 + 0.1)
        yield _case(
            one, "graded (contrast 1.5, saturation 1.3)", "sound", _muted(pixels, 1.3) * 1.5
        )
        cut = torch.where(_disc(), pixels, torch.ones(()))
        yield _compressed(_case(one, "cut out on white, JPEG of quality 85", "sound", cut), 85)
        yield _compressed(_case(one, "as JPEG of quality 50", "sound", pixels), 50)
        tiny = functional.interpolate(pixels, size=EDGE // 8, mode="area")
        art = functional.interpolate((tiny * 8).round() / 8, scale_factor=8)
        yield _case(one, "as pixel art", "sound", art)


def decoded(originals: list[Original], model: Autoencoder) -> Iterator[Case]:
    """Give each picture through an autoencoder, rightly and in every wrong way."""
    latents = [model.encode(one.pixels) for one in originals]
    together = torch.cat(latents)
    mean, std = (together.transpose(0, 1).flatten(1).mean(1), together.std())
    turned = _turn(together.shape[1])
    centre = mean[None, :, None, None]
    for one, z in zip(originals, latents, strict=True):
        label = f"{one.name}, {model.name}"
        named = one._replace(name=label)
        yield _case(named, "decoded rightly", "sound", model.decode(z))
        for factor in _OFTEN:
            yield _case(named, f"latents times {factor:g}", "wrong scale", model.decode(z * factor))
            if factor < 1:
                inverse = model.decode(z / factor)
                yield _case(named, f"latents divided by {factor:g}", "wrong scale", inverse)
        for ratio in (0.715, 1.4):  # SD1's factor for SDXL's, and the other way
            group = f"latents times {ratio:g}"
            yield _case(named, group, "nearly right scale", model.decode(z * ratio))
        for shift in (0.1159, -1.0, 1.0):  # FLUX.1's shift is the first
            group = f"latents shifted by {shift:g} deviations"
            expected = "wrong shift" if abs(shift) > 0.5 else "nearly right shift"
            yield _case(named, group, expected, model.decode(z + shift * std))
        other = torch.einsum("bchw,cd->bdhw", z - centre, turned) + centre
        yield _case(named, "channels of another family", "wrong family", model.decode(other))
        flipped = (z - centre).flip(1) * -1 + centre
        yield _case(named, "channels in another order", "wrong family", model.decode(flipped))
        noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(7)) * std + centre
        yield _case(named, "noise decoded", "wrong family", model.decode(noise))
        shown = functional.interpolate((z / std)[:, :3].clamp(-3, 3) / 3, scale_factor=8)
        yield _case(named, "latents as colours", "no VAE", shown)
        smooth = functional.interpolate(
            (z / std)[:, :3].clamp(-3, 3) / 3, scale_factor=8, mode="bicubic"
        )
        yield _case(named, "latents as colours, smoothed", "no VAE", smooth)


def constants() -> Iterator[Case]:
    for name, value, expected in (
        ("all black", (0, 0, 0), "black"),
        ("nearly black", (2, 1, 2), "black"),
        ("all white", (255, 255, 255), "one colour"),
        ("all grey", (128, 127, 127), "one colour"),
        ("all brown", (131, 107, 90), "one colour"),
    ):
        yield Case(name, "overflow", expected, Image.new("RGB", (EDGE, EDGE), value), True)


def _case(one: Original, group: str, expected: str, pixels: Tensor) -> Case:
    return Case(f"{one.name}: {group}", group, expected, _image(pixels), one.held_out)


def _compressed(case: Case, quality: int) -> Case:
    file = io.BytesIO()
    case.image.save(file, "JPEG", quality=quality)
    return case._replace(image=Image.open(file).convert("RGB"), lossless=False)


def _image(pixels: Tensor) -> Image.Image:
    array = ((pixels[0].permute(1, 2, 0).nan_to_num() + 1) * 127.5).round().clamp(0, 255)
    return Image.fromarray(array.to(torch.uint8).numpy())


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None] / 127.5 - 1


def _gamma(pixels: Tensor, power: float) -> Tensor:
    return ((pixels + 1) / 2).clamp(0, 1) ** power * 2 - 1


def _muted(pixels: Tensor, share: float) -> Tensor:
    grey = pixels.mean(1, keepdim=True)
    return grey + (pixels - grey) * share


def _disc() -> Tensor:
    centres = torch.linspace(-1, 1, EDGE)
    return centres[:, None] ** 2 + centres[None] ** 2 < 0.7


def _turn(channels: int) -> Tensor:
    """Give a rotation of channels that is the same each time."""
    generator = torch.Generator().manual_seed(3)
    turned, _ = torch.linalg.qr(torch.randn(channels, channels, generator=generator))
    return turned
