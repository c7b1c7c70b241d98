"""Draw pictures by formula: what the autoencoder in the package is trained on and judged by.

Knows gradients, 1/f fields, discs, polygons, stripes, checkers, strokes and soft shadows, in the
tones of skin, sky, leaves, earth and paint. Reads no file and no data set: everything follows from
a number. Needs numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_TONES = (
    ((0.98, 0.82, 0.70), (0.87, 0.64, 0.50), (0.62, 0.42, 0.31), (0.33, 0.21, 0.16)),  # skin
    ((0.30, 0.52, 0.85), (0.55, 0.74, 0.94), (0.90, 0.94, 0.98), (0.97, 0.75, 0.55)),  # sky
    ((0.16, 0.30, 0.10), (0.32, 0.52, 0.18), (0.60, 0.72, 0.28), (0.20, 0.42, 0.32)),  # leaves
    ((0.35, 0.26, 0.18), (0.58, 0.47, 0.34), (0.80, 0.72, 0.58), (0.50, 0.50, 0.52)),  # earth
    ((0.02, 0.02, 0.02), (0.98, 0.98, 0.98), (0.50, 0.50, 0.50), (0.25, 0.25, 0.25)),  # grey
)


class _Canvas(NamedTuple):
    """Pixel centres from 0 to 1, and a pixel's width."""

    x: Array
    y: Array
    pixel: float


