"""Cases of the small trained autoencoders: the one of the package, and TAEF2.

The trained ones are what figures are measured on: with random weights no picture comes back anyway.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from tests.smoke_cases import damages, sources
from tests.smoke_cases.case import Case, Files, Make, Truth, entry
from tests.smoke_cases.containers import (
    cast,
    prefixed,
    with_loss,
    write_checkpoint,
    write_safetensors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.smoke_cases.containers import Weights
    from vaehub.model import Entry
    from vaehub.smoke.report import Verdict

    Change = Callable[[Weights], Weights]
    After = Callable[[Path], None]

HASH = "the file's sha256 shows it; its numbers do not, nor does any picture"
BOTH = ("fp32", "bf16")
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
FACTOR = 0.5
OWN = entry("shipped", "own", factor=FACTOR)
TAEF2 = entry("taef2", "flux2", architecture="taesd", channels=32, factor=1.0, shift=0.0)


def _same(weights: Weights) -> Weights:
    return weights


def shipped_file(
    change: Change = _same,
    *,
    name: str = "vae.safetensors",
    dtype: str = "fp16",
    container: str = "safetensors",
    after: After | None = None,
    late: Change = _same,
) -> Make:
    """Give what writes the autoencoder of the package, changed.

    Args:
        change: done in fp32.
        name: of the file.
        dtype: what is written.
        container: ``safetensors``, ``zip``, ``legacy``; ``wrapped`` is a zip with a state_dict.
        after: done to the file.
        late: done in the type that is written.
    """

    def make(folder: Path) -> Files:
        path = folder / name
        weights = late(cast(change(sources.shipped()), DTYPES[dtype]))
        metadata = sources.shipped_metadata()
        if container == "safetensors":
            write_safetensors(path, weights, metadata)
        else:
            write_checkpoint(
                path,
                weights,
                metadata,
                wrapped=container == "wrapped",
                legacy=container == "legacy",
            )
        if after is not None:
            after(path)
        return ((path, name),)

    return make


def shipped_cases() -> Iterator[Case]:
    """Give the cases of the autoencoder that ships in the package."""
    lacking = sources.lacking(sources.SHIPPED)

    def case(
        what: str,
        truth: Truth,
        make: Make,
        codes: str = "",
        *,
        name: str = "",
        passed_as: Entry | None = OWN,
        cannot: str = "",
        verdicts: tuple[Verdict, ...] = (),
        dtypes: tuple[str, ...] = BOTH,
    ) -> Case:
        return Case(
            name=f"shipped, {name or what}",
            source="shipped",
            what=what,
            truth=truth,
            make=make,
            entry=passed_as,
            codes=frozenset(codes.split()),
            cannot_be_told=cannot,
            verdicts=frozenset(verdicts),
            dtypes=dtypes,
            lacking=lacking,
        )

    file = shipped_file
    for layout in ("ldm", "diffusers", "diffusers-old"):
        for dtype in DTYPES:
            change = partial(sources.renamed, layout=layout)
            yield case("sound", "sound", file(change, dtype=dtype), name=f"{layout} in {dtype}")
    for container, name in (("zip", "vae.pt"), ("legacy", "vae.ckpt"), ("wrapped", "vae.ckpt")):
        make = file(container=container, name=name)
        yield case("sound", "sound", make, name=f"{container} pickle")
    prefix = partial(prefixed, prefix="first_stage_model.")
    yield case("sound", "sound", file(prefix), "prefix", name="first_stage_model. before names")
    yield case("sound", "sound", file(with_loss), name="with the loss of its training")
    yield case("sound", "sound", file(), name="under no name", passed_as=None)
    loud = file(partial(damages.louder, times=3e4), dtype="fp32")
    yield case("sum of branches x 30,000", "too large for fp16", loud, "overflows-fp16")
    within = partial(damages.louder_within, place="decoder.up.1.block.0", times=3e5)
    yield case(
        "inside a branch x 300,000",
        "too large for fp16",
        file(within, dtype="fp32"),
        "overflows-fp16",
    )
    make = file(lambda w: damages.only(w, "decoder.", "post_quant_conv."))
    yield case("decoder only", "one half, on purpose", make, "no-encoder")
    make = file(lambda w: damages.only(w, "encoder.", "quant_conv."))
    yield case("encoder only", "damaged", make, "no-decoder")
    yield from _shipped_files(case)
    yield from _shipped_weights(case)
    yield from _shipped_names(case)


def _shipped_files(case: Callable[..., Case]) -> Iterator[Case]:
    """Damage the bytes of the file, or what is in it at all."""
    file = shipped_file
    for share in (0.001, 0.3, 0.9, 0.999):
        make = file(after=partial(damages.cut, share=share))
        yield case("cut off", "damaged", make, name=f"cut off after {share:.1%}")
    for container in ("zip", "legacy"):
        make = file(container=container, name="vae.pt", after=partial(damages.cut, share=0.6))
        yield case("cut off", "damaged", make, name=f"{container} pickle cut off after 60%")
    for place, first, last in (("head", 0, 0.2), ("middle", 0.45, 0.5), ("end", 0.9, 1)):
        make = file(partial(damages.without, first=first, last=last))
        yield case("tensors missing", "damaged", make, "missing", name=f"{place} missing")
    make = file(lambda w: damages.only(w, *[n for n in w if n != "decoder.conv_out.bias"]))
    yield case("tensors missing", "damaged", make, "missing", name="one bias missing")
    for share in (0.01, 0.1, 0.5):
        make = file(after=partial(damages.zero_tail, share=share))
        codes = "weights-zero-tail"
        yield case("tail zeroed", "damaged", make, codes, name=f"last {share:.0%} zeroed")
    for bit in (0, 6):
        make = file(container="zip", name="vae.pt", after=partial(damages.flip_in_file, share=0.5))
        what, name = "one bit flipped, zip pickle", f"bit {bit} of a byte flipped, zip pickle"
        yield case(what, "damaged", make, "weights-checksum", name=name)


def _shipped_weights(case: Callable[..., Case]) -> Iterator[Case]:
    """Damage the numbers."""
    file, silent = shipped_file, "every number is one that a sound file could have, and the "
    silent += "picture hardly changes; " + HASH
    for dtype in DTYPES:
        for bit in range(3):
            for seed in range(3):
                flip = partial(damages.flipped_exponents, bit=bit, seed=seed)
                what = "top exponent bit" if bit == 0 else "another exponent bit"
                name = f"exponent bit {bit} below the top flipped in {dtype}, {seed}"
                make = file(late=flip, dtype=dtype)
                yield case(f"{what} flipped", "damaged", make, name=name, cannot=silent)
    for count in (1, 100, 10_000):
        for seed in range(3 if count < 10_000 else 1):
            make = file(late=partial(damages.flipped_bits, count=count, seed=seed))
            what = f"{count:,} random bits flipped"
            cannot = silent if count == 1 else ""
            yield case(what, "damaged", make, name=f"{what}, {seed}", cannot=cannot)
    for name in ("decoder.up.2.block.0.conv1.weight", "encoder.down.1.block.0.conv2.weight"):
        make = file(partial(damages.put, name=name, value=0.0))
        cannot = "" if "conv1" in name else "a branch that adds nothing can be sound; " + HASH
        yield case("one tensor zeroed", "damaged", make, name=f"{name} zeroed", cannot=cannot)
    for value, code in ((float("nan"), "weights-nan"), (float("inf"), "weights-inf")):
        put = partial(damages.put, name="decoder.up.0.block.1.conv2.weight", value=value, at=77)
        yield case(f"one weight {value}", "damaged", file(put), code)
    swaps = (
        ("decoder.up.3.block.0", "decoder.up.3.block.1"),
        ("decoder.up.3.block.1", "decoder.mid.block_1"),
        ("decoder.up.2.block.0", "decoder.up.2.block.1"),
        ("decoder.up.1.block.0", "decoder.up.1.block.1"),
        ("decoder.up.0.block.1", "decoder.up.0.block.0"),
        ("decoder.mid.attn_1.q", "decoder.mid.attn_1.v"),
        ("decoder.mid.attn_1.q", "decoder.mid.attn_1.k"),
        ("decoder.mid.block_1", "decoder.mid.block_2"),
        ("encoder.mid.block_1", "encoder.mid.block_2"),
        ("encoder.mid.attn_1.k", "encoder.mid.attn_1.v"),
    )
    for one, other in swaps:
        make = file(partial(damages.swapped, one=one, other=other))
        what = "swapped in the middle" if ".mid." in one + other else "swapped in a level"
        yield case(what, "damaged", make, name=f"{one} and {other} swapped", cannot=silent)
    for what, pattern in (
        ("whole decoder random", r"decoder\."),
        ("whole encoder random", r"encoder\."),
        ("one level random", r"decoder\.up\.1\."),
        ("attention random", r"decoder\.mid\.attn_1\."),
    ):
        cannot = silent if "attention" in what else ""
        make = file(partial(damages.redrawn, pattern=pattern))
        yield case(what, "damaged", make, name=what, cannot=cannot)
    yield case("all random", "never trained", file(partial(damages.redrawn, pattern="")))


def _shipped_names(case: Callable[..., Case]) -> Iterator[Case]:
    """Pass it off as something else."""
    close = "factors that differ by less than threefold are not told apart by one picture"
    for what, factor in (("x 1.4", 1.4), ("missing", 1 / FACTOR), ("twice", FACTOR), ("x 5", 5.0)):
        passed = entry("shipped", "own", factor=FACTOR * factor)
        cannot, name = ("" if factor == 5 else close), f"scaling factor {what}"
        yield case(
            name, "wrong factors", shipped_file(), passed_as=passed, cannot=cannot, name=name
        )
    flux = entry("flux1-ae", "flux1", channels=16, factor=0.3611, shift=0.1159)
    yield case(
        "4 channels under a name of 16",
        "another family's",
        shipped_file(),
        "other-latents",
        passed_as=flux,
    )
    wan = entry("wan21-vae", "wan21", architecture="autoencoder-kl-wan", channels=16)
    yield case(
        "under a name of another architecture",
        "another family's",
        shipped_file(),
        "other-architecture",
        passed_as=wan,
    )
    name = "diffusion_pytorch_model.safetensors"
    yield case(
        "LDM's names under diffusers' file name", "sound", shipped_file(name=name), "layout-name"
    )
    make = shipped_file(late=partial(cast, dtype=torch.float8_e4m3fn), dtype="fp32")
    yield case("in fp8", "sound", make, "eight-bit")


def taef2_cases() -> Iterator[Case]:
    """Give the cases of TAEF2 as published: two files, fp16, in pickles."""
    lacking = sources.lacking(*sources.TAEF2.values())

    def case(
        what: str,
        truth: Truth,
        codes: str = "",
        *,
        name: str = "",
        halves: tuple[str, ...] = ("decoder", "encoder"),
        encoder: Change = _same,
        decoder: Change = _same,
        container: str = "safetensors",
        after: After | None = None,
        passed_as: Entry | None = TAEF2,
        cannot: str = "",
        dtypes: tuple[str, ...] = ("fp32",),
        factors: Change = _same,
    ) -> Case:
        changes = {"encoder": encoder, "decoder": decoder}

        def make(folder: Path) -> Files:
            made = []
            for half in halves:
                suffix = "safetensors" if container == "safetensors" else "pth"
                path = folder / f"taef2_{half}.{suffix}"
                weights = changes[half](sources.taef2(half))
                if container == "safetensors":
                    write_safetensors(path, weights)
                else:
                    write_checkpoint(path, weights, legacy=container == "legacy")
                if after is not None and half == "decoder":
                    after(path)
                made.append((path, path.name))
            return tuple(made)

        return Case(
            name=f"TAEF2, {name or what}",
            source="taef2",
            what=what,
            truth=truth,
            make=make,
            entry=passed_as,
            codes=frozenset(codes.split()),
            cannot_be_told=cannot,
            dtypes=dtypes,
            lacking=lacking,
        )

    for container in ("safetensors", "zip", "legacy"):
        yield case("sound", "sound", container=container, name=container, dtypes=BOTH)
    for dtype in ("fp32", "bf16"):
        change = partial(cast, dtype=DTYPES[dtype])
        name = f"in {dtype}"
        yield case("sound", "sound", encoder=change, decoder=change, name=name, dtypes=BOTH)
    yield case("sound", "sound", name="under no name", passed_as=None)
    yield case("decoder only", "one half, on purpose", halves=("decoder",))
    yield case("encoder only", "one half, on purpose", halves=("encoder",))
    loud = partial(damages.louder_between, place="8", times=1e6)
    what = "inside a branch x 1,000,000"
    yield case(
        what,
        "too large for fp16",
        "overflows-fp16",
        decoder=lambda weights: loud(cast(weights, torch.float32)),
        dtypes=BOTH,
    )
    taesd = entry("taesd", "sd1", architecture="taesd", factor=1.0)
    yield case("FLUX.2's under SD1's name", "another family's", "other-latents", passed_as=taesd)
    cut = partial(damages.cut, share=0.7)
    yield case("cut off", "damaged", "container", after=cut)
    yield case("cut off", "damaged", "container", after=cut, container="zip", name="zip cut off")
    for share in (0.01, 0.1, 0.5):
        tail = partial(damages.zero_tail, share=share)
        name = f"last {share:.0%} of the decoder zeroed"
        yield case("tail zeroed", "damaged", "weights-zero-tail", after=tail, name=name)
    gone = partial(damages.without, first=0.4, last=0.5)
    yield case("tensors missing", "damaged", "missing", decoder=gone)
    random = partial(damages.redrawn, pattern="")
    yield case("whole decoder random", "damaged", decoder=random)
    yield case("whole encoder random", "damaged", encoder=random)
    yield case("decoder only, random", "never trained", decoder=random, halves=("decoder",))
    level = partial(damages.redrawn, pattern=r"(8|9|10)\.")
    yield case("one level random", "damaged", decoder=level)
    swap = partial(damages.swapped, one="3.", other="13.")
    yield case("swapped in a level", "damaged", decoder=swap)
    silent = "every number is one that a sound file could have; " + HASH
    for seed in range(12):
        flip = partial(damages.flipped_exponents, seed=seed)
        name = f"top exponent bit flipped, {seed}"
        yield case("top exponent bit flipped", "damaged", decoder=flip, name=name, cannot=silent)
    for count in (1, 100, 10_000):
        for seed in range(3):
            flip = partial(damages.flipped_bits, count=count, seed=seed)
            what, cannot = f"{count:,} random bits flipped", silent if count == 1 else ""
            yield case(what, "damaged", decoder=flip, name=f"{what}, {seed}", cannot=cannot)
    nan = partial(damages.put, name="3.conv.0.weight", value=float("nan"), at=5)
    yield case("one weight nan", "damaged", "weights-nan", decoder=nan)
    zero = partial(damages.put, name="8.conv.2.weight", value=0.0)
    yield case("one tensor zeroed", "damaged", "weights-zero", decoder=zero)
