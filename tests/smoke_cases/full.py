"""Cases of full size: sound ones worked out by hand, and random ones of each architecture.

Of random weights, all that can be told is that they are complete, and that no picture comes back.
Each case takes seconds and hundreds of megabytes; one lies on the disk at a time.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from tests.smoke_cases import damages, sources
from tests.smoke_cases.built import built
from tests.smoke_cases.case import Case, Files, Make, Truth, entry
from tests.smoke_cases.containers import (
    cast,
    prefixed,
    with_loss,
    write_checkpoint,
    write_safetensors,
)
from tests.smoke_cases.shared import DTYPES
from tests.weights.manifests import FLUX1, SD1, samples
from vaehub.weights import kl, sequential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.smoke_cases.containers import Weights
    from tests.smoke_cases.shared import After, Change
    from vaehub.model import Entry
    from vaehub.smoke.report import Verdict
    from vaehub.weights.compare import Shapes

SIZES = {"sd1": SD1, "sdxl": SD1, "sd3": FLUX1, "flux1": FLUX1}
ENTRIES = {
    "sd1": entry("vae-ft-mse-840000", "sd1", factor=0.18215),
    "sdxl": entry("sdxl-vae", "sdxl", factor=0.13025),
    "sd3": entry("sd3-vae", "sd3", channels=16, factor=1.5305, shift=0.0609),
    "flux1": entry("flux1-ae", "flux1", channels=16, factor=0.3611, shift=0.1159),
}
CLOSE = "the spread of one picture's latents does not tell factors that differ by 1.4"
RANDOM = "random latents decode to something, and nothing is on record that it should be"


@lru_cache(maxsize=1)
def _sound(family: str) -> Weights:
    return built(SIZES[family], family)


def cases() -> Iterator[Case]:
    """Give all of them."""
    yield from built_cases()
    yield from built_damages()
    yield from random_cases()


def _write(
    make: Callable[[], Weights], name: str, dtype: str, container: str, after: After | None
) -> Make:
    def write(folder: Path) -> Files:
        path, weights = folder / name, cast(make(), DTYPES[dtype])
        if container == "safetensors":
            write_safetensors(path, weights)
        else:
            write_checkpoint(
                path, weights, wrapped=container == "wrapped", legacy=container == "legacy"
            )
        if after is not None:
            after(path)
        return ((path, name),)

    return write


def _built(
    family: str,
    what: str,
    truth: Truth,
    codes: str = "",
    *,
    change: Change | None = None,
    name: str = "",
    file: str = "vae.safetensors",
    dtype: str = "fp16",
    container: str = "safetensors",
    after: After | None = None,
    passed_as: Entry | None = None,
    cannot: str = "",
    verdicts: tuple[Verdict, ...] = (),
    dtypes: tuple[str, ...] = ("fp32",),
) -> Case:
    def make() -> Weights:
        weights = _sound(family)
        return change(weights) if change is not None else weights

    return Case(
        name=f"built {family}, {name or what}",
        source="built",
        what=what,
        truth=truth,
        make=_write(make, file, dtype, container, after),
        entry=passed_as or ENTRIES[family],
        codes=frozenset(codes.split()),
        cannot_be_told=cannot,
        verdicts=frozenset(verdicts),
        dtypes=dtypes,
        is_large=True,
    )


def built_cases() -> Iterator[Case]:
    """Give sound ones, in each layout and container, and passed off as each other."""
    for family in SIZES:
        dtypes = ("fp32", "bf16") if family in {"sd1", "flux1"} else ("fp32",)
        yield _built(family, "sound", "sound", name="ldm in fp16", dtypes=dtypes)
    for layout, dtype in (("diffusers", "fp32"), ("diffusers-old", "bf16")):
        change = partial(sources.renamed, layout=layout)
        name = f"{layout} in {dtype}"
        yield _built("sd1", "sound", "sound", change=change, dtype=dtype, name=name)
    change = partial(sources.renamed, layout="diffusers")
    yield _built("flux1", "sound", "sound", change=change, dtype="bf16", name="diffusers in bf16")

    def wrapped(weights: Weights) -> Weights:
        return with_loss(prefixed(weights, "first_stage_model."))

    for container, file in (("zip", "vae.pt"), ("legacy", "vae.pt"), ("wrapped", "vae.ckpt")):
        yield _built(
            "sd1",
            "sound",
            "sound",
            change=wrapped if container == "wrapped" else None,
            file=file,
            container=container,
            name=f"{container} pickle",
        )
    diffusers_file = "diffusion_pytorch_model.safetensors"
    what = "LDM's names under diffusers' file name"
    yield _built("sd1", what, "sound", "layout-name", file=diffusers_file)
    for family, other in (("sdxl", "sd1"), ("sd1", "sdxl"), ("flux1", "sd3"), ("sd3", "flux1")):
        yield _built(
            family,
            "another family's",
            "another family's",
            name=f"under the name {ENTRIES[other].id}",
            passed_as=ENTRIES[other],
            # SD3's and FLUX.1's colours are much alike; their factors differ fourfold.
            verdicts=("wrong-family", "washed-out") if "flux1" in {family, other} else (),
        )
    for what, factor in (("missing", 1.0), ("twice", 0.18215**2), ("x 1.4", 0.18215 / 1.4)):
        yield _built(
            "sd1",
            f"scaling factor {what}",
            "wrong factors",
            "" if "1.4" in what else "factors",
            passed_as=entry("vae-ft-mse-840000", "sd1", factor=factor),
            cannot=CLOSE if "1.4" in what else "",
        )
    loud = partial(damages.louder, times=3e4)
    what, code = "sum of branches x 30,000", "overflows-fp16"
    truth: Truth = "too large for fp16"
    yield _built(
        "sdxl", what, truth, code, change=loud, dtype="fp32", dtypes=("fp32", "bf16"), name=what
    )
    yield _built(
        "sd1",
        "decoder only",
        "one half, on purpose",
        "no-encoder",
        change=lambda w: damages.only(w, "decoder.", "post_quant_conv."),
    )


def built_damages() -> Iterator[Case]:
    """Damage an SD1."""
    for share in (0.01, 0.1, 0.5):
        after = partial(damages.zero_tail, share=share)
        name = f"last {share:.0%} zeroed"
        yield _built("sd1", "tail zeroed", "damaged", "weights-zero-tail", after=after, name=name)
    after = partial(damages.cut, share=0.97)
    yield _built("sd1", "cut off", "damaged", "container", after=after)
    for value, code in ((float("nan"), "weights-nan"), (float("inf"), "weights-inf")):
        put = partial(damages.put, name="decoder.up.0.block.1.conv2.weight", value=value, at=77)
        yield _built("sd1", f"one weight {value}", "damaged", code, change=put)
    zero = partial(damages.put, name="decoder.up.1.block.0.conv1.weight", value=0.0)
    yield _built("sd1", "one tensor zeroed", "damaged", "weights-zero", change=zero)
    for what, pattern in (
        ("whole decoder random", r"decoder\."),
        ("whole encoder random", r"encoder\."),
        ("one level random", r"decoder\.up\.1\."),
    ):
        yield _built("sd1", what, "damaged", change=partial(damages.redrawn, pattern=pattern))
    for dtype in DTYPES:

        def flip(weights: Weights, dtype: str = dtype) -> Weights:
            return damages.flipped_exponents(cast(weights, DTYPES[dtype]), seed=4)

        what, name = "top exponent bit flipped", f"top exponent bit flipped in {dtype}"
        yield _built("sd1", what, "damaged", change=flip, dtype=dtype, name=name)
    after = partial(damages.flip_in_file, share=0.5, bit=0)
    yield _built(
        "sd1",
        "one bit flipped, zip pickle",
        "damaged",
        "weights-checksum",
        after=after,
        container="zip",
        file="vae.pt",
    )


def random_cases() -> Iterator[Case]:
    """Give complete files of random numbers."""
    known, drawn = samples(), sources.drawn
    tiny = {4: "taesd 4 8 taesd {}.", 16: "taesd 16 8 diffusers {}."}
    sana = next(name for name in known if name.startswith("taesd 32 32"))
    video = next(name for name in known if name.startswith("taehv 16"))
    shapes: dict[str, Shapes] = {
        "SD1": known["sd1 ldm"],
        "FLUX.1": known["flux1 diffusers"],
        "FLUX.2": known["flux2 diffusers"],
        "FLUX.2 as first published": known["flux2 as first published"],
        "Wan 2.1": known["wan native"],
        "Qwen-Image": known["wan diffusers"],
        "TAESD": known[tiny[4]],
        "TAEF1": known[tiny[16]],
        "TAESana": known[sana],
        "TAEHV": known[video],
        "Paella's": known["paella native"],
        "Mage's": next(shapes for name, shapes in known.items() if name.startswith("mage")),
        "SeedVR2's": next(shapes for name, shapes in known.items() if name.startswith("seedvr2")),
        # Of those that diffusers runs, the smallest.
        "Cosmos's": next(shapes for name, shapes in known.items() if "cosmos" in name),
    }
    for name, one in shapes.items():
        yield _random(name, "all random", partial(drawn, one), "no-picture")
    manifest = kl.manifest(SD1, layout="ldm")
    made = partial(sources.as_initialised, manifest)
    yield _random("SD1 as torch initialises it", "all random", made, "weights-untrained")
    decoder = kl.manifest(SD1, layout="ldm", half="decoder")
    yield _random("SD1's decoder only", "decoder only, random", partial(drawn, decoder), "", RANDOM)
    half = sequential.image_manifest(
        sequential.Sizes(4, 8), half="encoder", layout="taesd", before=""
    )
    yield _random("TAESD's encoder only", "encoder only, random", partial(drawn, half), "", RANDOM)
    small = {n: s for n, s in known["flux2 small decoder"].items() if not n.startswith("encoder.")}
    yield _random(
        "FLUX.2's small decoder only", "decoder only, random", partial(drawn, small), "", RANDOM
    )


def _random(
    name: str, what: str, make: Callable[[], Weights], codes: str, cannot: str = ""
) -> Case:
    return Case(
        name=f"random, {name}",
        source="random",
        what=what,
        truth="never trained",
        make=_write(make, "vae.safetensors", "fp16", "safetensors", None),
        codes=frozenset(codes.split()),
        cannot_be_told=cannot,
        is_large=True,
    )
