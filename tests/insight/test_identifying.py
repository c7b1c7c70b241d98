"""What files are: by their bytes, and by their weights where nobody knows those."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api_box import Box, overwrite
from tests.trees import forbidding_folder, snapshot
from tests.weights import autoencoders as ae
from tests.weights.files import PLAIN, safetensors, torch_zip
from vaehub import api, caching
from vaehub.errors import IntegrityError
from vaehub.insight.finding import Finding
from vaehub.insight.kin import Reader
from vaehub.weights import prints
from vaehub.weights.fingerprint import read_fingerprint
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.insight.identifying import Identified, Report
    from vaehub.loopback import LoopbackWorld

NAME = "house.safetensors"
PICKLE = torch_zip(PLAIN)
_AT = st.integers(0, len(PICKLE) - 1)
_BYTE = st.binary(min_size=1, max_size=1)
_LONG = st.integers(0, 2**64 - 1)


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    return ae.write(tmp_path / "sound.safetensors", ae.numbers()).read_bytes()


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld, sound: bytes) -> Box:
    box = Box(tmp_path, world)
    box.add("house", {NAME: sound}, family="sd1", aliases=["home"])
    box.extra["XDG_STATE_HOME"] = str(tmp_path / "state")
    box.extra["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    return box


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def identify(box: Box, *paths: Path, every_hash: bool = False) -> Report:
    return api.identify(paths, every_hash=every_hash, settings=box.settings, catalogs=box.catalogs)


def only(report: Report) -> Identified:
    assert not report.failed
    (file,) = report.files
    return file


def test_bytes_that_the_catalog_knows(box: Box, folder: Path, sound: bytes) -> None:
    path = folder / "renamed.pt"
    path.write_bytes(sound)
    file = only(identify(box, path))
    assert (file.status, file.names) == ("known", ("mine/house@safetensors",))
    assert file.known is not None
    assert (file.known.title, file.known.family) == ("A VAE for tests", "sd1")
    assert file.fingerprint is None  # nobody needed it
    assert file.hashes["sha256"] == hashlib.sha256(sound).hexdigest()


def test_nothing_is_changed(box: Box, folder: Path, sound: bytes) -> None:
    (folder / "a.safetensors").write_bytes(sound)
    ae.write(folder / "b.safetensors", ae.numbers(4))
    before = snapshot(folder)
    identify(box, folder, every_hash=True)
    assert snapshot(folder) == before


def test_where_the_bytes_are_here_already(box: Box, folder: Path, sound: bytes) -> None:
    box.install("house")
    (folder / "a.safetensors").write_bytes(sound)
    file = only(identify(box, folder / "a.safetensors"))
    assert file.installed == (box.vae / NAME,)
    assert file.in_store


def test_weights_of_an_installed_vae_in_another_file(box: Box, folder: Path) -> None:
    box.install("house")
    path = ae.write(folder / "some.safetensors", ae.numbers(layout="diffusers"))
    file = only(identify(box, path))
    assert file.status == "recognised"
    assert file.architecture == "autoencoder-kl"
    (kin,) = file.kin
    assert (kin.name, kin.relation.kind) == ("mine/house@safetensors", "same-weights")
    assert kin.path == box.vae / NAME


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("rounded", ae.cast(ae.numbers(), "F16")),
        ("same-encoder", ae.changed(ae.numbers(), only="decoder")),
        ("close", ae.changed(ae.numbers(), by=0.001)),
    ],
)
def test_every_relation_is_found_in_the_store(
    box: Box, folder: Path, kind: str, named: ae.Named
) -> None:
    box.install("house")
    (box.vae / NAME).unlink()
    file = only(identify(box, ae.write(folder / "some.safetensors", named)))
    assert [(kin.name, kin.relation.kind) for kin in file.kin] == [("mine/house@safetensors", kind)]
    assert file.status == "recognised"


def test_what_is_unrelated_is_unknown(box: Box, folder: Path) -> None:
    box.install("house")
    # Numbers of no other test: fingerprints are remembered.
    path = ae.write(folder / "some.safetensors", ae.numbers(41))
    file = only(identify(box, path))
    assert (file.status, file.kin) == ("unknown", ())
    assert file.architecture == "autoencoder-kl"
    assert file.fingerprint is None  # nothing is near, and so nobody needs it
    assert only(identify(box, path, every_hash=True)).fingerprint is not None


def test_files_of_one_run_are_held_against_each_other(box: Box, folder: Path) -> None:
    ae.write(folder / "a.safetensors", ae.numbers(4))
    ae.write(folder / "b.safetensors", ae.cast(ae.numbers(4), "BF16"))
    first, second = identify(box, folder).files
    assert [(kin.path, kin.relation.kind) for kin in first.kin] == [(second.seen.path, "rounds-to")]
    assert [kin.relation.kind for kin in second.kin] == ["rounded"]


def test_a_fingerprint_in_the_catalog_is_enough(box: Box, folder: Path, tmp_path: Path) -> None:
    made = read_fingerprint(read_tensors(tmp_path / "sound.safetensors")).fingerprint
    record = prints.to_json(made, sketches=False)
    artifact = box.entries["house"]["variants"]["safetensors"]["artifacts"][0]
    artifact["fingerprint"] = {
        k: v for k, v in record.items() if k not in {"architecture", "dtypes"}
    }
    # Its own metadata: no other test has the file, and none can have left its fingerprint.
    path = folder / "x.safetensors"
    ae.write(path, ae.cast(ae.numbers(), "F16"), metadata={"only": "here"})
    file = only(identify(box, path))
    (kin,) = file.kin
    assert (kin.name, kin.path, kin.relation.kind) == ("mine/house@safetensors", None, "rounded")


def test_a_file_that_must_be_read_to_be_compared_is(box: Box, folder: Path) -> None:
    torch = pytest.importorskip("torch")
    named = ae.numbers(61)
    ae.write(folder / "a.safetensors", named, metadata={"only": "here"})
    state = {
        name: torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(shape)
        for name, (_, shape, data) in named.items()
    }
    one = "decoder.conv_in.weight"
    state[one] = state[one].contiguous(memory_format=torch.channels_last)
    torch.save(state, folder / "b.ckpt")
    first, second = identify(box, folder).files
    assert [kin.relation.kind for kin in first.kin] == ["same-weights"]
    assert [kin.relation.kind for kin in second.kin] == ["same-weights"]


def test_a_name_that_belongs_to_other_bytes_is_told(box: Box, folder: Path) -> None:
    path = ae.write(folder / "House.safetensors", ae.numbers(4))
    report = identify(box, path)
    (problem,) = report.problems
    assert (problem.code, problem.where, problem.blocking) == ("misnamed", str(path), False)
    assert "mine/house@safetensors" in problem.message


def test_what_is_read_once_is_remembered(box: Box, folder: Path) -> None:
    path = ae.write(folder / "some.safetensors", ae.numbers(4))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    first = only(identify(box, path, every_hash=True))
    file = only(identify(box, path))
    assert file.fingerprint is not None
    assert file.fingerprint == first.fingerprint
    again = path.with_name("other.safetensors")
    shutil.copyfile(path, again)
    (kept,) = box.settings.cache.rglob(f"{file.sha256}.json")
    kept.write_text(kept.read_text().replace("autoencoder-kl", "remembered"))
    body = kept.read_bytes().partition(b"\n")[2]
    kept.write_bytes(caching.sha256(body).encode() + b"\n" + body)
    # The copy is hashed, and not taken apart again.
    reader = Reader(box.settings.cache)
    assert reader.of(again, file.sha256).architecture == "remembered"
    kept.unlink()


def test_a_damaged_memory_costs_a_reading(box: Box, folder: Path) -> None:
    path = ae.write(folder / "some.safetensors", ae.numbers(4))
    first = only(identify(box, path, every_hash=True))
    for kept in box.settings.cache.rglob(f"{first.sha256}.json"):
        kept.write_text("{}")
    assert only(identify(box, path, every_hash=True)).fingerprint == first.fingerprint


def test_a_file_of_unknown_size_is_read_once_for_all(
    box: Box, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.install("house")
    named = ae.changed(ae.numbers(), by=0.001, seed=77)
    path = ae.write(folder / "some.safetensors", named, metadata={"of another": "size"})
    read = 0
    real, plain = io.FileIO.readinto, type(path).open

    class Counting(io.FileIO):
        """Counts what comes through it; hashing and fingerprints both read unbuffered."""

        def readinto(self, buffer: Any) -> Any:
            nonlocal read
            count = real(self, buffer)
            read += count or 0
            return count

    def opening(self: Path, mode: str = "r", buffering: int = -1, **options: Any) -> Any:
        if self == path and buffering == 0:
            return Counting(os.fspath(self), mode)
        return plain(self, mode, buffering, **options)

    monkeypatch.setattr(type(path), "open", opening)
    file = only(identify(box, path))
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.fingerprint is not None
    # And some numbers of it before, to see that it is worth it.
    assert path.stat().st_size < read < 1.02 * path.stat().st_size


def test_what_vaehub_placed_is_known_by_its_receipt_whatever_the_catalog_says_now(
    box: Box, folder: Path
) -> None:
    box.install("house")
    box.add("house", {NAME: ae.write(folder / "x.safetensors", ae.numbers(5)).read_bytes()})
    report = identify(box, box.vae / NAME)
    assert only(report).names == ("mine/house@safetensors",)
    assert report.problems == ()


def test_a_folder_has_what_a_ui_would_list(box: Box, folder: Path, sound: bytes) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "a.sft").write_bytes(sound)
    (folder / "notes.txt").write_text("hello")
    (folder / "dead.pt").symlink_to("nowhere")
    report = identify(box, folder)
    assert [file.seen.path.name for file in report.files] == ["a.sft"]
    assert report.passed_by == 1
    assert [problem.code for problem in report.problems] == ["unreadable"]
    assert not report.failed


def test_what_is_no_model_is_an_error_where_it_was_named(box: Box, folder: Path) -> None:
    path = folder / "page.safetensors"
    path.write_text("<html><title>Sign in</title>")
    (failed,) = identify(box, path).failed
    assert (failed.error.exit_code, failed.error.code) == (6, "not-a-model")
    report = identify(box, folder)
    assert not report.failed
    assert [(one.code, one.blocking) for one in report.problems] == [("not-a-model", False)]


def test_an_unsafe_pickle_is_refused(box: Box, folder: Path) -> None:
    path = folder / "evil.pt"
    path.write_bytes(b"\x80\x02cos\nsystem\n(U\x02lstR.")
    (failed,) = identify(box, path).failed
    assert (failed.error.exit_code, failed.error.code) == (6, "unsafe-pickle")


def test_a_model_that_is_no_vae_is_said_to_be_unknown(box: Box, folder: Path) -> None:
    header = {
        "lora_unet_down.lora_up.weight": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]},
        "lora_unet_down.lora_down.weight": {"dtype": "U8", "shape": [8], "data_offsets": [8, 16]},
    }
    path = folder / "lora.safetensors"
    path.write_bytes(safetensors(header=header))
    file = only(identify(box, path))
    assert file.status == "unknown"
    assert file.message is not None
    assert "LoRA" in file.message


def test_there_is_no_such_file(box: Box, folder: Path) -> None:
    (failed,) = identify(box, folder / "none.pt").failed
    assert failed.error.exit_code == 2


def test_duplicates_are_counted_once_for_each_inode(box: Box, folder: Path, sound: bytes) -> None:
    for name in ("a.pt", "b.pt", "c.pt"):
        (folder / name).write_bytes(sound)
    os.link(folder / "a.pt", folder / "d.pt")
    report = identify(box, folder)
    (group,) = report.groups()
    assert [file.seen.path.name for file in group] == ["a.pt", "b.pt", "c.pt"]
    assert report.wasted == 2 * len(sound)


def test_a_blob_that_somebody_wrote_into_is_not_believed(box: Box, folder: Path) -> None:
    box.install("house")
    overwrite(box.vae / NAME, b"something else")
    for blob in (box.store / "blobs").rglob("*"):
        if blob.is_file():
            overwrite(blob, ae.write(folder / "x.safetensors", ae.numbers(8)).read_bytes())
    path = ae.write(folder / "some.safetensors", ae.numbers(8, layout="diffusers"))
    assert only(identify(box, path)).kin == ()


def test_what_is_far_is_not_read_through(box: Box, folder: Path, sound: bytes) -> None:
    box.install("house")
    digest = hashlib.sha256(sound).hexdigest()
    for kept in box.settings.cache.rglob(f"{digest}.json"):
        kept.unlink()  # of other tests
    path = ae.write(folder / "some.safetensors", ae.numbers(4))
    identify(box, path)
    assert not list(box.settings.cache.rglob(f"{digest}.json"))
    ae.write(path, ae.changed(ae.numbers(), only="encoder", by=3.0))
    assert only(identify(box, path)).kin[0].relation.kind == "same-decoder"
    assert list(box.settings.cache.rglob(f"{digest}.json"))


def test_a_folder_that_cannot_be_read_is_an_error() -> None:
    with forbidding_folder(0) as closed:
        found = Finding()
        found.add(closed)
    (failed,) = found.failed
    assert failed.error.exit_code == 2
    assert "cannot look into" in failed.error.message


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    name=st.sampled_from(["a.safetensors", "a.sft", "a.pt", "a.ckpt", "a.bin"]),
    data=st.one_of(
        st.binary(max_size=200),
        st.builds(lambda cut: PICKLE[:cut], st.integers(0, len(PICKLE))),
        st.builds(lambda at, byte: PICKLE[:at] + byte + PICKLE[at + 1 :], _AT, _BYTE),
        st.builds(lambda n, tail: n.to_bytes(8, "little") + b"{" + tail, _LONG, st.binary()),
    ),
)
def test_any_file_at_all_is_unknown_or_no_model(
    box: Box, folder: Path, name: str, data: bytes
) -> None:
    path = folder / name
    path.write_bytes(data)
    report = identify(box, path)
    if report.failed:
        (failed,) = report.failed
        assert failed.error.exit_code == 6
        assert name in failed.error.message
    else:
        assert only(report).sha256 == hashlib.sha256(data).hexdigest()
    path.unlink()


def test_a_zip_that_unfolds_to_gigabytes_is_refused(box: Box, folder: Path) -> None:
    import zipfile

    path = folder / "bomb.ckpt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"(" * (64 << 20))
    (failed,) = identify(box, path).failed
    assert failed.error.exit_code == 6


def test_a_file_that_holds_other_bytes_by_now_is_refused(box: Box, folder: Path) -> None:
    path = ae.write(folder / "some.safetensors", ae.numbers(6))
    with pytest.raises(IntegrityError, match="than a moment ago"):
        Reader(folder / "cache").of(path, "0" * 64)
