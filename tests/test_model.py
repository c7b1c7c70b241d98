"""The vocabulary: what can be read off an entry, a variant, a target, a problem."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from vaehub import model
from vaehub.model import (
    Artifact,
    Download,
    Entry,
    Evidence,
    License,
    Problem,
    Source,
    Target,
    Variant,
)

FREE = Source("huggingface", {"repo": "acme/vae", "revision": "main", "path": "a.safetensors"})
LOGIN = Source("civitai", {"model": 1, "version": 2}, login=True)
GATED = Source("huggingface", {"repo": "acme/gated"}, gated=True)


def artifact(
    *sources: Source,
    size: int | None = 10,
    sha256: str | None = "0" * 64,
    evidence: Evidence = "single",
) -> Artifact:
    return Artifact("a.safetensors", sources or (FREE,), size, sha256, evidence)


def entry(*variants: Variant) -> Entry:
    return Entry("tiny", "mine", "Tiny", "sd1", License("MIT"), variants)


def test_all_classes_are_frozen_and_imports_stay_out() -> None:
    kinds = {name: kind for name, kind in vars(model).items() if kind.__class__ is type}
    kinds = {name: kind for name, kind in kinds.items() if kind.__module__ == model.__name__}
    assert {"Entry", "Variant", "Artifact", "Source", "Download", "Receipt"} <= set(kinds)
    thawed = [name for name, kind in kinds.items() if not issubclass(kind, tuple)]
    assert thawed == []
    tree = ast.parse(Path(model.__file__).read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    assert not {name for name in imported if name.startswith("vaehub")}


@pytest.mark.parametrize(
    ("sizes", "total"), [([10], 10), ([10, 32], 42), ([10, None], None), ([None], None), ([0], 0)]
)
def test_size_of_a_variant(sizes: list[int | None], total: int | None) -> None:
    assert Variant("v", tuple(artifact(size=size) for size in sizes)).size == total


@pytest.mark.parametrize(
    ("artifacts", "needed"),
    [
        ([artifact(FREE)], False),
        ([artifact(LOGIN)], True),
        ([artifact(GATED)], True),
        ([artifact(LOGIN, GATED)], True),
        ([artifact(LOGIN, FREE)], False),
        ([artifact(FREE), artifact(LOGIN)], True),
    ],
)
def test_a_login_is_needed_when_one_artifact_has_no_free_source(
    artifacts: list[Artifact], needed: bool
) -> None:
    assert Variant("v", tuple(artifacts)).needs_login is needed


def test_pinned_means_every_artifact() -> None:
    known, unknown = artifact(), artifact(sha256=None, evidence="host")
    assert Variant("v", (known,)).pinned
    assert not Variant("v", (known, unknown)).pinned


def test_names_and_the_default_of_an_entry() -> None:
    first, second = Variant("safetensors", (artifact(),)), Variant("ckpt", (artifact(),))
    assert entry(first, second).full_name == "mine/tiny"
    assert entry(first, second).default is first


def test_a_download_shows_neither_address_nor_headers() -> None:
    download = Download(
        "https://cdn.example/f?X-Amz-Signature=s1gned",
        "huggingface acme/vae",
        {"Authorization": "Bearer t0ken"},
    )
    assert "s1gned" not in repr(download)
    assert "t0ken" not in repr(download)
    assert "huggingface acme/vae" in repr(download)


def test_a_problem_as_json() -> None:
    problem = Problem("gone", "it is gone", where="a.yaml:3", blocking=False, hint="look again")
    assert problem.as_json() == {
        "code": "gone",
        "message": "it is gone",
        "where": "a.yaml:3",
        "blocking": False,
        "hint": "look again",
    }
    assert set(problem.as_json()) == set(Problem._fields)


def test_a_target_prints_as_its_path(tmp_path: Path) -> None:
    assert str(Target("comfyui", tmp_path)) == str(tmp_path)
