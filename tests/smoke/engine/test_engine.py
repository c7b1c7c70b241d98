from __future__ import annotations

import subprocess
import sys

import pytest

from tests.smoke.engine.oracle import noise
from tests.weights.manifests import samples
from vaehub.errors import CannotDecode
from vaehub.smoke import engine
from vaehub.weights.architectures import TABLE, Found, find


@pytest.mark.parametrize("architecture", TABLE)
def test_every_architecture_is_decodable_or_says_why_not(architecture: str) -> None:
    reason = engine.undecodable(architecture)
    assert (reason is None) == (TABLE[architecture].engine is not None)


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    reason = engine.undecodable("autoencoder-kl-mochi")
    assert reason == "autoencoder-kl-mochi needs diffusers: pip install diffusers"
    assert engine.undecodable("autoencoder-kl") is None
    wan21, wan22 = (find(samples()[n]) for n in ("wan native", "autoencoder-kl-wan 2.2 native"))
    assert isinstance(wan21, Found)
    assert isinstance(wan22, Found)
    assert engine.undecodable("autoencoder-kl-wan", found=wan21) is None
    assert "needs diffusers" in str(engine.undecodable("autoencoder-kl-wan", found=wan22))


def test_says_what_it_does_not_know() -> None:
    assert engine.undecodable("foo") == "vaehub does not know the architecture foo"
    reason = engine.undecodable("consistency-decoder", layout="native")
    assert reason == "vaehub decodes the consistency decoder in diffusers' layout only"


def test_refuses_to_decode_what_it_cannot() -> None:
    found = find({"decoder.conv_in_x_t.weight": (256, 48, 1, 1, 1)})
    assert isinstance(found, Found)
    assert found.architecture == "ltx2-diffusion-decoder"
    with pytest.raises(CannotDecode, match="a diffusion model of its own"):
        engine.decode({}, noise(1, 128, 2, 2), found=found)


def test_to_encode_takes_what_to_decode_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wan 2.2 is of an architecture that our own engine runs, in a configuration it does not."""
    found = find(samples()["autoencoder-kl-wan 2.2 native"])
    assert isinstance(found, Found)
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(CannotDecode, match="needs diffusers"):
        engine.encode({}, noise(1, 3, 32, 32), found=found)
    with pytest.raises(CannotDecode, match="needs diffusers"):
        engine.encode({}, noise(1, 3, 32, 32), found=found._replace(half="encoder"))


def test_nothing_but_the_engine_imports_torch() -> None:
    code = (
        "import sys, vaehub, vaehub.weights.architectures, vaehub.smoke.factors;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'diffusers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
