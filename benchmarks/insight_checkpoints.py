"""Hold what `vaehub which` says of labelled checkpoints against what is true of them.

Usage: python -m benchmarks.insight_checkpoints

Makes autoencoders of true sizes and key names, puts each into a small checkpoint, does to it what
the label says, and writes its generated part of docs/insight.md. Takes some minutes and 2 GB of
memory. Ends with 1 where a sound one is called damaged, a damaged one sound, or a wrong name given.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from tests import builders
from tests.insight import models
from tests.smoke_cases import containers, damages
from tests.smoke_cases.built import built
from vaehub import api, settings
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.errors import IntegrityError
from vaehub.store import Store
from vaehub.weights import kl
from vaehub.weights.kl_naming import from_ldm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.smoke_cases.containers import Weights
    from vaehub.catalog import Catalogs as Loaded
    from vaehub.insight.weighing import Weighed
    from vaehub.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "insight.md"
BEGIN = "<!-- which: made by benchmarks/insight_checkpoints.py -->"
END = "<!-- which: end -->"
STATES = ("sound", "damaged", "mixed", "other-family", "missing", "unknown", "refused")
_WIDTHS = (128, 256, 512, 512)
PLAIN = kl.Sizes(_WIDTHS, _WIDTHS, 2, 4, 4, 3, quant=True)
DEEP = PLAIN._replace(z_channels=16, latent_channels=16, quant=False)
KNOWN = {"sd1": (PLAIN, 3), "sdxl": (PLAIN, 4), "flux1": (DEEP, 5)}
"""The VAEs that a catalog names, by family: sizes and the seed of their noise."""
CONV = "decoder.mid.block_1.conv1.weight"
HALVES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Case(NamedTuple):
    """A checkpoint, and what is true of it."""

    what: str
    """In words that cases of one kind share."""
    truth: frozenset[str]
    """Statuses that are right; ``unknown`` is never wrong, and counted."""
    name: str | None
    """Whose VAE it is, where a catalog knows."""
    model: str
    make: Callable[[Path], Path]


SOUND = frozenset({"sound"})
DAMAGED = frozenset({"damaged", "refused"})


def cases(base: dict[str, Weights]) -> Iterator[Case]:
    yield from _sound(base)
    for family in base:
        yield from _damaged(base[family], family)
    yield from _merged(base)
    for model in ("sd1", "sdxl", "flux1"):
        yield _case("no VAE in it", frozenset({"missing"}), None, model, {})
    for inside, model in (("sdxl", "sd1"), ("sd1", "sdxl"), ("flux1", "sd1"), ("sd1", "flux1")):
        other = frozenset({"other-family"})
        yield _case("another family's", other, inside, model, base[inside])


def _sound(base: dict[str, Weights]) -> Iterator[Case]:
    for family, weights in base.items():
        for dtype, kind in HALVES.items():
            rounded = containers.cast(weights, kind)
            yield _case(f"as published, {dtype}", SOUND, family, family, rounded)
        half = containers.cast(weights, torch.float16)
        renamed = _case("another prefix", SOUND, family, family, half, prefix="vae.")
        yield renamed
        yield _case("tensors in another order", SOUND, family, family, dict(reversed(half.items())))
        for legacy in (False, True):
            what = "in a legacy pickle" if legacy else "in a zip pickle"
            yield _case(what, SOUND, family, family, half, pickle=True, legacy=legacy)
        named = {from_ldm(n, layout="diffusers", levels=4): t for n, t in half.items()}
        named = {n: t[:, :, 0, 0] if ".to_" in n and t.dim() == 4 else t for n, t in named.items()}
        yield _case("under diffusers' names", SOUND, family, family, named)
        for share in (0.01, 0.05, 0.2):
            tuned = _noisy(weights, share)
            yield _case(f"fine-tuned, {share:.0%} of the spread", SOUND, None, family, tuned)
        decoder = _noisy(weights, 0.2, only="decoder")
        yield _case("decoder trained on", SOUND, None, family, decoder)
        sizes, _ = KNOWN[family]
        yield _case(
            "a VAE that no catalog knows", SOUND, None, family, built(sizes, family, seed=9)
        )


def _damaged(weights: Weights, family: str) -> Iterator[Case]:
    count = weights[CONV].numel()
    half = containers.cast(weights, torch.float16)
    holed = {**weights, CONV: weights[CONV].clone()}
    holed[CONV].view(-1)[count // 3 : count // 2] = 0
    cut = {**half, CONV: half[CONV][:256].clone()}
    for what, made in (
        ("a NaN", damages.put(weights, CONV, math.nan, at=7)),
        ("NaN all over, fp16", {n: torch.full_like(t, math.nan) for n, t in half.items()}),
        ("an infinite number, fp16", damages.put(half, CONV, math.inf, at=7)),
        ("a layer of zeros", damages.put(half, CONV, 0.0)),
        ("a layer of one number", damages.put(half, CONV, 0.25)),
        ("a hole of zeros", holed),
        ("a flipped bit in an exponent", damages.flipped_exponents(weights, within="decoder")),
        ("a tensor missing", {n: t for n, t in half.items() if n != CONV}),
        ("a level missing", {n: t for n, t in half.items() if not n.startswith("decoder.up.3")}),
        ("only the encoder", damages.only(half, "encoder", "quant_conv")),
        ("a tensor of another shape", cut),
        ("zeros from the middle on", _zero_tail(half)),
    ):
        yield _case(what, DAMAGED, None, family, made)
    yield _case("a file cut off", DAMAGED, None, family, half, share=0.7)


def _merged(base: dict[str, Weights]) -> Iterator[Case]:
    told = frozenset({"mixed", "damaged", "other-family"})
    stranger = built(PLAIN, "sd1", seed=9)
    for one, other in (("sd1", "sdxl"), ("sdxl", "sd1")):
        for share in (0.1, 0.3, 0.5):
            a, b = base[one], base[other]
            made = {name: (1 - share) * a[name] + share * b[name] for name in a}
            yield _case(f"{share:.0%} of another VAE mixed in", told, None, one, made)
        made = {name: (base[one][name] + stranger[name]) / 2 for name in stranger}
        yield _case("halfway to a VAE that no catalog knows", told, None, one, made)


def _noisy(weights: Weights, share: float, *, only: str = "") -> Weights:
    random = torch.Generator().manual_seed(8)
    return {
        name: tensor + share * tensor.std() * torch.randn(tensor.shape, generator=random)
        if name.startswith(only) and tensor.numel() > 1
        else tensor
        for name, tensor in weights.items()
    }


def _zero_tail(weights: Weights) -> Weights:
    names = list(weights)
    torn = set(names[len(names) // 2 :])
    return {n: torch.zeros_like(t) if n in torn else t for n, t in weights.items()}


def _case(
    what: str,
    truth: frozenset[str],
    name: str | None,
    model: str,
    vae: Weights,
    *,
    prefix: str = "first_stage_model.",
    pickle: bool = False,
    legacy: bool = False,
    share: float = 1.0,
) -> Case:
    def make(folder: Path) -> Path:
        path = folder / ("mix.ckpt" if pickle else "mix.safetensors")
        whole = {**_beside(model), **containers.prefixed(vae, prefix)}
        if pickle:
            containers.write_checkpoint(path, whole, wrapped=True, legacy=legacy)
        else:
            containers.write_safetensors(path, whole)
        if share < 1:
            damages.cut(path, share)
        return path

    return Case(what, truth, name, model, make)


def _beside(model: str) -> Weights:
    if model == "flux1":
        return {f"{models.UNET}img_in.weight": torch.ones(8, 64, dtype=torch.float16)}
    shapes = {name: shape for name, (_, shape, _) in models.beside(model).items()}
    return {name: torch.ones(shape, dtype=torch.float16) for name, shape in shapes.items()}


def machine(folder: Path, base: dict[str, Weights]) -> tuple[Settings, Loaded]:
    """Give a machine whose store has the known VAEs, and a catalog that names them."""
    entries = {}
    store = Store(folder / "store")
    for family, weights in base.items():
        file = folder / f"{family}.safetensors"
        containers.write_safetensors(file, weights)
        data = file.read_bytes()
        blob = store.blob(hashlib.sha256(data).hexdigest())
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, blob)
        source = {"modelscope": {"repo": "acme/vae", "revision": "0" * 40, "path": file.name}}
        entries[family] = builders.entry({file.name: (data, [source])}, family=family)
    path = builders.write_catalog(folder / "known.yaml", entries)
    catalog, problems = load_file(path, cache=folder / "cache", foreign=True)
    homes = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")}
    here = settings.load({"VAEHUB_STORE": str(folder / "store"), "HOME": str(folder), **homes})
    return here, Catalogs((catalog,), problems)


def tell(case: Case, folder: Path, here: Settings, catalogs: Loaded) -> tuple[str, str | None]:
    """Give the status, and the name that was given."""
    path = case.make(folder)
    try:
        report = api.which([path], settings=here, catalogs=catalogs)
        if report.failed:
            assert isinstance(report.failed[0].error, IntegrityError), report.failed
            return "refused", None
        one: Weighed = report.files[0]
        return one.status, one.entry.id if one.entry is not None else None
    finally:
        path.unlink()


def main() -> int:
    rows: dict[tuple[str, str], Counter[str]] = {}
    names: Counter[str] = Counter()
    wrong: list[str] = []
    base = {family: built(sizes, family, seed=seed) for family, (sizes, seed) in KNOWN.items()}
    with tempfile.TemporaryDirectory(prefix="vaehub-which-") as temporary:
        folder = Path(temporary)
        here, catalogs = machine(folder, base)
        for case in cases(base):
            status, name = tell(case, folder, here, catalogs)
            truth = "mixed" if "mixed" in case.truth else min(case.truth)
            rows.setdefault((truth, case.what), Counter())[status] += 1
            if status not in {*case.truth, "unknown"}:
                wrong.append(f"{case.what} ({case.model}): {status}")
            if name is not None and case.name is not None and name != case.name:
                wrong.append(f"{case.what} ({case.model}): named {name}")
            if case.name is not None:
                names["right" if name == case.name else "none" if name is None else "wrong"] += 1
            print(f"{case.what} ({case.model}): {status}, {name}", flush=True)
    text = "\n".join(_page(rows, names, wrong))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + text + rest.partition(END)[2], encoding="utf-8")
    print("\n".join(wrong))
    return 1 if wrong else 0


def _page(
    rows: dict[tuple[str, str], Counter[str]], names: Counter[str], wrong: list[str]
) -> Iterator[str]:
    total = sum(counts.total() for counts in rows.values())
    unknown = sum(counts["unknown"] for counts in rows.values())
    yield BEGIN
    yield ""
    yield f"{total} checkpoints: {len(wrong)} wrong, {unknown} unknown. Of {names.total()} whose"
    yield f"VAE a catalog knows, {names['right']} were named rightly, {names['wrong']} wrongly."
    yield ""
    yield f"| what is true | what was done | checkpoints | {' | '.join(STATES)} |"
    yield "|---" * (len(STATES) + 3) + "|"
    for (truth, what), counts in rows.items():
        cells = " | ".join(str(counts[state] or "") for state in STATES)
        yield f"| {truth} | {what} | {counts.total()} | {cells} |"
    yield ""
    yield END


if __name__ == "__main__":
    sys.exit(main())
