from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.catalog.read import read_text
from vaehub.errors import ManifestError
from vaehub.provision.importing.draft import Draft, Line
from vaehub.provision.importing.insert import insert
from vaehub.provision.importing.items import Offered

PATH = Path("vaehub.yaml")
LINES = (Line("barn", (), "from here"), Line("house@ckpt", ("comfyui",), "from there"))
NEW = Draft(LINES, {"comfyui": Offered("comfyui", "../ComfyUI")})
THERE = """\
# ours
schema: 1

vaes:
  - garden   # the old one

targets:      # boxes
  webui:
    ui: forge   # since March
    path: /srv/webui

# the end
"""
BOTH = """\
# ours
schema: 1

vaes:
  - garden   # the old one
  - barn  # from here
  - name: house@ckpt  # from there
    targets: [comfyui]

targets:      # boxes
  webui:
    ui: forge   # since March
    path: /srv/webui
  comfyui:
    ui: comfyui
    path: "../ComfyUI"

# the end
"""


def put(text: str, draft: Draft = NEW) -> str:
    return insert(text.encode(), draft, path=PATH).decode()


def test_all_else_stays_as_it_is() -> None:
    assert put(THERE) == BOTH


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    assert put("\ufeff" + THERE.replace("\n", "\r\n")) == "\ufeff" + BOTH.replace("\n", "\r\n")


def test_where_there_is_nothing_the_draft_is_all() -> None:
    for content in (None, b"", b" \n"):
        assert insert(content, NEW, path=PATH).decode() == NEW.text()


def test_nothing_new_changes_nothing() -> None:
    odd = "{schema: 1, vaes: [garden]}"

    assert put(odd, Draft((), {})) == odd


@pytest.mark.parametrize(
    "text",
    [
        "schema: 1\nvaes:\n- garden",
        "schema: 1\nvaes: []\n",
        "schema: 1\ntargets:\n    a: {ui: forge}\nvaes: [garden]\n",
        "targets:\n  a:\n    ui: forge\n\n\nschema: 1\nvaes:\n  - x\npolicy: {pickles: deny}\n",
        "schema: 1\nvaes: [garden]  # in one line\n",
        "# only a comment\n",
    ],
)
def test_lists_and_targets_in_other_styles(text: str) -> None:
    before = read_text(text).data or {}
    after = read_text(put(text)).data

    assert after["vaes"][-2:] == ["barn", {"name": "house@ckpt", "targets": ["comfyui"]}]
    assert after["targets"] == {
        **before.get("targets", {}),
        "comfyui": {"ui": "comfyui", "path": "../ComfyUI"},
    }
    assert after.get("policy") == before.get("policy")


@pytest.mark.parametrize(
    "text",
    [
        "{schema: 1, vaes: [garden]}\n",
        "schema: 1\nvaes: [garden]\ntargets: {a: {ui: forge}}\n",
        "schema: 1\nvaes: [garden]\ntargets: {}\n",
    ],
)
def test_what_cannot_be_put_in_alone_is_refused(text: str) -> None:
    with pytest.raises(ManifestError, match="the target comfyui cannot be put in alone") as caught:
        put(text)
    assert "nothing was written" in str(caught.value.hint)


COMMENTS = st.sampled_from(["", "  # here", "\n# above", "\n\n"])


@given(COMMENTS, COMMENTS, COMMENTS, st.booleans(), st.booleans())
def test_comments_of_any_place_are_kept(
    first: str, second: str, third: str, has_targets: bool, break_at_end: bool
) -> None:
    text = f"schema: 1{first}\nvaes:{second}\n  - garden{third}\n"
    if has_targets:
        text += f"targets:{first}\n  a:{second}\n    ui: forge{third}\n"
    text = text if break_at_end else text.rstrip("\n")
    made = put(text)

    assert made.count("#") == text.count("#") + 2
    assert len(read_text(made).data["vaes"]) == 3
