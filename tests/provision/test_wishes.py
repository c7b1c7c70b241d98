"""Names are put into a manifest and taken out: what they mean, and what is there already."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.provision import wanting
from vaehub.errors import (
    EntryAmbiguous,
    EntryNotFound,
    ManifestError,
    TargetNotUsable,
    UsageError,
    VariantNotFound,
)
from vaehub.provision import editing, wishes
from vaehub.provision import manifest as manifest_module

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.provision.wishes import Edit

WRITTEN = """\
schema: 1
vaes:
  - house@ckpt      # the old one
  - name: Old
    targets: [b]
  - gone-from-catalogs
targets:
  a: {ui: comfyui}
  b: {ui: forge}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "vaehub.yaml"
    path.write_text(WRITTEN, encoding="utf-8")
    return path


@pytest.fixture
def known(tmp_path: Path) -> Catalogs:
    return wanting.catalogs(tmp_path)


@pytest.fixture
def add(path: Path, known: Catalogs, tmp_path: Path) -> Any:
    def add(*names: str, to: Path = path, targets: tuple[str, ...] = ()) -> Edit:
        return wishes.add(to, names, targets=targets, catalogs=known, state=tmp_path / "state")

    return add


@pytest.fixture
def remove(path: Path, known: Catalogs, tmp_path: Path) -> Any:
    def remove(*names: str) -> Edit:
        return wishes.remove(path, names, catalogs=known, state=tmp_path / "state")

    return remove


def statuses(edit: Edit) -> list[tuple[str, str]]:
    return [(wish.name, wish.status) for wish in edit.wishes]


def test_what_is_there_under_any_name_is_there_already(add: Any, path: Path) -> None:
    edit = add("home@ckpt", "MINE/OLD", "old.ckpt", "House@CKPT")
    assert statuses(edit) == [
        ("house@ckpt", "present"),
        ("old", "present"),
        ("old", "present"),
        ("house@ckpt", "present"),
    ]
    assert not edit.changed
    assert path.read_text(encoding="utf-8") == WRITTEN


def test_what_is_not_there_is_added_once(add: Any, path: Path) -> None:
    edit = add("home", "house", "house@safetensors", "home")
    assert statuses(edit) == [("home", "added"), ("home", "present"), ("home", "present")]
    assert (edit.changed, edit.created) == (True, False)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace(
        "targets:\n  a", "  - home\ntargets:\n  a"
    )


