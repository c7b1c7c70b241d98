"""What a user does, through the command line, with the curated catalog's own entries.

Where the true bytes of an entry are not to be had, its block is copied into a catalog of the test,
with all its sources, and only hash and size are those of bytes that the test can make.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import safetensors_bytes, write_catalog
from vaehub.catalog import bundled_path
from vaehub.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

FOUNDING = ("vae-ft-mse-840000", "vae-ft-ema-560000", "clearvae", "kl-f8-anime2", "anything-v4.0")
DATA = safetensors_bytes(300_000, seed=42)


def tree_of(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def webui(tmp_path: Path) -> Path:
    """Make a fresh AUTOMATIC1111 tree."""
    root = tmp_path / "stable-diffusion-webui"
    for name in ("webui.py", "modules/sd_vae.py", "models/VAE/Put VAE here.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return root


def curated(id_: str) -> dict[str, Any]:
    """Give the curated entry's default variant with the hash and size of ``DATA``."""
    import yaml

    entry: dict[str, Any] = yaml.safe_load(bundled_path().read_text(encoding="utf-8"))["entries"][
        id_
    ]
    name, variant = next(
        (name, variant)
        for name, variant in entry["variants"].items()
        if variant["artifacts"][0]["name"].endswith(".safetensors")
        or len(variant["artifacts"][0]["sources"]) > 1
    )
    artifact = variant["artifacts"][0]
    artifact |= {"sha256": hashlib.sha256(DATA).hexdigest(), "size": len(DATA)}
    artifact["name"] = artifact["name"].rpartition(".")[0] + ".safetensors"
    artifact.pop("hashes", None)
    return {**entry, "variants": {name: variant}}


