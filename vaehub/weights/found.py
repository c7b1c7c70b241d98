"""What looking at names and shapes can come to: an autoencoder, or a reason why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.weights import kl, published, sequential, wan
from vaehub.weights.compare import Difference, compare

if TYPE_CHECKING:
    from vaehub.weights.compare import Shapes
    from vaehub.weights.kl import Half

Sizes = kl.Sizes | wan.Sizes | sequential.Sizes | None


class Found(NamedTuple):
    """What the names and shapes say a file is."""

    architecture: str
    layout: str
    """Whose names the tensors have, in the words of the catalog: ldm, diffusers, native, …"""
    latent_channels: int
    downscale: int
    """Pixels per latent cell, along each axis."""
    temporal_downscale: int
    """Frames per latent frame; 1 for images."""
    image_channels: int
    """3, or 4 where it paints transparency."""
    half: Half
    families: tuple[str, ...]
    """The families whose VAEs have exactly these shapes; empty for unpublished sizes."""
    sizes: Sizes
    """Hyperparameters, where the engine is our own."""
    variant: str
    """Name of the published configuration, where diffusers is the engine."""
    manifest: Shapes
    """Every tensor that must be there, under the file's own naming."""

    def difference(self, shapes: Shapes) -> Difference:
        """Compare with the tensors of the file, those that no decoder reads left aside."""
        return compare(
            self.manifest,
            {n: s for n, s in shapes.items() if not published.is_extra(self.architecture, n)},
        )


class Unknown(NamedTuple):
    """Why a file was not recognised."""

    kind: str | None
    """What it is instead, with its article: ``a LoRA``; None where that is unknown too."""
    nearest: str | None
    """The architecture it shares most names with, if any."""
    missing: tuple[str, ...]
    """Of that architecture's tensors those that are missing, in groups."""

    @property
    def message(self) -> str:
        """Tell it in one sentence."""
        if self.kind:
            return f"this is {self.kind}, not a VAE"
        if self.nearest is None:
            return "no tensor here has a name that a VAE would have"
        shown = ", ".join(self.missing[:4]) + (", …" if len(self.missing) > 4 else "")
        return f"no known VAE; nearest is {self.nearest}, of which these are missing: {shown}"
