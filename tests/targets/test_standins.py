"""What vaehub installs is what each UI lists, under the name that vaehub says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.targets.standins import STAND_INS
from tests.targets.table import PAGE, page
from tests.targets.trials import KINDS, OTHER, Trial, Trials
from tests.targets.uis import COMFYUI, TREES, grow
from vaehub.loopback import LoopbackWorld
from vaehub.model import Target
from vaehub.targets import layouts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], Trial]:
    """Try everything once: the tests look at what came of it."""
    with LoopbackWorld() as world:
        tried = Trials(tmp_path_factory.mktemp("trials"), world).all()
        return {(trial.ui, trial.kind): trial for trial in tried}


def test_every_layout_has_a_tree_and_a_stand_in() -> None:
    assert set(STAND_INS) == set(TREES) == set(layouts())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ui", TREES)
def test_what_is_installed_is_what_the_ui_lists(
    trials: Mapping[tuple[str, str], Trial], ui: str, kind: str
) -> None:
    trial = trials[ui, kind]
    if trial.result is None:
        assert not trial.changed, "a refusal leaves the tree as it was"
        assert trial.refused is not None
        assert trial.refused.hint, "and says what else to do"
        return
    assert trial.result.target.root == trial.root
    steps = trial.result.steps
    assert all(step.status == "installed" for step in steps)
    assert {step.destination for step in steps} <= trial.opened, "the UI loads it"
    named = {step.listed_as for step in steps} - {None}
    assert set(trial.after) - set(trial.before) == named, "and lists it so, and nothing else"
    for step in steps:
        if step.listed_as is not None:
            assert step.destination in trial.after[step.listed_as]
    assert {name: trial.after[name] for name in trial.before} == trial.before, "nothing is hidden"


@pytest.mark.parametrize("kind", ["colliding", "linked"])
@pytest.mark.parametrize("ui", TREES)
def test_the_users_file_of_the_same_name_stays(
    trials: Mapping[tuple[str, str], Trial], ui: str, kind: str
) -> None:
    trial = trials[ui, kind]
    folder = trial.root / layouts()[ui].slots["vae"].folder
    (name,) = KINDS[kind].names
    assert (folder / "sub" / name).read_bytes() == OTHER


@pytest.mark.parametrize("kind", ["ckpt", "pt", "pth", "sft", "bin", "small"])
@pytest.mark.parametrize("ui", TREES)
def test_nothing_is_renamed_or_refused_that_the_ui_would_load(
    trials: Mapping[tuple[str, str], Trial], tmp_path: Path, ui: str, kind: str
) -> None:
    trial = trials[ui, kind]
    if trial.outcome == "as it is":
        return
    root = grow(tmp_path / "ui", TREES[ui])
    (name,) = KINDS[kind].names
    file = root / layouts()[ui].slots["vae"].folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"by hand")
    assert file not in STAND_INS[ui].opened(root)


@pytest.mark.parametrize(
    ("ui", "other"),
    [
        ("automatic1111", "models/VAE/sub/a.vae.pt"),
        ("automatic1111", "models/Stable-diffusion/a.vae.pt"),
        ("forge", "models/VAE/sub/a.vae.pt"),
        ("forge", "models/text_encoder/a.vae.pt"),
        ("reforge", "models/Stable-diffusion/sub/a.vae.safetensors"),
        ("sdnext", "models/VAE/sub/a.vae.safetensors"),
        ("sdnext", "models/Stable-diffusion/a.vae.safetensors"),
        ("comfyui", "first/a.safetensors"),
        ("comfyui", "last/a.safetensors"),
        ("swarmui", "last/a.pt"),
    ],
)
def test_which_of_two_files_of_one_name_is_shown(tmp_path: Path, ui: str, other: str) -> None:
    target = Target(ui, grow(tmp_path / "ui", f"{TREES[ui]} {other}"))
    if ui == "comfyui":
        default = "true" if other.startswith("first") else "false"
        text = f"a:\n  is_default: {default}\n  vae: first\nb:\n  vae: last\n"
        (target.root / "extra_model_paths.yaml").write_text(text, encoding="utf-8")
    if ui == "swarmui":
        text = "Paths:\n    ModelRoot: Models\n    SDVAEFolder: VAE;../last\n"
        (target.root / "Data" / "Settings.fds").write_text(text, encoding="utf-8")
    layout, theirs = layouts()[ui], target.root / other
    ours = layout.slots["vae"].folder + "/" + theirs.name
    if other.startswith("first"):
        ours, theirs = other, target.root / ours
    grow(target.root, theirs.relative_to(target.root).as_posix())
    grow(target.root, ours)
    assert layout.collision(target, "vae", theirs.name) == theirs
    (shown,) = (path.resolve() for path in STAND_INS[ui].listed(target.root)[theirs.name])
    other_is_shown = layout.shows_other(target, "vae", theirs)
    assert shown == (theirs if other_is_shown else target.root / ours).resolve()


def test_comfyui_reads_further_folders_as_its_stand_in_does(tmp_path: Path) -> None:
    from tests.targets.standins import comfyui

    root = grow(tmp_path / "ui", COMFYUI)
    (root / "extra_model_paths.yaml").write_text(
        "a:\n  base_path: more\n  vae: |\n    one\n    two\n  vae_approx: tiny\n"
        "b:\n  base_path: /data\n  is_default: true\n  vae: three\n"
        "c:\n  is_default: true\n  vae: more/one\n",
        encoding="utf-8",
    )
    theirs = comfyui.folders(root)
    for slot, kind in (("vae", "vae"), ("vae-approx", "vae_approx")):
        ours = layouts()["comfyui"].folders(Target("comfyui", root), slot)
        assert [str(path) for path in ours] == theirs[kind]
    assert theirs["vae"][0] == str(root / "more" / "one")


def test_the_page_is_in_step_with_what_vaehub_does(
    trials: Mapping[tuple[str, str], Trial],
) -> None:
    wanted = page(trials.values())
    assert PAGE.read_text(encoding="utf-8") == wanted, (
        "run: python -m tests.targets.table > docs/targets.md"
    )
