"""Checkpoints: is a VAE in each, is it sound, whose is it, and what to do."""

from __future__ import annotations

import contextlib
import json
import math
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api_box import Box
from tests.insight import models
from tests.targets import uis
from tests.trees import snapshot
from tests.weights import autoencoders as ae
from tests.weights.files import naming, torch_zip
from vaehub import api
from vaehub.errors import IntegrityError
from vaehub.insight.baked import look
from vaehub.weights import kl

if TYPE_CHECKING:
    from vaehub.insight.weighing import Report, Weighed
    from vaehub.loopback import LoopbackWorld

ROOT = Path(__file__).resolve().parents[2]
CONV = "decoder.mid.block_1.conv1.weight"
"""64 x 64 x 3 x 3 numbers."""
TRUE = kl.Sizes((128, 256, 512, 512), (128, 256, 512, 512), 2, 4, 4, 3, quant=True)
NAME = "house.safetensors"


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    box = Box(tmp_path, world)
    sound = ae.write(tmp_path / "sound.safetensors", ae.numbers()).read_bytes()
    box.add("house", {NAME: sound}, family="sd1", tags=["general"])
    box.extra["XDG_STATE_HOME"] = str(tmp_path / "state")
    box.extra["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    return box


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models" / "mix.safetensors"


def which(box: Box, *paths: Path) -> Report:
    return api.which(paths, settings=box.settings, catalogs=box.catalogs)


def only(report: Report) -> Weighed:
    assert not report.failed
    (one,) = report.files
    return one


# Sound ones


@pytest.mark.parametrize("prefix", ["first_stage_model.", "vae.", "model.first_stage_model."])
@pytest.mark.parametrize("layout", ["ldm", "diffusers"])
def test_a_sound_vae_is_found_and_named(box: Box, path: Path, prefix: str, layout: str) -> None:
    box.install("house")
    ae.write(path, models.baked(ae.numbers(layout=layout), prefix=prefix))
    one = only(which(box, path))
    assert (one.status, one.kin[0].relation.kind) == ("sound", "same-weights")
    assert one.entry is not None
    assert one.entry.id == "house"
    assert one.baked is not None
    assert one.baked.row is not None
    assert (one.baked.row.model, one.baked.families) == ("SD 1", ("sd1",))
    assert (one.baked.prefix, one.baked.dtypes) == (prefix, ("fp32",))
    assert (one.counsel.is_sure, one.counsel.name) == (True, None)
    assert "Automatic or None" in one.advice[0].text


@pytest.mark.parametrize(
    ("vae", "kind"),
    [
        (ae.cast(ae.numbers(), "F16"), "rounded"),
        (ae.cast(ae.numbers(), "BF16"), "rounded"),
        (ae.changed(ae.numbers(), by=0.001), "close"),
        (ae.changed(ae.numbers(), only="encoder"), "same-decoder"),
    ],
)
def test_a_vae_near_a_known_one_is_sound(box: Box, path: Path, vae: ae.Named, kind: str) -> None:
    box.install("house")
    one = only(which(box, ae.write(path, models.baked(vae))))
    assert (one.status, one.kin[0].relation.kind) == ("sound", kind)


@pytest.mark.parametrize("old", [False, True])
def test_pickles_are_read_and_not_executed(box: Box, path: Path, old: bool) -> None:
    box.install("house")
    one = only(
        which(box, models.pickled(path.with_suffix(".ckpt"), models.baked(ae.numbers()), old=old))
    )
    assert (one.status, one.kin[0].relation.kind) == ("sound", "same-weights")


@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 500), dtype=st.sampled_from(["F32", "F16", "BF16"]))
def test_no_sound_one_is_called_damaged(path: Path, seed: int, dtype: str) -> None:
    ae.write(path, models.baked(ae.cast(ae.numbers(seed % 7), dtype)))
    assert look(path).state == "whole"


