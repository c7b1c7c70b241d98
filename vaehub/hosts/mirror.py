"""A mirror that the user named: a tree of blobs by sha256, or copies of plain-HTTPS addresses.

Knows where a blob lies in such a tree. Vouches for nothing: the catalog's sha256 decides, as it
does everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.errors import SourceGone, SourceUnusable
from vaehub.hosts.base import Refusal, locator_text, verdict
from vaehub.model import Artifact, Download, Source
from vaehub.transfer.addresses import check_address, safe_url

if TYPE_CHECKING:
    from vaehub.errors import SourceError
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session


def label(source: Source) -> str:
    """Name the mirror by its address."""
    return f"mirror {page(source)}"


def page(source: Source) -> str:
    """Give the mirror's address."""
    return safe_url(str(source.locator.get("url") or source.locator.get("base", "")))


def locate(
    source: Source,
    artifact: Artifact,
    *,
    session: Session,
    settings: Settings,
) -> Download:
    """Build the address of the blob, or of the copy.

    Raises:
        SourceUnusable: the artifact has no sha256 to look under, or the address may not be asked.
    """
    if source.locator.get("url") is not None:
        url = locator_text(source, "url")
    elif artifact.sha256 is None:
        raise SourceUnusable(f"{artifact.name} has no known sha256 to find it by in a mirror")
    else:
        url = f"{locator_text(source, 'base')}/sha256/{artifact.sha256}"
    check_address(url, plain_http_origins=settings.plain_http_origins)
    return Download(url=url, label=label(source))


def explain(source: Source, refusal: Refusal, *, settings: Settings) -> SourceError:
    """Put into words why the mirror did not send the bytes."""
    if refusal.status == 404:
        return SourceGone(f"the {label(source)} does not hold this file")
    return verdict(refusal.status, who=f"the {label(source)}", what="this file", refusal=refusal)
