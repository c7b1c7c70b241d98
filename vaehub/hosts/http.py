"""Plain HTTPS: an address, and nothing else.

Knows that such a server vouches for nothing: neither size nor hash is taken from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.hosts.base import Refusal, locator_text, verdict
from vaehub.model import Artifact, Download, Source
from vaehub.transfer.addresses import check_address, safe_url

if TYPE_CHECKING:
    from vaehub.errors import SourceError
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session


def label(source: Source) -> str:
    """Name the source by its address, without the query: that may be a signature."""
    return f"http {page(source)}"


def page(source: Source) -> str:
    """Give the address itself, without the query."""
    return safe_url(str(source.locator.get("url", "")))


def locate(
    source: Source,
    artifact: Artifact,
    *,
    session: Session,
    settings: Settings,
) -> Download:
    """Take the address as it stands.

    Raises:
        SourceUnusable: the address is not https, holds a user name, or is missing.
    """
    url = locator_text(source, "url")
    check_address(url, plain_http_origins=settings.plain_http_origins)
    return Download(url=url, label=label(source))


def explain(source: Source, refusal: Refusal, *, settings: Settings) -> SourceError:
    """Put into words why the server did not send the bytes."""
    return verdict(refusal.status, who=refusal.final_host, what=page(source), refusal=refusal)
