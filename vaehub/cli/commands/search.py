"""``vaehub search``: find VAEs by name, model or purpose."""

from __future__ import annotations

from vaehub.cli import rows
from vaehub.cli.call import Call, as_command, to_option
from vaehub.cli.declared import argument
from vaehub.cli.output import Result
from vaehub.errors import EntryNotFound


@as_command(
    "search",
    examples=[
        ("vaehub search anime", "by purpose"),
        ("vaehub search illustrious", "by the model that it goes with"),
        ("vaehub search orangemix.vae.pt", "by a file name under which it goes around"),
    ],
)
@argument("words", metavar="TEXT...", many=True)
@to_option
def command(call: Call, *, words: tuple[str, ...], to: str | None) -> Result:
    """Find VAEs by name, model or purpose.

    The best match comes first. Looks at ids, titles, aliases, file names, tags, models, digests and
    the summaries in both languages.
    """
    text = " ".join(words)
    entries = call.catalogs.search(text)
    if not entries:
        raise EntryNotFound(
            f"nothing in the catalogs matches {text!r}",
            hint="try fewer letters or a family such as sd1 or sdxl; `vaehub list` shows all",
        )
    here = rows.look_around(call, to)
    return Result(
        "search",
        results=tuple(rows.entry_json(entry, here) for entry in entries),
        text=lambda: [rows.entry_table(entries, here)],
    )
