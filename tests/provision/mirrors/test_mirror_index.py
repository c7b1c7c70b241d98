"""An index is told from everything else, and the same files give the same text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.model import License
from vaehub.provision import mirror_index
from vaehub.provision.mirror_index import Index, Listed, in_order

_TEXT = st.text(max_size=8)
_DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
_LICENSES = st.lists(
    st.builds(License, _TEXT, st.none() | _TEXT, accept=st.booleans(), note=st.none() | _TEXT),
    max_size=3,
).map(in_order)
_FILES = st.builds(
    Listed,
    _DIGESTS,
    st.integers(0, 1 << 40),
    _TEXT,
    st.lists(_TEXT, max_size=3).map(tuple),
    _LICENSES,
)
_INDEXES = st.builds(
    Index,
    st.lists(_FILES, max_size=4).map(lambda files: {file.sha256: file for file in files}),
    st.dictionaries(_TEXT.filter(mirror_index.is_free), _DIGESTS, max_size=3),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT | _DIGESTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
KEYS = ("schema", "kind", "locks", "files")


@given(_INDEXES)
def test_what_was_written_is_read(index: Index) -> None:
    assert mirror_index.parse(index.text().encode()) == index


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert mirror_index.parse(content) is None


@given(_INDEXES, st.sampled_from(KEYS), _JSON)
def test_any_other_value_is_read_or_refused(index: Index, key: str, value: Any) -> None:
    said = json.loads(index.text())
    said[key] = value
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    found = mirror_index.parse(text.encode("utf-8", "surrogatepass"))
    assert found is None or found.text() == text


@given(_INDEXES, st.sampled_from(("sha256", "size", "path", "name", "vaes", "licenses")), _JSON)
def test_any_other_file_is_read_or_refused(index: Index, key: str, value: Any) -> None:
    said = json.loads(index.text())
    for file in said["files"]:
        file[key] = value
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    found = mirror_index.parse(text.encode("utf-8", "surrogatepass"))
    assert found is None or found.text() == text


@given(_FILES, _FILES, _FILES)
def test_the_order_in_which_locks_come_does_not_count(a: Listed, b: Listed, c: Listed) -> None:
    b, c = b._replace(sha256=a.sha256, size=a.size), c._replace(sha256=a.sha256, size=a.size)
    assert a.merged(b).merged(c) == c.merged(a.merged(b))
    assert a.merged(b) == a.merged(b).merged(a)


@pytest.mark.parametrize("name", ["vaehub.lock", "comfy.lock", "A_b-1.lock"])
def test_a_lock_keeps_its_name(name: str) -> None:
    assert mirror_index.is_free(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "index.json", "INDEX.JSON", "sha256"]
)
def test_a_name_that_leads_elsewhere_is_none(name: str) -> None:
    assert not mirror_index.is_free(name)
    assert mirror_index.parse(Index({}, {name: "0" * 64}).text().encode()) is None
