"""The parts of the collection that need no Ansible: what is read, chosen and told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ansible.loading import load
from vaehub.settings import TOKEN_VARIABLES

facts, locked, running = (load(name) for name in ("facts", "locked", "running"))

ANSWER = {"schema": 1, "command": "install", "ok": True, "results": [], "problems": []}
PARAMS: dict[str, Any] = {"store": None, "catalogs": [], "mirrors": [], "offline": False}
NO_TOKENS = dict.fromkeys(running.TOKENS)
TARGET = "/srv/ComfyUI"


def vae(name: str, variant: str = "safetensors", *, entry: str | None = None) -> dict[str, Any]:
    return {"name": name, "entry": entry or f"mine/{name}", "variant": variant}


def a_lock(*vaes: dict[str, Any]) -> str:
    return json.dumps({"schema": 1, "targets": {}, "vaes": list(vaes)})


def result(entry: str, variant: str, *, action: str = "keep") -> dict[str, Any]:
    file = {"path": f"{TARGET}/{variant}", "size": 1, "sha256": "0" * 64, "action": action}
    return {
        "entry": entry,
        "variant": variant,
        "target": TARGET,
        "layout": "comfyui",
        "files": [{**file, "status": "would be removed" if action == "remove" else "present"}],
    }


# Answers


def test_an_answer_is_read() -> None:
    answer = running.read(0, json.dumps(ANSWER), "")
    assert (answer.rc, answer.results, answer.problems) == (0, [], [])


@given(st.text(), st.text(), st.integers(min_value=-64, max_value=255))
def test_whatever_is_no_answer_is_told_with_its_exit_code(
    stdout: str, stderr: str, code: int
) -> None:
    with pytest.raises(running.NoAnswer) as raised:
        running.read(code, stdout, stderr)
    assert str(abs(code)) in str(raised.value) or str(code - 128) in str(raised.value)


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x), max_leaves=5))
def test_json_that_is_no_answer_is_none(value: Any) -> None:
    with pytest.raises(running.NoAnswer):
        running.read(0, json.dumps(value), "")


@pytest.mark.parametrize("code", [-9, 137])
def test_a_kill_is_called_a_kill(code: int) -> None:
    with pytest.raises(running.NoAnswer, match="killed by signal 9; run it again"):
        running.read(code, "", "")


def test_the_last_line_of_a_traceback_is_told() -> None:
    with pytest.raises(running.NoAnswer, match="exit code 1 and no answer: ValueError: odd"):
        running.read(1, "", "Traceback ...\n  here\nValueError: odd\n")


def test_a_failure_tells_what_blocks_and_what_to_do() -> None:
    notes = {"code": "rival-vae", "message": "beside", "blocking": False}
    grave = {"code": "x", "message": "no room", "where": "/srv", "hint": "make some"}
    assert running.Answer(7, [], [notes, grave]).failure == "/srv: no room -- make some"
    assert running.Answer(7, [], [notes]).failure == "beside"
    assert running.Answer(7, [], []).failure == "vaehub ended with exit code 7"


# Options


def test_every_token_that_vaehub_takes_has_an_option() -> None:
    options = {name.partition("_")[0]: variable for name, variable in running.TOKENS.items()}
    assert options == {host: names[0] for host, names in TOKEN_VARIABLES.items()}
    spec = running.argument_spec()
    assert all(spec[name]["no_log"] for name in running.TOKENS)


def test_tokens_go_into_the_environment() -> None:
    tokens = {**NO_TOKENS, "huggingface_token": "hf_secret"}
    said = running.environment({**PARAMS, **tokens})
    assert {key: value for key, value in said.items() if "TOKEN" in key} == {
        "HF_TOKEN": "hf_secret"
    }


def test_other_options_go_into_the_environment() -> None:
    said = running.environment(
        {
            **NO_TOKENS,
            "store": "/data",
            "catalogs": ["/a.yaml", "/b.yaml"],
            "mirrors": ["http://one", "http://two"],
            "offline": True,
        }
    )
    assert {key: value for key, value in said.items() if key.startswith("VAEHUB")} == {
        "VAEHUB_LANG": "en",
        "VAEHUB_STORE": "/data",
        "VAEHUB_CATALOG": "/a.yaml:/b.yaml",
        "VAEHUB_MIRRORS": "http://one http://two",
        "VAEHUB_OFFLINE": "1",
    }


def test_a_home_is_spelled_out_also_behind_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    places = ["~/ComfyUI", "comfy=~/ComfyUI", "/srv/a=b/~c", "comfy"]
    assert running.expanded(places) == [
        "/home/me/ComfyUI",
        "comfy=/home/me/ComfyUI",
        "/srv/a=b/~c",
        "comfy",
    ]


# Locks


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("house", ["safetensors", "fp16"]),
        ("House", ["safetensors", "fp16"]),
        ("mine/house", ["safetensors", "fp16"]),
        ("house@fp16", ["fp16"]),
        ("mine/house@fp16", ["fp16"]),
        ("orangemix", ["pt"]),
        ("anything-v4.0", ["pt"]),
    ],
)
def test_a_name_means_what_the_manifest_or_the_catalog_calls_so(
    name: str, found: list[str]
) -> None:
    text = a_lock(
        vae("house"),
        vae("house", "fp16"),
        vae("orangemix@pt", "pt", entry="vaehub/anything-v4.0"),
        vae("attic"),
    )
    chosen = locked.select(text, [name], "vaehub.lock")
    assert [one["variant"] for one in chosen["vaes"]] == found
    assert chosen["schema"] == 1


@pytest.mark.parametrize("name", ["house@pt", "hous", "", "@", "other/house"])
def test_another_name_is_not_in_the_lock(name: str) -> None:
    with pytest.raises(locked.NotLocked, match="it names attic, house") as raised:
        locked.select(a_lock(vae("house"), vae("attic")), ["house", name], "vaehub.lock")
    assert raised.value.rc == 4


@given(st.text() | st.sampled_from(["[]", "{}", '{"vaes": 1}', '{"vaes": [1]}', "null"]))
def test_what_is_no_lock_is_called_so(text: str) -> None:
    with pytest.raises(locked.NotLocked, match="is no lock") as raised:
        locked.select(text, ["house"], "vaehub.lock")
    assert raised.value.rc == 2


def test_only_another_variant_of_the_same_vae_is_superseded() -> None:
    results = [
        result("mine/house", "fp16"),
        result("mine/house", "safetensors", action="remove"),
        result("mine/house", "fp16", action="remove"),  # another file of the variant that is right
        result("mine/attic", "safetensors", action="remove"),
    ]
    lock = {"vaes": [vae("house", "fp16")]}
    assert locked.superseded(results, lock) == [(TARGET, "mine/house@safetensors")]


# Facts


def test_what_is_kept_or_present_is_no_change() -> None:
    assert not facts.has_changed([{"status": "present"}, {"status": "kept"}])
    for status in ("installed", "planned", "removed", "gone"):
        assert facts.has_changed([{"status": "present"}, {"status": status}])


def test_a_removal_that_would_be_is_planned() -> None:
    (fact,) = facts.of_installs([result("mine/house", "fp16", action="remove")])
    assert fact["status"] == "planned"


def test_a_diff_names_the_files_of_these_vaes_alone() -> None:
    installed = [
        {**fact, "state": state}
        for fact, state in zip(
            facts.of_installs([result("mine/house", name) for name in ("a", "b", "c")]),
            ("ok", "missing", "changed"),
            strict=True,
        )
    ]
    foreign = {**installed[0], "entry": "mine/attic", "path": "/elsewhere"}
    done = facts.of_installs([result("mine/house", "a", action="remove")])
    shown = facts.diff([*installed, foreign], done)
    line = f"sha256 {'0' * 64} mine/house@"
    assert shown["before"] == f"{TARGET}/a {line}a\n{TARGET}/c {line}c (changed)\n"
    assert shown["after"] == f"{TARGET}/c {line}c (changed)\n"
