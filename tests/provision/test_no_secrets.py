"""A token that a run is given is nowhere afterwards: in no file, no output, no log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests import builders
from tests.provision.mirrors.served import nginx

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DATA = {name: builders.safetensors_bytes(60_000, seed=seed) for seed, name in enumerate("ab")}
CIVITAI = {"model": 1, "version": 2}
HUB = {"repo": "acme/vae", "revision": "0" * 40, "path": "b.safetensors"}
MANIFEST = """\
schema: 1
vaes: [a, b]
targets:
  webui: {ui: automatic1111, path: webui}
"""


def test_no_token_is_left_anywhere(tmp_path: Path, world: LoopbackWorld) -> None:
    world.publish("civitai", CIVITAI, DATA["a"], name="a.safetensors", login=True)
    world.publish("huggingface", HUB, DATA["b"], gated=True)
    catalog = builders.write_catalog(
        tmp_path / "mine.yaml",
        {
            "a": {"a.safetensors": (DATA["a"], [{"civitai": {**CIVITAI, "login": True}}])},
            "b": {"b.safetensors": (DATA["b"], [{"huggingface": {**HUB, "login": True}}])},
        },
    )
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "vaehub.yaml").write_text(MANIFEST)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        **world.environment(login=["civitai", "huggingface"]),
        "HOME": str(home),
        "VAEHUB_CATALOG": str(catalog),
    }
    tokens = [world.tokens["civitai"], world.tokens["huggingface"]]
    assert all(token in environment.values() for token in tokens), "the run is given them"
    said = []

    def run(*arguments: str, code: int = 0, **more: str) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "vaehub", *arguments],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == code, ran.stderr
        said.append(ran.stdout + ran.stderr)

    run("lock", "-v")
    run("sync", "--frozen", "-v")
    run("sync", "--frozen", "-v", "--json")
    run("audit", "-v", "--json", "--sarif", "audit.sarif", "--junit", "audit.xml")
    run("bundle", "create", "-o", "vae.tar", "-v", "--json")
    run("mirror", "www", "-v", "--json")
    run("doctor", "--to", "webui", "--json", "--no-network")
    with nginx(tmp_path / "www", tmp_path / "nginx") as server:
        elsewhere = str(tmp_path / "elsewhere")
        run(
            *("sync", "--lock", "vaehub.lock", "--to", f"webui={elsewhere}", "-v"),
            VAEHUB_MIRRORS=server.base,
            HOME=str(tmp_path / "other-home"),  # another machine
        )
        assert any(asked.path.startswith("/sha256/") for asked in server.asked)
    assert world.seen("civitai"), "the token's host was asked"
    everything = "".join(said).encode() + b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    )
    for token in tokens:
        assert token.encode() not in everything
    assert not world.leaks