def publish_everywhere(
    world: LoopbackWorld, entry: dict[str, Any], data: bytes = DATA
) -> list[str]:
    """Publish on every source that the entry names; give the hosts in the entry's order."""
    (variant,) = entry["variants"].values()
    hosts = []
    for source in variant["artifacts"][0]["sources"]:
        (host,) = source
        locator = {
            key: value for key, value in source[host].items() if key not in {"login", "gated"}
        }
        world.publish(host, locator, data, name=variant["artifacts"][0]["name"])
        hosts.append(host)
    return hosts


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Layer an entry under a full name of its own."""

    def use(id_: str, entry: dict[str, Any]) -> str:
        path = write_catalog(tmp_path / "layer.yaml", {id_: entry}, name="copy")
        monkeypatch.setenv("VAEHUB_CATALOG", str(path))
        return f"copy/{id_}"

    return use


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("id_", FOUNDING)
def test_founding_entry_from_its_first_source(
    id_: str, world: LoopbackWorld, webui: Path, layer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = curated(id_)
    name = layer(id_, entry)
    publish_everywhere(world, entry)
    before = tree_of(webui)

    code, _ = run(capsys, "install", name, "--to", str(webui))
    assert code == 0
    (variant,) = entry["variants"].values()
    placed = webui / "models" / "VAE" / variant["artifacts"][0]["name"]
    assert placed.read_bytes() == DATA

    requests = len(world.requests)
    code, again = run(capsys, "install", name, "--to", str(webui))
    assert (code, len(world.requests)) == (0, requests), "the second run asks nobody"
    assert again["results"], again

    assert run(capsys, "verify", "--deep", "--to", str(webui))[0] == 0
    assert run(capsys, "uninstall", name, "--to", str(webui))[0] == 0
    assert tree_of(webui) == before
    assert not world.leaks


@pytest.mark.parametrize(
    "host", ["huggingface", "civitai", "liblib"], ids=lambda host: f"only-{host}"
)
def test_founding_entry_from_each_of_its_hosts(
    host: str,
    world: LoopbackWorld,
    webui: Path,
    layer: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = curated("clearvae")
    name = layer("clearvae", entry)
    assert host in publish_everywhere(world, entry)
    for variable, value in world.environment(login=["civitai", "liblib"]).items():
        monkeypatch.setenv(variable, value)

    code, answer = run(capsys, "install", name, "--to", str(webui), "--source", host)
    assert code == 0, answer
    assert (webui / "models" / "VAE" / "ClearVAE_V2.3.safetensors").read_bytes() == DATA
    assert not world.leaks
    shown = json.dumps(answer)
    assert not any(token in shown for token in world.tokens.values())


def test_flipped_byte_at_the_first_source_is_told_and_the_second_serves(
    world: LoopbackWorld, webui: Path, layer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = curated("kl-f8-anime2")
    name = layer("kl-f8-anime2", entry)
    (variant,) = entry["variants"].values()
    sources = variant["artifacts"][0]["sources"]
    locators = [source["huggingface"] for source in sources if "huggingface" in source]
    damaged = bytearray(DATA)
    damaged[200_000] ^= 1
    digest = hashlib.sha256(DATA).hexdigest()
    world.publish("huggingface", locators[0], bytes(damaged), sha256=digest)
    world.publish("huggingface", locators[1], DATA)

    code, answer = run(capsys, "install", name, "--to", str(webui))
    assert code == 0
    assert answer["ok"] is True
    told = [problem for problem in answer["problems"] if problem["code"] == "hash-mismatch"]
    assert told, answer["problems"]
    assert not told[0]["blocking"]
    assert digest in told[0]["message"]
    placed = webui / "models" / "VAE" / variant["artifacts"][0]["name"]
    assert placed.read_bytes() == DATA


def test_all_sources_wrong(
    world: LoopbackWorld, webui: Path, layer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = curated("kl-f8-anime2")
    name = layer("kl-f8-anime2", entry)
    damaged = bytearray(DATA)
    damaged[-1] ^= 0x80
    (variant,) = entry["variants"].values()
    digest = hashlib.sha256(DATA).hexdigest()
    for source in variant["artifacts"][0]["sources"]:
        (host,) = source
        locator = {key: value for key, value in source[host].items() if key != "login"}
        world.publish(host, locator, bytes(damaged), sha256=digest, login=False)
    before = tree_of(webui)

    code, answer = run(capsys, "install", name, "--to", str(webui))
    assert code == 6
    assert answer["ok"] is False
    assert tree_of(webui) == before


def test_civitai_without_a_token(
    world: LoopbackWorld, webui: Path, layer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = curated("kl-f8-anime2")
    name = layer("kl-f8-anime2", entry)
    publish_everywhere(world, entry)
    before = tree_of(webui)

    code, answer = run(capsys, "install", name, "--to", str(webui), "--source", "civitai")
    assert code == 5
    words = json.dumps(answer["problems"])
    assert "CIVITAI_TOKEN" in words
    assert "civitai.com/user/account" in words
    assert tree_of(webui) == before


def test_taef2_curated_from_a_mirror_of_the_real_weights(
    world: LoopbackWorld,
    shared_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("taef2_encoder.pth", "taef2_decoder.pth"):
        world.publish("mirror", {}, shared_weights / name)
    monkeypatch.setenv("VAEHUB_MIRRORS", world.environment()["VAEHUB_MIRRORS"])
    comfy = tmp_path / "ComfyUI"
    for path in ("comfy/sd.py", "nodes.py", "folder_paths.py"):
        (comfy / path).parent.mkdir(parents=True, exist_ok=True)
        (comfy / path).write_text("")
    before = tree_of(comfy)

    assert run(capsys, "install", "taef2", "--to", str(comfy))[0] == 0
    for name in ("taef2_encoder.pth", "taef2_decoder.pth"):
        placed = comfy / "models" / "vae_approx" / name
        assert placed.read_bytes() == (shared_weights / name).read_bytes()
    assert run(capsys, "uninstall", "taef2", "--to", str(comfy))[0] == 0
    assert tree_of(comfy) == before


def test_a_file_of_the_users_in_the_way(
    world: LoopbackWorld, webui: Path, layer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = curated("kl-f8-anime2")
    name = layer("kl-f8-anime2", entry)
    publish_everywhere(world, entry)
    (variant,) = entry["variants"].values()
    mine = webui / "models" / "VAE" / variant["artifacts"][0]["name"]
    mine.write_bytes(b"years of work")
    before = tree_of(webui)

    code, _ = run(capsys, "install", name, "--to", str(webui))
    assert code == 7
    assert tree_of(webui) == before
    assert run(capsys, "uninstall", name, "--to", str(webui))[0] != 0
    assert tree_of(webui) == before
