"""Write the manifests of the autoencoders that vaehub decodes through diffusers.

Usage: python benchmarks/make_manifests.py

Needs torch and diffusers. Each model is built on torch's meta device from the configuration below,
so nothing is downloaded and no memory is needed. Configurations that differ from the class's own
defaults are those of diffusers' conversion scripts (scripts/convert_*_to_diffusers.py, Apache-2.0).
The result is vaehub/weights/manifests/*.json, which vaehub/weights/published.py reads.

Two files there are not written by this: mage-vae.json and seedvr2-video-vae.json list the tensors
of ComfyUI's MageVAE and SeedVR2 classes (commit 783545f), since diffusers has none for them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "vaehub" / "weights" / "manifests"

LTX_CONV = {
    "block_out_channels": [128, 256, 512, 512],
    "decoder_block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["LTXVideoDownBlock3D"] * 4,
    "layers_per_block": [4, 3, 3, 3, 4],
    "decoder_layers_per_block": [4, 3, 3, 3, 4],
    "spatio_temporal_scaling": [True, True, True, False],
    "decoder_spatio_temporal_scaling": [True, True, True, False],
    "decoder_inject_noise": [False] * 5,
    "downsample_type": ["conv"] * 4,
    "upsample_residual": [False] * 4,
    "upsample_factor": [1] * 4,
    "timestep_conditioning": False,
}
LTX_091 = LTX_CONV | {
    "decoder_block_out_channels": [256, 512, 1024],
    "decoder_layers_per_block": [5, 6, 7, 8],
    "decoder_spatio_temporal_scaling": [True] * 3,
    "decoder_inject_noise": [True, True, True, False],
    "upsample_residual": [True] * 3,
    "upsample_factor": [2] * 3,
    "timestep_conditioning": True,
}
LTX_095 = {
    "block_out_channels": [128, 256, 512, 1024, 2048],
    "down_block_types": ["LTXVideo095DownBlock3D"] * 4,
    "decoder_block_out_channels": [256, 512, 1024],
    "layers_per_block": [4, 6, 6, 2, 2],
    "decoder_layers_per_block": [5, 5, 5, 5],
    "spatio_temporal_scaling": [True] * 4,
    "decoder_spatio_temporal_scaling": [True] * 3,
    "decoder_inject_noise": [False] * 4,
    "downsample_type": ["spatial", "temporal", "spatiotemporal", "spatiotemporal"],
    "upsample_residual": [True] * 3,
    "upsample_factor": [2] * 3,
    "timestep_conditioning": True,
    "spatial_compression_ratio": 32,
    "temporal_compression_ratio": 8,
}
LTX2_20 = {
    "block_out_channels": [256, 512, 1024, 2048],
    "down_block_types": ["LTX2VideoDownBlock3D"] * 4,
    "decoder_block_out_channels": [256, 512, 1024],
    "layers_per_block": [4, 6, 6, 2, 2],
    "decoder_layers_per_block": [5, 5, 5, 5],
    "spatio_temporal_scaling": [True] * 4,
    "decoder_spatio_temporal_scaling": [True] * 3,
    "decoder_inject_noise": [False] * 4,
    "downsample_type": ["spatial", "temporal", "spatiotemporal", "spatiotemporal"],
    "upsample_type": ["spatiotemporal"] * 3,
    "upsample_residual": [True] * 3,
    "upsample_factor": [2] * 3,
    "timestep_conditioning": False,
    "encoder_spatial_padding_mode": "zeros",
    "decoder_spatial_padding_mode": "reflect",
    "spatial_compression_ratio": 32,
    "temporal_compression_ratio": 8,
}
LTX2_23 = LTX2_20 | {
    "block_out_channels": [256, 512, 1024, 1024],
    "decoder_block_out_channels": [256, 512, 512, 1024],
    "layers_per_block": [4, 6, 4, 2, 2],
    "decoder_layers_per_block": [4, 6, 4, 2, 2],
    "decoder_spatio_temporal_scaling": [True] * 4,
    "decoder_inject_noise": [False] * 5,
    "upsample_type": ["spatiotemporal", "spatiotemporal", "temporal", "spatial"],
    "upsample_residual": [False] * 4,
    "upsample_factor": [2, 2, 1, 2],
    "decoder_spatial_padding_mode": "zeros",
}
WAN22 = {
    "base_dim": 160,
    "z_dim": 48,
    "is_residual": True,
    "in_channels": 12,
    "out_channels": 12,
    "decoder_base_dim": 256,
    "scale_factor_temporal": 4,
    "scale_factor_spatial": 16,
    "patch_size": 2,
    # Only the normalisation around the model reads them (vaehub keeps its own); the class insists
    # on nothing, and 48 numbers more would be noise here.
    "latents_mean": [0.0] * 48,
    "latents_std": [1.0] * 48,
}
SANA = {
    "latent_channels": 32,
    "encoder_block_types": ["ResBlock"] * 3 + ["EfficientViTBlock"] * 3,
    "decoder_block_types": ["ResBlock"] * 3 + ["EfficientViTBlock"] * 3,
    "encoder_block_out_channels": [128, 256, 512, 512, 1024, 1024],
    "decoder_block_out_channels": [128, 256, 512, 512, 1024, 1024],
    "encoder_qkv_multiscales": [[], [], [], [5], [5], [5]],
    "decoder_qkv_multiscales": [[], [], [], [5], [5], [5]],
    "encoder_layers_per_block": [2, 2, 2, 3, 3, 3],
    "decoder_layers_per_block": [3, 3, 3, 3, 3, 3],
    "downsample_block_type": "conv",
    "upsample_block_type": "interpolate",
    "decoder_norm_types": "rms_norm",
    "decoder_act_fns": "silu",
    "scaling_factor": 0.41407,
}
HUNYUAN_IMAGE = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 64,
    "block_out_channels": [128, 256, 512, 512, 1024, 1024],
    "layers_per_block": 2,
    "spatial_compression_ratio": 32,
    "sample_size": 384,
    "scaling_factor": 0.75289,
    "downsample_match_channel": True,
    "upsample_match_channel": True,
}

# architecture: {variant: (class, configuration, families, channels, downscale, frames per latent)}
PUBLISHED: dict[str, dict[str, tuple[str, dict[str, Any], list[str], int, int, int]]] = {
    "autoencoder-dc": {"f32c32": ("AutoencoderDC", SANA, ["sana"], 32, 32, 1)},
    "autoencoder-kl-cogvideox": {
        "2b": ("AutoencoderKLCogVideoX", {}, ["cogvideox"], 16, 8, 4),
    },
    "autoencoder-kl-cosmos": {
        "cv8x8x8": ("AutoencoderKLCosmos", {}, ["cosmos"], 16, 8, 8),
    },
    "autoencoder-kl-hunyuan-image": {
        "2.1": ("AutoencoderKLHunyuanImage", HUNYUAN_IMAGE, ["hunyuan-image21"], 64, 32, 1),
    },
    "autoencoder-kl-hunyuan-image-refiner": {
        "2.1": ("AutoencoderKLHunyuanImageRefiner", {}, ["hunyuan-image21-refiner"], 32, 16, 4),
    },
    "autoencoder-kl-hunyuan-video": {
        "1.0": ("AutoencoderKLHunyuanVideo", {}, ["hunyuan-video"], 16, 8, 4),
    },
    "autoencoder-kl-hunyuan-video15": {
        "1.5": ("AutoencoderKLHunyuanVideo15", {}, ["hunyuan-video15"], 32, 16, 4),
    },
    "autoencoder-kl-ltx-video": {
        "0.9.0": ("AutoencoderKLLTXVideo", LTX_CONV, ["ltx"], 128, 32, 8),
        "0.9.1": ("AutoencoderKLLTXVideo", LTX_091, ["ltx"], 128, 32, 8),
        "0.9.5": ("AutoencoderKLLTXVideo", LTX_095, ["ltx"], 128, 32, 8),
    },
    "autoencoder-kl-ltx2-video": {
        "2.0": ("AutoencoderKLLTX2Video", LTX2_20, ["ltx2"], 128, 32, 8),
        "2.3": ("AutoencoderKLLTX2Video", LTX2_23, ["ltx2", "ltx25"], 128, 32, 8),
    },
    "autoencoder-kl-minimax-h3": {
        "h3": ("AutoencoderKLMiniMaxH3", {}, ["minimax-h3"], 24, 16, 4),
    },
    "autoencoder-kl-mochi": {"1": ("AutoencoderKLMochi", {}, ["mochi"], 12, 8, 6)},
    "autoencoder-kl-qwen-image21": {
        "2.1": ("AutoencoderKLQwenImage21", {}, ["qwen-image21"], 64, 16, 1),
    },
    "autoencoder-kl-wan": {"2.2": ("AutoencoderKLWan", WAN22, ["wan22"], 48, 16, 4)},
    "consistency-decoder": {"1": ("ConsistencyDecoderVAE", {}, ["sd1"], 4, 8, 1)},
}


def fold(tensors: dict[str, list[int]]) -> Any:
    """Nest names at their dots, and join numbered neighbours that are alike: ``"0-2"``."""
    if "" in tensors:
        return tensors[""]
    parts: dict[str, dict[str, list[int]]] = {}
    for name, shape in tensors.items():
        head, _, rest = name.partition(".")
        parts.setdefault(head, {})[rest] = shape
    folded: dict[str, Any] = {}
    for head, inside in parts.items():
        value = fold(inside)
        last = next(reversed(folded), "")
        first, _, end = last.partition("-")
        follows = head.isdigit() and first.isdigit() and int(end or first) + 1 == int(head)
        if follows and folded[last] == value:
            del folded[last]
            head = f"{first}-{head}"
        folded[head] = value
    return folded


def main() -> None:
    import diffusers
    import torch

    FOLDER.mkdir(exist_ok=True)
    for architecture, variants in PUBLISHED.items():
        body = {}
        for variant, (name, config, families, channels, downscale, frames) in variants.items():
            with torch.device("meta"):
                model = getattr(diffusers, name)(**config)
            shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
            body[variant] = {
                "class": name,
                "config": config,
                "families": families,
                "latent_channels": channels,
                "downscale": downscale,
                "temporal_downscale": frames,
                "image_channels": 4 if "QwenImage21" in name else 3,
                "tensors": fold(shapes),
            }
            count = sum(value.numel() for value in model.state_dict().values())
            print(f"{architecture} {variant}: {len(shapes)} tensors, {count:,} elements")
        text = json.dumps(body, separators=(",", ":"))
        (FOLDER / f"{architecture}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
