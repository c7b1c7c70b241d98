"""Cases of TAEF2 as published: two files, fp16, in pickles; trained on real pictures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from tests.smoke_cases import damages, sources
from tests.smoke_cases.case import Case, Files, Truth, entry
from tests.smoke_cases.containers import cast, write_checkpoint, write_safetensors
from tests.smoke_cases.shared import BIT, BOTH, CLOSE, DTYPES, ONE_BLOCK, same

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.smoke_cases.shared import After, Change
    from vaehub.model import Entry
    from vaehub.smoke.report import Verdict

TAEF2 = entry("taef2", "flux2", architecture="taesd", channels=32, factor=1.0, shift=0.0)


def cases() -> Iterator[Case]:
    """Give the cases of TAEF2 as published: two files, fp16, in pickles."""
    lacking = sources.lacking(*sources.TAEF2.values())

    def case(
        what: str,
        truth: Truth,
        codes: str = "",
        *,
        name: str = "",
        halves: tuple[str, ...] = ("decoder", "encoder"),
        encoder: Change = same,
        decoder: Change = same,
        container: str = "safetensors",
        after: After | None = None,
        passed_as: Entry | None = TAEF2,
        cannot: str = "",
        verdicts: tuple[Verdict, ...] = (),
        dtypes: tuple[str, ...] = ("fp32",),
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
            verdicts=frozenset(verdicts),
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
    for seed in range(12):
        flip = partial(damages.flipped_exponents, seed=seed)
        name = f"top exponent bit flipped, {seed}"
        yield case("top exponent bit flipped", "damaged", decoder=flip, name=name, cannot=BIT)
    for count in (1, 100, 10_000):
        for seed in range(3):
            flip = partial(damages.flipped_bits, count=count, seed=seed)
            what, cannot = f"{count:,} random bits flipped", BIT if count == 1 else ""
            yield case(what, "damaged", decoder=flip, name=f"{what}, {seed}", cannot=cannot)
    for number in (3, 4, 5, 8, 9, 10, 13, 14, 15, 18):
        block = partial(damages.redrawn, pattern=rf"{number}\.conv\.", seed=101)
        name = f"decoder block {number} random"
        yield case(ONE_BLOCK, "damaged", decoder=block, name=name, cannot=CLOSE)
    for number in (1, 3, 4, 5, 7, 8, 9, 11, 12, 13):
        block = partial(damages.redrawn, pattern=rf"{number}\.conv\.", seed=101)
        name = f"encoder block {number} random"
        # What one of them does to the colours is told as washed out, and it is that too.
        either: tuple[Verdict, ...] = ("damaged", "washed-out")
        yield case(ONE_BLOCK, "damaged", encoder=block, name=name, cannot=CLOSE, verdicts=either)
    nan = partial(damages.put, name="3.conv.0.weight", value=float("nan"), at=5)
    yield case("one weight nan", "damaged", "weights-nan", decoder=nan)
    zero = partial(damages.put, name="8.conv.2.weight", value=0.0)
    yield case("one tensor zeroed", "damaged", "weights-zero", decoder=zero)
