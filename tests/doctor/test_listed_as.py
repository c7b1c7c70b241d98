"""The names that doctor gives are those in the lists of the UIs' stand-ins, whatever lies there."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doctor.uis import Ui, vae
from tests.targets.standins import STAND_INS

STEMS = st.sampled_from(
    ["house", "a b", "house.vae", ".hidden", "taesd_encoder", "taesd_decoder", "taehv_x", "Été"]
)
ENDS = st.sampled_from(
    [".safetensors", ".pt", ".ckpt", ".pth", ".bin", ".sft", ".gguf", ".SAFETENSORS", ".Pt"]
)
FOLDERS = st.sampled_from(["", "", "sub", "sub/deeper", ".old", "linked", "linked/inside"])
SLOTS = st.sampled_from(["vae", "vae-approx"])
FILES = st.lists(st.tuples(SLOTS, FOLDERS, STEMS, ENDS), max_size=8, unique=True)


@pytest.mark.parametrize("layout", [name for name in STAND_INS if name not in {"invokeai"}])
@given(files=FILES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_doctor_names_what_the_ui_lists(
    layout: str, files: list[tuple[str, str, str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as box:
        ui = Ui(Path(box).resolve(), layout)
        for at, (slot, folder, stem, end) in enumerate(files):
            if slot not in ui.layout.slots:
                continue
            home = ui.folder(slot)
            if folder.startswith("linked") and not (home / "linked").exists():
                outside = ui.box / "disk" / slot
                outside.mkdir(parents=True, exist_ok=True)
                (home / "linked").symlink_to(outside, target_is_directory=True)
            vae(home / folder / f"{stem}{end}", seed=at)
        ui.folder()
        theirs = STAND_INS[layout].listed(ui.target.root)
        found = ui.examine().files
        ours = {seen.listed_as for seen in found if seen.listed_as is not None}
        assert ours == set(theirs)
        everywhere = {path.resolve() for paths in theirs.values() for path in paths}
        for seen in found:
            path = seen.path.resolve()
            if seen.listed_as is None:
                assert path not in everywhere
            elif seen.hidden_by is None and layout != "stabilitymatrix":  # one list of all kinds
                assert path in {path.resolve() for path in theirs[seen.listed_as]}
