"""Tell what a file is that is no VAE: by the names that only such files have.

Knows the other kinds of model that people put into a VAE folder. Refuses to judge what none of its
patterns fits; says then that it is nothing known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vaehub.weights.compare import Shapes


class Kind(NamedTuple):
    """A kind of model that is no VAE."""

    words: str
    """With its article, as a message names it."""
    pattern: str
    """Matches, from the start of a name, what only this kind has."""


KINDS = (
    Kind("a LoRA", r".*(lora_up|lora_down|lora_A|lora_B|lora_mid|hada_w1|lokr_w1|oft_blocks)"),
    Kind("a LoRA", r"lora_(unet|te\d?|transformer)_"),
    Kind("a ControlNet", r"(control_model\.|controlnet_|.*input_hint_block|.*zero_convs)"),
    Kind("a textual inversion", r"(string_to_param|emb_params|clip_[lg]$)"),
    Kind("an IP-Adapter", r"(ip_adapter|image_proj)\."),
    Kind(
        "an upscaler", r"(model\.\d+\.sub\.|body\.\d+\.rdb1|RRDB_trunk|layers\.\d+\.residual_group)"
    ),
    Kind("a checkpoint of a whole diffusion model", r"cond_stage_model\.|conditioner\.embedders"),
    Kind("a diffusion model (UNet)", r"(model\.diffusion_model\.)?(input_blocks|output_blocks)\."),
    Kind("a diffusion model (UNet)", r"(time_embedding\.linear|down_blocks\.\d+\.resnets)"),
    Kind(
        "a diffusion model (transformer)",
        r"(model\.diffusion_model\.|diffusion_model\.|net\.)?"
        r"(double_blocks|single_blocks|joint_blocks|transformer_blocks|single_transformer_blocks"
        r"|blocks\.\d+\.(self_attn|cross_attn|attn|mlp)|patch_embed|x_embedder|img_in|final_layer)",
    ),
    Kind("a text encoder", r"(text_model\.|transformer\.resblocks|encoder\.block\.\d+\.layer)"),
    Kind("a text encoder", r"(shared\.weight|model\.embed_tokens|model\.layers\.\d+\.self_attn)"),
    Kind("an image encoder", r"(vision_model\.|visual\.)"),
    Kind("an audio autoencoder", r"(vocoder\.|.*\.snake|decoder\.layers\.\d+\.layers\.\d+\.beta)"),
    Kind("a checkpoint of a whole diffusion model", r"model\.diffusion_model\."),
)


def kind_of(shapes: Shapes) -> str | None:
    """Name the kind of model, with its article; None where nothing known fits.

    The kind with the most matching names wins, the earlier of equals.
    """
    counts = [sum(re.match(kind.pattern, name) is not None for name in shapes) for kind in KINDS]
    best = max(counts, default=0)
    return KINDS[counts.index(best)].words if best else None
