"""What doctor finds in a folder: a file of each kind, its code, and the command that mends it."""

from __future__ import annotations

import hashlib
import os
import shlex
from typing import TYPE_CHECKING

import pytest

from tests import trees
from tests.doctor.uis import DIFFUSERS, KL, LORA, Ui, tiny, vae, video
from tests.smoke import handmade
from tests.targets.uis import TREES
from tests.weights.files import naming, safetensors, torch_zip
from tests.weights.manifests import SD1
from vaehub.catalog import Catalogs
from vaehub.doctor import contents, examining
from vaehub.doctor.facts import Content, Examined
from vaehub.model import Target
from vaehub.weights import kl

if TYPE_CHECKING:
    from pathlib import Path

SAFE = torch_zip(naming("collections.OrderedDict"))


@pytest.fixture
def ui(tmp_path: Path) -> Ui:
    return Ui(tmp_path)


def q(path: Path) -> str:
    return shlex.quote(str(path))


def plain(folder: Path) -> Examined:
    """Look at a plain folder that lies outside of what the test may read."""
    return examining.examine(
        Target("folder", folder), named=True, catalogs=Catalogs(()), store=folder / "store"
    )


# What is sound


@pytest.mark.parametrize("layout", [name for name in TREES if name != "invokeai"])
def test_a_sound_vae_has_nothing_wrong_and_a_name(tmp_path: Path, layout: str) -> None:
    ui = Ui(tmp_path, layout)
    path = vae(ui.folder() / "house.safetensors")
    if layout == "sdnext":
        os.truncate(path, 0)
        handmade.hollow(path, {**KL, "extra": (13_000_000,)})  # SD.Next loads nothing small
    found = ui.examine()
    assert [one.code for one in found.problems if one.blocking] == []
    assert found.ok
    [seen] = found.files
    assert seen.path == path
    names = {"folder": None, "swarmui": "house"}
    assert seen.listed_as == names.get(layout, "house.safetensors")


def test_what_is_no_file_of_weights_is_not_spoken_of(ui: Ui) -> None:
    for name in ("put_vae_here", "house.png", "house.json", "house.civitai.info", ".DS_Store"):
        (ui.folder() / name).write_bytes(b"\x89PNG or what else")
    (ui.folder() / ".vaehub").mkdir()
    (ui.folder() / ".vaehub" / "stray.safetensors").touch()
    assert ui.examine().files == ()


# What the UI does not list


@pytest.mark.parametrize(
    ("layout", "name", "listed"),
    [
        ("automatic1111", "house.sft", "house.safetensors"),
        ("automatic1111", "house.SAFETENSORS", "house.safetensors"),
        ("sdnext", "house.sft", "house.safetensors"),
        ("fooocus", "house.sft", "house.safetensors"),
    ],
)
def test_an_extension_that_the_ui_does_not_list(
    tmp_path: Path, layout: str, name: str, listed: str
) -> None:
    ui = Ui(tmp_path, layout)
    path = vae(ui.folder() / name, kl.manifest(SD1, layout="ldm"))
    assert ui.codes(path) == ["not-listed"]
    assert ui.hint(path) == f"mv {q(path)} {q(path.with_name(listed))}"


def test_a_name_that_is_taken_is_passed_by(ui: Ui) -> None:
    path = vae(ui.folder() / "house.sft", seed=1)
    vae(ui.folder() / "house.safetensors", seed=2)
    assert ui.hint(path) == f"mv {q(path)} {q(path.with_name('2-house.safetensors'))}"


def test_hidden_and_linked_folders(tmp_path: Path) -> None:
    ui = Ui(tmp_path / "a")
    hidden = vae(ui.folder() / ".old" / "house.safetensors")
    assert ui.codes(hidden) == ["out-of-reach"]
    assert ui.hint(hidden) == f"mv {q(hidden)} {q(ui.folder() / 'house.safetensors')}"
    dotted = vae(ui.folder() / ".new.safetensors")
    assert ui.hint(dotted) == f"mv {q(dotted)} {q(ui.folder() / 'new.safetensors')}"
    assert {one.listed_as for one in ui.examine().files} == {None}

    ui = Ui(tmp_path / "b", "forge")
    vae(tmp_path / "disk" / "house.safetensors")
    (ui.folder() / "linked").symlink_to(tmp_path / "disk", target_is_directory=True)
    linked = ui.folder() / "linked" / "house.safetensors"
    assert ui.codes(linked) == ["out-of-reach"]
    assert ui.hint(linked) == f"ln -s {q(linked)} {q(ui.folder() / 'house.safetensors')}"


