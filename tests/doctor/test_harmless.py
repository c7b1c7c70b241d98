"""Doctor never crashes and never writes, whatever files hold and are called."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doctor.uis import LORA, Ui, tiny, vae
from tests.targets.uis import TREES
from tests.weights.files import PLAIN, legacy, naming, safetensors, torch_zip
from vaehub import api, intents, receipts, staging
from vaehub import settings as settings_module
from vaehub.hashing import sha256_of
from vaehub.model import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

WHOLE = [
    safetensors(),
    torch_zip(PLAIN),
    legacy(PLAIN),
    torch_zip(naming("os.system")),
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4\n",
    b"<html><title>x</title>",
    b"\x80\x02]q.",
    b"PK\x03\x04",
    b"\x1f\x8b",
]


@st.composite
def contents(draw: Callable[..., Any]) -> bytes:
    """Give anything: noise, and files of each kind with a piece of them changed or cut off."""
    data = bytearray(draw(st.one_of(st.sampled_from(WHOLE), st.binary(max_size=64))))
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


NAMES = st.one_of(
    st.sampled_from(
        ["a", "a.b", ".", "taesd_encoder", "x y", "\udcff", "a\nb", "-rf", "$(x)", "名"]
    ),
    st.text(min_size=1, max_size=12),
).filter(lambda name: "/" not in name and "\0" not in name)
ENDS = st.sampled_from(
    [
        ".safetensors",
        ".pt",
        ".ckpt",
        ".pkl",
        ".gguf",
        ".part",
        ".aria2",
        ".tmp",
        "",
        ".json",
        ".PTH",
    ]
)


@given(
    layout=st.sampled_from(list(TREES)),
    files=st.lists(st.tuples(st.sampled_from(["", "sub", ".h"]), NAMES, ENDS, contents())),
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_any_file_is_looked_at(layout: str, files: list[tuple[str, str, str, bytes]]) -> None:
    from vaehub.cli import output
    from vaehub.cli.commands import doctor
    from vaehub.doctor import machine
    from vaehub.doctor.report import Diagnosis, target_json

    with tempfile.TemporaryDirectory() as box:
        ui = Ui(Path(box), layout)
        for folder, name, end, data in files:
            path = ui.folder() / folder / f"{name}{end}"
            if f"{name}{end}" in {".", ".."}:
                continue
            path.parent.mkdir(exist_ok=True)
            try:
                path.write_bytes(data)
            except (OSError, ValueError):  # no name for a file here
                continue
        before = stamps(ui.root)
        found = ui.examine()
        own = settings_module.load({"VAEHUB_STORE": str(ui.store), "VAEHUB_OFFLINE": "1"})
        around = machine.look(own, ask_hosts=False, ask_torch=False)
        assert target_json(found, around)["kind"] == "target"
        for block in doctor._text(Diagnosis((found,), around), ()):
            assert list(output._lines(block, 80)) is not None
        assert stamps(ui.root) == before
        assert not ui.store.exists()


def stamps(root: Path) -> dict[str, tuple[int, ...]]:
    """Give all that a look must leave as it is: of each path mode, inode, size, links and times.

    The time of the last access is left out: to read a file changes it, on some systems.
    """
    found: dict[str, tuple[int, ...]] = {}
    for path in (root, *sorted(root.rglob("*"))):
        stat = path.lstat()
        found[os.fsencode(path).decode("latin-1")] = (
            *(stat.st_mode, stat.st_ino, stat.st_size, stat.st_nlink),
            *(stat.st_mtime_ns, stat.st_ctime_ns),
        )
    return found


def test_nothing_at_all_is_written(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Take a tree with one of each kind, a store with a killed run in it, and a home."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("VAEHUB_STORE", str(home / "store"))
    monkeypatch.setenv("VAEHUB_OFFLINE", "1")
    ui = Ui(tmp_path)
    vae(ui.folder() / "sound.safetensors", seed=1)
    same = vae(ui.folder() / "same.safetensors", seed=1)
    vae(ui.folder() / "style.safetensors", LORA)
    vae(ui.folder("vae-approx") / "taesd_decoder.pth", tiny())
    (ui.folder() / "page.pt").write_text("<html>")
    (ui.folder() / staging.FOLDER).mkdir()
    (ui.folder() / staging.FOLDER / "broken.safetensors.json").write_text("{")
    machine = staging._machine()
    left = f"vaehub-{machine}-{'9' * 10}-00000000.part"
    (ui.folder() / staging.FOLDER / left).touch()
    stat = same.stat()
    owed = Receipt(
        *(same, "mine/house", "safetensors", "0" * 64, stat.st_size, "single", "store", "copy"),
        *("MIT", stat.st_mtime_ns, stat.st_ino, "2026-01-01T00:00:00+00:00"),
    )
    owed = owed._replace(sha256=sha256_of(same))
    intents.note(home / "store", owed)
    blob = home / "store" / "blobs" / "sha256" / "00" / ("0" * 64)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"not what it says")
    gone = owed._replace(path=ui.folder() / "gone.safetensors")
    receipts.write(gone)
    os.utime(same)  # so that only its bytes can tell
    ui.knows("house", {"same.safetensors": same.read_bytes()})
    assert ui.catalogs
    monkeypatch.setenv("VAEHUB_CATALOG", str(tmp_path / "mine.yaml"))

    before = stamps(tmp_path), stamps(home)
    found = api.doctor(ui.root, torch=True)
    codes = {problem.code for problem in found.problems}
    assert codes >= {"duplicate", "not-a-vae", "receipt-damaged", "leftover", "receipt-owed"}
    assert codes >= {"missing", "not-a-model"}
    assert (stamps(tmp_path), stamps(home)) == before
    assert not (home / "cache").exists()