def draw(seed: int, size: int) -> NDArray[np.float32]:
    """Draw one picture, the same for a seed and size.

    Args:
        seed: which picture; the training uses those below a million, so others are held out.
        size: height and width in pixels.

    Returns:
        [3, size, size] from -1 to 1.
    """
    random = np.random.default_rng(seed)
    centres = (np.arange(size) + 0.5) / size
    canvas = _Canvas(*np.meshgrid(centres, centres), pixel=1.0 / size)
    tones = _palette(random)
    picture = _paint(random, canvas, tones)
    for _ in range(int(random.choice([0, 1, 2, 3, 5, 8], p=[0.1, 0.2, 0.25, 0.2, 0.15, 0.1]))):
        shape = _SHAPES[random.integers(len(_SHAPES))]
        distance = shape(random, canvas)
        soft = canvas.pixel if random.random() < 0.7 else random.uniform(0.01, 0.12)
        if random.random() < 0.3:
            moved = np.roll(distance, (size // 24, size // 32), axis=(0, 1))
            picture = picture * (1 - random.uniform(0.2, 0.6) * _inside(moved, 0.08))
        mask = _inside(distance, soft) * random.choice([1.0, 1.0, random.uniform(0.3, 0.9)])
        picture = picture + mask * (_paint(random, canvas, tones) - picture)
    if random.random() < 0.5:
        picture = picture + random.uniform(0.01, 0.06) * _field(random, size, 1.0)
    if random.random() < 0.3:
        picture = picture * (1 - 0.4 * _ramp(random, canvas))
    return (np.clip(picture, 0, 1) * 2 - 1).astype(np.float32)


def _palette(random: Generator) -> list[Array]:
    """Choose the colours that one picture is made of."""
    tones: list[Array] = []
    for _ in range(random.integers(1, 4)):
        kind = random.integers(len(_TONES) + 2)
        if kind < len(_TONES):
            tones += [np.array(tone) + random.normal(0, 0.05, 3) for tone in _TONES[kind]]
        else:
            tones += [random.random(3) ** random.uniform(0.5, 2) for _ in range(3)]
    return tones


def _colour(random: Generator, tones: list[Array]) -> Array:
    return tones[random.integers(len(tones))][:, None, None]


def _paint(random: Generator, canvas: _Canvas, tones: list[Array]) -> Array:
    """Fill a whole canvas: flat, a gradient, a horizon, a texture or a pattern."""
    one, two, size = _colour(random, tones), _colour(random, tones), len(canvas.x)
    match random.integers(8):
        case 0 | 1:
            share: Array = np.zeros((size, size))
        case 2 | 3:
            share = _ramp(random, canvas)
        case 4:
            share = _inside(canvas.y - random.uniform(0.3, 0.7), 0.02) * 0.7
            share = share + 0.3 * canvas.y
        case 5:
            share = 0.5 + random.uniform(0.15, 0.4) * _field(random, size, random.uniform(1, 1.8))
        case 6:
            # Luminance and colour vary alike but not together, as in photographs.
            light = _field(random, size, random.uniform(0.9, 1.5)) * random.uniform(0.05, 0.25)
            tint = np.stack([_field(random, size, 1.5) for _ in range(3)])
            return np.asarray(one + light + tint * random.uniform(0.0, 0.12))
        case _:
            share = _pattern(random, canvas)
    return np.asarray(one + (two - one) * np.clip(share, 0, 1))


def _ramp(random: Generator, canvas: _Canvas) -> Array:
    if random.random() < 0.3:
        x, y = random.uniform(0, 1, 2)
        distance = np.hypot(canvas.x - x, canvas.y - y)
        return _limited(distance / random.uniform(0.5, 1.4))
    angle = random.uniform(0, 2 * np.pi)
    along = (canvas.x - 0.5) * np.cos(angle) + (canvas.y - 0.5) * np.sin(angle)
    return _limited(along / 1.4 + 0.5)


def _pattern(random: Generator, canvas: _Canvas) -> Array:
    """Draw stripes or a checker, no finer than six pixels a period."""
    angle = random.choice([0.0, np.pi / 2, random.uniform(0, np.pi)])
    most = min(14.0, 1 / (6 * canvas.pixel))
    count = random.uniform(2, most)
    along = (canvas.x * np.cos(angle) + canvas.y * np.sin(angle)) * count
    across = (canvas.y * np.cos(angle) - canvas.x * np.sin(angle)) * count
    wave = np.sin(2 * np.pi * along)
    if random.random() < 0.4:
        wave = wave * np.sin(2 * np.pi * across)
    hard = random.random() < 0.6
    steep = 0.5 / (2 * np.pi * count * canvas.pixel) if hard else 0.5
    return _limited(0.5 + wave * steep)


def _field(random: Generator, size: int, slope: float) -> Array:
    """Make a field whose amplitude falls with frequency, of zero mean and unit deviation."""
    up, across = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    frequency = np.hypot(up, across)
    frequency[0, 0] = np.inf
    waves = np.fft.rfft2(random.normal(size=(size, size))) / frequency**slope
    field = np.fft.irfft2(waves, s=(size, size))
    return np.asarray(field / (field.std() + 1e-9))


def _inside(distance: Array, soft: float) -> Array:
    """Turn a signed distance, negative inside, into a coverage from 0 to 1."""
    return _limited(0.5 - distance / soft)


def _limited(values: Array) -> Array:
    return np.asarray(np.clip(values, 0, 1))


def _disc(random: Generator, canvas: _Canvas) -> Array:
    x, y = random.uniform(0, 1, 2)
    radius, stretch = random.uniform(0.06, 0.4), random.uniform(0.6, 1.6)
    distance: Array = np.hypot((canvas.x - x) * stretch, canvas.y - y) - radius
    ring = random.random() < 0.2
    return np.asarray(np.abs(distance) - radius * 0.25) if ring else distance


def _polygon(random: Generator, canvas: _Canvas) -> Array:
    x, y = random.uniform(0, 1, 2)
    sides, turn = int(random.integers(3, 7)), random.uniform(0, 2 * np.pi)
    angles = turn + 2 * np.pi * (np.arange(sides) + random.uniform(-0.25, 0.25, sides)) / sides
    radius = random.uniform(0.06, 0.35)
    edges = [(canvas.x - x) * np.cos(a) + (canvas.y - y) * np.sin(a) - radius for a in angles]
    return np.asarray(np.max(edges, axis=0))


def _strokes(random: Generator, canvas: _Canvas) -> Array:
    """Draw a few strokes of a pen, straight or bent, as letters have them."""
    x, y = random.uniform(0.1, 0.9, 2)
    scale = random.uniform(0.08, 0.3)
    width = max(random.uniform(0.008, 0.03), canvas.pixel)
    parts = []
    for _ in range(random.integers(2, 5)):
        if random.random() < 0.3:
            bow = np.hypot(canvas.x - x, canvas.y - y) - scale * random.uniform(0.4, 1)
            cut = canvas.x - x if random.random() < 0.5 else y - canvas.y
            parts.append(np.maximum(np.abs(bow), -cut))
            continue
        (ax, ay), (bx, by) = (random.choice([-1, 0, 1], 2) * scale for _ in range(2))
        px, py, dx, dy = canvas.x - x - ax, canvas.y - y - ay, bx - ax, by - ay
        along = np.clip((px * dx + py * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
        parts.append(np.hypot(px - along * dx, py - along * dy))
    return np.asarray(np.min(parts, axis=0) - width)


_SHAPES: tuple[Callable[[Generator, _Canvas], Array], ...] = (_disc, _polygon, _disc, _strokes)
