"""The loopback world: all fake hosts at once, what they saw, and where tokens went.

A credential that reaches an origin it does not belong to is put down in :attr:`LoopbackWorld.leaks`
and, at a CDN or storage, answered 400, as the real ones do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.loopback.civitai import Civitai
from vaehub.loopback.content import content_of
from vaehub.loopback.files import MirrorTree, WebServer
from vaehub.loopback.github import GitHub
from vaehub.loopback.host import FakeHost, Publication, Surroundings, storage_error
from vaehub.loopback.huggingface import HuggingFace
from vaehub.loopback.liblib import Liblib
from vaehub.loopback.modelscope import ModelScope
from vaehub.loopback.server import Request, Response, Seen, Server
from vaehub.settings import ENDPOINT_VARIABLES, TOKEN_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from vaehub.loopback.faults import Faults

_HOSTS: tuple[type[FakeHost], ...] = (
    HuggingFace,
    Civitai,
    Liblib,
    ModelScope,
    GitHub,
    WebServer,
    MirrorTree,
)
_CREDENTIAL_HEADERS = ("authorization", "token", "cookie")


class LoopbackWorld:
    """Fake hosts on 127.0.0.1 that speak the real ones' protocols; a context manager."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        """Every request that any origin got, in order."""
        self.leaks: list[Seen] = []
        """Those that carried a credential to where it does not belong."""
        self.tokens: dict[str, str] = {
            host: f"{host}-token-of-the-loopback-world" for host in TOKEN_VARIABLES
        }
        """The token that each host accepts; may be changed."""
        self._server = Server(self._record)
        around = Surroundings(url=self._server.url, tokens=self.tokens)
        self._hosts: dict[str, FakeHost] = {kind.name: kind(around) for kind in _HOSTS}
        for host in self._hosts.values():
            for role, respond in host.origins.items():
                self._server.add(role, respond)

    def __enter__(self) -> LoopbackWorld:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop()
        if self._server.failures and error is None:
            raise self._server.failures[0]

    def publish(
        self,
        host: str,
        locator: Mapping[str, str | int],
        data: bytes | Path,
        *,
        name: str | None = None,
        **claims: Any,
    ) -> None:
        """Put a file on a host.

        Args:
            host: ``huggingface``, ``civitai``, ``liblib``, ``modelscope``, ``github``, ``http``
                or ``mirror``.
            locator: what stands in the catalog; for ``mirror`` empty (the file lies by its
                digest) or with ``url`` (it lies by its address).
            data: the bytes, or a file that is read while it is sent.
            name: the file's name on the host; by default the last part of path, asset or url.
            claims: what the host says and asks; the fields of
                :class:`~vaehub.loopback.host.Publication`. Civitai asks for a login unless told
                otherwise, as the real one has done since 2026.
        """
        if host == "civitai":
            claims.setdefault("login", True)
        self._hosts[host].accept(
            Publication(host, locator, content_of(data), name or _name(locator), **claims)
        )

    def environment(self, *, login: Iterable[str] = ()) -> dict[str, str]:
        """Give the variables that lead vaehub here.

        ``VAEHUB_MIRRORS`` is there once something has been published on ``http`` or ``mirror``.

        Args:
            login: hosts whose token the environment is to hold.
        """
        values = {
            variable: self._hosts[host].api_url for host, variable in ENDPOINT_VARIABLES.items()
        }
        mirrors = [self.mirror] if self._hosts["mirror"].published else []
        web = self._hosts["http"]
        assert isinstance(web, WebServer)
        mirrors += [f"{prefix}={web.api_url}" for prefix in web.prefixes]
        if mirrors:
            values["VAEHUB_MIRRORS"] = " ".join(mirrors)
        for host in login:
            values[TOKEN_VARIABLES[host][0]] = self.tokens[host]
        return values

    @property
    def mirror(self) -> str:
        """Base of the mirror tree."""
        return self._hosts["mirror"].api_url

    def faults(self, host: str) -> Faults:
        """Give the switches of a host."""
        return self._hosts[host].faults

    def reset(self) -> None:
        """Switch all faults off and forget what was seen; what was published stays."""
        for host in self._hosts.values():
            host.faults.clear()
        self.requests.clear()
        self.leaks.clear()

    def seen(self, origin: str = "", *, method: str | None = None) -> list[Seen]:
        """Give the requests to origins whose role begins so: ``civitai``, ``civitai storage``."""
        return [
            seen
            for seen in self.requests
            if seen.origin.startswith(origin) and method in {None, seen.method}
        ]

    def bytes_sent(self, host: str) -> int:
        """Count the bytes of files that a host has sent."""
        role = self._hosts[host].bytes_role
        return sum(seen.sent for seen in self.seen(role) if seen.status in {200, 206})

    def _record(self, request: Request, seen: Seen) -> Response | None:
        """Put a request down; refuse a credential that came astray."""
        self.requests.append(seen)
        owner = next(host for host in self._hosts.values() if request.origin in host.origins)
        at_api = request.origin == owner.api_role and owner.name in TOKEN_VARIABLES
        carried = any(name in request.headers for name in _CREDENTIAL_HEADERS)
        for host, token in self.tokens.items():
            in_headers = any(token in value for value in request.headers.values())
            in_open = token in request.raw_query or token in request.path
            if in_open or (in_headers and not (at_api and host == owner.name)):
                carried = True
                break
        else:
            carried = carried and not at_api
        if not carried:
            return None
        self.leaks.append(seen)
        if at_api:
            return None
        return storage_error(
            400, "InvalidRequest", "Missing x-amz-content-sha256, or a header not expected"
        )


def _name(locator: Mapping[str, str | int]) -> str:
    for key in ("path", "asset", "url"):
        if key in locator:
            return str(locator[key]).partition("?")[0].rpartition("/")[2]
    return "model.safetensors"
