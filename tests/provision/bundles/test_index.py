"""The index: made of a lock, and read without trusting it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.provision.bundles.making import FILES, lock_of, sha256
from vaehub.errors import BundleRefused
from vaehub.provision.bundles import index
from vaehub.provision.bundles.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = lock_of()
SIZES = {sha256(data): len(data) for data in FILES.values()}
MADE = index.of(LOCK, SIZES)
TEXT = index.text(MADE)


def test_what_is_written_is_read_back() -> None:
    assert index.parse(TEXT) == MADE


def test_it_lists_lock_readme_and_each_file_once_by_digest() -> None:
    names = [member.name for member in MADE.members]
    assert names == ["vaehub.lock", "README.txt", *(f"sha256/{one}" for one in sorted(SIZES))]
    assert MADE.lock.sha256 == LOCK.digest() == sha256(LOCK.text().encode())


def test_a_file_of_two_vaes_is_listed_once() -> None:
    data = FILES["one.safetensors"]
    made = index.of(lock_of({"a.safetensors": data, "b.safetensors": data}), SIZES)
    assert [blob.sha256 for blob in made.blobs] == [sha256(data)]


def test_people_find_names_and_licenses() -> None:
    lock = lock_of({"one.safetensors": b"x"}, id="LicenseRef-X", source="https://example.org/x")
    said = json.loads(index.text(index.of(lock, {sha256(b"x"): 1})))
    [vae] = said["vaes"]
    assert (vae["name"], vae["entry"], vae["title"]) == ("vae-0", "mine/vae-0", "A VAE for tests")
    assert vae["license"] == {"id": "LicenseRef-X", "source": "https://example.org/x"}
    assert vae["files"] == [{"name": "one.safetensors", "sha256": sha256(b"x")}]


def changed(change: Callable[[Any], object]) -> bytes:
    said = json.loads(TEXT)
    change(said)
    return json.dumps(said).encode()


def member(at: int, **fields: Any) -> Callable[[Any], object]:
    return lambda said: said["members"][at].update(fields)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a":' * 100_000, "no JSON"),
        (b'{"schema": ' + b"9" * 10_000 + b"}", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"schema": 1, "schema": 1}', "stands twice"),
        (changed(lambda said: said.pop("vaes")), "lacks"),
        (changed(lambda said: said.update(more=1)), "lacks"),
        (changed(lambda said: said.update(schema=True)), "lacks"),
        (changed(lambda said: said.update(schema=0)), "lacks"),
        (changed(lambda said: said.update(schema=2)), "has schema 2, and this vaehub knows 1"),
        (changed(lambda said: said.update(members=[])), "lists no members"),
        (changed(lambda said: said.update(members={})), "lists no members"),
        (changed(lambda said: said.update(lock="0" * 64)), "does not begin with"),
        (changed(lambda said: said["members"].reverse()), "does not begin with"),
        (changed(member(0, name="../vaehub.lock")), "does not begin with"),
        (changed(member(0, size=index.CEILING + 1)), "larger than any"),
        (changed(member(1, size=index.README_CEILING + 1)), "larger than any"),
        (changed(member(2, name="/etc/passwd")), "which is no sha256/ and digest"),
        (changed(member(2, name="sha256/../../x")), "which is no sha256/ and digest"),
        (changed(member(2, name=f"sha256\\{min(SIZES)}")), "which is no sha256/ and digest"),
        (changed(member(2, sha256=min(SIZES).upper())), "whose sha256 is none"),
        (changed(member(2, sha256=min(SIZES) + "\n")), "whose sha256 is none"),
        (changed(member(2, sha256="..")), "whose sha256 is none"),
        (changed(member(2, sha256=7)), "whose sha256 is none"),
        (changed(member(2, name=None)), "whose name is no text"),
        (changed(member(2, size=-1)), "whose size is no number"),
        (changed(member(2, size=1 << 60)), "whose size is no number"),
        (changed(member(2, size=1.5)), "whose size is no number"),
        (changed(member(2, size=True)), "whose size is no number"),
        (changed(member(2, mode=0o777)), "without name, size and sha256"),
        (changed(lambda said: said["members"].append(7)), "without name, size and sha256"),
        (changed(lambda said: said["members"].append(said["members"][-1])), "twice"),
        (changed(lambda said: said["members"].append(said["members"].pop(2))), "another order"),
    ],
)
def test_what_is_not_of_its_form_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(BundleRefused, match=says) as refused:
        index.parse(content)
    assert refused.value.exit_code == 6
    assert refused.value.hint


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(BundleRefused):
        index.parse(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["schema", "lock", "members", "vaes"]), JSON)
def test_a_field_of_any_kind_gives_an_index_or_a_refusal(key: str, value: Any) -> None:
    said = {**json.loads(TEXT), key: value}
    try:
        found = index.parse(json.dumps(said).encode())
    except BundleRefused:
        return
    assert isinstance(found, Index)
    assert key == "vaes" or found == MADE


def test_the_length_is_that_of_the_whole_tar() -> None:
    made = index.of(lock_of({"x.safetensors": b"x"}), {sha256(b"x"): 1})
    # index, lock, README and the file, each with its header and in whole blocks; the end
    sizes = (700, made.lock.size, made.readme.size, 1)
    assert made.length(700) == sum(512 + size + -size % 512 for size in sizes) + 1024