def test_it_is_the_same_without_numpy(
    box: Box, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numpy")
    ae.write(path, models.baked(models.put(ae.numbers(), CONV, 0.0, first=700, last=1500)))
    with_numpy = look(path)
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert look(path) == with_numpy
    assert with_numpy.state == "damaged"


def test_torch_and_numpy_are_not_needed(box: Box, path: Path) -> None:
    ae.write(path, models.baked(ae.numbers()))
    code = (
        "import sys; sys.modules['torch'] = sys.modules['numpy'] = None\n"
        "from pathlib import Path; from vaehub.insight.baked import look\n"
        f"print(look(Path({str(path)!r})).state)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "whole\n", ran.stderr


# Damaged ones


def _halved(name: str) -> ae.Named:
    return {key: one for key, one in ae.numbers().items() if key != name}


def _misshapen() -> ae.Named:
    dtype, shape, data = ae.numbers()[CONV]
    return {**ae.numbers(), CONV: (dtype, (shape[0] // 2, *shape[1:]), data[: len(data) // 2])}


DAMAGED = {
    "nan": models.put(ae.numbers(), CONV, math.nan, first=5, last=6),
    "inf": models.put(ae.numbers(), CONV, math.inf, first=5, last=6),
    "zero": models.put(ae.numbers(), CONV, 0.0, last=64 * 64 * 9),
    "zero-run": models.put(ae.numbers(), CONV, 0.0, first=700, last=1500),
    "constant": models.put(ae.numbers(), CONV, 0.25, last=64 * 64 * 9),
    "giant": models.put(ae.numbers(), CONV, 1e20),
    "missing": _halved(CONV),
    "misshapen": _misshapen(),
    "no-decoder": {k: v for k, v in ae.numbers().items() if k.startswith(("encoder", "quant"))},
}


@pytest.mark.parametrize("code", DAMAGED)
def test_damage_is_seen_and_named(box: Box, path: Path, code: str) -> None:
    ae.write(path, models.baked(DAMAGED[code]))
    report = which(box, path)
    one = only(report)
    assert one.status == "damaged"
    assert one.baked is not None
    assert code in [reason.code for reason in one.baked.reasons if reason.verdict is not None]
    assert f"vae-{code}" in [problem.code for problem in report.problems]
    assert not any(problem.blocking for problem in report.problems)
    assert (one.counsel.is_sure, one.counsel.name) == (True, "mine/house")
    assert one.advice[0].command == "vaehub install mine/house"


def test_damage_in_half_precision_is_seen(box: Box, path: Path) -> None:
    vae = ae.cast(models.put(ae.numbers(), CONV, math.nan), "F16")
    assert only(which(box, ae.write(path, models.baked(vae)))).status == "damaged"


@pytest.mark.parametrize(
    ("gone", "code"),
    [("decoder.up.2", "missing"), ("decoder.up.3", "ill-fitting"), ("encoder.mid", "missing")],
)
def test_a_true_size_with_tensors_missing(path: Path, gone: str, code: str) -> None:
    shapes = {
        **{name: shape for name, (_, shape, _) in models.beside().items()},
        **{
            f"first_stage_model.{name}": shape
            for name, shape in kl.manifest(TRUE, layout="ldm").items()
            if not name.startswith(gone)
        },
    }
    seen = look(models.sparse(path, shapes))
    assert seen.state == "damaged"
    assert code in [reason.code for reason in seen.reasons if reason.verdict is not None]


# Merged, missing, of another family, and what is none


def merged(one: ae.Named, other: ae.Named, share: float) -> ae.Named:
    made = {}
    for name, (dtype, shape, data) in one.items():
        ours = struct.unpack(f"<{len(data) // 4}f", data)
        theirs = struct.unpack(f"<{len(data) // 4}f", other[name][2])
        mixed = [(1 - share) * a + share * b for a, b in zip(ours, theirs, strict=True)]
        made[name] = (dtype, shape, struct.pack(f"<{len(mixed)}f", *mixed))
    return made


def test_halfway_to_something_unknown_is_told(box: Box, path: Path) -> None:
    box.install("house")
    one = only(which(box, ae.write(path, models.baked(merged(ae.numbers(), ae.numbers(5), 0.5)))))
    assert one.status == "mixed"
    assert "house" in one.because
    assert not one.counsel.is_sure


@pytest.fixture
def two(box: Box, path: Path) -> Box:
    """Install another VAE beside the first, trained apart from it."""
    other = ae.write(path, ae.numbers(5)).read_bytes()
    box.add("loud", {"loud.safetensors": other}, family="sd1")
    box.install("house")
    box.install("loud")
    return box


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("dtype", ["F32", "F16"])
def test_a_share_of_another_vae_is_told(two: Box, path: Path, share: float, dtype: str) -> None:
    vae = ae.cast(merged(ae.numbers(), ae.numbers(5), share), dtype)
    one = only(which(two, ae.write(path, models.baked(vae))))
    assert one.status == "mixed"
    base, other = ("house", "loud") if share < 0.5 else ("loud", "house")
    assert (
        f"mine/{base}@safetensors with {min(share, 1 - share):.0%} of mine/{other}" in one.because
    )


@pytest.mark.parametrize("by", [0.001, 0.005, 0.02])
def test_a_fine_tune_is_no_merge(two: Box, path: Path, by: float) -> None:
    for vae in (ae.changed(ae.numbers(), by=by), ae.changed(ae.numbers(), only="decoder", by=by)):
        assert only(which(two, ae.write(path, models.baked(vae)))).status == "sound"


def test_vaes_of_one_line_are_merged_without_harm(box: Box, path: Path) -> None:
    tuned = ae.changed(ae.numbers(), by=0.01)
    box.add("tuned", {"tuned.safetensors": ae.write(path, tuned).read_bytes()}, family="sd1")
    box.install("house")
    box.install("tuned")
    one = only(which(box, ae.write(path, models.baked(merged(ae.numbers(), tuned, 0.5)))))
    assert one.status == "sound"


def test_none_is_in_it(box: Box, path: Path) -> None:
    one = only(which(box, ae.write(path, models.baked(None))))
    assert (one.status, one.counsel.name) == ("missing", "mine/house")


def test_a_diffusion_model_alone_has_none(box: Box, path: Path) -> None:
    alone = {
        name.removeprefix(models.UNET): one
        for name, one in models.beside().items()
        if name.startswith(models.UNET)
    }
    one = only(which(box, ae.write(path, alone)))
    assert one.status == "missing"
    assert one.baked is not None
    assert one.baked.families == ("sd1",)


def test_a_known_vae_of_another_family(box: Box, path: Path) -> None:
    box.install("house")
    one = only(which(box, ae.write(path, models.baked(ae.numbers(), model="sdxl"))))
    assert one.status == "other-family"
    assert "speaks the latents of sd1, and the checkpoint those of sdxl" in one.because
    assert not one.counsel.is_sure  # nothing of that family is in the catalog
    assert one.advice[0].command == "vaehub list --family sdxl"


def test_other_shapes_are_of_another_family(path: Path, box: Box) -> None:
    sizes = TRUE._replace(z_channels=16, latent_channels=16, quant=False)
    shapes = {
        **{name: shape for name, (_, shape, _) in models.beside().items()},
        **{f"vae.{n}": s for n, s in kl.manifest(sizes, layout="ldm", half="decoder").items()},
    }
    seen = look(models.sparse(path, shapes))
    assert seen.found is not None
    assert seen.found.families[0] == "sd3"


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (ae.numbers(), "a VAE"),
        ({"lora_unet_a.lora_up.weight": ("F32", (1,), bytes(4))}, "a LoRA"),
        ({"w": ("F32", (1,), bytes(4))}, "nothing that vaehub knows"),
    ],
)
def test_what_is_no_checkpoint_says_what_it_is(
    box: Box, path: Path, named: ae.Named, words: str
) -> None:
    one = only(which(box, ae.write(path, named)))
    assert one.status == "no-checkpoint"
    assert words in one.because
    assert one.advice == ()


def test_gguf_is_not_read_and_that_is_said(box: Box, path: Path) -> None:
    path = path.with_suffix(".gguf")
    path.write_bytes(b"GGUF" + bytes(60))
    one = only(which(box, path))
    assert (one.status, one.baked) == ("not-read", None)
    assert "GGUF" in one.because
    assert not one.counsel.is_sure
    assert one.advice[0].command == "vaehub list --family FAMILY"


# In a UI


def test_the_words_of_the_ui(box: Box) -> None:
    checkpoints = box.tree / "models" / "Stable-diffusion"
    sound = ae.write(checkpoints / "good.safetensors", models.baked(ae.numbers()))
    bare = ae.write(checkpoints / "bare one.safetensors", models.baked(None))
    kept, missing = which(box, sound, bare).files
    assert "in AUTOMATIC1111, leave Settings > VAE > SD VAE at Automatic or None" in (
        kept.advice[0].text
    )
    assert missing.advice[0].command == f"vaehub install mine/house --for '{bare}'"
    assert missing.counsel.with_checkpoint
    assert "takes it with this checkpoint by itself" in missing.advice[0].text


def test_a_ui_without_such_a_rule_is_named_with_to(box: Box, tmp_path: Path) -> None:
    root = uis.grow(tmp_path / "ComfyUI", uis.COMFYUI)
    path = ae.write(root / "models/checkpoints/a.safetensors", models.baked(None))
    one = only(which(box, path))
    assert one.advice[0].command == f"vaehub install mine/house --to {root}"
    assert "VAELoader" in one.advice[0].text


@pytest.mark.parametrize("name", ["mix.vae.pt", "mix.vae.safetensors"])
def test_a_vae_beside_it_is_told(box: Box, name: str) -> None:
    folder = box.tree / "models" / "Stable-diffusion"
    bare = ae.write(folder / "mix.safetensors", models.baked(None))
    (folder / name).write_bytes(b"whatever")
    report = which(box, bare)
    one = only(report)
    assert [(rival.path.name, rival.wins) for rival in one.beside] == [(name, True)]
    assert "vae-beside" in [problem.code for problem in report.problems]
    assert f"takes {name} with it by itself" in one.advice[0].text
    assert (one.counsel.is_sure, one.counsel.name) == (True, None)


@pytest.mark.parametrize(
    ("tree", "taken"), [(uis.AUTOMATIC1111, "mix.vae.ckpt"), (uis.SDNEXT, "mix.vae.pt")]
)
def test_of_several_beside_it_the_one_that_the_ui_takes_first(
    box: Box, tmp_path: Path, tree: str, taken: str
) -> None:
    root = uis.grow(tmp_path / "ui", tree)
    folder = root / "models" / "Stable-diffusion"
    for name in ("mix.vae.safetensors", "mix.vae.ckpt", "mix.vae.pt", "mixed.vae.pt"):
        (folder / name).write_bytes(b"whatever")
    (root / "models" / "VAE" / "mix.safetensors").write_bytes(b"whatever")
    one = only(which(box, ae.write(folder / "mix.safetensors", models.baked(None))))
    assert [(rival.path.name, rival.wins) for rival in one.beside] == [(taken, True)]


def test_where_none_can_say_which_is_taken_both_are_told(box: Box) -> None:
    folder = box.tree / "models" / "Stable-diffusion"
    for name in ("mix.vae.pt", "mix2.vae.pt"):
        (folder / name).write_bytes(b"whatever")
    report = which(box, ae.write(folder / "mix.safetensors", models.baked(None)))
    one = only(report)
    assert [(rival.path.name, rival.wins) for rival in one.beside] == [
        ("mix.vae.pt", False),
        ("mix2.vae.pt", False),
    ]
    assert "may take mix2.vae.pt" in " ".join(problem.message for problem in report.problems)
    assert one.counsel.name == "mine/house"


def test_what_somebody_chose_is_told(box: Box) -> None:
    folder = box.tree / "models" / "Stable-diffusion"
    path = ae.write(folder / "mix.safetensors", models.baked(ae.numbers()))
    (folder / "mix.json").write_text(json.dumps({"vae": "None"}), encoding="utf-8")
    report = which(box, path)
    assert "chosen-by-hand" in [problem.code for problem in report.problems]


def test_a_known_overflow_brings_flags_and_another_vae(box: Box, path: Path) -> None:
    sound = ae.write(path, ae.numbers(4)).read_bytes()
    box.add("loud", {"loud.safetensors": sound}, family="sd1", smoke={"fp16": "nan"})
    box.entries["house"]["smoke"] = {"fp16": "ok"}
    box.install("loud")
    one = only(which(box, ae.write(path, models.baked(ae.numbers(4)))))
    assert (one.status, one.counsel.is_sure, one.counsel.name) == ("sound", True, None)
    told = " ".join(step.text for step in one.advice)
    assert "--no-half-vae" in told
    assert "vaehub install mine/house" in [step.command for step in one.advice]


# Folders, and what cannot be read


def test_a_folder_has_its_checkpoints_alone(box: Box, path: Path) -> None:
    ae.write(path, models.baked(ae.numbers()))
    ae.write(path.with_name("vae.safetensors"), ae.numbers())
    path.with_name("x.gguf").write_bytes(b"GGUF")
    path.with_name("notes.txt").write_text("hello")
    path.with_name("broken.safetensors").write_bytes(b"<html>")
    before = snapshot(path.parent)
    report = which(box, path.parent)
    assert sorted(one.path.name for one in report.files) == ["mix.safetensors", "x.gguf"]
    assert report.passed_by == 2
    assert "not-a-model" in [problem.code for problem in report.problems]
    assert not report.failed
    assert snapshot(path.parent) == before


def test_what_is_not_there_and_what_is_no_model(box: Box, path: Path) -> None:
    path.write_bytes(b"<html>")
    report = which(box, path, path.with_name("nobody.ckpt"))
    assert sorted(one.error.exit_code for one in report.failed) == [2, 6]


def test_a_pickle_that_would_run_is_refused(box: Box, path: Path) -> None:
    path = path.with_suffix(".ckpt")
    path.write_bytes(torch_zip(naming("os.system")))
    (failure,) = which(box, path).failed
    assert (failure.error.code, failure.error.exit_code) == ("unsafe-pickle", 6)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.999), junk=st.binary(min_size=1, max_size=12), old=st.booleans())
def test_pickles_that_lie_give_an_answer_or_a_clear_error(
    path: Path, share: float, junk: bytes, old: bool
) -> None:
    small = {name: one for name, one in ae.numbers().items() if len(one[2]) < 4096}
    path = models.pickled(path.with_suffix(".ckpt"), models.baked(small), old=old)
    data = bytearray(path.read_bytes())
    at = int(share * len(data))
    data[at : at + len(junk)] = junk
    path.write_bytes(data)
    with contextlib.suppress(IntegrityError):
        look(path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 4000), junk=st.binary(min_size=1, max_size=12))
