"""A mirror behind a real nginx, with the configuration that the docs give."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from benchmarks import servers
from tests import reading_docs

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "provisioning.md"


class Asked(NamedTuple):
    """A request that nginx has answered."""

    path: str
    status: int
    range: str | None


class Served(NamedTuple):
    """A running nginx."""

    base: str
    log: Path

    @property
    def asked(self) -> list[Asked]:
        """What it was asked so far."""
        lines = (line.split("\t") for line in self.log.read_text().splitlines())
        return [
            Asked(path, int(status), None if range_ == "-" else range_)
            for path, status, range_ in lines
        ]


@contextlib.contextmanager
def nginx(root: Path, work: Path, *, extra: str = "") -> Iterator[Served]:
    """Serve a mirror as docs/provisioning.md says, or skip where there is no nginx.

    Args:
        root: The mirror's folder.
        work: A folder for nginx alone; made here.
        extra: More for its ``server {}``.
    """
    work.mkdir()
    port, log = servers.free_port(), work / "access.log"
    log.write_text("")
    server = configured(root, port, extra=f"access_log {log} asked; {extra}")
    asked = "log_format asked '$uri\t$status\t$http_range';\n"
    try:
        with servers.nginx_serving(asked + server, work, port):
            yield Served(f"http://127.0.0.1:{port}", log)
    except servers.NotHere as reason:
        pytest.skip(str(reason))


def configured(root: Path, port: int, *, extra: str = "") -> str:
    """Give the docs' configuration, for a folder and a port of ours."""
    text = reading_docs.between(_PAGE.read_text(encoding="utf-8"), "nginx")
    block = text.partition("```nginx\n")[2].partition("```")[0]
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{port}; {extra}"),
        ("root /srv/vaes;", f"root {root};"),
    ):
        assert len(re.findall(re.escape(old), block)) == 1, old
        block = block.replace(old, new)
    return block
