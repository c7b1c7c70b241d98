"""One artifact on its way here, and the answers that its hosts may give."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.transfer.helping import QUICK, Sleeper, Told, settings_for
from tests.transfer.scripted import Request, ranged
from tests.weights.files import safetensors
from vaehub.errors import (
    NoSourceDelivered,
    VaehubError,
)
from vaehub.model import Artifact, Source
from vaehub.transfer.fetch import Fetched, fetch
from vaehub.transfer.partial import Partial
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.transfer.scripted import Scripted
    from vaehub.transfer.limits import Limits
    from vaehub.transfer.patience import Patience

DATA = safetensors(random.Random(1).randbytes(300_000))
SIZE = len(DATA)
OTHER = safetensors(random.Random(2).randbytes(300_000))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Server(Protocol):
    """Whatever listens somewhere."""

    url: str


@dataclass
class Bench:
    """One artifact, one partial, and what happened."""

    folder: Path
    artifact: Artifact = field(
        default_factory=lambda: Artifact("vae.safetensors", (), size=SIZE, sha256=sha256(DATA))
    )
    told: Told = field(default_factory=Told)
    sleeper: Sleeper = field(default_factory=Sleeper)
    patience: Patience = QUICK

    @property
    def path(self) -> Path:
        return self.folder / "x.part"

    @property
    def sidecar(self) -> Path:
        return self.folder / "x.part.json"

    def run(
        self,
        *servers: Server,
        hosts: Sequence[str] = (),
        limits: Limits | None = None,
        **environ: str,
    ) -> Fetched:
        """Fetch from these servers, which are mirrors or what ``hosts`` says."""
        settings = settings_for(*(server.url for server in servers), **environ)
        kinds = [*hosts, *["mirror"] * (len(servers) - len(hosts))]
        sources = [
            Source(kind, {"url": f"{server.url}/vae"})
            for kind, server in zip(kinds, servers, strict=True)
        ]
        with Session(settings, patience=self.patience, sleep=self.sleeper) as session:
            session.limits = limits or session.limits
            return fetch(
                self.artifact,
                self.path,
                sources,
                session=session,
                settings=settings,
                listener=self.told,
            )

    def fail(self, *servers: Server) -> tuple[VaehubError, ...]:
        with pytest.raises(NoSourceDelivered) as caught:
            self.run(*servers)
        assert len(caught.value.attempts) == len(servers)
        return tuple(error for _, error in caught.value.attempts)

    def left_behind(self, data: bytes, source: str = "mirror of yesterday") -> None:
        from vaehub.transfer.declared import Expected

        with Partial(self.path) as partial:
            partial.expect(Expected(sha256(DATA), SIZE))
            partial.begin(source)
            partial.receive(source, partial.length, data)


def good(request: Request) -> bytes:
    return ranged(DATA, request)


def always(answer: bytes) -> Callable[[Request], bytes]:
    return lambda request: answer


def in_turn(*answers: Callable[[Request], bytes]) -> Callable[[Request], bytes]:
    """Give each answer once, and the last one for ever."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


def cut_at(position: int) -> Callable[[Request], bytes]:
    return lambda request: ranged(DATA, request, upto=position)


def starts(server: Scripted) -> list[int]:
    return [request.first_byte for request in server.requests]
