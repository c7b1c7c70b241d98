"""The control node: real ansible-core, the collection as it is built, and its answers.

ansible-core is looked for in the folder that ``VAEHUB_TEST_ANSIBLE`` names, else beside this
Python, else in PATH. Everything that it writes lies in one folder, so that what it leaves behind
can be searched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "ansible"


_NAMED = os.environ.get("VAEHUB_TEST_ANSIBLE")


def _program(name: str) -> str | None:
    beside = Path(_NAMED or Path(sys.executable).parent) / name
    return str(beside) if _NAMED or beside.exists() else shutil.which(name)


PLAYBOOK = _program("ansible-playbook")

needs_ansible = [
    pytest.mark.skipif(sys.platform == "win32", reason="ansible-core does not run on Windows"),
    pytest.mark.skipif(PLAYBOOK is None, reason="ansible-core is not installed"),
]
"""Marks for a module of tests."""


class Played(NamedTuple):
    """What a play came to."""

    code: int
    output: str

    def recap(self, host: str) -> dict[str, int]:
        """Give a host's numbers of the recap: ok, changed, unreachable, failed ..."""
        recap = self.output.rpartition("PLAY RECAP")[2]
        found = re.search(rf"^{re.escape(host)}\s*:(.*)$", recap, re.MULTILINE)
        if found is None:
            return {}
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", found[1])}


class Task(NamedTuple):
    """A task of a play: a module, its options, and what Ansible is to do with it."""

    module: str
    options: Mapping[str, Any]
    keywords: Mapping[str, Any] = {}


class Running(NamedTuple):
    """One of Ansible's programs at work; what it says goes into a file, which is never full."""

    process: subprocess.Popen[bytes]
    said: Path

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def end(self, timeout: float = 120) -> Played:
        """Wait for its end."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return Played(code, self.said.read_text(encoding="utf-8", errors="replace"))


class Control:
    """A control node in a folder."""

    def __init__(self, folder: Path) -> None:
        assert PLAYBOOK is not None
        self.folder = folder
        self.programs = Path(PLAYBOOK).parent
        self.log = folder / "ansible.log"
        for name in ("home", "collections", "temporary"):
            (folder / name).mkdir(parents=True)
        self.environment = {
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "temporary"),
            "LANG": "C.UTF-8",
            "ANSIBLE_HOME": str(folder / "home" / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
            "ANSIBLE_LOG_PATH": str(self.log),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "ANSIBLE_SSH_RETRIES": "0",
            "ANSIBLE_TIMEOUT": "10",
        }
        self._install()

    def _install(self) -> None:
        """Build the collection and install what was built, as who uses it does."""
        built = self.folder / "built"
        self._run("ansible-galaxy", "collection", "build", str(COLLECTION), "--output-path", built)
        (archive,) = built.glob("*.tar.gz")
        where = self.folder / "collections"
        self._run("ansible-galaxy", "collection", "install", "--offline", "-p", where, archive)

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = self.start(program, *arguments).end()
        assert done.code == 0, done.output

    @property
    def installed(self) -> Path:
        """The folder of the installed collection."""
        return self.folder / "collections" / "ansible_collections" / "vaehub" / "vaehub"

    def start(self, program: str, *arguments: str | Path) -> Running:
        """Start one of Ansible's programs."""
        said = self.folder / f"said-{len(list(self.folder.glob('said-*')))}.txt"
        with said.open("wb") as stream:
            process = subprocess.Popen(
                [str(self.programs / program), *map(str, arguments)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        return Running(process, said)

    def play(self, playbook: str | Path, *arguments: str | Path) -> Played:
        """Run a playbook to its end."""
        return self.start("ansible-playbook", *arguments, playbook).end()

    def modules(self, *tasks: Task) -> list[dict[str, Any]]:
        """Run modules of the collection on this machine, in one play; gives what each returned."""
        results = self.folder / "results.json"
        results.unlink(missing_ok=True)
        registered = [f"result{index}" for index in range(len(tasks))]
        said = [
            {
                f"vaehub.vaehub.{task.module}": task.options,
                "register": name,
                "ignore_errors": True,
                **task.keywords,
            }
            for task, name in zip(tasks, registered, strict=True)
        ]
        content = f"{{{{ [{', '.join(registered)}] | to_json }}}}"
        kept = {"content": content, "dest": str(results)}
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {
                "ansible_python_interpreter": interpreter(),
                "ansible_pipelining": True,
            },
            "tasks": [*said, {"ansible.builtin.copy": kept, "check_mode": False, "diff": False}],
        }
        played = self.play(self.write("modules.json", [play]))
        assert results.is_file(), played.output
        found = json.loads(results.read_text(encoding="utf-8"))
        assert isinstance(found, list)
        return found

    def write(self, name: str, content: Any) -> Path:
        """Write a playbook, an inventory or variables: JSON is YAML."""
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


def interpreter() -> str:
    """Give a Python for the hosts, one that has no vaehub where there is another."""
    for candidate in ("/usr/bin/python3", getattr(sys, "_base_executable", "")):
        if candidate and Path(candidate).exists() and candidate != sys.executable:
            return str(candidate)
    return sys.executable


def program(folder: Path) -> Path:
    """Write a program ``vaehub`` that runs this checkout, and notes what it was asked.

    Beside the call it notes a digest of the token that it was given: that proves that the token
    came, and does not hold it.
    """
    path = folder / "vaehub"
    path.write_text(
        "#!/bin/sh\n"
        'echo "$* token=$(printf %s "$HF_TOKEN" | sha256sum | cut -c 1-64)" >> "$HOME/calls"\n'
        f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m vaehub "$@"\n',
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


def searched(folders: Sequence[Path], secret: str) -> list[Path]:
    """Give the files below these folders that hold a text, in their bytes or their names."""
    return [
        path
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if secret in path.name or (path.is_file() and secret.encode() in path.read_bytes())
    ]
