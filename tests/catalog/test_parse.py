from __future__ import annotations

from tests.catalog.samples import COMMIT, SHA_A, artifact, foreign, good
from vaehub.catalog.parse import parse


def test_every_field_arrives() -> None:
    catalog = parse(good(), origin="c.yaml", sha256="0")
    assert (catalog.name, catalog.title, catalog.origin) == ("vaehub", "A sample", "c.yaml")
    entry = catalog.entries["first-vae"]
    assert entry.full_name == "vaehub/first-vae"
    assert entry.aliases == ("first", "one")
    assert entry.summary["zh"] == "通用"
    assert entry.license.source == "https://example.org/license"
    assert entry.smoke is not None
    assert entry.smoke.latent_channels == 4
    assert [variant.name for variant in entry.variants] == ["safetensors", "ckpt"]
    (artifact,) = entry.default.artifacts
    assert (artifact.sha256, artifact.size, artifact.evidence) == (SHA_A, 1000, "confirmed")
    assert artifact.known_as == ("odd name.safetensors",)
    hub, civitai = artifact.sources
    assert hub.locator == {
        "repo": "acme/first",
        "revision": COMMIT,
        "path": "vae/first.safetensors",
    }
    assert civitai.login
    assert "login" not in civitai.locator
    assert not entry.default.needs_login


def test_what_is_left_out_is_unknown() -> None:
    entry = parse(good(), origin="c.yaml", sha256="0").entries["second-vae"]
    (artifact,) = entry.default.artifacts
    assert artifact.sha256 is None
    assert artifact.size is None
    assert entry.slot == "vae"
    assert not entry.license.accept
    assert entry.smoke is not None
    assert entry.smoke.scaling_factor is None


def test_the_users_name_for_a_catalog_wins() -> None:
    catalog = parse(foreign("mine"), origin="c.yaml", sha256="0", name="ours")
    assert catalog.name == "ours"
    assert catalog.entries["first-vae"].catalog == "ours"


def test_a_number_with_a_point_that_is_whole_becomes_whole() -> None:
    data = good()
    artifact = data["entries"]["first-vae"]["variants"]["safetensors"]["artifacts"][0]
    artifact["size"] = 5.0
    artifact["sources"] = [{"civitai": {"model": 1.0, "version": 2}}]
    parsed = parse(data, origin="c.yaml", sha256="0").entries["first-vae"].default.artifacts[0]
    assert isinstance(parsed.size, int)
    assert all(isinstance(value, int) for value in parsed.sources[0].locator.values())


def test_a_fingerprint_arrives_as_it_stands() -> None:
    data = good()
    fingerprint = {"version": 1, "weights": "0" * 64, "fp16": "1" * 64, "bf16": "2" * 64}
    artifact(data)["fingerprint"] = fingerprint
    entry = parse(data, origin="c.yaml", sha256="0").entries["first-vae"]
    assert entry.default.artifacts[0].fingerprint == fingerprint
    assert entry.variants[1].artifacts[0].fingerprint is None
