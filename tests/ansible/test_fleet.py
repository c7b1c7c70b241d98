"""A fleet made equal to one lock by real ansible-core, one of its hosts dying in the middle.

Once on network namespaces with an sshd each, and once on folders of this machine.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests import builders
from tests.ansible import hosts as hosts_module
from tests.ansible.conftest import BIG, Models, make_models, vae_tree
from tests.ansible.control import (
    Control,
    Played,
    Running,
    interpreter,
    needs_ansible,
    searched,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ansible.hosts import Fleet, Host, Mirror

pytestmark = needs_ansible

TOKEN = "hf_averysecrettokenofthefleet"
FORMS = {"namespaces": hosts_module.namespaces, "folders": hosts_module.folders}
VICTIM = 1


class Rollouts:
    """A fleet with its mirror, and the plays that are run on it."""

    def __init__(
        self, control: Control, fleet: Fleet, mirror: Mirror, models: Models, vaehub: Path
    ) -> None:
        self.control = control
        self.fleet = fleet
        self.mirror = mirror
        self.models = models
        self.vaehub = vaehub
        models.publish(mirror.folder)
        variables = {host.name: {**host.variables, **self._own(host)} for host in fleet.hosts}
        self.inventory = control.write(
            "inventory.json",
            {"all": {"hosts": variables, "vars": {"ansible_python_interpreter": interpreter()}}},
        )

    def _own(self, host: Host) -> dict[str, Any]:
        return {
            "vaehub_home": str(host.folder / "vaehub"),
            "vaehub_to": [f"comfy={host.ui}"],
        }

    def write(self, name: str, *, lock: Path | None = None, **play: Any) -> Path:
        """Write a playbook that applies the role."""
        variables = {
            "vaehub_install": False,
            "vaehub_executable": str(self.vaehub),
            "vaehub_lock": str(lock or self.models.lock),
            "vaehub_mirrors": [self.mirror.fast],
            "vaehub_audit": "never",
        }
        role = {"name": "vaehub.vaehub.provision"}
        return self.control.write(
            f"{name}.json",
            [
                {
                    "hosts": "all",
                    "gather_facts": False,
                    "environment": "{{ host_environment | default({}) }}",
                    "vars": variables,
                    "tasks": [{"ansible.builtin.include_role": role}],
                    **play,
                }
            ],
        )

    def play(self, playbook: Path, *arguments: str) -> Played:
        return self.control.play(playbook, "-i", str(self.inventory), *arguments)

    def trees(self) -> list[dict[str, str]]:
        return [vae_tree(host.ui / "models" / "vae") for host in self.fleet.hosts]


class Story(NamedTuple):
    """One rollout after another, and what was there after each."""

    rollouts: Rollouts
    rehearsed: Played
    after_rehearsal: list[dict[str, str]]
    killed: Played
    processes: int
    after_kill: list[dict[str, str]]
    asked_before: int
    mended: Played
    after_mending: list[dict[str, str]]
    again: Played


@pytest.fixture(scope="module", params=list(FORMS))
def rollouts(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    models: Models,
    vaehub: Path,
) -> Iterator[Rollouts]:
    base = tmp_path_factory.mktemp(request.param)
    with contextlib.ExitStack() as stack:
        try:
            fleet = stack.enter_context(FORMS[request.param](base, 3))
            mirror = stack.enter_context(hosts_module.mirror(base / "mirror", fleet.gateway))
        except hosts_module.NotHere as error:
            pytest.skip(f"no fleet of {request.param}: {error}")
        yield Rollouts(Control(base / "control"), fleet, mirror, models, vaehub)


@pytest.fixture(scope="module")
def story(rollouts: Rollouts) -> Story:
    """Rehearse, run while one host dies, run again, and once more."""
    control, playbook = rollouts.control, rollouts.write("fleet")
    # In a file: a token on the control node's own command line would be no fault of ours.
    secret = rollouts.control.folder.parent / "token.json"
    secret.write_text(json.dumps({"vaehub_tokens": {"huggingface": TOKEN}}), encoding="utf-8")
    victim = rollouts.fleet.hosts[VICTIM]
    slow = rollouts.control.folder.parent / "slow.json"
    line = f"{{{{ '{rollouts.mirror.slow}' if inventory_hostname == '{victim.name}' "
    line += f"else '{rollouts.mirror.fast}' }}}}"
    slow.write_text(json.dumps({"vaehub_mirrors": [line]}), encoding="utf-8")
    tokens = ("-vvv", "-e", f"@{secret}")
    rehearsed = rollouts.play(playbook, "--check", "--diff")
    after_rehearsal = rollouts.trees()
    command = ("-i", rollouts.inventory, *tokens, "-e", f"@{slow}", playbook)
    running = control.start("ansible-playbook", *command)
    _await_download(victim, running)
    processes = victim.kill()
    killed = running.end()
    victim.boot()
    after_kill = rollouts.trees()
    asked_before = len(rollouts.mirror.lines())
    mended = rollouts.play(playbook, *tokens)
    after_mending = rollouts.trees()
    again = rollouts.play(playbook)
    return Story(
        *(rollouts, rehearsed, after_rehearsal, killed, processes, after_kill),
        *(asked_before, mended, after_mending, again),
    )


def _await_download(victim: Host, running: Running) -> None:
    """Wait until some bytes of the big file are there, on the disk of the slow host."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert not running.is_over, running.end().output
        for path in (victim.folder / "home").rglob("*"):
            if "partial" in path.parts and path.is_file() and path.stat().st_blocks * 512 > 100_000:
                return
        time.sleep(0.05)
    running.process.kill()
    raise AssertionError(running.end().output)