def test_a_folder_that_is_reached_by_a_link_as_well_is_reached(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "forge")
    path = vae(ui.folder() / "sub" / "house.safetensors")
    (ui.folder() / "a-link").symlink_to(path.parent, target_is_directory=True)
    (ui.folder() / "sub" / "circle").symlink_to(ui.folder(), target_is_directory=True)
    assert [one.path for one in ui.examine().files] == [path]
    assert ui.codes() == []


def test_of_what_no_ui_comes_upon_only_so_much_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaehub.doctor.looking.MOST_BEYOND", 3)
    ui = Ui(tmp_path)
    for at in range(6):
        vae(ui.folder() / f".old{at // 2}" / f"house{at}.safetensors")
    near = vae(ui.folder() / "z" / "house.safetensors")
    files = [one.path for one in ui.examine().files]
    assert near in files
    assert len(files) == 4


# What it cannot tell apart


def test_a_name_in_two_folders(ui: Ui) -> None:
    one = vae(ui.folder() / "a" / "house.safetensors", seed=1)
    other = vae(ui.folder() / "b" / "house.safetensors", seed=2)
    assert ui.codes(one) == ui.codes(other) == ["shadowed"]
    [found] = [found for found in ui.examine().problems if found.where == str(one)]
    assert found.message == (
        f"AUTOMATIC1111 knows files by their name alone, and {other} has the same: it lists one "
        "of the two"
    )
    assert ui.hint(one) == f"mv {q(one)} {q(one.with_name('2-house.safetensors'))}"


def test_the_same_bytes_in_two_folders_hide_nothing(ui: Ui) -> None:
    one = vae(ui.folder() / "a" / "house.safetensors", seed=1)
    other = vae(ui.folder() / "b" / "house.safetensors", seed=1)
    assert ui.codes() == ["duplicate"]
    assert ui.hint(other) == f"ln -f {q(one)} {q(other)}"


def test_a_vae_beside_a_checkpoint_counts_too(ui: Ui) -> None:
    checkpoints = ui.root / "models" / "Stable-diffusion"
    beside = vae(checkpoints / "house.vae.safetensors", seed=1)
    (checkpoints / "model.safetensors").write_bytes(b"a checkpoint, which is none of our business")
    other = vae(ui.folder() / "house.vae.safetensors", seed=2)
    assert ui.codes(beside) == ui.codes(other) == ["shadowed"]
    assert len(ui.examine().files) == 2


def test_text_encoders_of_forge_count_by_their_names_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ui = Ui(tmp_path, "forge")
    encoder = ui.root / "models" / "text_encoder" / "house.safetensors"
    encoder.parent.mkdir()
    encoder.write_bytes(b"whatever this is")
    path = vae(ui.folder() / "house.safetensors")
    opened: list[Path] = []
    real = contents.read

    def read(path: Path) -> Content:
        opened.append(path)
        return real(path)

    monkeypatch.setattr(contents, "read", read)
    assert [one.path for one in ui.examine().files] == opened == [path]
    assert ui.codes(path) == ["shadowed"]


def test_the_first_folder_of_comfyui_wins(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "comfyui")
    text = f"a:\n  base_path: {tmp_path}\n  vae: more\n"
    (ui.root / "extra_model_paths.yaml").write_text(text)
    first = vae(ui.folder() / "house.safetensors", seed=1)
    later = vae(tmp_path / "more" / "house.safetensors", seed=2)
    vae(ui.folder() / "sub" / "house.safetensors", seed=3)
    assert ui.codes() == ui.codes(later) == ["shadowed"]
    [problem] = ui.examine().problems
    assert problem.message == f"ComfyUI lists {first} under the same name, and not this"
    assert (ui.seen(first).listed_as, ui.seen(later).listed_as) == ("house.safetensors", None)
    (tmp_path / "more" / "house.safetensors").unlink()
    (tmp_path / "more" / "house.safetensors").symlink_to(first)  # the same file
    assert ui.codes() == []


