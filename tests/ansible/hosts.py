"""Several hosts to provision: network namespaces with an sshd each, or folders of this machine.

Namespaces need root, ``ip`` and openssh's ``sshd``; each gets an address on a bridge, a host key, a
home. They share this machine's files and processes, and nothing else that a play goes by.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_PORT = 2222
_TEN = 10.0


class NotHere(Exception):
    """This machine cannot have such hosts; the message says why."""


class Host(NamedTuple):
    """One host of the fleet."""

    name: str
    folder: Path
    """All that it has: its home, its temporary files, its UI."""
    variables: dict[str, Any]
    """For the inventory."""
    sshd: Sshd | None = None

    @property
    def home(self) -> Path:
        """Where its user's files are."""
        return self.folder / "home"

    @property
    def ui(self) -> Path:
        """Its ComfyUI."""
        return self.folder / "ComfyUI"

    def kill(self) -> int:
        """Kill with SIGKILL all that runs there, its sshd too; gives how many processes."""
        return _kill(self._processes())

    def boot(self) -> None:
        """Start it again after it was killed."""
        if self.sshd is not None:
            self.sshd.stop()
            self.sshd.start()

    def _processes(self) -> list[int]:
        if self.sshd is not None:
            return self.sshd.processes()
        mark = f"HOME={self.home}".encode()
        everything = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
        return [
            pid
            for pid in everything
            if mark in _read(pid, "environ").split(b"\0") and b"vaehub" in _read(pid, "cmdline")
        ]


