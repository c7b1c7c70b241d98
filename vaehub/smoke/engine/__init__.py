"""Decode and encode with any autoencoder of the table, from a dict of tensors.

Images are [B, 3, H, W] from -1 to 1, whatever the original's own range; latents are what the raw
decoder takes, [B, C, h, w], so a diffusion model's latents go through :func:`denormalise` first.
Video autoencoders run on one frame. The weights' dtype and device decide where it runs; moving and
casting them is the caller's. Reads no files and no network.
"""

from __future__ import annotations

from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from vaehub.errors import CannotDecode
from vaehub.smoke.engine import kl, mage, paella, seedvr2, through_diffusers, tiny, wan
from vaehub.smoke.engine.layers import ignore
from vaehub.smoke.engine.normalise import denormalise, normalise, packed, unpacked
from vaehub.smoke.engine.tiles import decode_tiles
from vaehub.weights import kl as kl_names
from vaehub.weights import sequential
from vaehub.weights import wan as wan_names
from vaehub.weights.architectures import TABLE, Found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from vaehub.smoke.engine.layers import Watch, Weights

__all__ = [
    "CannotDecode",
    "decode",
    "decode_tiles",
    "denormalise",
    "encode",
    "normalise",
    "packed",
    "undecodable",
    "unpacked",
]


def undecodable(
    architecture: str, *, layout: str | None = None, found: Found | None = None
) -> str | None:
    """Tell why an autoencoder cannot be decoded here.

    Args:
        architecture: its id in the table, as the catalog names it.
        layout: the catalog's word for the naming in the file, where that is known.
        found: what the file is, where that is known already.

    Returns:
        one plain sentence with what would help, or None where it can be decoded.
    """
    row = TABLE.get(architecture)
    if row is None:
        return f"vaehub does not know the architecture {architecture}"
    if row.engine is None:
        return row.reason
    if architecture == "consistency-decoder" and layout not in {None, "diffusers"}:
        return "vaehub decodes the consistency decoder in diffusers' layout only"
    if found is not None and found.half == "encoder":
        return "this file holds only the encoder; there is nothing to decode with"
    if _needs_diffusers(row.engine, found) and find_spec("diffusers") is None:
        return f"{architecture} needs diffusers: pip install diffusers"
    return None


@torch.inference_mode()
def decode(
    weights: Weights,
    latents: Tensor,
    *,
    found: Found,
    groups: int = 32,
    watch: Watch | None = None,
) -> Tensor:
    """Decode latents to images.

    Args:
        weights: every tensor by its name in the file, prefix stripped.
        latents: [B, C, h, w], denormalised, on the weights' device and of their dtype.
        found: what the file is, from :func:`vaehub.weights.architectures.find`.
        groups: of the normalisation, where it is one of groups; no tensor tells it.
        watch: called with each layer's name and activation as it is computed.

    Returns:
        [B, 3, H, W], nominally from -1 to 1, not clamped; [B, 4, H, W] where the model paints
        transparency.

    Raises:
        CannotDecode: no engine here decodes it; :func:`undecodable` says so beforehand.
        KeyError: a tensor is missing.
        RuntimeError: a tensor has another shape, or memory ran out; from torch.
    """
    reason = undecodable(found.architecture, found=found)
    if reason is not None:
        raise CannotDecode(reason)
    engine = _engine(weights, found, half="decoder", groups=groups)
    return engine.decode(engine.weights, latents, **engine.options, watch=watch or ignore)


@torch.inference_mode()
def encode(
    weights: Weights,
    images: Tensor,
    *,
    found: Found,
    groups: int = 32,
    watch: Watch | None = None,
) -> Tensor:
    """Encode images to latents, the mean of the posterior where there is one.

    Args:
        weights: every tensor by its name in the file, prefix stripped.
        images: [B, 3, H, W] from -1 to 1, H and W multiples of the downscale; [B, 4, H, W] where
            the model sees transparency.
        found: what the file is.
        groups: of the normalisation, where it is one of groups.
        watch: called with each layer's name and activation as it is computed.

    Returns:
        [B, C, h, w], as the decoder takes it: not yet normalised for a diffusion model.

    Raises:
        CannotDecode: the file holds no encoder, or no engine here runs it.
        KeyError: a tensor is missing.
        RuntimeError: a tensor has another shape, or memory ran out; from torch.
    """
    if found.half == "decoder":
        raise CannotDecode("this file holds only the decoder; there is nothing to encode with")
    # To encode, no decoder needs to be there.
    reason = undecodable(found.architecture, found=found._replace(half="both"))
    if reason is not None:
        raise CannotDecode(reason)
    engine = _engine(weights, found, half="encoder", groups=groups)
    return engine.encode(engine.weights, images, **engine.options, watch=watch or ignore)


class _Engine(NamedTuple):
    """Who runs a file, and what it wants to be given."""

    decode: Callable[..., Tensor]
    encode: Callable[..., Tensor]
    weights: Weights
    """Under the names that it knows."""
    options: Mapping[str, Any] = MappingProxyType({})


def _engine(weights: Weights, found: Found, *, half: kl_names.Half, groups: int) -> _Engine:
    sizes = found.sizes
    if _needs_diffusers(TABLE[found.architecture].engine, found):
        theirs = through_diffusers
        return _Engine(theirs.decode, theirs.encode, weights, {"found": found})
    if isinstance(sizes, kl_names.Sizes):
        named = _kl_weights(weights, sizes, found, half=half)
        return _Engine(kl.decode, kl.encode, named, {"sizes": sizes, "groups": groups})
    if isinstance(sizes, wan_names.Sizes):
        named = wan.canonical(weights, sizes, layout=found.layout, half=half)
        return _Engine(wan.decode, wan.encode, named, {"sizes": sizes})
    if isinstance(sizes, sequential.Sizes):
        named = tiny.canonical(weights, half=found.half)
        if found.architecture == "taehv":
            return _Engine(tiny.decode_video, tiny.encode_video, named, {"sizes": sizes})
        return _Engine(tiny.decode_image, tiny.encode_image, named)
    if found.architecture == "mage-vae":
        return _Engine(mage.decode, mage.encode, weights)
    return _Engine(paella.decode, paella.encode, weights)


def _kl_weights(
    weights: Weights, sizes: kl_names.Sizes, found: Found, *, half: kl_names.Half
) -> dict[str, Tensor]:
    if found.architecture == "seedvr2-video-vae":
        return seedvr2.canonical(weights, sizes, half=half)
    return kl.canonical(weights, sizes, layout=found.layout, half=half)


def _needs_diffusers(engine: str | None, found: Found | None) -> bool:
    # Wan 2.2 is a published configuration of an architecture whose others are our own.
    return bool(found.variant) if found is not None else engine == "diffusers"
