"""What a smoke test takes, against importing torch and against diffusers doing the same.

Needs torch: an environment ``torch`` among the peers, or that of the interpreter that runs this;
and diffusers there, for the row against it. The file is an SD1 VAE of full size with random
weights, which the smoke test condemns, after having done all of its work.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Command, Failed, median, run
from benchmarks.page import Row, in_bytes
from benchmarks.servers import NotHere

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.measure import Run

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
CONDEMNED = 8
"""Exit code of a smoke test that failed."""
_LIKE_READING = "import torch; open({0!r}, 'rb', 0).readinto(bytearray(1 << 29))"


def measure(bench: Bench) -> None:
    """Measure from the start of the process to the verdict.

    Raises:
        NotHere: there is no torch.
    """
    python = _python(bench)
    widths = "32,64,64,64" if bench.quick else "128,256,512,512"
    folder = bench.work / "smoke"
    folder.mkdir()
    made = subprocess.run(
        [str(python), str(SCRIPTS / "random_vae.py"), str(folder), widths],
        env=_environment(bench, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise NotHere(f"no VAE could be made: {made.stderr.strip().splitlines()[-1:]}")
    ldm = folder / "ldm.safetensors"
    size = in_bytes(ldm.stat().st_size)
    environment = _environment(bench, folder)
    theirs_is_here = _has(python, "diffusers")
    if not theirs_is_here:
        bench.notes.append("diffusers: not installed beside torch, not measured")
    reading = Command(
        "import torch, and read the file",
        [str(python), "-c", _LIKE_READING.format(str(ldm))],
        environment,
    )
    for dtype in ("fp32", "bf16", "fp32,bf16"):
        words = dtype.replace(",", " and ")
        work = f"smoke test of an SD1 VAE of {size} on the CPU, {words}"
        ours = _smoke(python, ldm, dtype, environment)
        both = bench.compare(work, ours, reading)
        if both is not None:
            _peak(bench, work, both.ours, both.theirs, ldm.stat().st_size)
        if theirs_is_here and dtype != "bf16":
            diffusers = Command(
                "diffusers doing the same encodes and decodes",
                [str(python), str(SCRIPTS / "diffusers_decode.py"), str(folder), dtype],
                environment,
            )
            bench.compare(work, ours, diffusers)


def _smoke(python: Path, file: Path, dtype: str, environment: dict[str, str]) -> Command:
    line = '"$0" -m vaehub smoke "$1" --dtype "$2" -q; test $? = "$3"'
    return Command(
        f"vaehub smoke --dtype {dtype}",
        ["sh", "-c", line, str(python), str(file), dtype, str(CONDEMNED)],
        environment,
        clear=(Path(environment["HOME"]) / ".local",),
        is_ours=True,
    )


def _peak(bench: Bench, work: str, ours: list[Run], torch: list[Run], size: int) -> None:
    """Add how much more than torch's own memory it took, for each byte of the file."""

    def peak(one: Run) -> float:
        return one.peak

    try:
        own = run(
            Command("import torch", [str(_python(bench)), "-c", "import torch"], {"HOME": "/"})
        ).peak
    except Failed as error:
        bench.fault(f"{work}: {error}")
        return
    share = (median(ours, peak) - own) / size
    bench.add(
        Row(
            f"{work}: peak memory beyond torch's own / size of the file",
            ratio=f"{share:.2f}",
            peak=f"{median(ours, peak) / 1e6:.0f}",
            goal="1.5",
            verdict="" if bench.quick else "reached" if share <= 1.5 else "not reached",
        )
    )


def _python(bench: Bench) -> Path:
    candidates = [bench.product.python, Path(sys.executable)]
    if bench.peers is not None:
        candidates.insert(0, bench.peers / "torch" / "bin" / "python")
    for python in candidates:
        if python.exists() and _has(python, "torch"):
            return python
    raise NotHere("torch is not installed")


def _has(python: Path, module: str) -> bool:
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return subprocess.run([str(python), "-c", code], check=False).returncode == 0


def _environment(bench: Bench, folder: Path) -> dict[str, str]:
    """Let torch's interpreter find the vaehub that is measured, and what that needs."""
    found = subprocess.run(
        [str(bench.product.python), "-c", "import sysconfig as s; print(s.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    known = bench.product.environment.get("PYTHONPATH")
    paths = [known, found] if known else [found]
    return {"HOME": str(folder), "PYTHONPATH": os.pathsep.join(paths)}
