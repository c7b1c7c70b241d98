from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.samples import artifact, good, write
from vaehub.catalog import format_text
from vaehub.catalog.parse import parse
from vaehub.catalog.read import read_text
from vaehub.errors import CatalogError

CANONICAL = """\
# yaml-language-server: $schema=vaehub/schema/registry-1.json
# and a word of ours

# two blocks
schema: 1
catalog: {name: vaehub, title: A sample}
entries:
  first-vae:
    title: The first
    summary:
      en: For everything
      zh: 通用
    family: sd1
    suits: [SD 1.5]
    tags: [general]
    license: {id: MIT, source: https://example.org/license}
    homepage: https://example.org/first
    aliases: [first, one]
    notes: >-
      A note so long that it does not fit on one line, so that it is folded at the width that all
      lines of a catalog have, without a change to what it says
    variants:
      safetensors:
        layout: ldm
        dtype: fp32
        artifacts:
          - name: first.safetensors
            size: 1000
            sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            evidence: confirmed
            known_as: [odd name.safetensors]
            hashes: {autov1: 0123abcd}
            sources:
              - huggingface: {repo: acme/first, revision: 0123456789abcdef0123456789abcdef01234567, path: vae/first.safetensors}
              - civitai: {model: 1, version: 2, login: true}
      ckpt:
        layout: ldm
        dtype: fp32
        artifacts:
          - name: first.ckpt
            size: 1001
            sha256: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
            sources:
              - http: {url: https://example.org/first.ckpt}
    smoke: {architecture: autoencoder-kl, latent_channels: 4, downscale: 8}

  second-vae:
    title: The second
    summary:
      en: For little
      zh: 少用
    family: sdxl
    tags: [tiny]
    license: {id: LicenseRef-none-stated}
    variants:
      safetensors:
        artifacts:
          - name: second.safetensors
            evidence: host
            sources:
              - huggingface: {repo: acme/second, revision: main, path: second.safetensors}
    smoke: {architecture: taesd}
"""  # noqa: E501
HEAD = "".join(CANONICAL.partition("# two blocks\n")[:2])


def with_note() -> dict[str, Any]:
    data = good()
    data["entries"]["first-vae"]["notes"] = (
        "A note so long that it does not fit on one line, so that it is folded at the width that"
        " all lines of a catalog have, without a change to what it says"
    )
    return data


def shuffled(value: Any, *, keep: bool = False) -> Any:
    """Turn the order of all keys round, but for the variants, whose order says something."""
    if isinstance(value, dict):
        items = [(key, shuffled(member, keep=key == "variants")) for key, member in value.items()]
        return dict(items if keep else reversed(items))
    if isinstance(value, list):
        return [shuffled(item) for item in value]
    return value


def test_writes_one_form_whatever_came_in() -> None:
    assert format_text(HEAD + write(with_note())) == CANONICAL
    assert format_text(HEAD + write(shuffled(with_note()))) == CANONICAL
    assert format_text(CANONICAL) == CANONICAL
    assert format_text("\ufeff" + CANONICAL.replace("\n", "\r\n")) == CANONICAL


def test_keeps_the_order_of_variants() -> None:
    data = good()
    variants = data["entries"]["first-vae"]["variants"]
    data["entries"]["first-vae"]["variants"] = dict(reversed(variants.items()))
    again = read_text(format_text(write(data))).data
    assert list(again["entries"]["first-vae"]["variants"]) == ["ckpt", "safetensors"]


@pytest.mark.usefixtures("any_loader")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("title: 通用的 𝟘𝟙𝟚\nzh: 通用 # behind\n", 2),
        ("\ufefftitle: a\r\nzh: b # behind\r\n", 2),
        ("# head\nschema: 1\n# inner\ncatalog: {}\n", 3),
        ("schema: 1 # behind\n", 1),
        ("schema: 1\n# at the end", 2),
        ("schema: 1\nnotes: > # behind a block's sign\n  text\n", 2),
        ("entries:\n  a: [1, # in a list\n    2]\n", 2),
        ('schema: "1" # behind quotes\n', 1),
        ("# head\n---\n# behind the dashes\nschema: 1\n", 3),
    ],
)
def test_refuses_to_lose_a_comment(text: str, line: int) -> None:
    with pytest.raises(CatalogError, match="comment") as caught:
        format_text(text, origin="c.yaml")
    assert caught.value.problems[0].where == f"c.yaml:{line}"
    assert "notes" in (caught.value.hint or "")