class Sshd:
    """The sshd of a namespace."""

    def __init__(self, program: str, namespace: str, folder: Path, allowed: Path, address: str):
        self._namespace = namespace
        self._log = folder / "sshd.log"
        key = folder / "host_key"
        _keygen(key)
        public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
        (folder / "known_hosts").write_text(f"[{address}]:{_PORT} {public}\n")
        environment = f"HOME={folder / 'home'} TMPDIR={folder / 'tmp'} LANG=C.UTF-8"
        configuration = folder / "sshd_config"
        configuration.write_text(
            f"Port {_PORT}\nListenAddress {address}\nHostKey {key}\nPidFile none\n"
            f"AuthorizedKeysFile {allowed}\nStrictModes no\nUsePAM no\nMaxStartups 100\n"
            "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            f"SetEnv {environment}\nSubsystem sftp internal-sftp\n"
        )
        # A namespace of mounts comes with it: what sshd writes there is nowhere else.
        script = (
            "for folder in /run /var/log; do mount -t tmpfs none $folder; done; mkdir /run/sshd;"
            ' exec "$0" -D -e -f "$1"'
        )
        self._command = ["sh", "-c", script, program, str(configuration)]

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._log.unlink(missing_ok=True)
        with self._log.open("wb") as stream:
            self._process = subprocess.Popen(
                ["ip", "netns", "exec", self._namespace, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        _await(lambda: b"listening" in self._log.read_bytes(), self._process, self._log)

    def stop(self) -> None:
        """Kill it, and all that runs beside it."""
        _kill(self.processes())
        self._process.wait()

    def processes(self) -> list[int]:
        """Give the ids of all processes in the namespace."""
        return [int(pid) for pid in _ip("netns", "pids", self._namespace).split()]


def _kill(pids: list[int]) -> int:
    killed = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


def _read(pid: int, name: str) -> bytes:
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except OSError:
        return b""


class Fleet(NamedTuple):
    """Some hosts, and where on this machine they reach a server."""

    hosts: tuple[Host, ...]
    gateway: str


@contextlib.contextmanager
def folders(base: Path, count: int) -> Iterator[Fleet]:
    """Give hosts that are folders of this machine, by Ansible's local connection.

    Raises:
        NotHere: there is no /proc to find their processes in.
    """
    if not Path("/proc/self/environ").exists():
        raise NotHere("there is no /proc here")
    hosts = []
    for index in range(count):
        folder = _furnish(base / f"host{index}")
        environment = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
        variables = {"ansible_connection": "local", "host_environment": environment}
        hosts.append(Host(f"host{index}", folder, variables))
    yield Fleet(tuple(hosts), "127.0.0.1")


@contextlib.contextmanager
def namespaces(base: Path, count: int) -> Iterator[Fleet]:
    """Give hosts that are network namespaces with an sshd each.

    Raises:
        NotHere: this machine has no root, no ip, no sshd, or no namespaces.
    """
    sshd = _needed()
    tag = f"{os.getpid() % 0xFFFF:x}"
    bridge, network = f"vhb{tag}", f"198.18.{os.getpid() % 250}"
    gateway = f"{network}.1"
    with contextlib.ExitStack() as stack:
        try:
            _ip("link", "add", bridge, "type", "bridge")
            stack.callback(_ip, "link", "delete", bridge)
            _ip("address", "add", f"{gateway}/24", "dev", bridge)
            _ip("link", "set", bridge, "up")
        except subprocess.CalledProcessError as error:
            raise NotHere(f"there can be no bridge here: {error.stderr.strip()}") from None
        key = base / "id"
        _keygen(key)
        hosts = []
        for index in range(count):
            name, namespace, link = f"host{index}", f"vh{tag}-{index}", f"vhl{tag}-{index}"
            address = f"{network}.{index + 10}"
            try:
                _ip("netns", "add", namespace)
            except subprocess.CalledProcessError as error:
                why = error.stderr.strip()
                raise NotHere(f"there can be no network namespace here: {why}") from None
            stack.callback(_ip, "netns", "delete", namespace)
            inside = ("-n", namespace)
            peer = ("peer", "name", "eth0", "netns", namespace)
            _ip("link", "add", link, "type", "veth", *peer)
            _ip("link", "set", link, "master", bridge, "up")
            _ip(*inside, "link", "set", "lo", "up")
            _ip(*inside, "address", "add", f"{address}/24", "dev", "eth0")
            _ip(*inside, "link", "set", "eth0", "up")
            folder = _furnish(base / name)
            served = Sshd(sshd, namespace, folder, key.with_suffix(".pub"), address)
            stack.callback(served.stop)
            served.start()
            variables = {
                "ansible_host": address,
                "ansible_port": _PORT,
                "ansible_user": "root",
                "ansible_remote_tmp": str(folder / "home" / ".ansible" / "tmp"),
                "ansible_ssh_private_key_file": str(key),
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={folder / 'known_hosts'} "
                "-o StrictHostKeyChecking=yes",
            }
            hosts.append(Host(name, folder, variables, served))
        yield Fleet(tuple(hosts), gateway)


def _needed() -> str:
    if sys.platform != "linux":
        raise NotHere("there are no network namespaces on this system")
    if os.geteuid() != 0:
        raise NotHere("network namespaces need root")
    for program in ("ip", "ssh", "ssh-keygen"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            raise NotHere(f"{program} is not installed")
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if sshd is None:
        raise NotHere("openssh-server is not installed")
    return sshd


def _furnish(folder: Path) -> Path:
    """Lay out what a host has: a home, a folder for temporary files, a ComfyUI."""
    for name in ("home", "tmp", "ComfyUI/models/vae", "ComfyUI/comfy", "ComfyUI/custom_nodes"):
        (folder / name).mkdir(parents=True)
    for name in ("main.py", "nodes.py", "folder_paths.py", "models/vae/mine.safetensors"):
        (folder / "ComfyUI" / name).write_text(f"the user's own {name}", encoding="utf-8")
    return folder


def _await(condition: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _TEN
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotHere(f"{process.args!r} does not start: {log.read_text()[-300:]}")
        time.sleep(0.02)


def _keygen(path: Path) -> None:
    arguments = ["-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", str(path)]
    subprocess.run(["ssh-keygen", *arguments], check=True, capture_output=True)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


class Mirror(NamedTuple):
    """A running nginx that serves a tree by sha256."""

    folder: Path
    fast: str
    slow: str
    """The same tree at 300 kB a second."""
    log: Path

    def lines(self) -> list[str]:
        """Give the lines of its log so far: address, status, bytes, request."""
        return self.log.read_text(encoding="utf-8").splitlines()


@contextlib.contextmanager
def mirror(folder: Path, gateway: str) -> Iterator[Mirror]:
    """Serve a folder with nginx.

    Raises:
        NotHere: there is no nginx.
    """
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise NotHere("nginx is not installed")
    www, log = folder / "www", folder / "access.log"
    www.mkdir(parents=True)
    fast, slow = _free_port(), _free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; {user} worker_processes 1; pid {folder}/nginx.pid;\n"
        f"events {{}} http {{ default_type application/octet-stream; {temporary}\n"
        "log_format said '$remote_addr $status $body_bytes_sent $request';\n"
        f"access_log {log} said; root {www};\n"
        f"server {{ listen {gateway}:{fast}; }}\n"
        f"server {{ listen {gateway}:{slow}; limit_rate 300k; }} }}\n"
    )
    errors = folder / "nginx.log"
    errors.touch()
    process = subprocess.Popen(
        [program, "-e", str(errors), "-c", str(configuration)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await((folder / "nginx.pid").exists, process, errors)
        yield Mirror(www, f"http://{gateway}:{fast}", f"http://{gateway}:{slow}", log)
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
