"""Cases of the autoencoder that ships in the package, which is small and trained.

The trained ones are what figures are measured on: with random weights no picture comes back anyway.
"""

from __future__ import annotations

import re
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
from tests.smoke_cases.shared import BIT, BOTH, CLOSE, DTYPES, HASH, ONE_BLOCK, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.smoke_cases.shared import After, Change
    from vaehub.model import Entry
    from vaehub.smoke.report import Verdict

FACTOR = sources.shipped_factor()
OWN = entry("shipped", "own", factor=FACTOR)


def written(
    change: Change = same,
    *,
    name: str = "vae.safetensors",
    dtype: str = "fp16",
    container: str = "safetensors",
    after: After | None = None,
    late: Change = same,
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


def cases() -> Iterator[Case]:
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

    file = written
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
    yield from _files(case)
    yield from _weights(case)
    yield from _names(case)


def _files(case: Callable[..., Case]) -> Iterator[Case]:
    """Damage the bytes of the file, or what is in it at all."""
    file = written
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


def _weights(case: Callable[..., Case]) -> Iterator[Case]:
    """Damage the numbers."""
    file = written
    for dtype in DTYPES:
        for bit in range(3):
            for seed in range(3):
                flip = partial(damages.flipped_exponents, bit=bit, seed=seed)
                what = "top exponent bit" if bit == 0 else "another exponent bit"
                name = f"exponent bit {bit} below the top flipped in {dtype}, {seed}"
                make = file(late=flip, dtype=dtype)
                yield case(f"{what} flipped", "damaged", make, name=name, cannot=BIT)
    for count in (1, 100, 10_000):
        for seed in range(3 if count < 10_000 else 1):
            make = file(late=partial(damages.flipped_bits, count=count, seed=seed))
            what = f"{count:,} random bits flipped"
            cannot = BIT if count == 1 else ""
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
        yield case(what, "damaged", make, name=f"{one} and {other} swapped", cannot=CLOSE)
    for what, pattern in (
        ("whole decoder random", r"decoder\."),
        ("whole encoder random", r"encoder\."),
        ("one level random", r"decoder\.up\.1\."),
        ("attention random", r"decoder\.mid\.attn_1\."),
    ):
        cannot = CLOSE if "attention" in what else ""
        make = file(partial(damages.redrawn, pattern=pattern))
        yield case(what, "damaged", make, name=what, cannot=cannot)
    yield case("all random", "never trained", file(partial(damages.redrawn, pattern="")))
    places = [f"decoder.up.{level}.block.{block}" for level in range(4) for block in range(2)]
    places += [f"encoder.down.{level}.block.0" for level in range(4)]
    for place in places:
        make = file(partial(damages.redrawn, pattern=re.escape(place) + r"\.", seed=101))
        name = f"{place} random"
        yield case(ONE_BLOCK, "damaged", make, name=name, cannot=CLOSE)


def _names(case: Callable[..., Case]) -> Iterator[Case]:
    """Pass it off as something else."""
    close = "factors that differ by less than twofold are not told apart by one picture"
    for what, factor in (("x 1.4", 1.4), ("missing", 1 / FACTOR), ("twice", FACTOR), ("x 5", 5.0)):
        passed = entry("shipped", "own", factor=FACTOR * factor)
        cannot, name = ("" if factor == 5 else close), f"scaling factor {what}"
        yield case(name, "wrong factors", written(), passed_as=passed, cannot=cannot, name=name)
    flux = entry("flux1-ae", "flux1", channels=16, factor=0.3611, shift=0.1159)
    yield case(
        "4 channels under a name of 16",
        "another family's",
        written(),
        "other-latents",
        passed_as=flux,
    )
    wan = entry("wan21-vae", "wan21", architecture="autoencoder-kl-wan", channels=16)
    yield case(
        "under a name of another architecture",
        "another family's",
        written(),
        "other-architecture",
        passed_as=wan,
    )
    name = "diffusion_pytorch_model.safetensors"
    yield case("LDM's names under diffusers' file name", "sound", written(name=name), "layout-name")
    make = written(late=partial(cast, dtype=torch.float8_e4m3fn), dtype="fp32")
    yield case("in fp8", "sound", make, "eight-bit")
