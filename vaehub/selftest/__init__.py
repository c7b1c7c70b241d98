"""Prove that vaehub works on this machine, with no network at all.

Plays every host on loopback (:mod:`vaehub.loopback`) and runs the real install, verify and
uninstall against them, in a temporary folder with a store, a state and a catalog of its own.
Knows nothing of the user's settings, tokens, store or UIs, and leaves nothing behind.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vaehub.loopback import LoopbackWorld
from vaehub.selftest.bench import Bench, Failed
from vaehub.selftest.checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


__all__ = ["Check", "run"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried."""

    name: str
    passed: bool
    detail: str
    """What was seen; where it failed, what was expected."""
    seconds: float


def run() -> list[Check]:
    """Run all checks, each on its own: one that fails does not stop the others."""
    began = time.monotonic()
    try:
        with (
            _undisturbed(),
            tempfile.TemporaryDirectory(prefix="vaehub-selftest-") as folder,
            LoopbackWorld() as world,
        ):
            bench = Bench(Path(folder), world)
            return [_checked(name, check, bench) for name, check in CHECKS.items()]
    except OSError as error:
        # No loopback, no temporary folder: nothing can be said of the rest.
        return [
            Check(
                "a temporary folder and servers on 127.0.0.1",
                False,
                f"this machine does not give them: {error}",
                time.monotonic() - began,
            )
        ]


def _checked(name: str, check: Callable[[Bench], str], bench: Bench) -> Check:
    began = time.monotonic()
    bench.world.reset()
    try:
        passed, detail = True, check(bench)
    except Failed as failure:
        passed, detail = False, str(failure)
    except Exception as error:  # whatever it is, the person running this wants to read it
        passed, detail = False, f"{type(error).__name__}: {error}"
    return Check(name, passed, detail, time.monotonic() - began)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the user's proxies and offline switches away from requests to loopback.

    The libraries beneath us read them from the environment itself.
    """
    before = dict(os.environ)
    os.environ |= {"NO_PROXY": "*", "no_proxy": "*"}
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
