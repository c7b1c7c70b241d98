"""What the transfer tests share: a session without waiting, a listener that remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.transfer.listener import Silent
from vaehub.transfer.patience import Patience
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from tests.transfer.scripted import Scripted
    from vaehub.settings import Settings

QUICK = Patience(connect=5, read=5, attempts=3, first_wait=1, longest_wait=60)


def settings_for(*bases: str, **environ: str) -> Settings:
    """Settings of a user who named these origins as mirrors."""
    return settings_module.load({"VAEHUB_MIRRORS": " ".join(bases), **environ})


@dataclass
class Sleeper:
    """Stands for ``time.sleep``: remembers, and does not wait."""

    waits: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


@dataclass
class Told(Silent):
    """A listener that remembers."""

    starts: list[tuple[str, int | None, int]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        self.starts.append((artifact_name, total, done))

    def advanced(self, artifact_name: str, done: int) -> None:
        self.steps.append(done)

    def finished(self, artifact_name: str) -> None:
        self.ends.append(artifact_name)

    def note(self, message: str) -> None:
        self.notes.append(message)


def session_for(*servers: Scripted, sleeper: Sleeper | None = None, **environ: str) -> Session:
    """Give the session of a user who named these servers as mirrors; it never really waits."""
    settings = settings_for(*(server.url for server in servers), **environ)
    return Session(settings, patience=QUICK, sleep=sleeper or Sleeper())
