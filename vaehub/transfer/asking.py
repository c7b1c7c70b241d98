"""One source, and the patience that is had with it.

Knows what an answer means for a source: ask again, at a new address, later, or never. Knows nothing
of files and threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.settings import DEFAULT_ENDPOINTS, origin
from vaehub.transfer.declared import Expected, expected
from vaehub.transfer.patience import PASSING, retry_after
from vaehub.transfer.stream import Refused

if TYPE_CHECKING:
    from vaehub.errors import SourceError, SourceUnreachable, VaehubError
    from vaehub.hosts.base import Host
    from vaehub.model import Artifact, Download, Source
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session

_EXPIRED = frozenset({400, 401, 403})
"""What storages say to an address whose signature has run out."""
_WORTH_A_WORD = 2.0
"""Seconds of waiting from which on a person should know why nothing happens."""
_BLINKS = frozenset({"civitai"})
"""Hosts whose 404 has been seen to pass: Civitai gives it when its storage does not answer."""


class Asked:
    """A source of one artifact, and how it has answered so far."""

    def __init__(
        self,
        source: Source,
        artifact: Artifact,
        *,
        session: Session,
        settings: Settings,
        listener: Listener,
    ) -> None:
        self.source = source
        self.label = source.host
        self.failed: VaehubError | None = None
        """Why it is asked no more."""
        self.serves_ranges = True
        """Until it is seen not to."""
        self.wants_whole = False
        """Whether it refused a range, and may serve the whole file."""
        self.ended_early = False
        """Whether its last answer broke off."""
        self.not_before = 0.0
        """When it may be asked again, on the monotonic clock, if anybody else can be asked."""
        self.trouble: SourceError | None = None
        """What was the matter last."""
        self._artifact = artifact
        self._session = session
        self._settings = settings
        self._listener = listener
        self._failures = self._expired = self._missing = 0

    @property
    def host(self) -> Host:
        """The host that it lies on.

        Raises:
            SourceUnusable: nobody knows that host.
        """
        from vaehub import hosts

        return hosts.get(self.source.host)

    @property
    def server(self) -> str:
        """Whoever its connections are counted for.

        A host, wherever it has its storages; mirrors and plain addresses are each their own.
        """
        address = self.source.locator.get("base") or self.source.locator.get("url")
        return origin(str(address)) if address else self.source.host

    def name(self) -> None:
        """Find out what the source is called.

        Raises:
            SourceUnusable: nobody knows that host, or the source is not whole.
        """
        self.label = self.host.label(self.source)

    def locate(self) -> tuple[Download, Expected]:
        """Find out where the bytes are now, and what they must be.

        Raises:
            SourceError, IntegrityError: as the classes say.
        """
        download = self.host.locate(
            self.source, self._artifact, session=self._session, settings=self._settings
        )
        return download, expected(self._artifact, download)

    def judge(
        self, error: SourceUnreachable | Refused, download: Download, *, progressed: bool
    ) -> float:
        """Decide what follows from a failure.

        Args:
            error: What happened.
            download: Where it happened.
            progressed: Whether bytes had come since the last failure.

        Returns:
            Seconds to wait before the source is located and asked anew.

        Raises:
            SourceError: it is asked no more; says why.
        """
        said: SourceError
        asked_to_wait: float | None = None
        if isinstance(error, Refused):
            if progressed:
                self._expired = 0  # that address did serve: it has run out since
            status = error.refusal.status
            said = self.host.explain(self.source, error.refusal, settings=self._settings)
            if status in _EXPIRED and self._is_storage(download, error):
                self._expired += 1
                if self._expired > 1:
                    raise said
                return 0.0
            if status == 404 and self.source.host in _BLINKS:
                self._missing += 1
                if self._missing > 1:
                    raise said
            elif status not in PASSING:
                raise said
            asked_to_wait = retry_after(error.refusal.headers)
        else:
            said = error
        self.trouble = said
        if progressed:
            self._failures = 0
        self._failures += 1
        pause = self._session.patience.wait(self._failures, retry_after=asked_to_wait)
        if pause is None:
            raise said
        return pause

    def wait(self, pause: float) -> None:
        """Wait before it is asked anew; a person is told where that takes long."""
        if pause >= _WORTH_A_WORD and self.trouble is not None:
            self._listener.note(f"{self.trouble.message}; trying again in {pause:.0f} s")
        if pause:
            self._session.sleep(pause)

    def _is_storage(self, download: Download, refused: Refused) -> bool:
        """Tell whether a storage refused a signed address, and not the host the file."""
        if refused.redirected or self.source.host not in DEFAULT_ENDPOINTS:
            return refused.redirected
        return origin(download.url) != origin(self._settings.endpoint(self.source.host))
