"""What people download with today, and how each is called.

A program that is not here gives None, and a note: it is never guessed.
"""

from __future__ import annotations

import shutil
from shlex import quote
from typing import TYPE_CHECKING

from benchmarks.measure import Command
from benchmarks.servers import COMMIT, REPO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.files import File

_POOCH = (
    "import sys, pooch; url, known, folder, name = sys.argv[1:]; "
    "pooch.get_logger().setLevel('ERROR'); "
    "pooch.retrieve(url, known_hash=known, path=folder, fname=name)"
)


def shell(
    bench: Bench,
    name: str,
    line: str,
    *,
    file: File | None = None,
    environment: Mapping[str, str] | None = None,
    before: Callable[[], object] | None = None,
) -> Command | None:
    """Give a line for the shell that puts the file to ``bench.out / its name``."""
    file = file or bench.vae
    for program in {part.split()[0] for part in line.split("&&")}:
        if shutil.which(program) is None:
            bench.notes.append(f"{name}: `{program}` is not installed, not measured")
            return None
    bench.out.mkdir(exist_ok=True)
    path = bench.out / file.path.name

    def clear_and_make() -> None:
        bench.out.mkdir(exist_ok=True)
        if before is not None:
            before()

    return Command(
        name,
        ["sh", "-c", line],
        {"HOME": str(bench.home), **(environment or {})},
        (bench.out,),
        before=clear_and_make,
        after=lambda: bench.must_be(path, file, name),
    )


def curl(
    bench: Bench,
    url: str,
    *,
    then: str = "",
    file: File | None = None,
    environment: Mapping[str, str] | None = None,
) -> Command | None:
    """Download with curl, and then run another program over the file."""
    out = quote(str(bench.out / (file or bench.vae).path.name))
    line = f"curl -sS -f -o {out} {url}" + (f" && {then} {out}" if then else "")
    name = f"curl, then {then}" if then else "curl -o, which verifies nothing"
    return shell(bench, name, line, file=file, environment=environment)


def wget(bench: Bench, url: str) -> Command | None:
    """Download with wget."""
    out = quote(str(bench.out / bench.vae.path.name))
    return shell(bench, "wget, which verifies nothing", f"wget -q -O {out} {url}")


def aria2(
    bench: Bench,
    urls: Sequence[str],
    *,
    connections: int,
    split: int | None = None,
    checksum: bool = False,
    before: Callable[[], object] | None = None,
) -> Command | None:
    """Download with aria2c.

    Args:
        bench: The bench.
        urls: Of the same file.
        connections: To each server.
        split: In all; as many as connections by default.
        checksum: Have it verify.
        before: Is called before each run.
    """
    check = f"--checksum=sha-256={bench.vae.digest}" if checksum else ""
    where = f"-d {quote(str(bench.out))} -o {bench.vae.path.name}"
    line = (
        f"aria2c -q --no-conf -x{connections} -s{split or connections} -k1M "
        f"--file-allocation=none {check} {where} {' '.join(urls)}"
    )
    servers = "" if len(urls) == 1 else f" with {len(urls)} addresses"
    tail = " --checksum" if checksum else ", which verifies nothing"
    return shell(bench, f"aria2c -x{connections}{servers}{tail}", line, before=before)


def hub(bench: Bench, which: str, endpoint: str) -> Command | None:
    """Download with ``hf download``, or with the same and hf_transfer."""
    program = _program(bench, which, "hf")
    if program is None:
        return None
    hf_home = bench.work / "hf_home"
    line = (
        f"{quote(str(program))} download {REPO} {bench.vae.path.name} --revision {COMMIT} "
        f"--local-dir {quote(str(bench.out))}"
    )
    environment = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(hf_home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }
    if which == "hf_transfer":
        environment["HF_HUB_ENABLE_HF_TRANSFER"] = "1"
    name = "hf download" + (" with hf_transfer" if which == "hf_transfer" else "")
    return shell(
        bench,
        f"{name}, which verifies nothing",
        line,
        environment=environment,
        before=lambda: shutil.rmtree(hf_home, ignore_errors=True),
    )


def pooch(bench: Bench, url: str) -> Command | None:
    """Download with pooch, which verifies."""
    python = _program(bench, "pooch", "python")
    if python is None:
        return None
    arguments = [url, f"sha256:{bench.vae.digest}", str(bench.out), bench.vae.path.name]
    words = " ".join(quote(word) for word in (str(python), "-c", _POOCH, *arguments))
    return shell(bench, "pooch", words)


def comfy(bench: Bench, url: str) -> Command | None:
    """Download with comfy-cli."""
    program = _program(bench, "comfy-cli", "comfy")
    if program is None:
        return None
    workspace = bench.work / "comfy"
    line = (
        f"{quote(str(program))} --skip-prompt --workspace {quote(str(workspace))} model download "
        f"--url {url} --filename {bench.vae.path.name} --relative-path {quote(str(bench.out))}"
    )
    return shell(
        bench,
        "comfy model download, which verifies nothing",
        line,
        environment={"DO_NOT_TRACK": "1"},
    )


def folders(bench: Bench) -> dict[str, Path]:
    """Say which of the peers that have an environment of their own are here, and where."""
    packages = {
        "hf": "huggingface_hub",
        "hf_transfer": "hf_transfer",
        "pooch": "pooch",
        "comfy-cli": "comfy-cli",
    }
    found = {}
    for name, package in packages.items():
        if bench.peers is not None and (bench.peers / name / "bin").is_dir():
            found[package] = bench.peers / name / "bin"
    return found


def _program(bench: Bench, peer: str, program: str) -> Path | None:
    path = bench.peers / peer / "bin" / program if bench.peers is not None else None
    if path is None or not path.exists():
        where = "no --peers given" if path is None else f"no {peer}/bin/{program} in --peers"
        bench.notes.append(f"{peer}: {where}, not measured")
        return None
    return path
