"""Decode and encode with diffusers' own model classes, for architectures not written here.

Imports diffusers only when called. The class and its configuration come from our data files, never
from the network; the weights are taken over without a copy and must fit exactly.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vaehub.weights import native, published

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.smoke.engine.layers import Watch, Weights
    from vaehub.weights.architectures import Found

_DECODE_TIMESTEP = 0.05
# LTX-Video's decoder from 0.9.5 on is told how noisy the latent is; the pipeline's own default.
_H3_HEADS = 32


def decode(weights: Weights, latents: Tensor, *, found: Found, watch: Watch) -> Tensor:
    """Decode latents [B, C, h, w] to images [B, 3, H, W]."""
    model: Any = build(weights, found, half="decoder")
    z = latents.unsqueeze(2) if _is_video(found) else latents
    with _watched(model, watch):
        if found.architecture == "autoencoder-kl-minimax-h3":
            # Its own decode asks for a whole clip of 17 pictures.
            out = model.decoder(model.post_quant_conv(z))
        elif model.config.get("timestep_conditioning"):
            steps = torch.full((z.shape[0],), _DECODE_TIMESTEP, dtype=z.dtype, device=z.device)
            out = model.decode(z, steps).sample
        elif found.architecture == "consistency-decoder":
            noise = torch.Generator("cpu").manual_seed(0)
            out = model.decode(z, generator=noise).sample
        else:
            out = model.decode(z).sample
    picture: Tensor = out[:, :, -1] if out.dim() == 5 else out
    return picture


def encode(weights: Weights, images: Tensor, *, found: Found, watch: Watch) -> Tensor:
    """Encode images [B, 3, H, W] to the mean of the posterior, [B, C, h, w]."""
    model: Any = build(weights, found, half="encoder")
    x = images.unsqueeze(2) if _is_video(found) else images
    with _watched(model, watch):
        out = model.encode(x)
    mean: Tensor = out.latent_dist.mode() if hasattr(out, "latent_dist") else out.latent
    return mean[:, :, 0] if mean.dim() == 5 else mean


def build(weights: Weights, found: Found, *, half: str) -> nn.Module:
    """Build diffusers' model around the file's tensors; the other half stays empty.

    Raises:
        KeyError: a tensor is missing, by its name in the file.
        RuntimeError: a tensor has another shape.
    """
    import diffusers

    variant = next(v for v in published.variants(found.architecture) if v.name == found.variant)
    with _Unfilled():
        model: nn.Module = getattr(diffusers, str(variant.diffusers_class))(**variant.config)
    other = "encoder" if half == "decoder" else "decoder"
    state = {
        name: _fetch(weights, name, found)
        for name in variant.tensors
        if published.half_of_tensor(name) != other
    }
    left = set(model.load_state_dict(state, strict=False, assign=True).missing_keys)
    if any(published.half_of_tensor(name) != other for name in left):
        raise KeyError(sorted(left)[0])
    for name in left:
        # Never read by this half; set free rather than cast below.
        module, _, attribute = name.rpartition(".")
        owner = model.get_submodule(module) if module else model
        setattr(owner, attribute, None)
    some = next(tensor for tensor in state.values() if tensor.is_floating_point())
    # Not the class's own: that warns of a choice which the caller has made.
    return nn.Module.to(model, device=some.device, dtype=some.dtype).eval()


def _fetch(weights: Weights, name: str, found: Found) -> Tensor:
    """Give one tensor as diffusers has it, from wherever the file keeps it."""
    if found.layout == "diffusers":
        return weights[name]
    place = native.place(found.architecture, found.variant, name)
    tensor = weights[place.name]
    if place.how == "stacked":
        return tensor.chunk(3)[place.part]
    if place.how == "heads":
        rows = tensor.reshape(_H3_HEADS, 3, -1, *tensor.shape[1:])[:, place.part]
        return rows.flatten(0, 1)
    if place.how == "swapped":
        return torch.cat(tensor.chunk(2)[::-1])
    return tensor.flatten(1) if place.how == "conv3d" else tensor


def _is_video(found: Found) -> bool:
    # Qwen-Image 2.1 folds its convolutions to two dimensions but still takes a clip.
    has_time = any(len(shape) == 5 for shape in found.manifest.values())
    return has_time or found.architecture == "autoencoder-kl-qwen-image21"


class _Unfilled(TorchFunctionMode):
    """Gives uninitialised tensors no memory: they are parameters that the file's are to replace.

    Making the whole model on the meta device would leave without values what a class computes for
    itself and never stores (wavelets, rotary frequencies).
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        return func(*args, **(kwargs | {"device": "meta"} if func is torch.empty else kwargs))


@contextmanager
def _watched(model: nn.Module, watch: Watch) -> Iterator[None]:
    """Report the output of every layer while inside."""

    def report(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            watch(name, output)

    hooks = [
        module.register_forward_hook(partial(report, name))
        for name, module in model.named_modules()
        if not any(True for _ in module.children())
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
