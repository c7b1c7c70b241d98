"""What this machine brings along: store, room, tokens, proxies, torch.

Imports neither torch nor diffusers, unless asked to: their versions stand in their metadata. Shows
of a token only who holds it, and of a proxy no credentials.
"""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import __version__
from vaehub.doctor import findings, looking, network
from vaehub.errors import LoginRequired
from vaehub.transfer.addresses import safe_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaehub.model import Problem
    from vaehub.settings import Settings


class StoreSeen(NamedTuple):
    """The store, as it is or would be made."""

    path: Path
    exists: bool
    writable: bool
    size: int
    """Bytes of all blobs."""
    unfinished: int
    """Bytes of downloads on their way."""
    free: int | None
    device: int | None


class Machine(NamedTuple):
    """What was seen of this machine."""

    vaehub: str
    python: str
    system: str
    store: StoreSeen
    offline: bool
    hosts: tuple[network.Host, ...]
    proxies: Mapping[str, str]
    """By scheme; without credentials."""
    torch: str | None
    """Version; None where it is not installed."""
    diffusers: str | None
    device: str | None
    """What a smoke test would use; None where nobody asked torch."""
    problems: tuple[Problem, ...]


def look(settings: Settings, *, ask_hosts: bool, ask_torch: bool) -> Machine:
    """Look at this machine.

    Args:
        settings: The user's settings.
        ask_hosts: Send each host one request.
        ask_torch: Import torch, which takes a while.
    """
    store = _store(settings.store)
    hosts = network.look(settings, ask=ask_hosts)
    torch = _version("torch")
    problems = [*_of_store(store), *_of_hosts(hosts), *_of_tokens(settings)]
    return Machine(
        vaehub=__version__,
        python=platform.python_version(),
        system=platform.platform(terse=True),
        store=store,
        offline=settings.offline,
        hosts=hosts,
        proxies=proxies(),
        torch=torch,
        diffusers=_version("diffusers"),
        device=_device() if ask_torch and torch is not None else None,
        problems=tuple(problems),
    )


def proxies() -> Mapping[str, str]:
    """Give the proxies in force as requests finds them, without user names and passwords."""
    from urllib.request import getproxies

    return {
        scheme: safe_url(address if "://" in address else f"http://{address}")
        for scheme, address in sorted(getproxies().items())
        if scheme != "no"
    }


def _store(root: Path) -> StoreSeen:
    near = next((step for step in (root, *root.absolute().parents) if step.exists()), Path("/"))
    try:
        device: int | None = near.stat().st_dev
    except OSError:
        device = None
    return StoreSeen(
        path=root,
        exists=root.is_dir(),
        # What is on the way and no folder keeps it from being made, too.
        writable=near.is_dir() and looking.may_write(near),
        size=_size(root / "blobs"),
        unfinished=_under_way(root / "partial"),
        free=looking.free(near),
        device=device,
    )


def _size(folder: Path) -> int:
    total = 0
    for current, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(Path(current, name)).st_size
            except OSError:  # gone since
                continue
    return total


def _under_way(folder: Path) -> int:
    """Count the bytes that have come of downloads: a partial has its full length from the start."""
    from vaehub.transfer.partial import peek

    return sum(peek(path) or 0 for path in folder.glob("*.part"))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _device() -> str:
    try:
        from vaehub.smoke.devices import devices

        return str(devices("auto")[0])
    except Exception as error:  # whatever a broken driver or a half-installed torch raises
        return f"torch does not start: {error}"


def _of_store(store: StoreSeen) -> Iterator[Problem]:
    if not store.writable:
        yield findings.problem(
            "store-not-usable",
            f"the store {store.path} cannot be written, and every install brings its bytes there",
            where=store.path,
            hint="name a folder that you may write to with VAEHUB_STORE",
        )


def _of_hosts(hosts: tuple[network.Host, ...]) -> Iterator[Problem]:
    codes = {"unreachable": "host-unreachable", "in trouble": "host-in-trouble"}
    for host in hosts:
        if host.sign.state in codes:
            hint = host.sign.hint or "other sources and mirrors may serve; try again later"
            message = host.sign.message or host.sign.state
            yield findings.problem(
                codes[host.sign.state], message, where=host.name.partition(" ")[0], hint=hint
            )


def _of_tokens(settings: Settings) -> Iterator[Problem]:
    from vaehub.hosts.base import token
    from vaehub.settings import TOKEN_VARIABLES

    for host in TOKEN_VARIABLES:
        try:
            token(settings, host)
        except LoginRequired as error:
            yield findings.problem("token-unusable", error.message, where=host, hint=error.hint)
