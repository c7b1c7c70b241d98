from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vaehub import hosts, settings
from vaehub.errors import SourceUnusable
from vaehub.hosts import (
    base,
    civitai,
    github,
    http,
    huggingface,
    liblib,
    mirror,
    modelscope,
)
from vaehub.model import Artifact, Source
from vaehub.transfer.session import Session

DIGEST = "ab" * 32
# For mypy: each module satisfies the protocol.
MODULES: dict[str, base.Host] = {
    "civitai": civitai,
    "github": github,
    "http": http,
    "huggingface": huggingface,
    "liblib": liblib,
    "mirror": mirror,
    "modelscope": modelscope,
}


def test_the_table_gives_each_module() -> None:
    assert {name: hosts.get(name) for name in (*hosts.names(), "mirror")} == MODULES


def test_an_unknown_host_disables_its_source_in_words() -> None:
    with pytest.raises(SourceUnusable, match=r"'ftp'.*huggingface"):
        hosts.get("ftp")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_source_with_an_empty_locator_can_be_named_and_fails_in_words(name: str) -> None:
    source, own = Source(name, {}), settings.load({})
    assert MODULES[name].label(source).startswith(name)
    assert MODULES[name].page(source) is not None
    with Session(own) as session, pytest.raises(SourceUnusable):
        MODULES[name].locate(source, Artifact("a.pt", (source,)), session=session, settings=own)


def test_the_table_loads_no_http_library() -> None:
    heavy = "{'requests', 'huggingface_hub'}"
    code = f"import sys, vaehub.hosts; print([m for m in sys.modules if m in {heavy}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


WEB = Source("http", {"url": "https://files.example/vae/a.pt?v=2"})
HUB = Source("huggingface", {"repo": "o/r", "revision": "main", "path": "a.pt"})


def mirrored(mirrors: str, *, sha256: str | None = DIGEST) -> list[Source]:
    artifact = Artifact("a.pt", (HUB, WEB), sha256=sha256)
    return list(hosts.with_mirrors(artifact, settings.load({"VAEHUB_MIRRORS": mirrors})))


def test_without_mirrors_the_catalog_s_order_stands() -> None:
    assert mirrored("") == [HUB, WEB]


def test_blobs_come_first_then_copies_then_the_sources() -> None:
    assert mirrored("https://m1.example https://m2.example/tree") == [
        Source("mirror", {"base": "https://m1.example"}),
        Source("mirror", {"base": "https://m2.example/tree"}),
        Source("mirror", {"url": "https://m1.example/files.example/vae/a.pt?v=2"}),
        Source("mirror", {"url": "https://m2.example/tree/files.example/vae/a.pt?v=2"}),
        HUB,
        WEB,
    ]


def test_without_a_sha256_there_is_no_blob_to_look_for() -> None:
    assert mirrored("https://m.example", sha256=None) == [
        Source("mirror", {"url": "https://m.example/files.example/vae/a.pt?v=2"}),
        HUB,
        WEB,
    ]


@pytest.mark.parametrize(
    ("prefix", "copy"),
    [
        ("https://files.example", "https://m.example/vae/a.pt?v=2"),
        ("https://files.example/vae", "https://m.example/a.pt?v=2"),
        ("https://files.example/va", None),
        ("https://files.exam", None),
        ("https://other.example", None),
    ],
)
def test_a_prefix_is_replaced_by_whole_segments(prefix: str, copy: str | None) -> None:
    copies = [
        source.locator["url"]
        for source in mirrored(f"{prefix}=https://m.example")
        if source.host == "mirror" and "url" in source.locator
    ]
    assert copies == ([copy] if copy else [])


@pytest.mark.parametrize("url", ["", "http://files.example/a", "https://[", "no address"])
def test_an_address_that_is_no_https_has_no_copy(url: str) -> None:
    artifact = Artifact("a.pt", (Source("http", {"url": url}),))
    own = settings.load({"VAEHUB_MIRRORS": "https://m.example"})
    assert hosts.with_mirrors(artifact, own) == artifact.sources


def test_the_samples_are_all_used() -> None:
    folder = Path(__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("test_*.py"))
    unused = [p.stem for p in (folder / "samples").iterdir() if f'"{p.stem}"' not in code]
    assert unused == []
