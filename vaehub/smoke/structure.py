"""What names, shapes and types alone say of a file, before anything is decoded.

Needs no torch: this half of the smoke test runs wherever vaehub does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import NotAModel, UnsafePickle
from vaehub.smoke.report import Reason
from vaehub.weights.architectures import alike, examine
from vaehub.weights.found import Found
from vaehub.weights.heads import HEAD_BYTES, refuse_head
from vaehub.weights.tensors import kind_of, read_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vaehub.model import Entry
    from vaehub.smoke.report import Verdict
    from vaehub.weights.bare import Bare
    from vaehub.weights.tensors import Tensors

_PAIRED = frozenset({"taesd", "taehv"})
"""Architectures whose encoder and decoder go around as two files."""
_PACKED = frozenset({"I8", "U8", "F4", "F6_E2M3", "F6_E3M2", "I32", "U32"})
"""Types in which only quantised weights are kept."""
_SCALES = (
    *(".weight_scale", ".scale_weight", ".weight_scale_2", ".input_scale", ".absmax"),
    *(".quant_map", ".quant_state.bitsandbytes__nf4", ".qweight", ".qzeros", ".scales"),
)
"""Ends of names that stand beside quantised weights: compressed-tensors, ComfyUI, bitsandbytes,
GPTQ."""

_EIGHT_BIT = frozenset({"F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"})
_DIFFUSERS_FILE = "diffusion_pytorch_model."
"""What diffusers calls the file in a model's folder."""


class Part(NamedTuple):
    """One file of a VAE, as far as it can be seen without torch."""

    path: Path
    name: str
    tensors: Tensors | None = None
    inside: Bare | None = None
    found: Found | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def is_condemned(self) -> bool:
        """Whether there is no need to decode it."""
        return any(reason.verdict is not None for reason in self.reasons)


def look(path: Path, *, name: str | None = None, entry: Entry | None = None) -> Part:
    """Look at a file of weights.

    Args:
        path: Where it lies.
        name: The name whose suffix says what it should be, and what messages call it.
        entry: What it should be, where that is known.

    Raises:
        OSError: the file cannot be read.
    """
    name = name or path.name
    part = Part(path, name)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            size = file.seek(0, 2)
        refuse_head(head, name=name, size=size)
    except NotAModel as error:
        # Cut off within its header: the beginning of a model, and no model.
        verdict: Verdict = "damaged" if "cut off" in error.message else "not-a-vae"
        return part._replace(reasons=(Reason("not-a-model", error.message, verdict),))
    try:
        tensors = read_tensors(path, name=name)
    except UnsafePickle as error:
        return part._replace(reasons=(Reason("unsafe-pickle", error.message, "not-a-vae"),))
    except NotAModel as error:
        if kind_of(head, name=name) is None:  # nothing says that it ever was one
            return part._replace(reasons=(Reason("not-a-model", error.message, "not-a-vae"),))
        return part._replace(reasons=(Reason("container", error.message, "damaged"),))
    shapes = {key: stored.shape for key, stored in tensors.stored.items()}
    facts = entry.smoke if entry is not None else None
    likely = facts.architecture if facts is not None else None
    inside, found = examine(shapes, likely=likely)
    part = part._replace(tensors=tensors, inside=inside)
    packed = quantised(tensors, inside)
    if packed is not None:
        return part._replace(reasons=(packed,))
    if inside.checkpoint:
        return part._replace(
            reasons=(
                Reason(
                    "checkpoint",
                    f"this is a whole checkpoint; a VAE is baked into it as {inside.prefix}*",
                    "not-a-vae",
                ),
            )
        )
    if not isinstance(found, Found):
        return part._replace(reasons=(Reason("unknown", found.message, "not-a-vae"),))
    reasons = (
        *complete(found, inside),
        *_expected(found, entry),
        *_worth_a_word(found, part),
    )
    return part._replace(found=found, reasons=reasons)


