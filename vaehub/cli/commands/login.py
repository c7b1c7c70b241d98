"""``vaehub login``: keep the token of a host."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from vaehub import lang
from vaehub.cli import terminal
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument, option
from vaehub.cli.output import Result
from vaehub.errors import LoginRequired, UsageError
from vaehub.model import Problem

if TYPE_CHECKING:
    from vaehub.logins import Checked, LoggedIn
    from vaehub.transfer.session import Session

_LONGEST = 1 << 14
"""Characters; no host's token comes near."""


@as_command(
    "login",
    examples=[
        ("vaehub login civitai", "asks for the token, without showing it"),
        ("vaehub login huggingface --with-token < token.txt", "from a file, for a script"),
    ],
)
@argument("words", metavar="HOST", many=True, completes="login")
@option("--with-token", help="Read the token from standard input instead of asking for it.")
def command(call: Call, *, words: tuple[str, ...], with_token: bool) -> Result:
    """Keep the token of a host.

    HOST is civitai, huggingface, liblib or modelscope. The token is asked for, checked there, and
    kept in the system keyring, or where there is none in a file that only you can read. A token is
    never an argument, where others could see it.
    """
    from vaehub import logins
    from vaehub.transfer.patience import Patience
    from vaehub.transfer.session import Session

    host = _host(words)
    with Session(call.settings, patience=Patience(attempts=2)) as session:
        if host == "huggingface" and not with_token:
            there = _of_the_hub(session)
            if there is not None:
                return there
        return _reported(logins.log_in(host, _token(call, host, with_token), session=session))


def _host(words: tuple[str, ...]) -> str:
    from vaehub import logins

    if len(words) > 1:  # click would repeat it
        raise UsageError(
            "a token is never an argument: others could see it, and the shell remembers it",
            hint="leave it out and it is asked for, or pipe it: --with-token < FILE. This one has "
            "been seen: better make a new one",
        )
    return logins.host_called(words[0])


def _token(call: Call, host: str, with_token: bool) -> str:
    from vaehub import hosts

    if with_token and not terminal.is_terminal(sys.stdin):
        return _piped()
    if not call.can_ask:
        raise UsageError(
            "nobody is here to be asked for the token",
            hint=f"pipe it: vaehub login {host} --with-token < FILE",
        )
    how = hosts.with_login(host).TOKEN_FROM
    what = f"{how[0].upper()}{how[1:]}, and paste it here."
    terminal.show(lang.tell(what), to=sys.stderr)
    try:
        token = terminal.ask_secret("Token (it is not shown): ")
    except OSError:
        raise UsageError(
            "this terminal cannot be kept from showing what is typed",
            hint=f"pipe the token: vaehub login {host} --with-token < FILE",
        ) from None
    if token is None:
        raise UsageError("no token was given; nothing has changed")
    return token


def _piped() -> str:
    try:
        text = sys.stdin.read(_LONGEST) if sys.stdin is not None else ""
    except ValueError:  # no text at all; the error would hold it
        text = "\0"
    token = text.strip()
    if not token:
        raise UsageError(
            "standard input holds no token", hint="vaehub login HOST --with-token < FILE"
        )
    return token


def _of_the_hub(session: Session) -> Result | None:
    """Tell of the Hub's own login, where there is one: it comes before ours, and serves."""
    from vaehub import logins, tokens

    found = session.settings.find_token("huggingface")
    if found is None or found.place != tokens.HUB:
        return None
    try:
        checked = logins.check("huggingface", found.secret.reveal(), session=session)
    except (LoginRequired, UsageError):
        raise LoginRequired(
            "you are logged in with the Hub's own client, and the Hub does not accept that token",
            hint="log in there again: hf auth login",
        ) from None
    return Result(
        "login",
        results=(_as_json("huggingface", checked, found.place, None),),
        problems=_doubt(checked),
        text=lambda: [
            f"huggingface: {_words(checked)} with the Hub's own client (hf auth login), "
            "whose token vaehub uses; nothing to do"
        ],
        is_report=True,
    )


def _reported(done: LoggedIn) -> Result:
    from vaehub import tokens

    problems = list(_doubt(done.checked))
    if done.overruled_by is not None:
        problems.append(
            Problem(
                "overruled",
                f"another token for {done.host} comes first: "
                f"{tokens.WORDS.get(done.overruled_by, done.overruled_by)}",
                blocking=False,
                hint=f"take that one away: {_how_to_take_away(done.overruled_by)}",
            )
        )
    return Result(
        "login",
        results=(_as_json(done.host, done.checked, done.place, done.overruled_by),),
        problems=tuple(problems),
        text=lambda: [
            f"{done.host}: {_words(done.checked)}; the token is kept in {tokens.WORDS[done.place]}"
        ],
        is_report=True,
    )


def _how_to_take_away(place: str) -> str:
    from vaehub import tokens

    if place == tokens.HUB:
        return "hf auth logout"
    return "with the keyring's own program" if place == tokens.KEYRING else f"unset {place}"


def _words(checked: Checked) -> str:
    if checked.doubt is not None:
        return "not checked"
    return f"logged in as {checked.account}" if checked.account else "logged in"


def _doubt(checked: Checked) -> tuple[Problem, ...]:
    if checked.doubt is None:
        return ()
    told = f"the token was not checked: {checked.doubt.message}"
    return (Problem("login-not-checked", told, blocking=False, hint=checked.doubt.hint),)


def _as_json(host: str, checked: Checked, place: str, overruled_by: str | None) -> dict[str, Any]:
    return {
        "host": host,
        "account": checked.account,
        "checked": checked.doubt is None,
        "kept_in": place,
        "overruled_by": overruled_by,
    }