# What it does not load


def test_keys_that_the_ui_does_not_load(ui: Ui) -> None:
    path = vae(ui.folder() / "house.safetensors", DIFFUSERS)
    assert ui.codes(path) == ["not-loaded"]
    result = path.with_name("house-ldm.safetensors")
    assert ui.hint(path) == f"vaehub convert {q(path)} -o {q(result)} --layout ldm"


def test_a_size_that_the_ui_does_not_load(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "sdnext")
    small = vae(ui.folder() / "small.safetensors")
    large = handmade.hollow(ui.folder() / "large.safetensors", {**KL, "x": (700_000_000,)})
    assert (ui.codes(small), ui.codes(large)) == (["not-loaded"], ["not-loaded"])
    assert "--to" in (ui.hint(small) or "")


def test_a_preview_decoder_among_the_vaes(ui: Ui) -> None:
    path = vae(ui.folder() / "taesd_decoder.pth", tiny())
    path = path.rename(path.with_suffix(".safetensors"))
    right = ui.folder("vae-approx") / path.name
    assert ui.codes(path) == ["wrong-slot"]
    assert ui.examine().problems[0].message == (
        "taesd_decoder.safetensors is a small preview decoder: AUTOMATIC1111 looks for those in "
        "models/VAE-taesd"
    )
    assert ui.hint(path) == f"mv {q(path)} {q(right)}"


def test_a_vae_among_the_preview_decoders(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "comfyui")
    path = vae(ui.folder("vae-approx") / "house.safetensors")
    assert ui.codes(path) == ["wrong-slot"]
    assert "a whole VAE" in ui.examine().problems[0].message
    assert ui.hint(path) == f"mv {q(path)} {q(ui.folder() / path.name)}"


def test_a_preview_decoder_where_the_ui_has_no_folder_for_them(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "swarmui")
    path = vae(ui.folder() / "taesd_decoder.safetensors", tiny())
    assert ui.codes(path) == ["wrong-slot"]
    assert "the ComfyUI that it runs" in (ui.hint(path) or "")


def test_small_decoders_for_video_load_from_either_folder_of_comfyui(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "comfyui")
    vae(ui.folder() / "taehv.safetensors", video())
    vae(ui.folder("vae-approx") / "taehv1_5.safetensors", video(), seed=2)
    assert ui.codes() == []
    vae(ui.folder("vae-approx") / "taehv.safetensors", video(), seed=3)
    assert ui.codes() == ["shadowed"]


def test_in_a_plain_folder_everything_may_lie(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "folder")
    vae(ui.folder() / "house.safetensors")
    vae(ui.folder() / "taesd_decoder.safetensors", tiny())
    vae(ui.folder() / "diffusers.sft", DIFFUSERS)
    assert ui.codes() == []


def test_half_a_pair(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "comfyui")
    tae = {f"taesd_{half}.safetensors": half.encode() for half in ("encoder", "decoder")}
    ui.knows("taesd", tae, slot="vae-approx")
    folder = ui.folder("vae-approx")
    encoder = vae(folder / "taesd_encoder.safetensors", tiny("encoder"))
    assert ui.codes() == ["half-a-pair"]
    assert ui.hint(encoder) == f"vaehub install mine/taesd --to {q(ui.root)}"
    decoder = vae(folder / "taesd_decoder.safetensors", tiny("decoder"))
    assert ui.codes() == []
    assert ui.seen(encoder).listed_as == ui.seen(decoder).listed_as == "taesd"
    encoder.unlink()
    assert ui.codes() == ["lone-half"]  # good for previews
    assert ui.examine().ok
    assert ui.hint(decoder) == f"vaehub install mine/taesd --to {q(ui.root)}"


