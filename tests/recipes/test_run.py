"""The command lines of the recipes, really run: volumes, pods, and the step of the action."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.provision.mirrors.building import ONE, TWO, Builder
from tests.recipes import reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaehub.loopback import LoopbackWorld

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {"comfy": "comfyui", "webui": "automatic1111"}


@pytest.fixture
def builder(tmp_path: Path, world: LoopbackWorld) -> Builder:
    builder = Builder(tmp_path, world)
    builder.lock("one", "two", targets=TARGETS)
    return builder


def pod(name: str, arguments: Sequence[str], builder: Builder) -> subprocess.Popen[str]:
    """Start what a container would: a home of its own, and the volume and the lock of all."""
    home = builder.folder / name
    home.mkdir()
    volume = {"/data": builder.folder / "data", "/etc/vaehub": builder.folder}
    words = list(arguments)
    for mount, folder in volume.items():
        words = [word.replace(mount, str(folder)) for word in words]
    return subprocess.Popen(
        [sys.executable, "-m", "vaehub", *words, "--json"],
        cwd=home,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "VAEHUB_STORE": str(builder.folder / "data" / "store"),
            **builder.box.world.environment(),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Mapping[str, object]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    said = json.loads(out)
    assert isinstance(said, dict)
    return said


def arguments_of(name: str) -> list[str]:
    [arguments] = [words for where, words in reading.commands() if where == name]
    return arguments


def test_compose_fills_one_volume_for_two_uis(builder: Builder, world: LoopbackWorld) -> None:
    ended(pod("vaes", arguments_of("docker-compose.yml"), builder))
    data = builder.folder / "data"
    [compose] = reading.documents(reading.COMPOSE)
    for service in ("comfyui", "webui"):
        [volume] = compose["services"][service]["volumes"]
        folder = data / volume["volume"]["subpath"]
        assert (folder / "one.safetensors").read_bytes() == ONE
        assert (folder / "two.safetensors").read_bytes() == TWO
    assert world.bytes_sent("modelscope") == len(ONE) + len(TWO)


def test_two_pods_on_one_volume_download_once(builder: Builder, world: LoopbackWorld) -> None:
    world.faults("modelscope").slow(bytes_per_second=4_000)  # so that both are at it together
    pods = [pod(f"pod-{at}", arguments_of("comfyui.yaml"), builder) for at in range(2)]
    for each in pods:
        ended(each)
    folder = builder.folder / "data" / "ComfyUI" / "models" / "vae"
    assert (folder / "one.safetensors").read_bytes() == ONE
    assert world.bytes_sent("modelscope") == len(ONE) + len(TWO)
    third = ended(pod("pod-3", arguments_of("comfyui.yaml"), builder))
    assert not any(result["changed"] for result in third["results"])  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_pod_takes_over_from_one_that_is_killed(builder: Builder, world: LoopbackWorld) -> None:
    world.faults("modelscope").slow(bytes_per_second=2_000)
    first = pod("first", arguments_of("fill.yaml"), builder)
    deadline = time.monotonic() + 30
    while not world.seen("modelscope") and time.monotonic() < deadline:
        time.sleep(0.05)
    second = pod("second", arguments_of("fill.yaml"), builder)
    time.sleep(0.7)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    world.faults("modelscope").clear()
    ended(second)
    for folder in ("ComfyUI/models/vae", "webui/models/VAE"):
        assert (builder.folder / "data" / folder / "one.safetensors").read_bytes() == ONE


# The step of the action


class Runner:
    """What a step of an action has around it."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.temporary = builder.folder / "runner"
        self.output = self.temporary / "output"
        program = self.temporary / "vaehub" / "bin" / "vaehub"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vaehub "$@"\n')
        program.chmod(0o755)

    def run(self, step: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run a step as GitHub does."""
        [found] = [each for each in reading.steps() if step in (each.get("id"), each.get("name"))]
        self.output.write_text("")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
            cwd=self.builder.folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "HOME": str(self.builder.folder),
                "RUNNER_TEMP": str(self.temporary),
                "GITHUB_OUTPUT": str(self.output),
                "VAEHUB_STORE": str(self.temporary / "vaehub-store"),
                **self.builder.box.world.environment(),
                "LOCK": "vaehub.lock",
                "MANIFEST": "",
                "PLACES": "",
                "HF_TOKEN": "",
                "CIVITAI_TOKEN": "",
                **inputs,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def outputs(self) -> dict[str, str]:
        lines = self.output.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def runner(builder: Builder) -> Runner:
    if shutil.which("bash") is None or shutil.which("jq") is None:
        pytest.skip("bash or jq is not here; GitHub's runners have both")
    return Runner(builder)


def test_the_action_syncs_and_says_whether_anything_was_new(runner: Runner) -> None:
    places = "comfy=my ComfyUI\n\nwebui=webui\n"
    done = runner.run("sync", PLACES=places)
    assert done.returncode == 0, done.stdout + done.stderr
    assert runner.outputs["changed"] == "true"
    folder = runner.builder.folder / "my ComfyUI" / "models" / "vae"
    assert (folder / "one.safetensors").read_bytes() == ONE
    assert json.loads(Path(runner.outputs["report"]).read_text())["ok"]
    assert runner.run("sync", PLACES=places).returncode == 0
    assert runner.outputs["changed"] == "false"


def test_the_action_fails_as_vaehub_does_and_annotates_why(
    runner: Runner, world: LoopbackWorld
) -> None:
    world.faults("modelscope").status(404)
    done = runner.run("sync", PLACES="comfy=ComfyUI")
    assert done.returncode == 5
    assert "::error title=vaehub::" in done.stdout


def test_nothing_in_an_input_is_run(runner: Runner) -> None:
    done = runner.run("sync", PLACES="comfy=$(touch pwned)`touch pwned`; touch pwned")
    assert done.returncode == 0
    assert not (runner.builder.folder / "pwned").exists()


def test_the_cache_keeps_what_is_installed_and_nothing_else(runner: Runner) -> None:
    runner.run("sync", PLACES="comfy=ComfyUI")
    runner.builder.lock("one", targets=TARGETS)
    assert runner.run("sync", PLACES="comfy=ComfyUI").returncode == 0
    installed = runner.builder.folder / "ComfyUI" / "models" / "vae" / "one.safetensors"
    if installed.stat().st_nlink == 1:
        pytest.skip("this file system shares blocks, so the store cannot tell what is installed")
    step = "Keep what the lock names in the cache, and nothing else"
    assert runner.run(step).returncode == 0
    store = runner.temporary / "vaehub-store" / "blobs"
    assert [path.read_bytes() for path in store.rglob("*") if path.is_file()] == [ONE]
