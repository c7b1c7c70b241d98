"""Find out the sha256 of what a catalog does not pin: the hosts say it, or the lock before did.

Asks hosts, and decides nothing else of a lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub import hosts
from vaehub.errors import NoSourceDelivered, NotPinned, VaehubError
from vaehub.provision.locking import allowed_sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.model import Artifact, Source
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Policy
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session


def with_hosts(
    policy: Policy, before: Lock | None, *, session: Session, settings: Settings
) -> Callable[[Artifact], Artifact]:
    """Give what pins an artifact; see :func:`pin`.

    Args:
        policy: Says which hosts may be asked, and in which order.
        before: The lock until now, which is believed where no host answers.
        session: For requests.
        settings: The user's settings.
    """

    def ask(source: Source, artifact: Artifact) -> Artifact | None:
        told = hosts.get(source.host).locate(source, artifact, session=session, settings=settings)
        if told.sha256 is None:
            return None
        size = told.size if told.size is not None else artifact.size
        return artifact._replace(sha256=told.sha256, size=size, evidence="host")

    return lambda artifact: pin(artifact, policy, before, ask)


def pin(
    artifact: Artifact,
    policy: Policy,
    before: Lock | None,
    ask: Callable[[Source, Artifact], Artifact | None],
) -> Artifact:
    """Give an artifact with its sha256.

    Args:
        artifact: The artifact.
        policy: Says which hosts may be asked, and in which order.
        before: The lock until now.
        ask: Asks one source; None where it does not say.

    Raises:
        NoSourceDelivered: none says it now; tells each one's reason.
        NotPinned: none of them ever does.
    """
    sources = allowed_sources(artifact, policy)
    attempts: list[tuple[str, VaehubError]] = []
    for source in sources:
        try:
            told = ask(source, artifact)
        except VaehubError as error:
            attempts.append((hosts.get(source.host).label(source), error))
        else:
            if told is not None:
                return told
    message = (
        f"the catalog does not know the sha256 of {artifact.name}, and no host that the policy "
        "allows says it now"
    )
    hint = "run it again when a host answers, or take another variant"
    if not attempts:
        raise NotPinned(message, hint=hint)
    known = _locked_before(artifact, sources, before)
    if known is None:
        raise NoSourceDelivered(message, attempts=attempts, hint=hint)
    return known


def _locked_before(
    artifact: Artifact, sources: tuple[Source, ...], before: Lock | None
) -> Artifact | None:
    """Give an artifact as it was locked, if it is still to be had from the same sources."""
    for locked in () if before is None else before.artifacts():
        if (locked.name, locked.evidence, locked.sources) == (artifact.name, "host", sources):
            return artifact._replace(
                sha256=locked.sha256, size=locked.size, evidence=locked.evidence
            )
    return None
