"""Cases that names, shapes and types alone tell: of every published autoencoder, and of no VAE.

Their files are headers with nothing behind but a hole, so that hundreds of full size cost nothing;
a case whose tensors would be read does not belong here.
"""

from __future__ import annotations

import json
import math
import pickle
import random
from functools import partial
from typing import TYPE_CHECKING

from tests.smoke_cases.case import Case, Files, Make, Truth, entry
from tests.weights.manifests import SD1, samples
from vaehub.weights import kl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from vaehub.model import Entry
    from vaehub.weights.compare import Shapes

Typed = dict[str, tuple[str, tuple[int, ...]]]
_BYTES = {"F32": 4, "F16": 2, "I8": 1, "U8": 1, "I32": 4}


def hollow(path: Path, tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
    """Write a safetensors file whose tensors are a hole."""
    header, at = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = math.prod(shape) * _BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + at)


def typed(shapes: Shapes, dtype: str = "F16") -> Typed:
    """Give every tensor the same type."""
    return {name: (dtype, shape) for name, shape in shapes.items()}


def _hollow_file(tensors: Callable[[], Typed], name: str, folder: Path) -> Files:
    hollow(folder / name, tensors())
    return ((folder / name, name),)


def _file(tensors: Callable[[], Typed], name: str = "vae.safetensors") -> Make:
    return partial(_hollow_file, tensors, name)


def _case(
    name: str, what: str, truth: Truth, make: Make, codes: str = "", *, entry: Entry | None = None
) -> Case:
    return Case(name, "names and shapes", what, truth, make, entry, frozenset(codes.split()))


def cases() -> Iterator[Case]:
    """Give all of them."""
    yield from missing_cases()
    yield from family_cases()
    yield from other_models()
    yield from other_bytes()