def recaps(played: Played, key: str) -> list[int]:
    return [played.recap(f"host{index}")[key] for index in range(3)]


def test_check_mode_changes_nothing_and_says_what_would(story: Story) -> None:
    assert story.rehearsed.code == 0, story.rehearsed.output
    assert story.after_rehearsal == [{}, {}, {}]
    assert all(changed >= 1 for changed in recaps(story.rehearsed, "changed"))
    for host in story.rollouts.fleet.hosts:
        line = f"+{host.ui}/models/vae/{BIG} sha256 {story.rollouts.models.tree()[BIG]}"
        assert line in story.rehearsed.output
        assert not list((host.folder / "tmp").glob("vaehub-*"))


def test_a_host_that_dies_fails_alone(story: Story) -> None:
    assert story.processes > 0
    assert story.killed.code != 0
    lost = story.killed.recap(f"host{VICTIM}")
    assert lost["unreachable"] + lost["failed"] == 1, story.killed.output
    for index in (0, 2):
        assert story.killed.recap(f"host{index}")["failed"] == 0
        assert story.after_kill[index] == story.rollouts.models.tree()
    assert BIG not in story.after_kill[VICTIM]


def test_the_next_run_mends_that_host_alone(story: Story) -> None:
    assert story.mended.code == 0, story.mended.output
    changed = recaps(story.mended, "changed")
    assert changed[VICTIM] > 0
    assert (changed[0], changed[2]) == (0, 0)
    assert story.after_mending == [story.rollouts.models.tree()] * 3


def test_the_next_run_goes_on_from_the_bytes_that_came(story: Story) -> None:
    lines = story.rollouts.mirror.lines()[story.asked_before :]
    digest = story.rollouts.models.tree()[BIG]
    sent = [line.split() for line in lines if digest in line and "GET" in line]
    assert [status for _, status, *_ in sent] == ["206"], lines
    assert int(sent[0][2]) < len(story.rollouts.models.files[BIG])


def test_a_further_run_changes_nothing(story: Story) -> None:
    assert story.again.code == 0, story.again.output
    assert recaps(story.again, "changed") == [0, 0, 0]
    assert recaps(story.again, "ok") == [story.again.recap("host0")["ok"]] * 3


def test_the_token_came_to_the_command_and_is_nowhere_else(story: Story) -> None:
    import hashlib

    came = f"token={hashlib.sha256(TOKEN.encode()).hexdigest()}"
    for host in story.rollouts.fleet.hosts:
        assert came in (host.home / "calls").read_text()
    for played in (story.killed, story.mended):
        assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in played.output
        assert TOKEN not in played.output
    folders = [host.folder for host in story.rollouts.fleet.hosts]
    folders += [story.rollouts.control.folder, story.rollouts.mirror.folder.parent]
    assert story.rollouts.control.log.is_file()
    assert searched(folders, TOKEN) == []
    folders = [story.rollouts.models.folder, story.rollouts.vaehub.parent]
    assert searched(folders, TOKEN) == []


def test_a_bad_rollout_stops_at_its_first_host(story: Story) -> None:
    rollouts = story.rollouts
    files = {"spoilt.safetensors": builders.safetensors_bytes(6_000, seed=9)}
    spoilt = make_models(rollouts.models.folder / "spoilt", files)
    spoilt.publish(rollouts.mirror.folder)
    for digest in spoilt.tree().values():
        blob = rollouts.mirror.folder / "sha256" / digest
        blob.write_bytes(builders.safetensors_bytes(6_000, seed=10))
    before = rollouts.trees()
    playbook = rollouts.write("bad", lock=spoilt.lock, serial=[1, "100%"], max_fail_percentage=0)
    played = rollouts.play(playbook)
    assert played.code != 0
    assert "NO MORE HOSTS LEFT" in played.output
    assert played.recap("host0")["failed"] == 1
    assert "sha256" in played.output
    assert (played.recap("host1"), played.recap("host2")) == ({}, {})
    assert rollouts.trees() == before
