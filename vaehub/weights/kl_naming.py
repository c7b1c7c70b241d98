"""The three namings of an AutoencoderKL, renamed to and from that of the LDM training code.

``ldm`` is CompVis/latent-diffusion's, ``diffusers`` that of diffusers, and ``diffusers-old`` that
of diffusers before 0.17, which called the attention query, key, value, proj_attn. Names only.
"""

from __future__ import annotations

import re

LAYOUTS = ("ldm", "diffusers", "diffusers-old")
"""The catalog has one word for both of diffusers'."""

_NEW_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v"}
_ATTENTION = {
    "diffusers": _NEW_ATTENTION | {"proj_out": "to_out.0"},
    "diffusers-old": {
        "norm": "group_norm",
        "q": "query",
        "k": "key",
        "v": "value",
        "proj_out": "proj_attn",
    },
}
_TO_LDM = {new: old for names in _ATTENTION.values() for old, new in names.items()}
_LDM_NAME = re.compile(
    r"(?P<half>encoder|decoder)\."
    r"(?:mid\.block_(?P<mid>[12])|mid\.attn_1\.(?P<mid_attention>norm|q|k|v|proj_out)"
    r"|(?:down|up)\.(?P<level>\d+)\.(?:block\.(?P<block>\d+)"
    r"|attn\.(?P<attn>\d+)\.(?P<attention>norm|q|k|v|proj_out)|(?P<sample>downsample|upsample))"
    r"|(?P<norm_out>norm_out))\.(?P<rest>.+)"
)
_DIFFUSERS_NAME = re.compile(
    r"(?P<half>encoder|decoder)\."
    r"(?:mid_block\.resnets\.(?P<mid>[01])|mid_block\.attentions\.0\.(?P<mid_attention>PARTS)"
    r"|(?:down|up)_blocks\.(?P<level>\d+)\.(?:resnets\.(?P<block>\d+)"
    r"|attentions\.(?P<attn>\d+)\.(?P<attention>PARTS)|(?P<sample>downsamplers|upsamplers)\.0)"
    r"|(?P<norm_out>conv_norm_out))\.(?P<rest>.+)".replace(
        "PARTS", "|".join(re.escape(part) for part in _TO_LDM)
    )
)


def from_ldm(name: str, *, layout: str, levels: int) -> str:
    """Rename one tensor from the LDM naming to one of diffusers."""
    found = _LDM_NAME.fullmatch(name)
    if layout == "ldm" or found is None:
        return name
    parts, half, rest = _ATTENTION[layout], found["half"], found["rest"]
    rest = rest.replace("nin_shortcut.", "conv_shortcut.")
    if found["mid"]:
        return f"{half}.mid_block.resnets.{int(found['mid']) - 1}.{rest}"
    if found["mid_attention"]:
        return f"{half}.mid_block.attentions.0.{parts[found['mid_attention']]}.{rest}"
    if found["norm_out"]:
        return f"{half}.conv_norm_out.{rest}"
    place = f"{half}.{'down' if half == 'encoder' else 'up'}_blocks.{_level(found, levels)}"
    if found["block"]:
        return f"{place}.resnets.{found['block']}.{rest}"
    if found["attn"]:
        return f"{place}.attentions.{found['attn']}.{parts[found['attention']]}.{rest}"
    return f"{place}.{found['sample']}rs.0.{rest}"


def to_ldm(name: str, *, levels: int) -> str:
    """Rename one tensor from either naming of diffusers to the LDM naming."""
    found = _DIFFUSERS_NAME.fullmatch(name)
    if found is None:
        return name
    half, rest = found["half"], found["rest"].replace("conv_shortcut.", "nin_shortcut.")
    if found["mid"]:
        return f"{half}.mid.block_{int(found['mid']) + 1}.{rest}"
    if found["mid_attention"]:
        return f"{half}.mid.attn_1.{_TO_LDM[found['mid_attention']]}.{rest}"
    if found["norm_out"]:
        return f"{half}.norm_out.{rest}"
    place = f"{half}.{'down' if half == 'encoder' else 'up'}.{_level(found, levels)}"
    if found["block"]:
        return f"{place}.block.{found['block']}.{rest}"
    if found["attn"]:
        return f"{place}.attn.{found['attn']}.{_TO_LDM[found['attention']]}.{rest}"
    return f"{place}.{found['sample'].removesuffix('rs')}.{rest}"


def _level(found: re.Match[str], levels: int) -> int:
    # diffusers counts the decoder's levels as they run, LDM by their resolution.
    level = int(found["level"])
    return level if found["half"] == "encoder" else levels - 1 - level
