from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.catalog.samples import artifact, good, write
from vaehub.catalog.read import read_text
from vaehub.catalog.schema import schema_text, shape_problems

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.model import Problem


def problems_of(data: Any, *, foreign: bool = False) -> list[Problem]:
    found, _ = shape_problems(read_text(write(data), origin="c.yaml"), foreign=foreign)
    return found


def set_source(**source: Any) -> Callable[[dict[str, Any]], object]:
    return lambda data: artifact(data).update(sources=[source])


def set_field(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda data: artifact(data).update(fields)


def set_entry(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda data: data["entries"]["first-vae"].update(fields)


def test_the_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(json.loads(schema_text()))


def test_the_sample_is_good() -> None:
    assert problems_of(good()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_field(sha256="A" * 64), "expected 64 lower-case hex digits; got the text 'AAAA"),
        (set_field(sha256="abc"), "64 lower-case hex digits"),
        (set_field(sha256="a" * 64 + "\n"), "64 lower-case hex digits"),
        (set_field(size="12"), "expected a whole number"),
        (set_field(size=0), "expected a whole number above 0; got the number 0"),
        (set_field(size=True), "got true"),
        (set_field(size=None), "got nothing"),
        (set_field(evidence="sure"), "one of confirmed, single, host; got the text 'sure'"),
        (set_field(name="../evil.safetensors"), "file name"),
        (set_field(name="a/b.safetensors"), "file name"),
        (set_field(name="model.exe"), "file name"),
        (set_field(name="nul.safetensors"), "file name"),
        (set_field(name=".hidden.safetensors"), "file name"),
        (set_field(name="x.safetensors\n"), "file name"),
        (set_field(sources=[]), "at least one"),
        (set_field(sources="nowhere"), "expected a list"),
        (set_field(hashes={"crc32": "ABCDEF01"}), "8 lower-case hex digits"),
        (set_field(known_as=["x", "x"]), "the text 'x' stands twice"),
        (set_field(path="/etc/passwd"), "unknown field"),
        (set_field(token="t"), "unknown field"),
        (set_source(http={"url": "http://example.org/x.safetensors"}), "https"),
        (set_source(http={"url": "https://me:secret@example.org/x"}), "without user name"),
        (set_source(http={"url": "https://"}), "https"),
        (set_source(github={"repo": "a/b", "tag": "v1"}), "{repo, tag, asset}"),
        (set_source(github={"repo": "a/b", "tag": "v1", "asset": "x", "path": "y"}), "{repo, tag"),
        (set_source(civitai={"model": 1}), "lacks version"),
        (set_source(civitai={"model": "1", "version": 2}), "whole number"),
        (set_source(liblib={"version": "not-a-uuid"}), "uuid"),
        (set_source(ftp={"url": "x"}), "unknown host"),
        (set_source(http={"url": "https://a.example/"}, liblib={"version": "0" * 32}), "one host"),
        (set_source(huggingface={"repo": "b", "revision": "main", "path": "x"}), "owner/name"),
        (set_source(huggingface={"repo": "a/b", "revision": "../x", "path": "x"}), "commit"),
        (set_source(huggingface={"repo": "a/b", "revision": "main", "path": "../x"}), "'..'"),
        (set_source(huggingface={"repo": "a/b", "revision": "main", "path": "x/../y"}), "'..'"),
        (set_source(huggingface={"repo": "a/b", "revision": "main", "path": "/x"}), "'..'"),
        (set_source(huggingface={"repo": "a/b", "revision": "main", "path": "x?y=1"}), "'..'"),
        (set_entry(aliases=["No Good"]), "lower-case letters"),
        (set_entry(aliases=["a--b"]), "lower-case letters"),
        (set_entry(slot="lora"), "expected one of vae, vae-approx"),
        (set_entry(variants={}), "got an empty mapping"),
        (set_entry(title=""), "one line"),
        (set_entry(smoke={"fp16": "maybe"}), "one of ok, nan"),
        (set_entry(license={"id": "MIT", "accept": "yes"}), "true or false"),
        (lambda data: data["entries"]["first-vae"].pop("family"), "lacks family"),
        (lambda data: data["entries"].update(Bad_Id={}), "expected an id"),
        (lambda data: data.pop("catalog"), "lacks catalog"),
        (lambda data: data.update(schema=0), "expected 1"),
        (lambda data: data.update(entries=[]), "expected a mapping"),
    ],
)  # fmt: skip
def test_says_what_is_wrong(change: Callable[[dict[str, Any]], object], words: str) -> None:
    data = good()
    change(data)
    found = problems_of(data)
    assert any(words in problem.message for problem in found), found
    assert all(problem.blocking for problem in found)
    assert not any("^" in problem.message or "$" in problem.message for problem in found)


