"""What a manifest says, and how it is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.provision.wanting import UIS
from vaehub import hosts
from vaehub.catalog import schema_text
from vaehub.errors import ManifestError
from vaehub.provision import manifest
from vaehub.provision.manifest import Manifest, Place, Policy, Smoke, Wanted
from vaehub.targets import layouts

PATH = Path("box/vaehub.yaml")
WRITTEN = """\
# the render boxes
schema: 1
vaes:
  - KL-F8-anime2            # everybody wants it
  - name: clearvae
    variant: v2.2
    targets: [forge, comfy]
  - mine/house@fp16
targets:
  comfy: {ui: comfyui, path: ../ComfyUI}
  forge: {ui: forge}
policy:
  pickles: convert
  licenses: {accept: [LicenseRef-Stability-AI-Community], deny: [CC-BY-NC-SA-4.0]}
  hosts: [modelscope, huggingface]
  mirrors: ["https://mirror.example/vaes/", "https://mirror.example/vaes"]
  require_pinned: true
  smoke: {dtypes: [fp16, fp32], device: "cuda:1"}
  foreign: allow
"""


def parse(text: str) -> Manifest:
    return manifest.parse(text.encode(), path=PATH)


def refused(text: str) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        parse(text)
    return caught.value


def test_everything_that_a_manifest_can_say() -> None:
    found = parse(WRITTEN)
    assert found.vaes == (
        Wanted("kl-f8-anime2", (), "box/vaehub.yaml:4"),
        Wanted("clearvae@v2.2", ("comfy", "forge"), "box/vaehub.yaml:5"),
        Wanted("mine/house@fp16", (), "box/vaehub.yaml:8"),
    )
    assert found.targets == {"comfy": Place("comfyui", "../ComfyUI"), "forge": Place("forge")}
    assert found.policy == Policy(
        pickles="convert",
        licenses_accepted=("LicenseRef-Stability-AI-Community",),
        licenses_denied=("CC-BY-NC-SA-4.0",),
        hosts=("modelscope", "huggingface"),
        mirrors=("https://mirror.example/vaes",),
        require_pinned=True,
        smoke=Smoke(("fp16", "fp32"), "cuda:1"),
        foreign="allow",
    )


def test_the_least_that_it_can_say() -> None:
    found = parse("schema: 1\nvaes: []\n")
    assert found == Manifest(PATH, (), {}, Policy())
    assert found.policy.as_json() == {}


def test_the_digest_is_of_what_is_asked_for_alone() -> None:
    digest = parse(WRITTEN).digest()
    same = [
        WRITTEN.replace("# the render boxes\n", "").replace("# everybody wants it", ""),
        WRITTEN.replace("../ComfyUI", "/opt/ComfyUI"),
        WRITTEN.replace("[forge, comfy]", "[comfy, forge]").replace("KL-F8", "kl-f8"),
        WRITTEN.replace("  - mine/house@fp16\n", "").replace(
            "vaes:\n", "vaes:\n  - mine/house@fp16\n"
        ),
        WRITTEN.replace("\n", "\r\n"),
    ]
    assert {parse(text).digest() for text in same} == {digest}
    other = [
        WRITTEN.replace("v2.2", "v2.3"),
        WRITTEN.replace("[forge, comfy]", "[forge]"),
        WRITTEN.replace("ui: forge", "ui: reforge"),
        WRITTEN.replace("[modelscope, huggingface]", "[huggingface, modelscope]"),
        WRITTEN.replace("foreign: allow", "foreign: report"),
    ]
    assert digest not in {parse(text).digest() for text in other}


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("schema: 1", "schema: 2", 2, "for a newer vaehub"),
        ("schema: 1\n", "", 2, "lacks schema"),
        ("vaes:\n", "vaes:\n  - name: a b\n", 4, "the name of a VAE"),
        ("  - mine/house", "  - kl-f8-anime2\n  - mine/house", 8, "stands twice, first at"),
        ("name: clearvae\n", "name: clearvae@v2.3\n", 5, "names a variant already"),
        ("[forge, comfy]", "[forge, com]", 5, "no target is called com; there is comfy, forge"),
        ("[forge, comfy]", "[]", 7, "the targets that it is for"),
        ("ui: forge", "ui: forg", 11, "expected one of automatic1111, comfyui"),
        ("ui: forge", "ui: invokeai", 11, "expected one of automatic1111, comfyui"),
        ("path: ../ComfyUI", 'path: "a\\0b"', 10, "the root of the UI"),
        ("  comfy:", "  -comfy:", 10, "letters, digits, dots, hyphens"),
        ("convert", "maybe", 13, "expected one of allow, convert, deny"),
        ("deny: [CC-BY-NC-SA-4.0]", "deny: [MIT], accept: [MIT]", 14, "stands twice"),
        ("[CC-BY-NC-SA-4.0]", "[LicenseRef-Stability-AI-Community]", 12, "accepted and denied"),
        ("[modelscope,", "[mirror,", 15, "expected one of civitai, github"),
        ("https://mirror.example/vaes/", "https://user:pw@mirror.example/", 16, "without user"),
        ("https://mirror.example/vaes/", "https://mirror.example/?t=1", 16, "without user"),
        ("require_pinned: true", "require_pinned: yes", 17, "expected true or false"),
        ("[fp16, fp32]", "[fp8]", 18, "expected one of fp32, bf16, fp16"),
        ("foreign: allow", "foriegn: allow", 19, "unknown field"),
        ("vaes:", "vaes: &all", 3, "an anchor"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, line: int, said: str) -> None:
    assert WRITTEN.count(old) >= 1
    error = refused(WRITTEN.replace(old, new, 1))
    assert error.message.startswith(f"{PATH}:{line}: "), error.message
    assert said in error.message
    assert error.exit_code == 2
    assert error.problems


def test_all_that_is_wrong_comes_with_the_error() -> None:
    error = refused(WRITTEN.replace("convert", "maybe").replace("forge}", "forg}"))
    assert "(and 1 more)" in error.message
    assert [problem.where for problem in error.problems] == [f"{PATH}:11", f"{PATH}:13"]


def test_a_password_in_a_mirror_is_not_repeated() -> None:
    error = refused(WRITTEN.replace("https://mirror.example/vaes/", "https://me:s3cret@m.example"))
    assert "s3cret" not in error.message


def test_a_manifest_that_is_not_there_says_how_one_begins(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="there is no manifest") as caught:
        manifest.read(tmp_path / "vaehub.yaml")
    assert "`vaehub add NAME`" in str(caught.value.hint)
    with pytest.raises(ManifestError, match="cannot read"):
        manifest.read(tmp_path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "vaehub.yaml"
    path.write_bytes(b"#" * (1 << 20) + b"\nschema: 1\nvaes: []\n")
    with pytest.raises(ManifestError, match=r"vaehub\.yaml:1: a manifest may have 1,048,576 bytes"):
        manifest.read(path)


def test_the_schema_knows_what_the_tables_know() -> None:
    schema = json.loads(schema_text("manifest"))
    kinds = {layout.id for layout in layouts().values() if layout.refuses is None}
    assert set(schema["$defs"]["target"]["properties"]["ui"]["enum"]) == kinds == set(UIS)
    policy = schema["$defs"]["policy"]["properties"]
    assert policy["hosts"]["items"]["enum"] == list(hosts.names())


def test_the_schema_stands_by_itself() -> None:
    text = schema_text("manifest")
    schema = json.loads(text)
    named = set(re.findall(r'"\$ref": "([^"]*)"', text))
    assert named == {f"#/$defs/{name}" for name in schema["$defs"]}


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "provisioning.md").read_text("utf-8")


def fields(schema: dict[str, Any]) -> set[str]:
    """Give the names of all fields that a schema has itself."""
    found = set()
    for key, value in schema.items():
        if key == "properties":
            found |= set(value)
        found |= fields(value) if isinstance(value, dict) else set()
    return found


def test_the_page_shows_a_manifest_with_every_field() -> None:
    shown = PAGE.partition("\n## The manifest\n")[2].partition("```yaml\n")[2].partition("```")[0]
    assert parse(shown).vaes
    assert fields(json.loads(schema_text("manifest"))) <= set(re.findall(r"[a-z_]+", shown))


@pytest.mark.parametrize("name", ["manifest", "lock"])
def test_the_page_tells_every_field(name: str) -> None:
    part = PAGE.partition(f"\n## The {name}\n")[2].partition("\n## ")[0]
    rows = "".join(line.partition(" | ")[0] for line in part.splitlines() if line.startswith("| `"))
    told = set(re.findall(r"[a-z_0-9]+", rows))
    inside = {"id", "source", "accept", "note"} if name == "lock" else set()  # of the license
    assert fields(json.loads(schema_text(name))) - inside <= told


# Whatever comes

NAME = st.sampled_from(["a", "A", "b@v1", "mine/c", "ß@ẞ", "d.safetensors", "\u0130@x", "🎨"])
TARGETS = st.lists(st.sampled_from(["x", "y", "z.1"]), min_size=1, max_size=3, unique=True)
WANTED = NAME | st.fixed_dictionaries(
    {"name": NAME}, optional={"variant": st.sampled_from(["v1", "V2"]), "targets": TARGETS}
)
LICENSES = st.lists(st.sampled_from(["MIT", "a b", "暖"]), max_size=2, unique=True)
POLICY = st.fixed_dictionaries(
    {},
    optional={
        "pickles": st.sampled_from(["allow", "convert", "deny"]),
        "licenses": st.fixed_dictionaries({}, optional={"accept": LICENSES, "deny": LICENSES}),
        "hosts": st.lists(st.sampled_from(hosts.names()), min_size=1, unique=True),
        "mirrors": st.lists(
            st.sampled_from(["http://a", "https://b/c/", "https://b/c"]), unique=True
        ),
        "require_pinned": st.booleans(),
        "smoke": st.fixed_dictionaries(
            {"dtypes": st.lists(st.sampled_from(["fp32", "bf16"]), min_size=1, unique=True)},
            optional={"device": st.sampled_from(["cpu", "cuda:0"])},
        ),
        "foreign": st.sampled_from(["report", "allow"]),
    },
)
PLACE = st.fixed_dictionaries(
    {"ui": st.sampled_from(UIS)}, optional={"path": st.sampled_from([".", "~/x", "暖/y"])}
)
ASKED = st.fixed_dictionaries(
    {"schema": st.just(1), "vaes": st.lists(WANTED, max_size=4)},
    optional={
        "targets": st.dictionaries(st.sampled_from(["x", "y", "z.1"]), PLACE, max_size=3),
        "policy": POLICY,
    },
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | NAME,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.just("name"), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def bent(draw: st.DrawFn) -> Any:
    """Make a manifest that may have something wrong in one place."""
    data = draw(ASKED)
    inside: Any = data
    for _ in range(draw(st.integers(0, 4))):
        keys = list(inside if isinstance(inside, dict) else range(len(inside)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if not isinstance(inside[key], (dict, list)) or draw(st.booleans()):
            inside[key] = draw(JUNK)
            break
        inside = inside[key]
    return data


def written(data: Any, *, flow: bool) -> str:
    return yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True, sort_keys=False)


def check(content: bytes) -> Manifest | None:
    refusal = None
    try:
        return manifest.parse(content, path=PATH)
    except ManifestError as error:
        refusal = error
    assert re.match(rf"{PATH}:\d+: ", refusal.message), refusal.message
    assert refusal.problems
    return None


@given(data=ASKED, flow=st.booleans())
def test_what_the_schema_accepts_is_read_or_refused_with_its_line(data: Any, flow: bool) -> None:
    found = check(written(data, flow=flow).encode())
    if found is not None:
        assert len(found.vaes) == len(data["vaes"])
        assert manifest.policy_of(found.policy.as_json()) == found.policy
        assert found.digest() == manifest.manifest_of(data, path=PATH).digest()


@given(data=bent(), flow=st.booleans())
def test_what_is_bent_is_read_or_refused_with_its_line(data: Any, flow: bool) -> None:
    check(written(data, flow=flow).encode("utf-8", "replace"))


@given(
    content=st.binary(max_size=60)
    | st.text(max_size=60).map(lambda t: t.encode("utf-8", "replace"))
)
def test_any_bytes_are_read_or_refused_with_their_line(content: bytes) -> None:
    check(content)