@pytest.mark.usefixtures("any_loader")
@pytest.mark.parametrize(
    "text",
    [
        "zh: 通用的 𝟘𝟙𝟚\nnotes: a#b\n",
        "notes: 'a # b'\n",
        'notes: "a # b"\n',
        "notes: |\n  # not a comment\n  a # b\n",
        "notes: >-\n  a\n  # b\n",
    ],
)
def test_a_hash_inside_text_is_no_comment(text: str) -> None:
    assert read_text(format_text(text)).data == read_text(text).data


@pytest.mark.parametrize("text", ["", "[]", "{}", "a", "# only a comment\n"])
def test_refuses_what_is_no_catalog(text: str) -> None:
    with pytest.raises(CatalogError):
        format_text(text)


def test_keeps_fields_it_does_not_know_behind_those_it_knows() -> None:
    data = good()
    artifact(data)["sources"][1]["civitai"] = {"zeal": 1, "version": 2, "model": 1}
    data["entries"]["first-vae"] = {"zeal": {"deep": [{"a": 1}]}, **data["entries"]["first-vae"]}
    text = format_text(write(data))
    assert "- civitai: {model: 1, version: 2, zeal: 1}\n" in text
    assert text.index("    smoke: ") < text.index("    zeal: ")
    assert read_text(text).data == data


def test_refuses_a_key_that_no_line_can_hold() -> None:
    with pytest.raises(CatalogError, match="not say the same"):
        format_text(f"? {'k' * 1100}\n: 1\n")


_TEXT = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="ab1:-#,[]{}'\"?!&*|>%@`~=< \n\t\\.\u00a0\u2028\x00中", max_size=12),
    st.sampled_from(["yes", "No", "null", "1.0", "1e5", "2026-08-01", "0x1f", "~", "<<", "---"]),
    st.lists(st.text(alphabet="abc:#-'", min_size=1, max_size=9), max_size=40).map(" ".join),
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**16), 10**16) | _TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda child: st.lists(child, max_size=4) | st.dictionaries(_TEXT, child, max_size=4),
    max_leaves=25,
)  # fmt: skip
_FIELDS = ["catalog", "entries", "license", "variants", "artifacts", "sources", "smoke", "notes"]


@settings(max_examples=60)
@given(st.dictionaries(_TEXT | st.sampled_from(_FIELDS), _VALUES, min_size=1))
def test_says_the_same_and_stays_the_same(data: dict[str, Any]) -> None:
    text = write(data).replace("\x7f", "\\u007f")
    try:
        before = read_text(text).data
    except CatalogError:  # a character that may only stand escaped
        return
    formatted = format_text(text)
    assert read_text(formatted).data == before
    assert format_text(formatted) == formatted


@settings(max_examples=40)
@given(st.data())
def test_any_text_survives_in_every_field(data: st.DataObject) -> None:
    catalog = good()
    entry = catalog["entries"]["first-vae"]
    entry["notes"] = data.draw(_TEXT.filter(_plain_enough))
    entry["aliases"] = data.draw(st.lists(_TEXT.filter(_plain_enough), max_size=30))
    artifact(catalog)["known_as"] = data.draw(st.lists(_TEXT.filter(_plain_enough), max_size=3))
    artifact(catalog)["sources"][0]["huggingface"]["path"] = data.draw(_TEXT.filter(_plain_enough))
    formatted = format_text(write(catalog))
    again = read_text(formatted).data
    expected = parse(catalog, origin="", sha256="")
    assert parse(again, origin="", sha256="") == expected
    assert format_text(formatted) == formatted


def _plain_enough(text: str) -> bool:
    """Tell whether JSON writes the text in a way that the reader takes."""
    try:
        return bool(read_text(write({"a": text})).data["a"] == text)
    except CatalogError:
        return False


def test_a_fingerprint_stands_after_the_other_digests_in_its_own_order() -> None:
    data = good()
    side = {"bf16": "5" * 64, "fp16": "4" * 64, "weights": "3" * 64}
    fingerprint = {"decoder": side, "exact": ["fp16"], **side, "version": 1}
    artifact(data)["fingerprint"] = fingerprint
    formatted = format_text(write(data))
    keys = [
        "hashes:",
        "fingerprint:",
        "version:",
        "weights:",
        "fp16:",
        "bf16:",
        "exact:",
        "decoder:",
    ]
    places = [formatted.index(key) for key in (*keys, "sources:")]
    assert places == sorted(places)
    assert format_text(formatted) == formatted
