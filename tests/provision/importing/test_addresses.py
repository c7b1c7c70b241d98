from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.model import Source
from vaehub.provision.importing.addresses import Address, of_source, read

HUB = Address("huggingface", ("acme/vae", "sub/a b.pt"), "main")
GITHUB = Address("github", ("acme/vae", "sub/a.pt"), "main")
ASSET = Address("github", ("acme/vae", "v1//a.pt"))
SCOPE = Address("modelscope", ("acme/vae", "sub/a.pt"), "master")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://huggingface.co/Acme/VAE/resolve/main/sub/a%20b.pt", HUB),
        ("https://huggingface.co/acme/vae/resolve/main/sub/a%20b.pt?download=true", HUB),
        ("https://huggingface.co/acme/vae/blob/main/sub/a b.pt", HUB),
        ("https://hf-mirror.com/acme/vae/resolve/main/sub/a%20b.pt", HUB),
        ("https://www.hf.co/acme/vae/raw/main/sub/a%20b.pt#x", HUB),
        (" HTTPS://HuggingFace.co/acme/vae/resolve/main/sub/a%20b.pt ", HUB),
        ("http://my.mirror:8080/acme/vae/resolve/main/sub/a%20b.pt", HUB),
        (
            "https://huggingface.co/acme/vae/resolve/refs%2Fpr%2F1/a.pt",
            Address("huggingface", ("acme/vae", "a.pt"), "refs/pr/1"),
        ),
        ("https://civitai.com/api/download/models/20", Address("civitai", ("20",))),
        ("https://civitai.red/api/download/models/20?fileId=30", Address("civitai", ("20",), "30")),
        (
            "https://civitai.com/api/download/models/20?type=VAE&token=secret",
            Address("civitai", ("20",)),
        ),
        ("https://civitai.com/models/10?modelVersionId=20", Address("civitai", ("20",))),
        ("https://civitai.com/models/10/x?modelVersionId=20", Address("civitai", ("20",))),
        ("https://github.com/acme/vae/raw/main/sub/a.pt", GITHUB),
        ("https://github.com/acme/vae/blob/main/sub/a.pt?raw=true", GITHUB),
        ("https://raw.githubusercontent.com/acme/vae/main/sub/a.pt", GITHUB),
        ("https://raw.githubusercontent.com/acme/vae/refs/heads/main/sub/a.pt", GITHUB),
        ("https://github.com/acme/vae/releases/download/v1/a.pt", ASSET),
        ("https://www.modelscope.cn/models/acme/vae/resolve/master/sub/a.pt", SCOPE),
        ("https://modelscope.cn/models/acme/vae/file/view/master/sub/a.pt", SCOPE),
        ("https://modelscope.cn/api/v1/models/acme/vae/repo?FilePath=sub/a.pt", SCOPE),
        ("https://www.liblib.art/modelinfo/1a?versionUuid=2b", Address("liblib", ("2b",))),
        ("https://example.org/a.pt", Address("http", ("example.org/a.pt", ""))),
    ],
)
def test_an_address_means_a_file(url: str, address: Address) -> None:
    assert read(url, hub="http://my.mirror:8080") == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "house.safetensors",
        "file:///etc/passwd",
        "https://",
        "https://[",
        "https://huggingface.co/acme/vae",
        "https://huggingface.co/acme/vae/resolve/main",
        "https://huggingface.co/datasets/acme/vae/resolve/main/a.pt",
        "https://civitai.com/models/10",
        "https://github.com/acme/vae",
        "https://modelscope.cn/models/acme/vae",
        "https://www.liblib.art/modelinfo/1a",
        "https://example.org/" + "a" * 3000,
        "https://example.org/?" + "&".join(f"a{number}=1" for number in range(80)),
    ],
)
def test_what_means_no_file_is_none(url: str) -> None:
    assert read(url) is None


def test_each_kind_of_source_has_the_address_that_leads_to_it() -> None:
    in_repository = {"repo": "acme/vae", "revision": "main", "path": "sub/a.pt"}
    sources = [
        (Source("github", in_repository), GITHUB),
        (Source("github", {"repo": "Acme/vae", "tag": "v1", "asset": "a.pt"}), ASSET),
        (Source("modelscope", {**in_repository, "revision": "master"}), SCOPE),
        (Source("huggingface", {**in_repository, "path": "sub/a b.pt"}), HUB),
        (Source("civitai", {"model": 1, "version": 20}), Address("civitai", ("20",))),
        (Source("civitai", {"version": 20, "file": 30}), Address("civitai", ("20",), "30")),
        (Source("liblib", {"version": "2b"}), Address("liblib", ("2b",))),
        (
            Source("http", {"url": "https://example.org/a.pt"}),
            Address("http", ("example.org/a.pt", "")),
        ),
        (Source("elsewhere", {"id": 1}), None),
    ]

    assert [of_source(source) for source, _ in sources] == [address for _, address in sources]


@given(st.one_of(st.text(), st.text().map(lambda rest: f"https://huggingface.co/{rest}")))
def test_any_text_is_read(url: str) -> None:
    found = read(url)

    assert found is None or all(found.file) or found.host == "http"
