"""Whatever cuts, refusals and restarts come: the published bytes, and none asked for twice."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transfer.helping import QUICK, Sleeper, Told, settings_for
from tests.transfer.scripted import Request, Scripted, ranged, reply, serving
from tests.weights.files import safetensors
from vaehub.errors import NoSourceDelivered
from vaehub.model import Artifact, Source
from vaehub.transfer.fetch import fetch
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DATA = safetensors(random.Random(3).randbytes(30_000))
ARTIFACT = Artifact("vae.safetensors", (), size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())

Kind = Literal["cut", "whole", "as 200", "busy", "hang up", "interrupt"]
Event = tuple[Kind, int]
EVENTS = st.tuples(
    st.sampled_from(["cut", "whole", "as 200", "busy", "hang up", "interrupt"]),
    st.integers(0, 31_000),
)


class Watcher(Told):
    """Knows how far the partial was at any time; interrupts where told to."""

    def __init__(self) -> None:
        super().__init__()
        self.furthest = 0
        self.interrupt_at: int | None = None

    def advanced(self, artifact_name: str, done: int) -> None:
        self.furthest = max(self.furthest, done)
        if self.interrupt_at is not None and done >= self.interrupt_at:
            self.interrupt_at = None
            raise KeyboardInterrupt


class Host:
    """Serves :data:`DATA`, with one mishap a request until there are none left."""

    def __init__(self, events: list[Event], watcher: Watcher) -> None:
        self.events = list(events)
        self.watcher = watcher
        self.asked: list[tuple[int, int]] = []
        """(First byte asked for, first byte missing)."""

    def __call__(self, request: Request) -> bytes:
        start = request.first_byte
        self.asked.append((start, self.watcher.furthest))
        kind, count = self.events.pop(0) if self.events else ("cut", len(DATA))
        match kind:
            case "whole":
                return reply(200, DATA[:count], length=len(DATA))
            case "as 200":
                answer = ranged(DATA, request, upto=start + count)
                return answer.replace(b" 206 ", b" 200 ", 1)
            case "busy":
                return reply(503)
            case "hang up":
                return b""
            case "interrupt":
                self.watcher.interrupt_at = start + count
                return ranged(DATA, request)
        return ranged(DATA, request, upto=start + count)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=st.lists(EVENTS, max_size=8))
def test_the_published_bytes_and_none_twice(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    partial = tmp_path_factory.mktemp("resume") / "x.part"
    watcher = Watcher()
    host = Host(events, watcher)
    with serving(host) as (server,):
        for _ in range(len(events) + 1):
            if run(partial, server, watcher):
                break
    assert partial.read_bytes() == DATA
    assert all(first == missing for first, missing in host.asked)


def run(partial: Path, server: Scripted, watcher: Watcher) -> bool:
    """Stand for one process: a session and a partial of its own."""
    ours = settings_for(server.url)
    source = Source("mirror", {"url": f"{server.url}/vae"})
    with Session(ours, patience=QUICK, sleep=Sleeper()) as session:
        try:
            fetch(ARTIFACT, partial, [source], session=session, settings=ours, listener=watcher)
        except (NoSourceDelivered, KeyboardInterrupt):
            return False
    return True