# What is no VAE


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("house.safetensors", b"", "empty"),
        ("house.safetensors", b"<html><title>Sign in</title></html>", "not-a-model"),
        ("house.pt", b'{"error": "no such model"}', "not-a-model"),
        ("house.safetensors", safetensors()[:-3], "damaged"),
        ("house.ckpt", SAFE[:-30], "damaged"),
        ("house.pt", torch_zip(naming("os.system")), "unsafe-pickle"),
        ("house.pt", safetensors(), "not-a-vae"),
    ],
    ids=["empty", "page", "message", "cut off", "cut-off archive", "code", "nothing known"],
)
def test_what_is_no_vae(ui: Ui, name: str, data: bytes, code: str) -> None:
    path = ui.folder() / name
    path.write_bytes(data)
    assert ui.codes() == [code]
    assert not ui.examine().ok
    hints = {
        "empty": f"rm {q(path)}",
        "not-a-model": f"rm {q(path)}",
        "damaged": "get it again from where it came",
        "unsafe-pickle": "do not load it; `vaehub list` shows what there is in its place",
        "not-a-vae": "move it to the folder of its own kind; UIs list whatever lies here",
    }
    assert ui.hint(path) == hints[code]


def test_what_the_catalogs_call_so_is_installed_instead(ui: Ui) -> None:
    ui.knows("house", {"house.safetensors": b"the right bytes"})
    again = f"vaehub install mine/house --to {q(ui.root)}"
    path = ui.folder() / "house.safetensors"
    path.write_bytes(b"<html>")
    assert ui.hint(path) == f"rm {q(path)} && {again}"
    path.unlink()
    part = ui.folder() / "house.safetensors.part"
    part.write_bytes(b"the ri")
    assert ui.hint(part) == f"rm {q(part)} && {again}"
    part.unlink()
    path.symlink_to("/nowhere")
    assert ui.hint(path) == f"rm {q(path)} && {again}"


def test_a_pointer_of_git_lfs(ui: Ui) -> None:
    data = b"the file that it stands for"
    path = ui.folder() / "any.safetensors"
    sha256 = hashlib.sha256(data).hexdigest()
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize 27\n")
    assert ui.codes(path) == ["lfs-pointer"]
    assert ui.hint(path) == f"git -C {q(path.parent)} lfs pull"
    ui.knows("house", {"house.safetensors": data})
    assert ui.hint(path) == f"rm {q(path)} && vaehub install mine/house --to {q(ui.root)}"


def test_other_models_go_to_the_folder_of_their_kind(ui: Ui) -> None:
    path = vae(ui.folder() / "style.safetensors", LORA)
    assert ui.codes(path) == ["not-a-vae"]
    assert "the folder of its own kind" in (ui.hint(path) or "")
    home = ui.root / "models" / "Lora"
    home.touch()
    assert "mv" not in (ui.hint(path) or "")
    home.unlink()
    home.mkdir()
    assert ui.hint(path) == f"mv {q(path)} {q(home)}"
    (home / "style.safetensors").touch()
    assert "mv" not in (ui.hint(path) or "")


def test_a_whole_checkpoint(ui: Ui) -> None:
    baked = {f"first_stage_model.{name}": shape for name, shape in KL.items()}
    unet = {"model.diffusion_model.input_blocks.0.0.weight": (4, 4)}
    path = vae(ui.folder() / "model.safetensors", {**baked, **unet})
    assert ui.codes(path) == ["checkpoint"]
    assert ui.hint(path) == f"mv {q(path)} {q(ui.root / 'models' / 'Stable-diffusion')}"


def test_missing_and_misshapen_tensors(ui: Ui) -> None:
    whole = kl.manifest(SD1, layout="ldm")
    without = {name: shape for name, shape in whole.items() if ".mid." not in name}
    lacking = vae(ui.folder() / "lacking.safetensors", without)
    other = {**whole, "encoder.conv_in.weight": (128, 3, 1, 1)}
    misshapen = vae(ui.folder() / "misshapen.safetensors", other)
    assert ui.codes(lacking) == ui.codes(misshapen) == ["damaged"]


def test_packed_weights(ui: Ui) -> None:
    shapes = {name: (*shape,) for name, shape in KL.items()}
    path = handmade.hollow(ui.folder() / "int8.safetensors", shapes, dtype="I8", width=1)
    assert ui.codes(path) == ["quantised"]


