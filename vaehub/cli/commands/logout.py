"""``vaehub logout``: forget the token of a host."""

from __future__ import annotations

from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument
from vaehub.cli.output import Result
from vaehub.model import Problem


@as_command(
    "logout",
    examples=[("vaehub logout civitai", "what `vaehub login civitai` kept is gone")],
)
@argument("host", metavar="HOST", completes="login")
def command(call: Call, *, host: str) -> Result:
    """Forget the token of a host.

    Only what `vaehub login` kept is removed; a variable or the Hub's own login stays, and is named.
    """
    from vaehub import logins, tokens

    done = logins.log_out(logins.host_called(host), settings=call.settings)
    notes = []
    if done.still is not None:
        who = tokens.WORDS.get(done.still, done.still)
        what = f"there is still a token for {done.host}: {who}"
        notes.append(Problem("still-logged-in", what, blocking=False))
    gone = " and ".join(tokens.WORDS[place] for place in done.removed_from)
    return Result(
        "logout",
        results=(
            {
                "host": done.host,
                "removed_from": list(done.removed_from),
                "still": done.still,
            },
        ),
        problems=tuple(notes),
        text=lambda: [
            f"{done.host}: the token is removed from {gone}"
            if gone
            else f"{done.host}: vaehub keeps no token"
        ],
        is_report=True,
    )