def together(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Take files for one VAE: what one of them lacks another may have."""
    halves = {part.found.half for part in parts if part.found is not None}
    if not {"encoder", "decoder"} <= halves:
        return tuple(parts)
    return tuple(
        part._replace(
            reasons=tuple(
                reason for reason in part.reasons if reason.code not in {"no-decoder", "no-encoder"}
            )
        )
        for part in parts
    )


def quantised(tensors: Tensors, inside: Bare) -> Reason | None:
    """Say so where the weights are packed as no UI reads a VAE's."""
    packed = [
        name
        for name in inside.shapes
        if (stored := tensors.stored[inside.original(name)]).dtype in _PACKED
        and len(stored.shape) >= 2
    ]
    scaled = [name for name in inside.shapes if name.endswith(_SCALES)]
    if not packed and not scaled:
        return None
    which = (packed or scaled)[0]
    return Reason(
        "quantised",
        f"the weights are quantised ({which} and {len(packed) + len(scaled) - 1} more): "
        "no UI decodes with such a file; take the one in fp16, bf16 or fp32",
        "not-a-vae",
    )


def complete(found: Found, inside: Bare) -> Iterator[Reason]:
    """Hold what was found against its manifest: what is missing, misshapen, or beside it."""
    difference = found.difference(inside.shapes)
    if difference.missing:
        groups = difference.missing_groups
        yield Reason(
            "missing",
            f"{len(difference.missing)} of {len(found.manifest)} tensors are missing: "
            f"{_listed(groups)}; UIs that load such a file say nothing and paint black or noise",
            "damaged",
        )
    if difference.misshapen:
        which = [
            f"{one.name} is {list(one.found)}, not {list(one.expected)}"
            for one in difference.misshapen
        ]
        yield Reason("misshapen", f"tensors of another shape: {_listed(which)}", "damaged")
    if difference.unexpected:
        groups = difference.unexpected_groups
        yield Reason("unexpected", f"beside the VAE there is {_listed(groups)}; left aside")
    if found.half == "encoder" and found.architecture not in _PAIRED:
        yield Reason(
            "no-decoder",
            "only the encoder is here: nothing can be decoded with it",
            "damaged",
        )
    if found.half == "decoder" and found.architecture not in _PAIRED:
        yield Reason(
            "no-encoder",
            "only the decoder is here: good for txt2img, not for img2img and inpainting",
        )
    if inside.prefix:
        yield Reason(
            "prefix",
            f"every name begins with {inside.prefix}: AUTOMATIC1111's family and ComfyUI strip "
            "some such prefixes, Forge's strict loader does not",
        )


def _expected(found: Found, entry: Entry | None) -> Iterator[Reason]:
    """Hold what was found against what the name promises."""
    facts = entry.smoke if entry is not None else None
    if entry is None or facts is None:
        return
    promised = facts.architecture
    if promised is not None and found.architecture not in alike(promised):
        yield Reason(
            "other-architecture",
            f"{entry.id} is {promised} ({entry.family}); this file is {found.architecture}",
            "wrong-family",
        )
        return
    for what, expected, got in (
        ("latent channels", facts.latent_channels, found.latent_channels),
        ("pixels per latent cell", facts.downscale, found.downscale),
    ):
        if expected is not None and expected != got:
            yield Reason(
                "other-latents",
                f"{entry.id} has {expected} {what} ({entry.family}); this file has {got}",
                "wrong-family",
            )


def _worth_a_word(found: Found, part: Part) -> Iterator[Reason]:
    """Say what works here and may not everywhere."""
    assert part.tensors is not None
    kept = [stored.dtype for stored in part.tensors.stored.values()]
    eight_bit = next((dtype for dtype in kept if dtype in _EIGHT_BIT), None)
    if eight_bit is not None:
        yield Reason(
            "eight-bit",
            f"weights are kept in 8 bits ({eight_bit}), and with few steps between: every UI "
            "has to cast them up, and pictures come out coarser; take the file in fp16 or bf16",
        )
    if part.name.startswith(_DIFFUSERS_FILE) and found.layout == "ldm":
        yield Reason(
            "layout-name",
            f"{part.name} is the name that diffusers gives its files, and the tensors have LDM's "
            "names: a pipeline of diffusers finds none of them, says nothing and paints noise; "
            "give it another name and load it with AutoencoderKL.from_single_file",
        )


def _listed(items: tuple[str, ...] | list[str]) -> str:
    more = len(items) - 4
    return ", ".join(items[:4]) + (f" and {more} more" if more > 0 else "")
