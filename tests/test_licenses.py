"""A license that asks for acceptance is asked for once per machine, and never goes unasked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaehub import licenses
from vaehub.errors import LicenseNotAccepted
from vaehub.model import Artifact, Entry, License, Source, Variant

if TYPE_CHECKING:
    from pathlib import Path

ASKING = License("LicenseRef-flux-dev", "https://example.org/flux", accept=True)


def entry(license_: License = ASKING) -> Entry:
    artifact = Artifact("flux.safetensors", (Source("http", {"url": "https://example.org/f"}),))
    variant = Variant("safetensors", (artifact,))
    return Entry("flux", "mine", "FLUX", "flux1", license_, (variant,))


class Person:
    """Somebody to ask, who remembers what was asked."""

    def __init__(self, *, says: bool) -> None:
        self.says = says
        self.asked: list[str] = []

    def __call__(self, entry: Entry) -> bool:
        self.asked.append(entry.license.id)
        return self.says


def test_most_licenses_ask_for_nothing(tmp_path: Path) -> None:
    person = Person(says=False)
    licenses.require(entry(License("MIT")), state=tmp_path, ask=person)
    licenses.require(entry(License("MIT")), state=tmp_path, ask=None)
    assert person.asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_person_is_asked_once_per_machine(tmp_path: Path) -> None:
    state = tmp_path / "not" / "there" / "yet"
    person = Person(says=True)
    licenses.require(entry(), state=state, ask=person)
    assert licenses.accepted(state) == {ASKING.id}
    licenses.require(entry(), state=state, ask=person)
    licenses.require(entry(), state=state, ask=None)
    assert person.asked == [ASKING.id]


def test_each_license_is_asked_for_by_itself(tmp_path: Path) -> None:
    person = Person(says=True)
    other = License("LicenseRef-sd3", accept=True)
    licenses.require(entry(), state=tmp_path, ask=person)
    licenses.require(entry(other), state=tmp_path, ask=person)
    assert person.asked == [ASKING.id, other.id]
    assert licenses.accepted(tmp_path) == {ASKING.id, other.id}


def test_a_no_is_not_remembered(tmp_path: Path) -> None:
    person = Person(says=False)
    for _ in range(2):
        with pytest.raises(LicenseNotAccepted):
            licenses.require(entry(), state=tmp_path, ask=person)
    assert len(person.asked) == 2
    assert licenses.accepted(tmp_path) == frozenset()


def test_what_the_command_line_accepts_needs_nobody(tmp_path: Path) -> None:
    person = Person(says=False)
    licenses.require(entry(), state=tmp_path, given=[ASKING.id], ask=person)
    assert person.asked == []
    licenses.require(entry(), state=tmp_path, ask=None)


def test_to_accept_another_license_does_not_help(tmp_path: Path) -> None:
    with pytest.raises(LicenseNotAccepted):
        licenses.require(entry(), state=tmp_path, given=["MIT"], ask=None)


def test_the_message_says_what_to_read_and_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(LicenseNotAccepted) as caught:
        licenses.require(entry(), state=tmp_path, ask=None)
    assert "flux" in caught.value.message
    assert "LicenseRef-flux-dev (https://example.org/flux)" in caught.value.message
    assert "--accept-license LicenseRef-flux-dev" in (caught.value.hint or "")
    with pytest.raises(LicenseNotAccepted) as caught:
        licenses.require(entry(License("X", accept=True)), state=tmp_path, ask=None)
    assert "()" not in caught.value.message


def test_the_record_says_when(tmp_path: Path) -> None:
    licenses.require(entry(), state=tmp_path, given=[ASKING.id], ask=None)
    record = json.loads((tmp_path / "licenses.json").read_text(encoding="utf-8"))
    assert record["schema"] == 1
    assert record["accepted"][ASKING.id].endswith("+00:00")
    licenses.require(
        entry(License("X", accept=True)), state=tmp_path, given=["X", ASKING.id], ask=None
    )
    again = json.loads((tmp_path / "licenses.json").read_text(encoding="utf-8"))
    assert again["accepted"][ASKING.id] == record["accepted"][ASKING.id]
    assert [path.name for path in tmp_path.iterdir()] == ["licenses.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"accepted": null}',
        '{"accepted": "LicenseRef-flux-dev"}',
        '{"accepted": ["LicenseRef-flux-dev"]}',
        '{"accepted": 3}',
    ],
)
def test_a_damaged_record_means_asking_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "licenses.json").write_text(text, encoding="utf-8")
    assert licenses.accepted(tmp_path) == frozenset()
    with pytest.raises(LicenseNotAccepted):
        licenses.require(entry(), state=tmp_path, ask=None)
    licenses.require(entry(), state=tmp_path, given=[ASKING.id], ask=None)
    assert licenses.accepted(tmp_path) == {ASKING.id}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200))
def test_no_record_can_break_an_install(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "licenses.json").write_bytes(content)
    licenses.require(entry(), state=tmp_path, given=[ASKING.id], ask=None)
    assert ASKING.id in licenses.accepted(tmp_path)


def test_a_state_that_cannot_be_written_asks_each_time(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("a file where the folder should be", encoding="utf-8")
    person = Person(says=True)
    licenses.require(entry(), state=state, ask=person)
    licenses.require(entry(), state=state, ask=person)
    assert len(person.asked) == 2
    assert state.is_file()
