"""Give the tensors of an autoencoder their canonical names and shapes, however a file keeps them.

Two files of the same weights differ in container, wrapping, naming, extras and order; what this
module gives for them does not. The canonical naming of an AutoencoderKL is LDM's, that of Wan 2.1
and of the tiny autoencoders their original one, and that of all others diffusers', since originals
stack there what diffusers keeps apart. Names and shapes only; :mod:`vaehub.weights.fingerprint`
reads the numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from vaehub.weights import kl, kl_naming, native, paella, published, sequential, wan
from vaehub.weights.architectures import examine
from vaehub.weights.found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaehub.weights.bare import Bare
    from vaehub.weights.compare import Shapes
    from vaehub.weights.found import Unknown
    from vaehub.weights.kl import Half
    from vaehub.weights.native import Place

_KL = ("autoencoder-kl", "autoencoder-kl-flux2")
_COUNTER = "num_batches_tracked"
_H3_HEADS = 32
"""Of MiniMax H3, whose original file keeps query, key and value of each head together."""


class Part(NamedTuple):
    """One tensor of the autoencoder, and where the file keeps it."""

    name: str
    """Its canonical name."""
    shape: tuple[int, ...]
    """In the canonical convention: a 1x1 convolution where the file may have a linear layer."""
    half: Half
    """``both``: statistics of the latent, which belong to neither half alone."""
    original: str
    """The name of the tensor in the file that holds it."""
    rows: tuple[tuple[int, int], ...] | None = None
    """Which runs of that tensor's first dimension it is, in this order; None: all of it."""


class Canonical(NamedTuple):
    """An autoencoder under canonical names."""

    parts: tuple[Part, ...]
    """In the order of the file's own list."""
    found: Found | Unknown
    ignored: tuple[str, ...]
    """Tensors of the file that take no part: of the training, of a checkpoint's other models, and
    such as this architecture does not have."""

    @property
    def architecture(self) -> str | None:
        """What it was recognised as."""
        return self.found.architecture if isinstance(self.found, Found) else None


def canonical(shapes: Shapes) -> Canonical:
    """Name an autoencoder's tensors canonically.

    What is not recognised keeps its names, without what wraps them: two such files are comparable
    where they use one naming.

    Args:
        shapes: name and shape of every tensor in the file.
    """
    inside, found = examine(shapes)
    parts = tuple(_parts(inside, found))
    used = {part.original for part in parts}
    return Canonical(parts, found, tuple(name for name in shapes if name not in used))


def _parts(inside: Bare, found: Found | Unknown) -> Iterator[Part]:
    places = dict(_places(inside.shapes, found))
    wanted = _manifest(found)
    taken: set[str] = set()
    for name, shape in inside.shapes.items():
        for new, rows in places.get(name, ()):
            if new in taken or new.endswith(_COUNTER):
                continue
            if wanted is not None and new not in wanted:
                continue
            taken.add(new)
            own = shape if rows is None else (sum(b - a for a, b in rows), *shape[1:])
            like = own if wanted is None else wanted[new]
            yield Part(new, _shaped(own, like), half_of(new), inside.original(name), rows)


_Rows = tuple[tuple[int, int], ...]
_Named = tuple[str, _Rows | None]


def _places(shapes: Shapes, found: Found | Unknown) -> Iterator[tuple[str, tuple[_Named, ...]]]:
    """Give by a tensor's name in the file what it is canonically, or which several."""
    if not isinstance(found, Found):
        yield from ((name, ((name, None),)) for name in shapes)
    elif found.architecture in _KL:
        levels = kl.levels_of(shapes)
        for name in shapes:
            new = kl_naming.to_ldm(name, levels=levels)
            if "quant_conv." in new:  # FLUX.2's own code has them inside encoder and decoder
                new = new.removeprefix("encoder.").removeprefix("decoder.")
            yield name, ((new, None),)
    elif isinstance(found.sizes, wan.Sizes):
        renamed = {
            wan.to_diffusers(name): name for name in wan.manifest(found.sizes, layout="native")
        }
        yield from ((name, ((renamed.get(name, name), None),)) for name in shapes)
    elif isinstance(found.sizes, sequential.Sizes):
        for name in shapes:
            row = sequential.bare_name(name, half=found.half)
            yield name, ((".".join(map(str, row)) if row else name, None),)
    elif found.architecture == "paella-vq":
        yield from (
            (name, ((name.replace("vquantizer.embedding.", "vquantizer.codebook."), None),))
            for name in shapes
        )
    elif found.variant and found.layout != "diffusers":
        yield from _from_original(shapes, found).items()
    else:
        yield from ((name, ((name, None),)) for name in shapes)


def _from_original(shapes: Shapes, found: Found) -> Mapping[str, tuple[_Named, ...]]:
    variant = next(v for v in published.variants(found.architecture) if v.name == found.variant)
    held: dict[str, tuple[_Named, ...]] = {}
    for name in variant.tensors:
        place = native.place(found.architecture, found.variant, name)
        if place.name in shapes:
            rows = rows_of(place, shapes[place.name])
            held[place.name] = (*held.get(place.name, ()), (name, rows))
    return held


def rows_of(place: Place, shape: tuple[int, ...]) -> _Rows | None:
    """Tell which rows of an original tensor are a tensor of diffusers'; None: all of them."""
    count = shape[0] if shape else 0
    if place.how == "stacked":
        third = count // 3
        return ((place.part * third, (place.part + 1) * third),)
    if place.how == "swapped":
        return ((count // 2, count), (0, count // 2))
    if place.how == "heads":
        each = count // (3 * _H3_HEADS)
        starts = ((head * 3 + place.part) * each for head in range(_H3_HEADS))
        return tuple((start, start + each) for start in starts)
    return None


def _manifest(found: Found | Unknown) -> Shapes | None:
    """Give name and shape of every tensor that counts, canonically; None where all do."""
    if not isinstance(found, Found):
        return None
    if isinstance(found.sizes, kl.Sizes) and found.architecture in _KL:
        sizes = found.sizes._replace(nested_quant=False)
        return kl.manifest(sizes, layout="ldm", half=found.half)
    if isinstance(found.sizes, wan.Sizes):
        return wan.manifest(found.sizes, layout="native", half=found.half)
    if isinstance(found.sizes, sequential.Sizes):
        named = ((sequential.bare_name(n, half=found.half), s) for n, s in found.manifest.items())
        return {".".join(map(str, row)): shape for row, shape in named if row is not None}
    if found.architecture == "paella-vq":
        return paella.manifest(layout="native")
    if found.variant:
        return published.manifest(found.architecture, found.variant, "diffusers", found.half)
    return found.manifest


def _shaped(own: tuple[int, ...], like: tuple[int, ...]) -> tuple[int, ...]:
    """Give the canonical shape where only dimensions of one differ, else the tensor's own."""
    same = [n for n in own if n != 1] == [n for n in like if n != 1]
    return tuple(like) if same and math.prod(own) == math.prod(like) else tuple(own)


def half_of(name: str) -> Half:
    """Tell to which half a tensor belongs, by its canonical name."""
    if name.startswith("conv1."):  # Wan's own names of the quant convolutions
        return "encoder"
    return "decoder" if name.startswith("conv2.") else published.half_of_tensor(name)
