"""Digests that people quote, and what they may stand for."""

from __future__ import annotations

import hashlib
import random
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub import settings
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_curated
from vaehub.errors import UsageError
from vaehub.insight import hashes, quoted
from vaehub.insight.quoted import Known

if TYPE_CHECKING:
    from pathlib import Path

ORANGEMIX = "f921fb3f29891d2a77a6571e56b8b5052420d2884129517a333c60b1b4816cdf"


@pytest.fixture
def known() -> list[Known]:
    catalog, problems = load_curated(settings.load({}).cache)
    return list(quoted.index(Catalogs((catalog,), problems)).values())


def test_what_civitai_listed_is_there() -> None:
    listed = quoted.listed()
    assert len(listed) == 36
    assert len({one.sha256 for one in listed}) == 36
    assert all(len(one.hashes["blake3"]) == 64 and one.names and one.size for one in listed)


def test_the_true_name_of_orangemix(known: list[Known]) -> None:
    (match,) = quoted.find(ORANGEMIX, known)
    assert match.known.called == "anything-v4.0@pt"
    assert match.sure
    assert {"orangemix.vae.pt", "nai.vae.pt", "animevae.pt"} <= set(match.known.names)
    assert match.known.told_by == ("catalog", quoted.LISTED)


@pytest.mark.parametrize(
    ("digest", "kind"),
    [
        (ORANGEMIX, "sha256"),
        ("F921FB3F29", "autov2"),
        ("sha256:f921fb3f2989", "sha256"),
        ("65AEACBA", "crc32"),
        ("baacae65", "crc32 (zlib)"),
        ("2e175004f953d6dc373a9dd18bf8a1845983eb6e1b3d6ea0c76a81d344244f18", "blake3"),
    ],
)
def test_every_kind_that_settles_it(known: list[Known], digest: str, kind: str) -> None:
    (match,) = quoted.find(quoted.cleaned(digest), known)
    assert (match.known.sha256, match.kind, match.sure) == (ORANGEMIX, kind, True)


def test_autov3() -> None:
    one = Known("a" * 64, hashes={"autov3": "0123456789ab" + "c" * 52})
    for digest in ("0123456789ab", "0123456789ab" + "c" * 52):
        (match,) = quoted.find(digest, [one])
        assert (match.kind, match.sure) == ("autov3", True)


@pytest.mark.parametrize("digest", ["223531c6", "975b2546", "304166cc", "e842dcc7"])
def test_an_autov1_that_several_files_have_names_them_all(known: list[Known], digest: str) -> None:
    found = quoted.find(digest, known)
    assert len(found) > 1
    assert not any(match.sure for match in found)


def test_an_autov1_of_one_file_settles_nothing(known: list[Known]) -> None:
    (match,) = quoted.find("f458b5c6", known)
    assert (match.known.sha256, match.kind, match.sure) == (ORANGEMIX, "autov1", False)


def test_digits_that_two_files_begin_with_settle_nothing() -> None:
    two = [Known("abcdef0123" + end * 54) for end in "01"]
    assert [match.sure for match in quoted.find("abcdef0123", two)] == [False, False]


def test_what_nobody_knows_is_unknown(known: list[Known]) -> None:
    assert quoted.find("0" * 64, known) == []


@pytest.mark.parametrize(
    "text", ["", "abc", "1234567", "z" * 10, "a" * 65, "f921fb3f29 x", "🐈" * 9]
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no digest"):
        quoted.cleaned(text)


@given(text=st.text(max_size=70))
def test_any_text_is_a_digest_or_refused(text: str) -> None:
    try:
        digest = quoted.cleaned(text)
    except UsageError:
        return
    assert quoted.find(digest, quoted.listed()) is not None


# Of a file


def test_every_digest_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    header = b'{"w":{"dtype":"U8","shape":[3145728],"data_offsets":[0,3145728]}}'
    header += b" " * (-len(header) % 8)
    body = random.Random(1).randbytes(3 << 20)
    data = len(header).to_bytes(8, "little") + header + body
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    found = hashes.every(path, sha256)
    found.pop("blake3", None)
    assert found == {
        "sha256": sha256,
        "autov2": sha256[:10],
        "a1111": sha256[:10],
        "autov1": hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8],
        "autov3": hashlib.sha256(body).hexdigest()[:12],
        "crc32": zlib.crc32(data).to_bytes(4, "little").hex(),
    }


def test_the_crc32_of_civitai_s_own_example(tmp_path: Path) -> None:
    path = tmp_path / "hello"
    path.write_bytes(b"hello world")
    found = hashes.every(path, hashlib.sha256(b"hello world").hexdigest())
    assert found["crc32"].upper() == "85114A0D"
    assert "autov1" not in found  # Civitai tells none of a file below 2 MiB
    # What is no safetensors is hashed from its ninth byte on, as Civitai does.
    assert found["autov3"] == hashlib.sha256(b"rld").hexdigest()[:12]


def test_blake3_where_its_package_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    class Counting:
        """Plays the package: nobody has to install it for this."""

        def __init__(self) -> None:
            self.seen = 0

        def update(self, data: bytes) -> None:
            self.seen += len(data)

        def hexdigest(self) -> str:
            return f"{self.seen:064x}"

    package = types.ModuleType("blake3")
    package.blake3 = Counting  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "blake3", package)
    (tmp_path / "a").write_bytes(b"x" * 300)
    assert hashes.every(tmp_path / "a", "0" * 64)["blake3"] == f"{300:064x}"
    monkeypatch.setitem(sys.modules, "blake3", None)
    assert "blake3" not in hashes.every(tmp_path / "a", "0" * 64)
