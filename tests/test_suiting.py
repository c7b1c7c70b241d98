"""A VAE that goes with one checkpoint: installed, found again, removed, and what is said of it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import builders, killing
from tests.api_box import Box
from tests.converting import samples
from tests.targets.standins.taking import a1111_takes, sdnext_takes
from tests.targets.uis import COMFYUI, SDNEXT, grow
from tests.trees import another_file_system
from tests.weights.test_checkpoints import UNET, checkpoint
from vaehub import api
from vaehub.errors import (
    CheckpointNotFound,
    EntryNotFound,
    FileInTheWay,
    TargetNotUsable,
    TargetRefuses,
    UsageError,
)

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld
    from vaehub.outcome import InstallResult

NAME = "tiny.safetensors"
DATA = builders.safetensors_bytes(50_000, seed=1)
LARGE = builders.safetensors_bytes(25_000_000, seed=3)
"""SD.Next loads no smaller file."""
OTHER = builders.safetensors_bytes(50_000, seed=2)


class Pair(Box):
    """An AUTOMATIC1111 and an SD.Next, each with two checkpoints."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        super().__init__(folder, world)
        self.add("tiny", {NAME: DATA})
        self.add("large", {"large.safetensors": LARGE})
        self.add("other", {"other.safetensors": OTHER})
        self.sdnext = grow(folder / "sdnext", SDNEXT)
        for root in (self.tree, self.sdnext):
            for name in ("model.safetensors", "sub/second.ckpt"):
                path = self.checkpoints(root) / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(f"the user's own {name}")

    def checkpoints(self, root: Path) -> Path:
        return root / "models" / "Stable-diffusion"

    def install_for(self, said: str | Path, name: str = "tiny", **options: Any) -> InstallResult:
        result: InstallResult = api.install(
            name, checkpoint=said, settings=self.settings, catalogs=self.catalogs, **options
        )
        return result


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Pair:
    return Pair(tmp_path, world)


def codes(result: InstallResult) -> list[str]:
    assert not any(note.blocking for note in result.notes)
    return [note.code for note in result.notes]


@pytest.mark.parametrize("ui", ["tree", "sdnext"])
@pytest.mark.parametrize("name", ["model.safetensors", "sub/second.ckpt"])
def test_the_ui_takes_it_by_itself_and_uninstall_undoes_it(box: Pair, ui: str, name: str) -> None:
    root: Path = getattr(box, ui)
    takes = a1111_takes if ui == "tree" else sdnext_takes
    vae, data = ("tiny", DATA) if ui == "tree" else ("large", LARGE)
    before = box.snapshot(root)
    path = box.checkpoints(root) / name
    result = box.install_for(path, vae)
    (step,) = result.steps
    place = path.with_name(f"{path.stem}.vae.safetensors")
    assert (step.name, step.destination) == (f"{vae}.safetensors", place)
    assert step.status == "installed"
    assert (result.target.root, result.checkpoint, result.notes) == (root, path, ())
    assert place.read_bytes() == data
    for other in ("model.safetensors", "sub/second.ckpt"):
        expected = place if other == name else None
        assert takes(root, box.checkpoints(root) / other) == expected
    assert not box.install_for(path, vae).changed
    assert box.verify(to=root, deep=True).ok
    (receipt,) = api.installed(result.target)
    assert (receipt.path, receipt.checkpoint) == (place, path.name)
    box.uninstall(vae, to=root)
    assert box.snapshot(root) == before