@pytest.mark.parametrize("name", ["house.pt", "house.pth", "house"])
def test_another_container_than_the_extension_says(ui: Ui, name: str) -> None:
    path = vae(ui.folder() / "x.safetensors").rename(ui.folder() / name)
    assert ui.codes(path) == ["wrong-extension"]
    assert ui.hint(path) == f"mv {q(path)} {q(path.with_name('house.safetensors'))}"


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("house.safetensors.part", None),
        ("Unconfirmed 123.crdownload", None),
        ("house.safetensors.TMP", None),
        ("house.safetensors", "house.safetensors.aria2"),
    ],
)
def test_a_download_that_is_not_whole(ui: Ui, name: str, beside: str | None) -> None:
    path = vae(ui.folder() / name)
    if beside is not None:
        (ui.folder() / beside).touch()
    assert ui.codes() == ["unfinished-download"]
    assert (ui.hint(path) or "").startswith(f"rm {q(path)}")


def test_what_is_whole_beside_a_download_is_not_spoken_of(ui: Ui) -> None:
    vae(ui.folder() / "house.safetensors")
    part = ui.folder() / "house.safetensors.part"
    part.write_bytes(b"12")
    control = ui.folder() / "gone.safetensors.aria2"
    control.touch()
    found = ui.examine().problems
    assert [(one.code, one.where) for one in found] == [
        ("unfinished-download", str(control)),
        ("unfinished-download", str(part)),
    ]


def test_a_temporary_file_of_somebody_is_no_download(ui: Ui) -> None:
    (ui.folder() / "notes.tmp").write_bytes(b"notes")
    assert ui.codes() == []


# What cannot be read


def test_a_link_that_leads_nowhere(ui: Ui) -> None:
    path = ui.folder() / "house.safetensors"
    path.symlink_to(ui.box / "gone.safetensors")
    assert ui.codes() == ["dangling-link"]
    assert ui.hint(path) == f"rm {q(path)}"
    assert str(ui.box / "gone.safetensors") in ui.examine().problems[0].message
    (ui.folder() / "notes.txt").symlink_to(ui.box / "gone.txt")
    assert ui.codes() == ["dangling-link"]


def test_a_link_in_a_circle(ui: Ui) -> None:
    path = ui.folder() / "house.safetensors"
    path.symlink_to(path)
    assert ui.codes() == ["unreadable"]


def test_a_pipe_keeps_nobody_waiting(ui: Ui) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    os.mkfifo(ui.folder() / "house.safetensors")
    assert ui.codes() == ["not-a-file"]


def test_a_file_that_may_not_be_read() -> None:
    with trees.forbidding_folder(0o777) as folder:
        path = vae(folder / "house.safetensors")
        path.chmod(0)
        [found] = plain(folder).problems
        assert (found.code, found.where, found.blocking) == ("unreadable", str(path), True)
        assert found.hint == f"chmod u+r {q(path)}"


# What works, with something to say


def test_hard_links_and_links_take_no_room(ui: Ui) -> None:
    path = vae(ui.folder() / "house.safetensors")
    os.link(path, ui.folder() / "second.safetensors")
    (ui.folder() / "third.safetensors").symlink_to(path)
    assert ui.codes() == []


def test_duplicates_are_told_and_counted(ui: Ui) -> None:
    from vaehub.doctor import sameness

    keep = vae(ui.folder() / "a.safetensors", seed=1)
    vae(ui.folder() / "b.safetensors", seed=1)
    vae(ui.folder() / "c.safetensors", seed=1)
    vae(ui.folder() / "d.safetensors", seed=2)  # as long, and other bytes
    found = ui.examine()
    assert [one.code for one in found.problems] == ["duplicate"] * 2
    assert found.ok
    assert {one.same_as for one in found.files} == {None, keep}
    assert sameness.wasted(found.files) == 2 * keep.stat().st_size


def test_the_copy_that_the_ui_lists_is_kept(ui: Ui) -> None:
    unlisted = vae(ui.folder() / "a.sft", seed=1)
    keep = vae(ui.folder() / "b.safetensors", seed=1)
    assert ui.hint(unlisted, "duplicate") == f"ln -f {q(keep)} {q(unlisted)}"


def test_the_copy_that_is_called_what_it_is_is_kept(ui: Ui) -> None:
    keep = vae(ui.folder() / "b.safetensors", seed=1)
    misnamed = vae(ui.folder() / "x.safetensors", seed=1).rename(ui.folder() / "a.pt")
    assert ui.hint(misnamed, "duplicate") == f"ln -f {q(keep)} {q(misnamed)}"


