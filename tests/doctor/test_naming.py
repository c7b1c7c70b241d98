"""Which file hides which, without a disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vaehub import targets
from vaehub.doctor import naming
from vaehub.doctor.facts import Seen

FOLDER = Path("/ui/models/VAE")


def seen(name: str, listed_as: str | None, number: int, **more: Any) -> Seen:
    made = Seen(FOLDER / name, "vae", FOLDER, 10, identity=(1, number), listed_as=listed_as)
    return made._replace(**more)


def hidden(layout: str, *files: Seen) -> list[tuple[str | None, str | None]]:
    found = naming.with_shadows(files, targets.layouts()[layout])
    return [
        (one.listed_as, one.hidden_by.relative_to(FOLDER).as_posix() if one.hidden_by else None)
        for one in found
    ]


def test_where_names_are_all_a_ui_knows_any_of_them_may_win() -> None:
    files = (seen("a/x.pt", "x.pt", 1), seen("b/x.pt", "x.pt", 2), seen("y.pt", "y.pt", 3))
    assert hidden("automatic1111", *files) == [
        ("x.pt", "b/x.pt"),
        ("x.pt", "a/x.pt"),
        ("y.pt", None),
    ]


def test_where_folders_have_an_order_the_first_wins() -> None:
    files = (seen("a/x.pt", "x.pt", 1), seen("b/x.pt", "x.pt", 2), seen("c/x.pt", "x.pt", 3))
    assert hidden("comfyui", *files) == [("x.pt", None), (None, "a/x.pt"), (None, "a/x.pt")]


def test_a_slot_in_which_the_ui_looks_for_such_names_wins() -> None:
    small = seen("a/taehv.pt", "taehv.pt", 1, slot="vae-approx")
    files = (seen("b/taehv.pt", "taehv.pt", 2), seen("b/x.pt", "x.pt", 3), small)
    assert hidden("comfyui", *files) == [
        (None, "a/taehv.pt"),
        ("x.pt", None),
        ("taehv.pt", None),
    ]


def test_one_file_under_two_names_and_equal_bytes_hide_nothing() -> None:
    assert hidden(
        "automatic1111",
        seen("a/x.pt", "x.pt", 1, sha256="1"),
        seen("b/x.pt", "x.pt", 1, sha256=None),
        seen("c/x.pt", "x.pt", 2, sha256="1"),
    ) == [("x.pt", None), ("x.pt", "c/x.pt"), ("x.pt", "b/x.pt")]


def test_what_is_not_listed_hides_nothing_and_slots_are_apart() -> None:
    assert hidden(
        "automatic1111",
        seen("a/x.pt", None, 1),
        seen("b/x.pt", "x.pt", 2),
        seen("c/x.pt", "x.pt", 3, slot="vae-approx"),
    ) == [(None, None), ("x.pt", None), ("x.pt", None)]


def test_the_halves_of_a_pair_have_one_name() -> None:
    halves = [seen(name, "taesd", at, slot="vae-approx") for at, name in enumerate("ab")]
    assert hidden("comfyui", *halves) == [("taesd", None), ("taesd", None)]
