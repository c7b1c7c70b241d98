"""Take the names of a VAE out of what wraps them: prefixes, training leftovers, checkpoints.

Knows the wrappings that real files carry and that the UIs strip: ``first_stage_model.`` of LDM
checkpoints, ``vae.`` of pipelines, the loss of the training, EMA copies, loop metadata. Refuses to
know architectures; what it cannot place stays where it is, for the comparison to name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vaehub.weights.compare import Shapes

PREFIXES = (
    "first_stage_model.",
    "model.first_stage_model.",
    "module.",
    "vae.",
    "autoencoder.",
    "first_stage.",
)
"""What stands before the names of an autoencoder that was cut out of something larger."""

_HARMLESS = (
    # AUTOMATIC1111's load_vae_dict drops the first three as well; the rest is of training loops.
    *("loss.", "model_ema.", "ema.", "discriminator.", "perceptual_loss."),
    *("optimizer_states.", "lr_schedulers.", "callbacks.", "loops.", "hparams."),
)
_HARMLESS_NAMES = frozenset(
    {"epoch", "global_step", "global-step", "pytorch-lightning_version", "state_dict", "iteration"}
)

_DIFFUSION_MODELS = ("model.diffusion_model.", "diffusion_model.", "transformer.", "unet.")


class Bare(NamedTuple):
    """The tensors of the autoencoder alone."""

    shapes: dict[str, tuple[int, ...]]
    prefix: str
    """What stood before each of their names; empty mostly."""
    dropped: tuple[str, ...]
    """Tensors left out because no loader needs them."""
    checkpoint: bool
    """Whether the file holds a diffusion model too, and the autoencoder is a part of it."""

    def original(self, name: str) -> str:
        """Give the name that a tensor has in the file."""
        return self.prefix + name


def bare(shapes: Shapes) -> Bare:
    """Strip a known prefix and drop known harmless extras.

    A prefix is stripped only where every other tensor is harmless or belongs to a diffusion model
    beside it: two wrappings in one file are not for us to choose between.

    Args:
        shapes: name and shape of every tensor in the file.
    """
    dropped = tuple(name for name in shapes if _is_harmless(name))
    rest = {name: tuple(shape) for name, shape in shapes.items() if not _is_harmless(name)}
    beside = {name for name in rest if name.startswith(_DIFFUSION_MODELS)}
    if len(beside) == len(rest):
        return Bare(rest, "", dropped, checkpoint=False)
    for prefix in PREFIXES:
        inside = [name for name in rest if name.startswith(prefix)]
        # A whole checkpoint carries text encoders and schedules too, under many names.
        if inside and (beside or len(inside) == len(rest)):
            stripped = bare({name[len(prefix) :]: rest[name] for name in inside})
            return Bare(
                stripped.shapes,
                prefix + stripped.prefix,
                (*dropped, *(prefix + name for name in stripped.dropped)),
                checkpoint=bool(beside),
            )
    return Bare(rest, "", dropped, checkpoint=False)


def _is_harmless(name: str) -> bool:
    return name.startswith(_HARMLESS) or name in _HARMLESS_NAMES
