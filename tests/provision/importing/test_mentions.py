from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.catalog.read import read_text
from vaehub.provision.importing import mentions
from vaehub.provision.importing.mentions import Digest, Mention


@pytest.mark.parametrize(
    ("digits", "kind", "read"),
    [
        ("AB" * 32, "SHA256", Digest("sha256", "ab" * 32)),
        ("ab" * 32, "", Digest(None, "ab" * 32)),
        ("sha256:" + "ab" * 32, "", Digest("sha256", "ab" * 32)),
        (" 0123ABCDEF ", "AutoV2", Digest("autov2", "0123abcdef")),
        ("0123abcd", "SHA-256", Digest("sha256", "0123abcd")),
        ("0123abc", "CRC32", None),
        ("not a digest", "SHA256", None),
        ("ab" * 65, "SHA512", None),
        ("", "", None),
    ],
)
def test_hashes_are_read_as_people_write_them(digits: str, kind: str, read: Digest | None) -> None:
    assert mentions.digest(digits, kind) == read


@pytest.mark.parametrize("text", ["Automatic", "auto", "None", "DEFAULT", "Baked VAE", "", " "])
def test_some_words_stand_for_no_file(text: str) -> None:
    assert mentions.names_nothing(text)


@pytest.mark.parametrize("text", ["autovae.pt", "None.safetensors", "baked vae.ckpt"])
def test_files_may_be_called_after_them(text: str) -> None:
    assert not mentions.names_nothing(text)


@given(st.text())
def test_a_line_can_stand_in_a_comment(text: str) -> None:
    line = mentions.line(text)

    assert len(line) <= 200
    assert read_text(f"a: 1  # {line}\nb: 2\n").data == {"a": 1, "b": 2}


@given(st.text())
def test_a_base_name_has_no_separators(text: str) -> None:
    assert not set(mentions.base_name(text)) & {"/", "\\"}


def test_what_is_said_of_one_name_is_put_together() -> None:
    one = Mention("A.pt", ("here",), ("u",), (Digest("sha256", "0" * 64),))
    other = Mention("a.pt", ("there",), ("u", "v"), (Digest("sha256", "1" * 64),))
    pair = Mention("a.pt", ("there",), pair=True)

    assert mentions.merged([one, pair, other]) == [
        Mention("A.pt", ("here", "there"), ("u", "v"), (*one.digests, *other.digests)),
        pair,
    ]