def missing_cases() -> Iterator[Case]:
    """Take tensors from the head, the middle and the end of every published autoencoder."""
    for name, shapes in samples().items():
        names = list(shapes)
        # A lone tensor of the end may be a statistic that no decoder reads.
        stretches = {
            "head": names[: len(names) // 8],
            "middle": names[len(names) // 2 : len(names) // 2 + 6],
            "end": names[-6:],
        }
        for place, gone in stretches.items():
            left = typed({n: s for n, s in shapes.items() if n not in set(gone)})
            make = _file(partial(dict, left))
            yield _case(f"{name}, {place} missing", "tensors missing", "damaged", make, "missing")
        wide = max(names, key=lambda n: math.prod(shapes[n]))
        first, *rest = shapes[wide]
        other = typed({**shapes, wide: (first + 8, *rest)})
        make = _file(partial(dict, other))
        yield _case(f"{name}, {wide} wider", "misshapen", "damaged", make, "misshapen")
    sd1 = kl.manifest(SD1, layout="ldm")
    level = {n: s for n, s in sd1.items() if not n.startswith("decoder.up.1.")}
    make = _file(partial(typed, level))
    yield _case(
        "sd1, decoder.up.1 missing", "tensors missing", "damaged", make, "missing", entry=_SD1
    )
    half = kl.manifest(SD1, layout="diffusers", half="encoder")
    make = _file(partial(typed, half))
    yield _case("sd1, encoder only", "encoder only", "damaged", make, "no-decoder")


_SD1 = entry("vae-ft-mse-840000", "sd1", factor=0.18215)
_SDXL = entry("sdxl-vae", "sdxl", factor=0.13025)
_FLUX1 = entry("flux1-ae", "flux1", channels=16, factor=0.3611, shift=0.1159)
_FLUX2 = entry("flux2-vae", "flux2", architecture="autoencoder-kl-flux2", channels=32)
_WAN = entry("wan21-vae", "wan21", architecture="autoencoder-kl-wan", channels=16)
_TAESD = entry("taesd", "sd1", architecture="taesd", factor=1.0)
_TAEF1 = entry("taef1", "flux1", architecture="taesd", channels=16, factor=1.0)


def family_cases() -> Iterator[Case]:
    """Pass each of some families off as another whose shapes differ."""
    known = samples()
    passed: tuple[tuple[str, Entry], ...] = (
        ("sd1 ldm", _FLUX1),
        ("sd1 ldm", _TAESD),
        ("sd1 diffusers", _WAN),
        ("flux1 ldm", _SD1),
        ("flux1 diffusers", _SDXL),
        ("flux1 ldm", _FLUX2),
        ("flux2 diffusers", _FLUX1),
        ("wan native", _SDXL),
        ("wan diffusers", _FLUX1),
        ("taesd 4 8 taesd {}.", _SD1),
        ("taesd 4 8 taesd {}.", _TAEF1),
        ("taesd 16 8 diffusers {}.", _TAESD),
        ("paella native", _SD1),
    )
    for name, other in passed:
        make = _file(partial(typed, known[name]))
        title = f"{name} under the name {other.id}"
        yield _case(title, "another family's", "another family's", make, entry=other)


def other_models() -> Iterator[Case]:
    """Give what people put into a VAE folder."""
    width = 320
    block = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
    lora = {
        f"lora_unet_{block.replace('.', '_')}_to_q.lora_{way}.weight": shape
        for way, shape in (("down", (8, width)), ("up", (width, 8)))
    }
    peft = {f"transformer.{block}.to_q.lora_{way}.weight": (8, 8) for way in "AB"}
    unet = {
        "model.diffusion_model.input_blocks.0.0.weight": (width, 4, 3, 3),
        "model.diffusion_model.output_blocks.0.0.in_layers.0.weight": (1280,),
        "model.diffusion_model.out.2.weight": (4, width, 3, 3),
    }
    diffusers_unet = {
        "conv_in.weight": (width, 4, 3, 3),
        "time_embedding.linear_1.weight": (1280, width),
        "down_blocks.0.resnets.0.conv1.weight": (width, width, 3, 3),
        "up_blocks.0.resnets.0.conv1.weight": (1280, 2560, 3, 3),
    }
    flux = {
        "double_blocks.0.img_attn.qkv.weight": (9216, 3072),
        "single_blocks.0.linear1.weight": (21504, 3072),
        "img_in.weight": (3072, 64),
    }
    clip = {
        "text_model.embeddings.token_embedding.weight": (49408, 768),
        "text_model.encoder.layers.0.self_attn.q_proj.weight": (768, 768),
    }
    t5 = {
        "shared.weight": (32128, 4096),
        "encoder.block.0.layer.0.SelfAttention.q.weight": (4096, 4096),
    }
    vae = kl.manifest(SD1, layout="ldm")
    inside = {f"first_stage_model.{name}": shape for name, shape in vae.items()}
    whole = {**unet, **inside, "cond_stage_model.transformer.text_model.final.weight": (768,)}
    kinds: tuple[tuple[str, Shapes, str], ...] = (
        ("a LoRA", lora, "unknown"),
        ("a LoRA of PEFT's", peft, "unknown"),
        ("a UNet in LDM's names", unet, "unknown"),
        ("a UNet in diffusers' names", diffusers_unet, "unknown"),
        ("a transformer", flux, "unknown"),
        ("a CLIP text encoder", clip, "unknown"),
        ("a T5 text encoder", t5, "unknown"),
        ("a whole checkpoint", whole, "checkpoint"),
    )
    for name, shapes, code in kinds:
        make = _file(partial(typed, shapes))
        yield _case(f"{name} given as a VAE", "another model", "not a VAE", make, code, entry=_SD1)
    scaled = typed(vae, "F16")
    for name, shape in vae.items():
        if len(shape) == 4:
            scaled[name] = ("I8", shape)
            scaled[f"{name}_scale"] = ("F32", (shape[0],))
    packed = {
        name: ("U8", (math.prod(shape) // 2, 1)) if len(shape) == 4 else ("F16", shape)
        for name, shape in vae.items()
    }
    packed["decoder.conv_in.weight.absmax"] = ("F32", (288,))
    packed["decoder.conv_in.weight.quant_map"] = ("F32", (16,))
    for name, tensors in (("int8 with scales", scaled), ("4 bits of bitsandbytes", packed)):
        make = _file(partial(dict, tensors))
        yield _case(f"quantised, {name}", "quantised", "not a VAE", make, "quantised", entry=_SD1)


def other_bytes() -> Iterator[Case]:
    """Give what hosts and disks leave under a VAE's name."""
    page = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Log in</body></html>"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64
    pointer += b"\nsize 334643276\n"
    noise = random.Random(1).randbytes(50_000)
    kinds = {
        "an empty file": b"",
        "a web page": page,
        "a Git LFS pointer": pointer,
        "a JSON message": b'{"error": "Repository not found"}',
        "random bytes": noise,
        "zeros": bytes(50_000),
        "a picture": b"\x89PNG\r\n\x1a\n" + noise,
    }
    for name, data in kinds.items():
        for suffix in ("safetensors", "pt"):
            title = f"{name} as .{suffix}"
            make = partial(_bytes_file, data, f"vae.{suffix}")
            yield _case(title, "no model", "not a VAE", make, "not-a-model", entry=_SD1)
    evil = pickle.dumps(print, protocol=2)
    make = partial(_bytes_file, evil, "vae.pt")
    yield _case("a pickle that names a function", "no model", "not a VAE", make, "unsafe-pickle")


def _bytes_file(data: bytes, name: str, folder: Path) -> Files:
    (folder / name).write_bytes(data)
    return ((folder / name, name),)
