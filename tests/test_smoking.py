"""What a smoke test is asked for: names, files, all that is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.api_box import Box, overwrite
from tests.smoke import handmade
from tests.smoke.asking import needs_torch
from vaehub import api
from vaehub.errors import EntryNotFound, NamingError, UsageError, VariantNotFound
from vaehub.smoke import records, testing
from vaehub.smoking import subjects
from vaehub.store import Store

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld
    from vaehub.smoke.report import SmokeReport

pytestmark = pytest.mark.usefixtures("one_thread")
FACTS = {"architecture": "autoencoder-kl", "latent_channels": 4, "downscale": 2}


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    """A machine whose catalog has a VAE of one file and one of two."""
    box = Box(tmp_path, world)
    made = tmp_path / "made"
    whole = handmade.write(made / "house.safetensors")
    box.add("house", {whole.name: whole.read_bytes()}, smoke=FACTS, aliases=["home"])
    halves = [
        handmade.write(made / f"pair-{half}.safetensors", half=half)
        for half in ("encoder", "decoder")
    ]
    box.add("pair", {half.name: half.read_bytes() for half in halves}, smoke=FACTS)
    return box


def smoke(box: Box, *names: str | Path, **options: Any) -> list[SmokeReport]:
    return api.smoke(
        [str(name) for name in names],
        **{
            "to": box.tree,
            "device": "cpu",
            "dtypes": ("fp32",),
            "settings": box.settings,
            "catalogs": box.catalogs,
            **options,
        },
    )


def found(box: Box, *names: str | Path, everything: bool = False) -> list[testing.Subject]:
    target = api.find_target(box.tree, settings=box.settings)
    return subjects(
        [str(name) for name in names],
        here=api.installed(target),
        target=target,
        catalogs=box.catalogs,
        store=Store(box.settings.store),
        everything=everything,
    )


# Names


@needs_torch
def test_a_name_is_what_is_installed_under_it(box: Box) -> None:
    box.install("house")
    [report] = smoke(box, "home")
    assert (report.verdict, report.name, report.entry) == ("works", "home", "mine/house")
    assert report.paths == (box.vae / "house.safetensors",)
    record = records.recall(box.settings.state, report.sha256[0])
    assert record is not None
    assert record.verdict == "works"


@needs_torch
def test_the_verdict_stands_in_the_receipt_until_another_one_is_found(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said() -> object:
        [receipt] = api.installed(api.find_target(box.tree, settings=box.settings))
        return receipt.smoke["verdict"] if receipt.smoke is not None else None

    box.install("house")
    assert said() is None
    smoke(box, "house")
    assert said() == "works"
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "torch", None)
        [report] = smoke(box, "house")
    assert report.verdict == "untested"
    assert said() == "works", "that it could not be tested now says nothing against it"


@needs_torch
def test_the_autoencoder_that_ships_tells_whether_the_machine_is_sound(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    [report] = smoke(box, itself=True)
    assert (report.verdict, report.name) == ("works", "vaehub's own")
    assert report.decoded[0].figures["golden"] > 55
    # A machine that computes a little wrongly, in one layer.
    from vaehub.smoke.engine.layers import same

    def askew(weights: Any, name: str, x: Any) -> Any:
        return same(weights, name, x) * (1.02 if name == "decoder.conv_out" else 1)

    monkeypatch.setattr("vaehub.smoke.engine.kl.same", askew)
    [report] = smoke(box, itself=True)
    assert report.verdict == "damaged"
    assert "computes wrongly" in report.decoded[0].reasons[-1].message
    assert "--device cpu" in report.advice[0].what


def test_else_it_is_what_the_store_has(box: Box, tmp_path: Path) -> None:
    box.install("house", to=tmp_path)
    [subject] = found(box, "house")
    [(path, name)] = subject.files
    assert (path.parent.parent.name, name) == ("sha256", "house.safetensors")
    assert subject.sha256 == (path.name,)


def test_what_is_neither_here_nor_there(box: Box) -> None:
    with pytest.raises(NamingError, match=r"house is not installed in .*webui") as caught:
        smoke(box, "house")
    assert "not in the store" in str(caught.value)
    assert caught.value.hint == "vaehub install house"


def test_a_variant_that_is_not_installed_is_not_replaced_by_another(box: Box) -> None:
    box.install("house")
    assert [subject.name for subject in found(box, "house@safetensors")] == ["house@safetensors"]
    with pytest.raises(VariantNotFound):
        smoke(box, "house@fp16")


def test_a_name_that_leads_nowhere(box: Box) -> None:
    with pytest.raises(EntryNotFound):
        smoke(box, "horse")


@needs_torch
def test_the_two_files_of_an_entry_are_tested_together(box: Box) -> None:
    box.install("pair")
    [report] = smoke(box, "pair")
    assert (report.verdict, report.half) == ("works", "both")
    assert len(report.paths) == len(report.sha256) == 2
    assert "round_trip" in report.decoded[0].figures


@needs_torch
def test_bytes_that_changed_since_are_damage(box: Box) -> None:
    box.install("house")
    path = box.vae / "house.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # no picture shows it
    overwrite(path, bytes(data))
    [report] = smoke(box, "house")
    assert report.verdict == "damaged"
    assert [reason.code for reason in report.reasons] == ["changed"]
    assert report.decoded[0].verdict == "works"
    [by_path] = smoke(box, path)
    assert (by_path.verdict, by_path.entry) == ("works", None)


# Files


@needs_torch
def test_a_file_of_anybodys(box: Box, tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "downloads" / "mine.safetensors")
    [report] = smoke(box, path)
    assert (report.verdict, report.name, report.entry) == ("works", str(path), None)


def test_a_file_that_vaehub_placed_is_known(box: Box) -> None:
    box.install("house")
    [subject] = found(box, box.vae / "house.safetensors")
    assert subject.entry is not None
    assert subject.entry.full_name == "mine/house"
    assert len(subject.sha256) == 1


def test_a_file_by_its_bare_name(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("house").write_bytes(b"<html>")
    [subject] = found(box, "house")
    assert subject.files == ((Path("house"), "house"),)


def test_a_home_folder_is_spelled_out(box: Box, home: Path) -> None:
    handmade.write(home / "vae.safetensors")
    [subject] = found(box, "~/vae.safetensors")
    assert subject.files[0][0] == home / "vae.safetensors"


@pytest.mark.parametrize(
    "name",
    [
        *("gone.safetensors", "./gone", "/no/such/file", "~/gone.pt", "~nobody-at-all/vae.pt"),
        "gone.ckpt",
    ],
)
def test_a_file_that_is_not_there(box: Box, name: str) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        smoke(box, name)


@pytest.mark.parametrize("name", [".", "./", "models", "models/VAE", "models/"])
def test_a_folder_is_not_a_file(box: Box, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    box.vae.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(box.tree)
    with pytest.raises(UsageError, match="is a folder") as caught:
        smoke(box, name)
    assert "--all --to FOLDER" in str(caught.value.hint)


def test_a_folder_that_bears_the_name_of_an_entry_is_not_in_its_way(
    box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    box.install("house")
    monkeypatch.chdir(tmp_path)
    Path("house").mkdir()
    assert [subject.name for subject in found(box, "house")] == ["house"]


# Pairs of files


def halves(folder: Path, decoder: str, encoder: str) -> tuple[Path, Path]:
    return (
        handmade.write(folder / decoder, half="decoder"),
        handmade.write(folder / encoder, half="encoder"),
    )


@needs_torch
@pytest.mark.parametrize("turned", [False, True])
def test_an_encoder_and_a_decoder_side_by_side_are_one_vae(
    box: Box, tmp_path: Path, turned: bool
) -> None:
    files = halves(tmp_path, "x_decoder.safetensors", "x_encoder.safetensors")
    [report] = smoke(box, *(files[::-1] if turned else files))
    assert report.name == f"{files[0]} + x_encoder.safetensors"
    assert report.paths == files
    assert (report.verdict, report.half) == ("works", "both")


@pytest.mark.parametrize(
    ("decoder", "encoder"),
    [
        ("x_decoder.safetensors", "y_encoder.safetensors"),
        ("x_decoder.safetensors", "x_encoder.sft"),
        ("a/x_decoder.safetensors", "b/x_encoder.safetensors"),
        ("x_decoder_encoder.safetensors", "x_encoder_encoder.safetensors"),
    ],
)
def test_other_files_are_tested_each_by_itself(
    box: Box, tmp_path: Path, decoder: str, encoder: str
) -> None:
    files = halves(tmp_path, decoder, encoder)
    assert [subject.files[0][0] for subject in found(box, *files)] == list(files)


def test_several_pairs_and_others_at_once(box: Box, tmp_path: Path) -> None:
    one = halves(tmp_path, "Decoder-x.safetensors", "Encoder-x.safetensors")
    two = halves(tmp_path, "taesd_decoder.safetensors", "taesd_encoder.safetensors")
    whole = handmade.write(tmp_path / "whole.safetensors")
    named = found(box, one[1], two[0], whole, two[1], one[0], two[0])
    assert [[path for path, _ in subject.files] for subject in named] == [
        list(one),
        list(two),
        [whole],
    ]


def test_the_two_files_of_an_entry_by_their_paths(box: Box) -> None:
    box.install("pair")
    paths = [box.vae / f"pair-{half}.safetensors" for half in ("encoder", "decoder")]
    [subject] = found(box, *paths)
    assert [path for path, _ in subject.files] == paths[::-1]
    assert subject.entry is not None
    assert subject.entry.id == "pair"
    assert len(subject.sha256) == 2


# All


def test_all_that_vaehub_placed_and_nothing_twice(box: Box) -> None:
    box.install("house")
    box.install("pair")
    (box.vae / "own.safetensors").write_bytes(b"the user's")
    assert sorted(subject.name for subject in found(box, everything=True)) == [
        "mine/house@safetensors",
        "mine/pair@safetensors",
    ]
    named = found(box, "house", box.vae / "house.safetensors", everything=True)
    assert [subject.name for subject in named] == ["house", "mine/pair@safetensors"]


def test_a_file_that_is_gone_does_not_keep_the_others_from_being_tested(box: Box) -> None:
    box.install("house")
    box.install("pair")
    (box.vae / "house.safetensors").unlink()
    reports = {report.name: report for report in smoke(box, everything=True)}
    gone = reports["mine/house@safetensors"]
    assert (gone.verdict, gone.reasons[-1].code) == ("untested", "unreadable")
    expected = "untested" if testing.missing() else "works"
    assert reports["mine/pair@safetensors"].verdict == expected


def test_an_entry_that_left_the_catalog_is_tested_all_the_same(box: Box) -> None:
    box.install("house")
    del box.entries["house"]
    [subject] = found(box, everything=True)
    assert (subject.name, subject.entry) == ("mine/house@safetensors", None)


def test_nothing_to_test_is_a_mistake_and_nothing_installed_is_none(box: Box) -> None:
    with pytest.raises(UsageError, match="nothing to test") as caught:
        smoke(box)
    assert "--all" in str(caught.value.hint)
    assert smoke(box, everything=True) == []


# Pictures


@needs_torch
def test_pictures_are_drawn_where_somebody_asks_for_them(box: Box, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed (vaehub[smoke])")
    box.install("house")
    smoke(box, "house", images=tmp_path / "pictures")
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names[0] == "contact-sheet.png"
    assert "house-cpu-fp32-round-trip.png" in names


@needs_torch
def test_pictures_without_pillow_are_refused_before_anything_is_tested(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "PIL", None)
    path = handmade.write(tmp_path / "vae.safetensors")
    with pytest.raises(UsageError, match="--images needs PIL") as caught:
        smoke(box, path, images=tmp_path / "pictures")
    assert caught.value.hint == "pip install 'vaehub[smoke]' adds it"
    assert not (tmp_path / "pictures").exists()
