"""One bad example for each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.catalog.samples import COMMIT, SHA_A, artifact, foreign, good, write
from vaehub.catalog.check import check
from vaehub.catalog.read import read_text
from vaehub.catalog.rules import EMPTY_SHA256, RULES, secret_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.model import Problem

Data = dict[str, Any]
FIRST = "entries.first-vae"
STORED = f"{FIRST}.variants.safetensors.artifacts[0]"
CKPT = f"{FIRST}.variants.ckpt.artifacts[0]"


def problems_of(data: Data, *, is_foreign: bool = False) -> list[Problem]:
    found, _ = check(read_text(write(data), origin="c.yaml"), foreign=is_foreign)
    return found


def same_bytes_twice(data: Data) -> str:
    artifact(data, variant="ckpt")["sha256"] = SHA_A
    return f"{CKPT}.sha256"


def one_name_in_two_cases(data: Data) -> str:
    artifact(data, variant="ckpt")["name"] = "FIRST.safetensors"
    return f"{CKPT}.name"


def alias_of_two(data: Data) -> str:
    data["entries"]["second-vae"]["aliases"] = ["two", "first"]
    return "entries.second-vae.aliases[1]"


def alias_that_is_an_id(data: Data) -> str:
    data["entries"]["second-vae"]["aliases"] = ["first-vae"]
    return "entries.second-vae.aliases[0]"


def digest_of_nothing(data: Data) -> str:
    artifact(data)["sha256"] = EMPTY_SHA256
    return f"{STORED}.sha256"


def unknown_license(data: Data) -> str:
    data["entries"]["first-vae"]["license"]["id"] = "creativeml-openrail-m"
    return f"{FIRST}.license.id"


def neither_sha256_nor_host(data: Data) -> str:
    del artifact(data)["sha256"]
    return STORED


def both_sha256_and_host(data: Data) -> str:
    artifact(data)["evidence"] = "host"
    return f"{STORED}.evidence"


def left_to_plain_https(data: Data) -> str:
    ckpt = artifact(data, variant="ckpt")
    del ckpt["sha256"]
    ckpt["evidence"] = "host"
    return f"{CKPT}.sources"


def left_to_a_raw_file(data: Data) -> str:
    ckpt = artifact(data, variant="ckpt")
    del ckpt["sha256"]
    ckpt["evidence"] = "host"
    ckpt["sources"] = [{"github": {"repo": "a/b", "revision": COMMIT, "path": "x.ckpt"}}]
    return f"{CKPT}.sources"


def branch_where_a_commit_is_known(data: Data) -> str:
    artifact(data, variant="ckpt")["sources"] = [
        {"huggingface": {"repo": "acme/first", "revision": "main", "path": "vae/first.safetensors"}}
    ]
    return f"{CKPT}.sources[0].huggingface"


def source_of_two_files(data: Data) -> str:
    sources = [{"civitai": {"version": 2, "model": 1}}]
    artifact(data, variant="ckpt")["sources"] = sources
    return f"{CKPT}.sources[0].civitai"


def default_behind_a_login(data: Data) -> str:
    artifact(data)["sources"] = artifact(data)["sources"][1:]
    return f"{FIRST}.variants.safetensors"


def default_behind_a_gate(data: Data) -> str:
    data["entries"]["first-vae"]["license"]["accept"] = True
    artifact(data)["sources"][0]["huggingface"]["gated"] = True
    return f"{FIRST}.variants.safetensors"


def pickle_by_default(data: Data) -> str:
    variants = data["entries"]["first-vae"]["variants"]
    data["entries"]["first-vae"]["variants"] = {
        "ckpt": variants["ckpt"],
        "safetensors": variants["safetensors"],
    }
    return f"{FIRST}.variants.ckpt"


def no_chinese(data: Data) -> str:
    del data["entries"]["first-vae"]["summary"]["zh"]
    return FIRST


def no_smoke(data: Data) -> str:
    del data["entries"]["first-vae"]["smoke"]
    return FIRST


def gated_without_acceptance(data: Data) -> str:
    data["entries"]["first-vae"]["license"].pop("accept", None)
    artifact(data)["sources"][0]["huggingface"]["gated"] = True
    artifact(data)["sources"].append({"http": {"url": "https://example.org/first.safetensors"}})
    return f"{STORED}.sources[0].huggingface"


def acceptance_without_a_page(data: Data) -> str:
    data["entries"]["second-vae"]["license"]["accept"] = True
    return "entries.second-vae.license"


def no_size(data: Data) -> str:
    del artifact(data)["size"]
    return STORED


def token_in_an_address(data: Data) -> str:
    url = "https://example.org/first.ckpt?Token=0123"
    artifact(data, variant="ckpt")["sources"] = [{"http": {"url": url}}]
    return f"{CKPT}.sources[0].http.url"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("X-Amz-Signature=1", "X-Amz-Signature"),
        ("a=1&x-goog-credential=", "x-goog-credential"),
        ("q-sign-time=1&x-cos-security-token=2", "x-cos-security-token"),
        ("auth_key=1", "auth_key"),
        ("Expires=1&Key-Pair-Id=2", "Key-Pair-Id"),
        ("tokenizer=1&download=true", None),
        ("", None),
    ],
)
def test_what_signs_an_address_is_found(query: str, found: str | None) -> None:
    assert secret_in(f"https://example.org/a?{query}#token=1") == found


def signed_address(data: Data) -> str:
    url = "https://example.org/first.ckpt?X-Amz-Credential=0123"
    artifact(data, variant="ckpt")["sources"] = [{"http": {"url": url}}]
    return f"{CKPT}.sources[0].http.url"


BAD: list[tuple[str, Callable[[Data], str]]] = [
    ("sha256-unique", same_bytes_twice),
    ("name-unique", one_name_in_two_cases),
    ("alias-unique", alias_of_two),
    ("alias-unique", alias_that_is_an_id),
    ("sha256-of-nothing", digest_of_nothing),
    ("license-id", unknown_license),
    ("evidence-host", neither_sha256_nor_host),
    ("evidence-host", both_sha256_and_host),
    ("host-gives-sha256", left_to_plain_https),
    ("host-gives-sha256", left_to_a_raw_file),
    ("revision-pinned", branch_where_a_commit_is_known),
    ("source-once", source_of_two_files),
    ("default-without-login", default_behind_a_login),
    ("default-without-login", default_behind_a_gate),
    ("default-not-pickle", pickle_by_default),
    ("summary-languages", no_chinese),
    ("smoke-facts", no_smoke),
    ("gated-accept", gated_without_acceptance),
    ("accept-page", acceptance_without_a_page),
    ("size-known", no_size),
    ("no-secret", token_in_an_address),
    ("no-secret", signed_address),
]
ADVISORY = {"default-not-pickle", "size-known"}
CURATED_ONLY = {"summary-languages", "smoke-facts"}


@pytest.mark.parametrize(
    ("rule_id", "spoil"), BAD, ids=[f"{rule_id}-{spoil.__name__}" for rule_id, spoil in BAD]
)
def test_finds_its_bad_example_and_nothing_else(rule_id: str, spoil: Callable[[Data], str]) -> None:
    data = good()
    place = spoil(data)
    (problem,) = problems_of(data)
    assert problem.code == rule_id
    assert problem.message.startswith(f"{place}: ")
    assert problem.blocking == (rule_id not in ADVISORY)
    in_foreign = problems_of(data, is_foreign=True)
    assert bool(in_foreign) == (rule_id not in CURATED_ONLY)


def test_every_rule_has_a_bad_example_and_a_docstring() -> None:
    ids = [rule.id for rule in RULES]
    assert sorted(set(ids)) == sorted(ids)
    assert {rule_id for rule_id, _ in BAD} == set(ids)
    assert all(rule.find.__doc__ for rule in RULES)


def test_a_good_catalog_has_no_problems() -> None:
    assert problems_of(good()) == []
    assert problems_of(foreign(), is_foreign=True) == []


def test_the_same_name_may_stand_in_two_slots() -> None:
    data = good()
    data["entries"]["second-vae"]["slot"] = "vae-approx"
    data["entries"]["second-vae"]["variants"]["safetensors"]["artifacts"][0]["name"] = (
        "first.safetensors"
    )
    assert problems_of(data) == []


def test_a_half_precision_copy_is_no_stand_in_for_a_pickle() -> None:
    data = good()
    pickle_by_default(data)
    data["entries"]["first-vae"]["variants"]["safetensors"]["dtype"] = "fp16"
    assert problems_of(data) == []
