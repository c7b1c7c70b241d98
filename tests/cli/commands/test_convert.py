"""``vaehub convert``: words, JSON, exit codes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import builders
from tests.cli.conftest import run_process, source
from tests.converting.samples import checkpoint, put

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

DATA = checkpoint()


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a catalog in force that knows the checkpoint, and that it overflows."""
    smoke = {"architecture": "autoencoder-kl", "latent_channels": 4, "downscale": 8, "fp16": "nan"}
    files = {"house.vae.pt": (DATA, [source("house.vae.pt")])}
    path = builders.write_catalog(
        tmp_path / "mine.yaml", {"house": builders.entry(files, smoke=smoke)}
    )
    monkeypatch.setenv("VAEHUB_CATALOG", str(path))


def test_says_what_it_was_and_what_was_done(run: Run, tmp_path: Path) -> None:
    path = put(tmp_path, DATA)
    ran = run("convert", path)
    assert ran.code == 0
    assert ran.out == ""
    digest = hashlib.sha256((tmp_path / "house.vae.safetensors").read_bytes()).hexdigest()
    for words in (
        f"{path} converted",
        "a checkpoint (pickle), 93.8 kB, autoencoder-kl",
        "state_dict entered",
        "epoch",
        "tensors, layout ldm",
        f"sha256 {digest}",
    ):
        assert words in ran.err
    assert "which no catalog lists" not in ran.err
    again = run("convert", path)
    assert again.code == 0
    assert f"{path} was converted already" in again.err
    assert run("convert", path, "--quiet").err == ""


def test_json(run: Run, tmp_path: Path) -> None:
    path = put(tmp_path, DATA)
    ran = run("convert", path, "--dtype", "fp16", "--layout", "diffusers", "--json")
    [result] = ran.json["results"]
    out = tmp_path / "house.vae.safetensors"
    assert ran.json["ok"]
    assert ran.json["problems"] == []
    assert result == {
        "path": str(out),
        "status": "converted",
        "size": out.stat().st_size,
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "architecture": "autoencoder-kl",
        "layout": "diffusers",
        "tensors": result["tensors"],
        "done": ["state_dict entered", "layout ldm to diffusers", "F32 to F16"],
        "dropped": ["epoch"],
        "origin": {
            "path": str(path),
            "kind": "zip pickle",
            "size": len(DATA),
            "sha256": hashlib.sha256(DATA).hexdigest(),
            "known_as": None,
        },
    }


@pytest.mark.usefixtures("known")
def test_what_the_catalog_knows_is_told(run: Run, tmp_path: Path) -> None:
    path = put(tmp_path, DATA)
    ran = run("convert", path, "--dtype", "bf16", "-o", tmp_path / "b.safetensors")
    assert "house@safetensors" in ran.err
    assert "which no catalog lists" in ran.err
    assert "known to overflow" not in ran.err
    ran = run("convert", path, "--dtype", "fp16", "--json")
    [problem] = ran.json["problems"]
    assert ran.code == 0
    assert problem["code"] == "overflows-in-fp16"
    assert not problem["blocking"]


def test_exit_codes(run: Run, tmp_path: Path) -> None:
    path = put(tmp_path, DATA)
    assert run("convert").code == 2
    assert run("convert", path, "--dtype", "int8").code == 2
    assert run("convert", path, "--layout", "native").code == 2
    assert run("convert", tmp_path / "none.pt").code == 2
    (tmp_path / "house.vae.safetensors").write_bytes(b"mine")
    assert run("convert", path).code == 7
    bad = put(tmp_path, b"cos\nsystem\n(S'true'\ntR.", name="bad.pt")
    assert run("convert", bad).code == 6
    cut = put(tmp_path, DATA[:5000], name="cut.pt")
    assert run("convert", cut).code == 6
    assert put(tmp_path, DATA).read_bytes() == DATA


def test_neither_torch_nor_numpy_is_imported(tmp_path: Path) -> None:
    path = put(tmp_path, DATA)
    ran = run_process("convert", path, "--dtype", "bf16")
    assert ran.returncode == 0, ran.stderr
    code = (
        "import sys; from vaehub import api; from pathlib import Path\n"
        "api.convert(sys.argv[1], output=Path(sys.argv[2]), dtype='fp16')\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "half.safetensors")], check=True
    )