def test_the_target_and_the_name_of_a_checkpoint(
    box: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = box.checkpoints(box.tree) / "sub" / "second.vae.safetensors"
    assert box.install_for("second", to=box.tree).steps[0].destination == place
    monkeypatch.chdir(box.sdnext)
    place = box.checkpoints(box.sdnext) / "sub" / "second.vae.safetensors"
    assert box.install_for("second", "large").steps[0].destination == place
    box.extra["VAEHUB_TO"] = str(box.tree)
    path = box.checkpoints(box.sdnext) / "model.safetensors"
    assert box.install_for(path, "large").target.root == box.sdnext, "a path goes before VAEHUB_TO"
    assert box.install_for("model").target.root == box.tree


def test_what_goes_with_a_checkpoint_may_be_made_of_a_pickle(box: Pair) -> None:
    box.add("old", {"old.vae.pt": samples.checkpoint()})
    before = box.snapshot()
    path = box.checkpoints(box.tree) / "model.safetensors"
    [step] = box.install_for(path, "old", convert="safetensors").steps
    place = path.with_name("model.vae.safetensors")
    assert (step.destination, step.because) == (place, None)
    assert samples.read(place) == samples.values(samples.manifest())
    assert a1111_takes(box.tree, path) == place
    assert not box.install_for(path, "old", convert="safetensors").changed
    assert box.problems(deep=True) == []
    place.unlink()
    (problem,) = box.verify().problems
    assert problem.hint == "vaehub install old@safetensors --convert safetensors --for " + path.name
    box.install_for(path, "old", convert="safetensors")
    box.uninstall("old")
    assert box.snapshot() == before


def test_beside_the_same_vae_under_its_own_name(box: Pair) -> None:
    before = box.snapshot()
    box.install("tiny")
    result = box.install_for("model", to=box.tree)
    assert result.changed
    assert result.steps[0].source == "store"
    assert box.world.bytes_sent("modelscope") == len(DATA)
    normal, near = (receipt.path for receipt in api.installed(result.target))
    assert (normal, near.name) == (box.vae / NAME, "model.vae.safetensors")
    if result.steps[0].method == "hardlink":
        assert normal.samefile(near)
    assert box.verify(deep=True).ok
    assert len(box.uninstall("tiny")) == 2
    assert box.snapshot() == before


def test_on_another_disk_than_the_store_the_two_share_their_bytes(
    box: Pair, tmp_path: Path
) -> None:
    far = another_file_system(than=tmp_path)
    try:
        root = shutil.copytree(box.tree, far / "webui")
        box.install("tiny", to=root)
        result = box.install_for("model", to=root)
        assert box.world.bytes_sent("modelscope") == len(DATA)
        assert (result.steps[0].source or "").startswith("installed /")
    finally:
        shutil.rmtree(far)


def test_verify_says_how_to_get_it_back(box: Pair) -> None:
    place = box.install_for("second", to=box.tree).steps[0].destination
    place.unlink()
    (problem,) = box.verify().problems
    assert problem.code == "missing"
    assert problem.hint == "vaehub install tiny@safetensors --for second.ckpt"


def test_several_targets_each_have_their_checkpoint(box: Pair) -> None:
    (box.checkpoints(box.sdnext) / "model.safetensors").unlink()
    done = api.install(
        "tiny",
        to=[box.sdnext, box.tree],
        checkpoint="model",
        settings=box.settings,
        catalogs=box.catalogs,
    )
    assert isinstance(done[0], CheckpointNotFound)
    assert not isinstance(done[1], Exception)
    assert done[1].changed


def test_a_dry_run_places_nothing(box: Pair) -> None:
    before = box.snapshot(box.folder / "webui")
    (step,) = box.install_for("model", to=box.tree, dry_run=True).steps
    assert (step.status, step.destination.name) == ("planned", "model.vae.safetensors")
    assert box.snapshot(box.folder / "webui") == before


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("where", ["one file system", "two"])
def test_killed_half_way_and_run_again(box: Pair, where: str, tmp_path: Path) -> None:
    far = another_file_system(than=tmp_path) if where == "two" else tmp_path / "far"
    try:
        tree = Path(shutil.copytree(box.tree, far / "webui"))
        before = box.snapshot(tree)
        environment = {
            **box.world.environment(),
            "HOME": str(tmp_path),
            "VAEHUB_CATALOG": str(box.catalog),
            "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
        }
        place = box.checkpoints(tree) / "model.vae.safetensors"
        line = ["install", "tiny", "--for", str(place.with_name("model.safetensors"))]
        killing.run(["list"], environment=environment, cwd=tmp_path)
        point, step, ended = 1, 4, False
        while not ended:
            box.store = tmp_path / f"store-{point}"
            environment["VAEHUB_STORE"] = str(box.store)
            done = killing.run(line, environment=environment, cwd=tmp_path, kill_at=point)
            ended = done.returncode == 0
            assert ended or done.returncode == -signal.SIGKILL, done.stderr
            assert not place.exists() or place.read_bytes() == DATA
            again = killing.run(line, environment=environment, cwd=tmp_path)
            assert again.returncode == 0, (point, again.stderr)
            assert box.verify(to=tree, deep=True).ok
            assert place.read_bytes() == DATA
            box.uninstall("tiny", to=tree)
            assert box.snapshot(tree) == before, point
            point += step
        assert point > 5 * step
    finally:
        shutil.rmtree(far)


# What cannot be


def test_refusals(box: Pair, tmp_path: Path) -> None:
    comfyui = grow(tmp_path / "comfyui", COMFYUI + " models/checkpoints/model.safetensors")
    with pytest.raises(TargetRefuses) as caught:
        box.install_for(comfyui / "models/checkpoints/model.safetensors")
    assert "VAELoader" in (caught.value.hint or "")
    with pytest.raises(TargetRefuses, match="no VAE with a checkpoint by itself"):
        box.install_for("model", to=tmp_path / "plain")
    with pytest.raises(CheckpointNotFound, match="no checkpoint 'modle'") as caught_name:
        box.install_for("modle", to=box.tree)
    assert "did you mean model.safetensors?" in (caught_name.value.hint or "")
    assert caught_name.value.exit_code == 4
    (tmp_path / "alone.safetensors").touch()
    with pytest.raises(TargetNotUsable, match="no UI is around"):
        box.install_for(tmp_path / "alone.safetensors")
    with pytest.raises(UsageError, match="one VAE goes with a checkpoint"):
        api.install_all(
            ["tiny", "other"], checkpoint="model", settings=box.settings, catalogs=box.catalogs
        )
    with pytest.raises(EntryNotFound):
        box.install_for("model", "no-such-vae", to=box.tree)
    assert box.world.requests == []


def test_a_pair_of_files_cannot_go_with_a_checkpoint(box: Pair) -> None:
    files = {f"pair-{half}.safetensors": DATA[:-1] + half[:1].encode() for half in ("de", "en")}
    box.add("pair", files)
    with pytest.raises(TargetRefuses, match="takes one file with a checkpoint"):
        box.install_for("model", "pair", to=box.tree)


@pytest.mark.parametrize("whose", ["the user's", "another entry's"])
def test_a_checkpoint_that_has_one(box: Pair, whose: str) -> None:
    place = box.checkpoints(box.tree) / "model.vae.safetensors"
    if whose == "the user's":
        place.write_bytes(b"my own")
    else:
        box.install_for("model", "other", to=box.tree)
    before = box.snapshot()
    with pytest.raises(FileInTheWay):
        box.install_for("model", to=box.tree)
    assert box.snapshot() == before


def test_a_file_of_that_name_among_the_vaes_would_hide_it(box: Pair) -> None:
    box.vae.mkdir()
    (box.vae / "model.vae.safetensors").write_bytes(b"my own")
    with pytest.raises(TargetRefuses, match="one of the two would be hidden"):
        box.install_for("model", to=box.tree)


# What is worth a word


def test_another_vae_that_goes_first(box: Pair) -> None:
    rival = box.checkpoints(box.tree) / "model.vae.pt"
    rival.write_bytes(b"my own")
    result = box.install_for("model", to=box.tree)
    assert codes(result) == ["rival-vae"]
    assert result.notes[0].where == str(rival)
    assert "takes model.vae.pt, and not model.vae.safetensors" in result.notes[0].message
    assert codes(box.install_for("model", to=box.tree)) == ["rival-vae"], "also the second time"
    alike = box.checkpoints(box.tree) / "sub" / "second-best.vae.safetensors"
    alike.write_bytes(b"my own")
    result = box.install_for("second", to=box.tree)
    assert "may as well take second-best.vae.safetensors" in result.notes[0].message


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ('{"vae": "None"}', "the VAE inside it"),
        ('{"vae": "mine.pt"}', "mine.pt"),
        ('{"vae": "gone.pt"}', None),
        ('{"vae": "Automatic"}', None),
        ('{"vae": "model.vae.safetensors"}', None),
        ('{"vae": 7}', None),
        ("{}", None),
        ("[]", None),
        ("[" * 100_000, None),
        ("not JSON", None),
    ],
)
def test_a_vae_that_was_chosen_in_the_ui(box: Pair, own: str, said: str | None) -> None:
    path = box.checkpoints(box.tree) / "model.safetensors"
    (path.with_suffix(".json")).write_text(own)
    box.vae.mkdir()
    (box.vae / "mine.pt").write_bytes(b"my own")
    result = box.install_for("model", to=box.tree)
    assert codes(result) == ([] if said is None else ["chosen-by-hand"])
    if said is not None:
        assert f"somebody has chosen {said} in AUTOMATIC1111" in result.notes[0].message
    if own.startswith('{"'):
        ours = a1111_takes(box.tree, path) == result.steps[0].destination
        assert ours == (said is None)


def test_a_checkpoint_whose_name_is_the_beginning_of_that_one(box: Pair) -> None:
    (box.checkpoints(box.tree) / "mod.ckpt").write_bytes(b"my own")
    result = box.install_for("model", to=box.tree)
    assert codes(result) == ["other-checkpoints"]
    assert "mod.ckpt" in result.notes[0].message


def test_a_checkpoint_of_another_family(box: Pair) -> None:
    path = box.checkpoints(box.tree) / "model.safetensors"
    checkpoint(path, {UNET: (2, 2048)})
    result = box.install_for("model", to=box.tree)
    assert codes(result) == ["family-differs"]
    assert "tiny speaks the latents of sd1, and model.safetensors those of sdxl" in (
        result.notes[0].message
    )
    box.uninstall("tiny")
    checkpoint(path, {UNET: (2, 768)})
    assert codes(box.install_for("model", to=box.tree)) == []
