"""Manifests as people get them wrong, and what they are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.catalog.schema import load_schema
from vaehub.errors import ManifestError
from vaehub.provision import manifest, mistakes
from vaehub.targets import layouts

GOOD = "schema: 1\nvaes:\n  - kl-f8-anime2\n"
UI = GOOD + "targets:\n  box:\n    ui: "
POLICY = GOOD + "policy:\n  "


def refused(text: str) -> tuple[str, str | None]:
    with pytest.raises(ManifestError) as caught:
        manifest.parse(text.encode(), path=Path("vaehub.yaml"))
    return caught.value.message.removeprefix("vaehub.yaml:"), caught.value.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        # What is no YAML
        ("schema: 1\nvaes:\n\t- a\n", "3: not valid YAML", "line 3 is indented with a tab"),
        ("schema: 1\nvaes\n  - a\n", "4: not valid YAML", "line 2: write vaes: with a colon"),
        ("schema:1\nvaes:\n  - a\n", "2: not valid YAML", "line 1: write schema: with a colon"),
        (UI + "forge\n    path x\n", "8: not valid YAML", "line 7: write path: with a colon"),
        (GOOD + "targets:\n  box:\n    ui forge\n    path: x\n", "7: ", "line 6: write ui: with"),
        (UI + 'forge\n    path: "C:\\ComfyUI"\n', "7: not valid YAML", "use single quotes, or /"),
        ("schema: 1\nvaes:\n\u00a0\u00a0- a\n", "4: ", "line 3 has blanks that are none"),
        ("schema: 1\nvaes:\n  - @ckpt\n", "3: ", "begins with a sign that only quoted text"),
        ("schema: 1\nvaes: [a, b\n", "3: ", "a [ or { is not closed"),
        ("schema: 1\nvaes:\n  - name: a\n   variant: b\n", "4: ", "begins in one column"),
        ("schema: 1\nvaes:\n  - name: a\n      variant: b\n", "4: ", "begins in one column"),
        ('schema = 1\nvaes = ["a"]\n', "1: expected a mapping", "it is YAML"),
        ("- kl-f8-anime2\n", "1: expected a mapping", "put the list below: vaes:"),
        ("", "1: expected a mapping", "`vaehub add NAME` begins one"),
        # The wrong field
        ("schema: 1\nvae:\n  - a\n", "2: vae: unknown field", "did you mean vaes?"),
        ("schema: 1\nVAEs:\n  - a\n", "2: VAEs: unknown field", "did you mean vaes?"),
        ("version: 1\nvaes: []\n", "1: version: unknown field", "did you mean schema?"),
        ("vaes: []\n", "1: lacks schema", "it begins with: schema: 1"),
        ('schema: "1"\nvaes: []\n', "1: schema: expected 1", "without quotes: schema: 1"),
        ("schema: 1\nvaes:\n", "2: vaes: expected a list", "write vaes: [] to ask for none"),
        (POLICY + "pickle: deny\n", "5: policy.pickle: unknown", "did you mean pickles?"),
        (POLICY + "require-pinned: true\n", "5: ", "did you mean require_pinned?"),
        (POLICY + "licenses: {denied: [MIT]}\n", "5: ", "did you mean deny?"),
        # The list of VAEs
        ("schema: 1\nvaes:\n  kl-f8-anime2\n", "2: vaes: ", "a dash before each item"),
        ("schema: 1\nvaes:\n  -kl-f8-anime2\n", "2: vaes: ", "a blank belongs behind the dash"),
        ("schema: 1\nvaes:\n  a: ckpt\n", "2: vaes: ", "a dash before each item: - a@ckpt"),
        ("schema: 1\nvaes:\n  - a: ckpt\n", "3: vaes[0].a: unknown", "write: - a@ckpt"),
        ("schema: 1\nvaes:\n  - kl-f8:\n", "3: vaes[0].kl-f8: unknown", "write: - kl-f8"),
        ("schema: 1\nvaes:\n  - sd xl.pt\n", "3: vaes[0]: ", "finds the id of a file"),
        ("schema: 1\nvaes:\n  - 840000\n", "3: vaes[0]: ", 'quote it: - "840000"'),
        ("schema: 1\nvaes:\n  -\n", "3: vaes[0]: ", "a name belongs behind the dash"),
        ("schema: 1\nvaes:\n  - name: a\n    target: b\n", "4: ", "did you mean targets?"),
        ("schema: 1\nvaes:\n  - name: a\n    targets: b\n", "4: ", "write: targets: [b]"),
        # Targets
        (UI + "a1111\n", "6: targets.box.ui: ", "did you mean automatic1111?"),
        (UI + "ComfyUI\n", "6: targets.box.ui: ", "did you mean comfyui?"),
        (UI + "SD.Next\n", "6: targets.box.ui: ", "did you mean sdnext?"),
        (UI + "Stability Matrix\n", "6: targets.box.ui: ", "did you mean stabilitymatrix?"),
        (UI + "stable-diffusion-webui-forge\n", "6: ", "did you mean forge?"),
        (UI + "swarmUi\n", "6: targets.box.ui: ", "did you mean swarmui?"),
        (UI + "invokeai\n", "6: targets.box.ui: ", "in its Model Manager"),
        (GOOD + "targets:\n  box: /opt/x\n", "5: targets.box: ", "box: {ui: comfyui, path: ...}"),
        (GOOD + "targets:\n  box: {path: /opt/x}\n", "5: targets.box: ", "ui: comfyui"),
        (GOOD + "targets:\n  - ui: forge\n", "4: targets: ", "give each a name of its own"),
        (GOOD + "targets:\n  my box: {ui: forge}\n", "5: targets.my box: ", "call it my-box"),
        (GOOD + "uis:\n  box: {ui: forge}\n", "4: uis: unknown", "did you mean targets?"),
        # Policy
        (POLICY + "pickles: false\n", "5: policy.pickles: ", "did you mean deny?"),
        (POLICY + "pickles: Convert\n", "5: policy.pickles: ", "did you mean convert?"),
        (POLICY + "hosts: [HF]\n", "5: policy.hosts[0]: ", "did you mean huggingface?"),
        (POLICY + "hosts: civitai\n", "5: policy.hosts: ", "write: hosts: [civitai]"),
        (POLICY + "smoke: true\n", "5: policy.smoke: ", "write: smoke: {dtypes: [fp16]}"),
        (POLICY + "smoke: {dtypes: [half]}\n", "5: ", "did you mean fp16?"),
        (POLICY + "licenses: [MIT]\n", "5: policy.licenses: ", "write: licenses: {deny: [...]}"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    text: str, message: str, hint: str
) -> None:
    said, told = refused(text)

    assert said.startswith(message)
    assert hint in (told or "")


def test_what_lacks_is_told_after_what_is_there_under_a_wrong_name() -> None:
    with pytest.raises(ManifestError) as caught:
        manifest.parse(b"schema: 1\nvae: [a]\n", path=Path("vaehub.yaml"))

    assert [problem.message for problem in caught.value.problems] == [
        "vae: unknown field",
        "lacks vaes",
    ]


@pytest.mark.parametrize("path", ["~/ComfyUI", "C:\\ComfyUI", "\\\\box\\share\\UI", "./my UI", "."])
def test_paths_as_people_write_them_are_no_mistake(path: str) -> None:
    read = manifest.parse(f"{UI}comfyui\n    path: {path}\n".encode(), path=Path("vaehub.yaml"))

    assert read.targets["box"].path == path


def test_hints_repeat_nothing_that_may_be_a_secret() -> None:
    address = "https://me:hf_secret@example.org/?token=hf_secret"
    for text in (
        POLICY + f'hosts: "{address}"\n',
        POLICY + f'smoke: "{address}"\n',
        GOOD + f'targets:\n  box: "{address}"\n',
        f'schema: 1\nvaes: "{address}"\n',
        f'schema: 1\nvaes:\n  - "{address} x"\n',
        f'schema: 1\nvaes:\n  "{address}": x\n',
        UI + f'"{address}"\n',
    ):
        said, hint = refused(text)
        assert "hf_secret" not in f"{said} {hint}"


def test_other_names_of_uis_lead_to_layouts() -> None:
    assert set(mistakes.UIS.values()) <= set(layouts())
    assert not set(mistakes.UIS) & set(layouts())


def test_all_fields_of_the_schema_are_known() -> None:
    def fields(schema: Any) -> set[str]:
        if not isinstance(schema, dict):
            return set()
        inner = (fields(value) for value in schema.values())
        own = schema.get("properties", {})
        return set(own if isinstance(own, dict) else ()).union(*inner)

    schema = load_schema("manifest")
    used = {"wanted", "target", "policy"}
    said = fields({**schema, "$defs": {key: schema["$defs"][key] for key in used}})
    assert {name for name in said if not mistakes.is_field(name)} == set()


WORDS = [
    *("schema", "vaes", "targets", "policy", "name", "variant", "ui", "path", "hosts", "smoke"),
    *("pickles", "licenses", "comfyui", "a1111", "vae", "1"),
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=6), st.sampled_from(WORDS)
)
SHAPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), inner, max_size=4),
    ),
    max_leaves=15,
)


@given(SHAPES)
def test_any_data_is_a_manifest_or_refused_in_words(data: Any) -> None:
    for whole in (data, {"schema": 1, "vaes": [], "policy": data}, {"schema": 1, "vaes": data}):
        try:
            manifest.parse(json.dumps(whole).encode(), path=Path("vaehub.yaml"))
        except ManifestError as error:
            assert error.problems  # noqa: PT017  # most of them are refused, some are not


@given(st.text(st.sampled_from("ab:-[]{}#\"'\\@&*!|>%\t\n \u00a0"), max_size=40))
def test_any_text_is_a_manifest_or_refused_in_words(text: str) -> None:
    with pytest.raises(ManifestError):
        manifest.parse(text.encode(), path=Path("vaehub.yaml"))
