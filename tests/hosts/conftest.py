"""The loopback world, settings that lead into it, and a reader of what the bytes' GET answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from vaehub import hosts, settings
from vaehub.hosts.base import Refusal
from vaehub.loopback import LoopbackWorld
from vaehub.model import Artifact, Download, Source
from vaehub.transfer.addresses import safe_url
from vaehub.transfer.patience import Patience
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaehub.errors import SourceError, VaehubError
    from vaehub.settings import Settings

SAMPLES = Path(__file__).parent / "samples"
HASTY = Patience(connect=2.0, read=2.0, attempts=1)
DATA = bytes(range(256)) * 300


def sample(name: str) -> Any:
    """Read a recorded answer of a host."""
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def hint(error: VaehubError) -> str:
    """Give what an error tells the person to do; empty if nothing."""
    return error.hint or ""


class Client:
    """One user: settings, a session, and what vaehub does with them for one source."""

    def __init__(self, environment: Mapping[str, str], *, patience: Patience = HASTY) -> None:
        self.settings: Settings = settings.load(environment)
        self.session = Session(self.settings, patience=patience, sleep=lambda _: None)

    def locate(self, source: Source, **artifact: Any) -> Download:
        found = Artifact(artifact.pop("name", "a.safetensors"), (source,), **artifact)
        host = hosts.get(source.host)
        return host.locate(source, found, session=self.session, settings=self.settings)

    def get(self, download: Download) -> bytes | Refusal:
        """Fetch the bytes as the transfer does, or tell what came instead."""
        with self.session.request("GET", download.url, credentials=download.headers) as response:
            body = response.content
            if response.status_code == 200:
                return body
            url = str(response.url)
            return Refusal(
                response.status_code,
                safe_url(url),
                dict(response.headers),
                body[:4096],
                urlsplit(url).netloc,
            )

    def explained(self, source: Source, download: Download) -> SourceError:
        """Fetch the bytes, which must fail, and give the host's words for it."""
        refusal = self.get(download)
        assert isinstance(refusal, Refusal)
        return hosts.get(source.host).explain(source, refusal, settings=self.settings)


@pytest.fixture
def world() -> Iterator[LoopbackWorld]:
    with LoopbackWorld() as world:
        yield world


@pytest.fixture
def clients() -> Iterator[Any]:
    """Give a maker of clients, which are closed at the end."""
    made: list[Client] = []

    def make(environment: Mapping[str, str], *, patience: Patience = HASTY) -> Client:
        made.append(Client(environment, patience=patience))
        return made[-1]

    yield make
    for client in made:
        client.session.close()