def test_bytes_that_lie_give_an_answer_or_a_clear_error(path: Path, at: int, junk: bytes) -> None:
    data = bytearray(ae.write(path, models.baked(ae.numbers())).read_bytes())
    data[at : at + len(junk)] = junk
    path.write_bytes(data)
    with contextlib.suppress(IntegrityError):
        look(path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.999))
def test_a_file_that_is_cut_off_is_refused(path: Path, share: float) -> None:
    data = ae.write(path, models.baked(ae.numbers())).read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(IntegrityError):
        look(path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            [
                f"{prefix}{name}"
                for prefix in ("first_stage_model.", "vae.", "", models.UNET, "model_ema.")
                for name in (CONV, "decoder.conv_in.weight", "input_blocks.0.0.weight", "w")
            ]
        ),
        st.lists(st.integers(0, 5), max_size=4),
        min_size=1,
    )
)
def test_headers_of_any_shapes_give_an_answer(path: Path, shapes: dict[str, list[int]]) -> None:
    named = {
        name: ("F16", tuple(shape), b"\1\2" * ae.count(shape)) for name, shape in shapes.items()
    }
    assert look(ae.write(path, named)).state != "whole" or "decoder" in "".join(shapes)


# How much is read


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts what is read")
def test_of_seven_gigabytes_less_than_a_twentieth_is_read(path: Path) -> None:
    shapes: dict[str, tuple[int, ...]] = {
        f"{models.UNET}input_blocks.{at}.0.weight": (1 << 20, 200) for at in range(8)
    }
    shapes[models.ATTENTION] = (640, 2048)
    shapes |= {
        f"first_stage_model.{name}": shape
        for name, shape in kl.manifest(TRUE, layout="ldm").items()
    }
    shapes |= {f"{models.UNET}output_blocks.{at}.0.weight": (1 << 20, 200) for at in range(8)}
    models.sparse(path, shapes)
    size = path.stat().st_size
    assert size > 6_500_000_000
    before = _read_so_far()
    seen = look(path)
    read = _read_so_far() - before
    assert seen.nbytes == 2 * sum(map(ae.count, kl.manifest(TRUE, layout="ldm").values()))
    assert seen.nbytes < read < 1.01 * seen.nbytes + 2_000_000
    assert read < 0.05 * size
    assert seen.row is not None
    assert seen.row.model == "SDXL"


def _read_so_far() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("rchar")))
