"""Log in at a host and out again: a token is checked there, and kept.

Knows the order of things: look at the token, ask its host, keep it. How a host is asked stands in
:mod:`vaehub.hosts`, where tokens are kept in :mod:`vaehub.tokens`. A token that its host refuses is
not kept; one that nobody can check is, and that is said. No message holds a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub import hosts, tokens
from vaehub.errors import LoginRequired, SourceError, UsageError
from vaehub.hosts import base
from vaehub.settings import TOKEN_VARIABLES

if TYPE_CHECKING:
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session


class Checked(NamedTuple):
    """What a host said of a token that it did not refuse."""

    account: str | None
    """Whose it is, where the host tells."""
    doubt: SourceError | None
    """Why nobody could check it; None: the host takes it."""


class LoggedIn(NamedTuple):
    """A token that is kept now."""

    host: str
    checked: Checked
    place: str
    """Where it is kept: one of the places of :mod:`vaehub.tokens`."""
    overruled_by: str | None
    """Who holds another token that comes first; None: this one is in force."""


class LoggedOut(NamedTuple):
    """What became of the token of a host."""

    host: str
    removed_from: tuple[str, ...]
    """Nothing where there was none of ours."""
    still: str | None
    """Who holds a token all the same."""


def host_called(name: str) -> str:
    """Give the host that a person means.

    Raises:
        UsageError: no host of that name knows tokens. The name is not repeated: where somebody
            forgot the host, it is a token.
    """
    import difflib

    host = name.strip().casefold()
    if host in TOKEN_VARIABLES:
        return host
    close = difflib.get_close_matches(host, TOKEN_VARIABLES, n=1)
    question = f"; did you mean {close[0]}?" if close else ""
    raise UsageError(
        f"there is no login for a host of that name{question}",
        hint=f"there is one for {', '.join(TOKEN_VARIABLES)}",
    )


def check(host: str, token: str, *, session: Session) -> Checked:
    """Ask a host about a token.

    Raises:
        UsageError: what is there is no token.
        LoginRequired: the host refuses it.
    """
    if not base.sendable(token):
        raise UsageError(
            f"what was given is no token of {host}: a token is one word of letters, digits and "
            "signs",
            hint=hosts.with_login(host).TOKEN_FROM,
        )
    try:
        account = hosts.with_login(host).account(token, session=session, settings=session.settings)
    except LoginRequired:
        raise
    except SourceError as error:
        return Checked(None, error)
    return Checked(account, None)


def log_in(host: str, token: str, *, session: Session) -> LoggedIn:
    """Check a token and keep it.

    Raises:
        UsageError: what is there is no token.
        LoginRequired: the host refuses it; nothing is kept.
        TargetNotUsable: it cannot be kept.
    """
    settings = session.settings
    checked = check(host, token, session=session)
    place = tokens.keep(host, token, state=settings.state)
    found = settings.find_token(host)
    in_force = found is not None and found.secret.reveal() == token
    return LoggedIn(host, checked, place, None if in_force or found is None else found.place)


def log_out(host: str, *, settings: Settings) -> LoggedOut:
    """Forget the token of a host, as far as vaehub keeps it.

    Raises:
        TargetNotUsable: it cannot be removed.
    """
    removed = tokens.forget(host, state=settings.state)
    still = settings.find_token(host)
    return LoggedOut(host, removed, still.place if still is not None else None)