def test_shows_no_secret_of_an_address() -> None:
    data = good()
    set_source(http={"url": "http://me:hunter2@example.org/x?token=hunter3"})(data)
    (problem,) = problems_of(data)
    assert "example.org/x" in problem.message
    assert "hunter" not in problem.message


def test_names_the_line_of_the_value() -> None:
    data = good()
    artifact(data)["size"] = "large"
    text = write(data)
    line = next(i for i, row in enumerate(text.splitlines(), 1) if '"large"' in row)
    (problem,) = problems_of(data)
    assert problem.where == f"c.yaml:{line}"
    assert problem.message.startswith(
        "entries.first-vae.variants.safetensors.artifacts[0].size: expected a whole number"
    )


def test_suggests_the_field_that_was_meant() -> None:
    data = good()
    data["entries"]["first-vae"]["alias"] = []
    (problem,) = problems_of(data)
    assert problem.hint == "did you mean aliases?"
    assert problem.code == "unknown-field"


def test_looks_at_the_schema_number_first() -> None:
    (problem,) = problems_of({"schema": 2, "vaes": []})
    assert problem.code == "schema-version"
    assert "update vaehub" in (problem.hint or "")


@pytest.mark.parametrize("text", ["", "a", "[]", "{}", "5", "null"])
def test_whatever_the_file_is_there_is_an_answer(text: str) -> None:
    found, _ = shape_problems(read_text(text), foreign=False)
    assert found


def test_in_a_foreign_catalog_the_unknown_is_left_out() -> None:
    data = good()
    data["rating"] = 5
    artifact(data)["run"] = "rm -rf /"
    artifact(data)["sources"].insert(0, {"torrent": {"magnet": "x"}})
    found, rest = shape_problems(read_text(write(data)), foreign=True)
    assert [problem.code for problem in found] == ["unknown-host", "unknown-field", "unknown-field"]
    assert not any(problem.blocking for problem in found)
    expected = good()
    artifact(expected)["sources"].insert(0, {})  # the others keep their places
    assert rest == expected


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(0, 1)
    | st.text("ab-./ é", max_size=5),
    lambda child: (
        st.lists(child, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["catalog", "name", "first-vae", "variants", "artifacts", "sources", "civitai", "x"]
            ),
            child,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(
    _JSON,
    st.sampled_from(
        [(), ("entries",), ("entries", "first-vae"), ("entries", "first-vae", "smoke")]
    ),
    st.booleans(),
)
def test_any_data_gets_problems_or_has_the_shape(
    value: Any, path: tuple[str, ...], foreign: bool
) -> None:
    data: Any = good()
    if path:
        inner = data
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
    else:
        data = value
    found, rest = shape_problems(read_text(write(data)), foreign=foreign)
    if any(problem.blocking for problem in found):
        return
    # What is left must be good for a stranger's eye too, unless a source was left out.
    validator = Draft202012Validator(json.loads(schema_text()))
    assert foreign or not list(validator.iter_errors(rest))


FINGERPRINT = {
    "version": 1,
    "weights": "0" * 64,
    "fp16": "1" * 64,
    "bf16": "2" * 64,
    "exact": ["fp16"],
    "encoder": {"weights": "3" * 64, "fp16": "4" * 64, "bf16": "5" * 64},
}


def test_an_artifact_may_carry_a_fingerprint() -> None:
    data = good()
    set_field(fingerprint=FINGERPRINT)(data)
    assert problems_of(data) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "1"),
        ({"weights": "A" * 64}, "64 lower-case hex digits"),
        ({"exact": ["fp32"]}, "one of fp16, bf16"),
        ({"decoder": {"weights": "3" * 64}}, "fp16"),
        ({"sketch": "abc"}, "unknown field"),
    ],
)
def test_a_fingerprint_that_is_none(change: dict[str, Any], words: str) -> None:
    data = good()
    set_field(fingerprint={**FINGERPRINT, **change})(data)
    found = [problem.message for problem in problems_of(data)]
    assert any(words in message for message in found), found
