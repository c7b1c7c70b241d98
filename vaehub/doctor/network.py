"""Ask the hosts, the mirrors among them, for a sign of life: one HEAD each, all at once.

Any answer counts: what a host says to its front page being asked is no word on its files. Sends no
token.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.errors import SourceError
from vaehub.transfer.addresses import safe_url
from vaehub.transfer.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.settings import Settings
    from vaehub.transfer.session import Session

State = Literal["reachable", "unreachable", "in trouble", "not asked"]

SHORT = Patience(connect=4, read=6, attempts=1)
_TROUBLE = 500


class Sign(NamedTuple):
    """What came of asking one address."""

    state: State
    status: int | None = None
    seconds: float | None = None
    message: str | None = None
    """Why there was no answer, or why nobody asked."""
    hint: str | None = None


class Host(NamedTuple):
    """One host, or one mirror, as the user's settings have it."""

    name: str
    address: str
    """Without anything secret."""
    yours: bool
    """The user set the address."""
    token: str | None
    """Who holds the token; None where there is none."""
    sign: Sign


def addresses(settings: Settings) -> Mapping[str, str]:
    """Give the address of each host and mirror by what it is called."""
    from vaehub.settings import DEFAULT_ENDPOINTS

    found = {host: settings.endpoint(host) for host in DEFAULT_ENDPOINTS}
    for mirror in settings.mirrors:
        found[f"mirror {safe_url(mirror.base)}"] = mirror.base
    return found


def look(settings: Settings, *, ask: bool) -> tuple[Host, ...]:
    """Say of each host where it is asked, whose token it gets, and whether it answers.

    Args:
        settings: The user's settings.
        ask: Whether to ask at all; nobody is asked offline in any case.
    """
    wanted = addresses(settings)
    signs = _signs(wanted, settings) if ask and not settings.offline else {}
    why = "VAEHUB_OFFLINE is set" if settings.offline else "--no-network"
    hosts = []
    for name, address in wanted.items():
        hosts.append(
            Host(
                name=name,
                address=safe_url(address),
                yours=name in settings.user_endpoints or name.startswith("mirror "),
                token=_holder(name, settings),
                sign=signs.get(name, Sign("not asked", message=why)),
            )
        )
    return tuple(hosts)


def _holder(host: str, settings: Settings) -> str | None:
    try:
        token = settings.find_token(host)
    except OSError:  # a login of the Hub's that only another user may read; said elsewhere
        return None
    return token.place if token is not None else None


def _signs(wanted: Mapping[str, str], settings: Settings) -> dict[str, Sign]:
    from concurrent.futures import ThreadPoolExecutor

    from vaehub.transfer.session import Session

    asked = dict(wanted)
    silent = {}
    if settings.hub_offline:
        asked.pop("huggingface")
        silent["huggingface"] = Sign("not asked", message="HF_HUB_OFFLINE is set")
    with (
        Session(settings, patience=SHORT) as session,
        ThreadPoolExecutor(len(asked), "vaehub doctor") as pool,
    ):
        signs = pool.map(lambda address: _sign(address, session), asked.values())
        return silent | dict(zip(asked, signs, strict=True))


def _sign(address: str, session: Session) -> Sign:
    began = time.monotonic()
    try:
        with session.request("HEAD", address, follow=False) as response:
            status = response.status_code
    except SourceError as error:
        return Sign("unreachable", message=error.message, hint=error.hint)
    seconds = time.monotonic() - began
    if status >= _TROUBLE:
        return Sign("in trouble", status, seconds, f"{safe_url(address)} answers with {status}")
    return Sign("reachable", status, seconds)
