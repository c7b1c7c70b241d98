"""From facts to problems, without a disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vaehub import targets
from vaehub.doctor import deciding
from vaehub.doctor.around import Circumstances
from vaehub.doctor.facts import Content, Known, Seen
from vaehub.model import Artifact, Entry, License, Problem, Target, Variant
from vaehub.smoke.report import Reason

ROOT = Path("/ui")
FOLDER = ROOT / "models" / "VAE"
SOUND = Content(container="pickle", architecture="autoencoder-kl", layout="ldm")


def around(layout: str = "automatic1111", **more: Any) -> Circumstances:
    return Circumstances(Target(layout, ROOT), targets.layouts()[layout])._replace(**more)


def seen(name: str, content: Content | None = SOUND, **more: Any) -> Seen:
    return Seen(FOLDER / name, "vae", FOLDER, 30_000_000, content=content)._replace(**more)


def entry(*variants: Variant) -> Entry:
    return Entry("house", "mine", "House", "sd1", License("MIT"), variants)


def said(one: Seen, circumstances: Circumstances) -> list[Problem]:
    return list(deciding.problems(one, circumstances))


def test_a_pickle_that_the_ui_does_not_list_is_converted() -> None:
    [found] = said(seen("house.pt"), around("sdnext"))
    assert found.code == "not-listed"
    assert found.hint == f"vaehub convert {FOLDER / 'house.pt'}"


def test_what_the_catalogs_have_in_a_form_that_fits_is_installed() -> None:
    pickle = Variant("pickle", (Artifact("house.pt", ()),))
    fits = Variant("other", (Artifact("house.safetensors", (), size=30_000_000),))
    known = Known(entry(pickle, fits), pickle, pickle.artifacts[0])
    [found] = said(seen("house.pt", known=known), around("sdnext"))
    assert found.hint == "vaehub install mine/house@other --to /ui"
    # Where none fits, it is still converted.
    known = known._replace(entry=entry(pickle))
    [found] = said(seen("house.pt", known=known), around("sdnext"))
    assert found.hint == f"vaehub convert {FOLDER / 'house.pt'}"


def test_the_first_cause_is_said_and_no_other() -> None:
    condemned = Content((Reason("unknown", "a LoRA", "not-a-vae"),), kind="a LoRA")
    one = seen("house.pth", condemned, reach="hidden", hidden_by=FOLDER / "x")
    codes = [found.code for found in said(one, around())]
    assert codes == ["not-a-vae"]
    one = one._replace(content=SOUND)
    assert [found.code for found in said(one, around())] == ["out-of-reach"]
    one = one._replace(reach=None)
    assert [found.code for found in said(one, around())] == ["not-listed"]
    one = one._replace(path=FOLDER / "house.pt")
    assert [found.code for found in said(one, around())] == ["shadowed"]


def test_a_duplicate_is_said_beside_the_cause() -> None:
    one = seen("house.pth", same_as=FOLDER / "a.pt")
    assert [found.code for found in said(one, around())] == ["not-listed", "duplicate"]


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("no-encoder", "no-encoder"),
        ("eight-bit", "eight-bit"),
        ("layout-name", "layout-name"),
        ("unusual-pickle", "unusual-pickle"),
        ("unexpected", "extra-tensors"),
        ("prefix", "prefix"),
    ],
)
def test_what_is_worth_a_word_blocks_nothing(code: str, ours: str) -> None:
    one = seen("house.pt", SOUND._replace(reasons=(Reason(code, "house.pt: words"),)))
    [found] = said(one, around())
    assert (found.code, found.message, found.blocking) == (ours, "words", False)
    converts = ours in {"unusual-pickle", "extra-tensors", "prefix"}
    assert found.hint == (f"vaehub convert {FOLDER / 'house.pt'}" if converts else None)


def test_a_file_of_the_uis_own_is_not_condemned() -> None:
    unknown = Content((Reason("unknown", "no tensor here", "not-a-vae"),))
    one = seen("xlvaeapp.pth", unknown)._replace(slot="vae-approx")
    assert said(one, around("fooocus")) == []
    [found] = said(one._replace(path=FOLDER / "other.pth"), around("fooocus"))
    assert found.code == "not-a-vae"
    page = Content((Reason("not-a-model", "a web page", "not-a-vae"),))
    [found] = said(one._replace(content=page), around("fooocus"))
    assert found.code == "not-a-model"
    lora = unknown._replace(kind="a LoRA")
    [found] = said(one._replace(content=lora), around("fooocus"))
    assert found.code == "not-a-vae"


def test_what_nobody_looked_into_is_judged_by_its_name() -> None:
    assert said(seen("house.pt", None), around()) == []
    assert [found.code for found in said(seen("house.pth", None), around())] == ["not-listed"]
    [found] = said(seen("house.pt", None), around("sdnext"))
    assert found.hint == f"vaehub convert {FOLDER / 'house.pt'}"


def test_copies_on_two_disks_cannot_be_one_file() -> None:
    other = Path("/disk/house.pt")
    one = seen("house.pt", same_as=other)
    [found] = said(one._replace(could_be_one=True), around())
    assert found.hint == f"ln -f {other} {one.path}"
    [found] = said(one, around())
    assert found.hint == f"rm {one.path}"


def test_a_damaged_header_is_damage_and_not_another_file() -> None:
    cut = Content((Reason("not-a-model", "cut off: its header alone", "damaged"),))
    [found] = said(seen("house.safetensors", cut), around())
    assert found.code == "damaged"


def test_no_command_leads_to_a_name_that_is_taken() -> None:
    taken = {FOLDER: {"house.pt", "2-house.pt", "house.pth"}}
    [found] = said(seen("house.pth"), around(taken=taken))
    assert found.hint == f"mv {FOLDER / 'house.pth'} {FOLDER / '2-2-house.pt'}"
    content = SOUND._replace(reasons=(Reason("wrong-extension", "words"),))
    [found] = said(seen("house.safetensors", content), around(taken=taken))
    assert found.hint == f"mv {FOLDER / 'house.safetensors'} {FOLDER / 'house.ckpt'}"
    taken = {FOLDER: {"house.pt", "house.ckpt"}}
    [found] = said(seen("house.safetensors", content), around(taken=taken))
    assert not (found.hint or "").startswith("mv")


def test_names_that_a_shell_would_misread_are_quoted() -> None:
    [found] = said(seen("a house; rm -rf $HOME.pth"), around())
    assert found.hint == (
        "mv '/ui/models/VAE/a house; rm -rf $HOME.pth' '/ui/models/VAE/a house; rm -rf $HOME.pt'"
    )