def test_prefixes_and_tensors_beside(ui: Ui) -> None:
    prefixed = {f"first_stage_model.{name}": shape for name, shape in KL.items()}
    path = vae(ui.folder() / "prefixed.safetensors", prefixed)
    assert ui.codes(path) == ["prefix"]
    result = path.with_name("prefixed-bare.safetensors")
    assert ui.hint(path) == f"vaehub convert {q(path)} -o {q(result)}"
    more = vae(ui.folder() / "more.safetensors", {**KL, "what.is.this": (4,)})
    assert ui.codes(more) == ["extra-tensors"]
    assert ui.examine().ok


def test_a_container_that_we_cannot_look_into(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "forge")
    path = ui.folder() / "house.gguf"
    path.write_bytes(b"GGUF" + bytes(64))
    assert ui.codes() == ["not-looked-into"]
    assert ui.examine().ok
    path.write_bytes(b"<html>")
    assert ui.codes() == ["not-a-model"]


# What the catalogs know


def test_what_a_file_is_by_its_bytes(ui: Ui) -> None:
    from vaehub.doctor import report

    path = vae(ui.folder() / "orangemix.vae.safetensors")
    ui.knows("anything", {"anything.safetensors": path.read_bytes()}, family="sd1")
    assert ui.codes() == []
    seen = ui.seen(path)
    assert seen.known is not None
    assert report.what(seen) == "mine/anything@safetensors (sd1)"


def test_bytes_of_the_catalog_are_not_condemned_for_our_ignorance(ui: Ui) -> None:
    path = ui.folder() / "odd.safetensors"
    path.write_bytes(safetensors())
    assert ui.codes() == ["not-a-vae"]
    ui.knows("odd", {"odd.safetensors": safetensors()})
    assert ui.codes() == []


def test_only_sizes_of_the_catalog_are_hashed(ui: Ui, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []

    def record(paths: list[Path]) -> list[str]:
        hashed.extend(paths)
        return ["0" * 64 for _ in paths]

    monkeypatch.setattr("vaehub.doctor.sameness.sha256_of_each", record)
    vae(ui.folder() / "a.safetensors")
    ui.knows("other", {"other.safetensors": b"of another size"})
    ui.examine()
    assert hashed == []
    same = ui.folder() / "b.safetensors"
    same.write_bytes(b"of another size")
    ui.examine()
    assert hashed == [same]


# The folders


def test_a_named_folder_that_is_not_there(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "folder")
    ui.root.rmdir()
    assert [one.code for one in ui.examine(named=True).problems] == ["folder-missing"]
    assert ui.examine(named=False).problems == ()


def test_a_folder_of_a_ui_that_is_not_there_yet(ui: Ui) -> None:
    (ui.root / "models" / "VAE").rmdir()
    found = ui.examine()
    assert found.problems == ()
    assert {place.state for place in found.places if place.own} == {"absent"}


@pytest.mark.parametrize("kind", ["a link", "a file"])
def test_a_folder_that_is_none(ui: Ui, kind: str) -> None:
    folder = ui.root / "models" / "VAE"
    folder.rmdir()
    if kind == "a link":
        folder.symlink_to(ui.box / "unmounted", target_is_directory=True)
    else:
        folder.touch()
    assert ui.codes() == ["folder-not-usable"]


def test_a_folder_that_may_not_be_written() -> None:
    with trees.forbidding_folder(0o555) as folder:
        [found] = plain(folder).problems
        assert (found.code, found.where) == ("folder-read-only", str(folder))
        assert not found.blocking


def test_a_folder_that_may_not_be_looked_into() -> None:
    with trees.forbidding_folder(0o000) as folder:
        [found] = plain(folder).problems
        assert (found.code, found.where) == ("folder-not-usable", str(folder))
        assert found.blocking


def test_little_room(ui: Ui, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaehub.doctor.looking.free", lambda folder: 999_999_999)
    assert ui.codes() == ["little-room"]
    assert ui.examine().ok


def test_a_ui_that_lists_no_folder(tmp_path: Path) -> None:
    ui = Ui(tmp_path, "invokeai")
    (ui.root / "models" / "x.safetensors").touch()
    found = ui.examine()
    assert isinstance(found, Examined)
    assert [one.code for one in found.problems] == ["lists-no-folder"]
    assert found.ok
    assert found.files == ()