def test_a_new_manifest_begins_with_the_schema_and_the_list(add: Any, tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    edit = add("house", "odd", to=path)
    assert edit.created
    assert path.read_text(encoding="utf-8") == "schema: 1\nvaes:\n  - house\n  - odd\n"
    assert [each.name for each in manifest_module.read(path).vaes] == ["house", "odd"]


@pytest.mark.parametrize("text", ["", "# mine\n", "schema: 1\nvaes:\n", "schema: 1\n"])
def test_a_manifest_without_a_list_gets_one(add: Any, path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    assert add("house").changed
    assert [each.name for each in manifest_module.read(path).vaes] == ["house"]
    assert path.read_text(encoding="utf-8").startswith(text or "schema")


@pytest.mark.parametrize(
    "text",
    [
        "vaes:\n",
        "schema: 1\nvaes: house\n",
        "[]",
        "schema: 1\nvaes: [\n",
        "schema: 1\nx: y\n",
        "schema: 1\nvaes:\npolicy: {licenses: {accept: [MIT], deny: [MIT]}}\n",
    ],
)
def test_a_manifest_that_is_wrong_is_not_edited(add: Any, path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=r"vaehub\.yaml:\d"):
        add("house")
    assert path.read_text(encoding="utf-8") == text


def test_a_file_with_blanks_in_its_name_is_added_by_its_entry(tmp_path: Path) -> None:
    known_as = {**wanting.artifact("wide.safetensors"), "known_as": ["my best.vae.pt"]}
    known = wanting.catalogs(
        tmp_path, mine={"wide": wanting.entry({"st": wanting.variant(known_as)})}
    )
    path = tmp_path / "other.yaml"
    edit = wishes.add(path, ["my best.vae.pt"], targets=(), catalogs=known, state=tmp_path)
    assert statuses(edit) == [("mine/wide@st", "added")]


def test_targets(add: Any, path: Path) -> None:
    add("odd", targets=("b", "a", "b"))
    assert "  - name: odd\n    targets: [a, b]\n" in path.read_text(encoding="utf-8")
    assert statuses(add("odd", targets=("a", "b"))) == [("odd", "present")]
    assert statuses(add("odd")) == [("odd", "present")]
    assert statuses(add("house@ckpt", targets=("a",))) == [("house@ckpt", "present")]  # for all
    with pytest.raises(UsageError, match="old is in the manifest already, for b alone") as caught:
        add("old", targets=("a",))
    assert "vaehub remove old" in str(caught.value.hint)
    with pytest.raises(UsageError, match=r"has no target 'c'; it has a, b"):
        add("odd", targets=("c",))


def test_names_that_lead_nowhere(add: Any, remove: Any, path: Path) -> None:
    with pytest.raises(EntryNotFound, match="did you mean house"):
        add("odd", "hous")
    with pytest.raises(VariantNotFound):
        add("house@v9")
    with pytest.raises(EntryNotFound, match=r"odd is not in .*vaehub\.yaml; did you mean old"):
        remove("old", "odd")
    with pytest.raises(EntryNotFound, match="did you mean gone-from-catalogs"):
        remove("gone-from-catalog")
    assert path.read_text(encoding="utf-8") == WRITTEN


@pytest.mark.parametrize("name", ["house@ckpt", "HOUSE", "home", "mine/house", "house.ckpt"])
def test_remove_finds_it_under_any_name(remove: Any, path: Path, name: str) -> None:
    edit = remove(name)
    assert statuses(edit) == [("house@ckpt", "removed")]
    assert (edit.wishes[0].entry, edit.wishes[0].variant) == ("mine/house", "ckpt")
    text = WRITTEN.replace("  - house@ckpt      # the old one", "  # the old one")
    assert path.read_text(encoding="utf-8") == text


def test_another_variant_is_not_removed(remove: Any) -> None:
    with pytest.raises(EntryNotFound):
        remove("house@safetensors")


def test_which_of_several_variants_must_be_said(add: Any, remove: Any) -> None:
    add("mine/house@safetensors")
    with pytest.raises(EntryAmbiguous, match="house@ckpt, mine/house@safetensors") as caught:
        remove("home")
    assert caught.value.exit_code == 4
    assert statuses(remove("home@safetensors")) == [("mine/house@safetensors", "removed")]


def test_what_left_the_catalogs_can_be_removed(remove: Any) -> None:
    edit = remove("Gone-From-Catalogs", "old")
    assert statuses(edit) == [("gone-from-catalogs", "removed"), ("old", "removed")]
    assert edit.wishes[0].entry is None


def test_all_may_go(remove: Any, path: Path) -> None:
    remove("house", "old", "gone-from-catalogs", "old")
    assert manifest_module.read(path).vaes == ()
    assert "# the old one" in path.read_text(encoding="utf-8")


def test_who_saved_in_between_loses_nothing(
    add: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = editing.edit

    def slow(*args: Any, **options: Any) -> Any:
        path.write_text(WRITTEN + "# saved in an editor\n", encoding="utf-8")
        return edit(*args, **options)

    monkeypatch.setattr(editing, "edit", slow)
    with pytest.raises(ManifestError, match="changed by somebody else"):
        add("odd")
    assert path.read_text(encoding="utf-8").endswith("# saved in an editor\n")


def test_who_saved_in_between_has_no_other_line_taken_out(
    remove: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = manifest_module.read
    saved = WRITTEN.replace("vaes:\n", "vaes:\n  - odd\n")

    def slow(*args: Any, **options: Any) -> Any:
        there = read(*args, **options)
        path.write_text(saved, encoding="utf-8")
        return there

    monkeypatch.setattr(manifest_module, "read", slow)
    with pytest.raises(ManifestError, match="changed by somebody else"):
        remove("house")
    assert path.read_text(encoding="utf-8") == saved


def test_two_at_once_are_both_kept(add: Any, path: Path) -> None:
    names = ["odd", "loose", "paper", "house"]
    threads = [threading.Thread(target=add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.name for each in manifest_module.read(path).vaes} >= set(names)


def test_a_full_disk_leaves_the_old_file(
    add: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TargetNotUsable, match="cannot write the manifest"):
        add("odd")
    assert path.read_text(encoding="utf-8") == WRITTEN
    assert [each.name for each in path.parent.iterdir() if each.suffix == ".part"] == []


@pytest.mark.skipif(os.name == "nt", reason="permissions and links of POSIX")
def test_a_link_stays_one_and_permissions_stay(add: Any, path: Path) -> None:
    real = path.with_name("real.yaml")
    path.rename(real)
    real.chmod(0o640)
    path.symlink_to(real.name)
    add("odd")
    assert path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert "- odd" in real.read_text(encoding="utf-8")
