"""What an install takes from an explanation instead of from names on the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vaehub.errors import EntryAmbiguous, EntryNotFound, UsageError
from vaehub.model import Problem

if TYPE_CHECKING:
    from vaehub.cli.call import Call
    from vaehub.insight.explaining import Explained


def names(call: Call, given: tuple[str, ...], *, image: str | None) -> tuple[str, ...]:
    """Give what is to be installed: the names given, or what an explanation advises.

    The explanation is shown first; in JSON it becomes an advisory problem.

    Args:
        call: The run.
        given: Names on the command line.
        image: The picture of ``--from-image``.

    Raises:
        UsageError: there are neither names nor a picture, or both.
        EntryNotFound: the picture leads to no VAE that would help.
        EntryAmbiguous: it leads to several.
    """
    if image is None:
        if not given:
            raise UsageError("no VAE was named", hint="vaehub list shows all of them")
        return given
    if given:
        raise UsageError(
            "names and --from-image do not go together", hint=f"vaehub install {given[0]}"
        )
    from vaehub import api

    found = api.explain(image, catalogs=call.catalogs)
    if not (call.as_json or call.quiet):
        _show(found)
    if found.to_install is None:
        raise _undecided(found)
    if call.as_json:
        message = f"the picture leads to {found.to_install}"
        call.notes.append(Problem("from-image", message, where=image, blocking=False))
    return (found.to_install,)


def _undecided(found: Explained) -> EntryNotFound | EntryAmbiguous:
    path = found.picture.path
    labels = list(dict.fromkeys(file.label for one in found.recognised for file in one.candidates))
    seen = f"nothing in {path} leads to a VAE that would help for sure; {found.seen}"
    if len(labels) > 1:
        hint = f"install the one you mean: `vaehub install {labels[0]}`"
        return EntryAmbiguous(f"{seen}; it may be {', '.join(labels[:6])}", hint=hint)
    hint = f"vaehub explain {path}" if not labels else f"vaehub install {labels[0]}"
    return EntryNotFound(f"{seen}; it may be {labels[0]}" if labels else seen, hint=hint)


def _show(found: Explained) -> None:
    from vaehub import lang
    from vaehub.cli import terminal
    from vaehub.cli.commands import explain
    from vaehub.cli.tables import Fact, Table, lay_out_fact

    room = terminal.columns(sys.stderr)
    for block in explain.text(found):
        if isinstance(block, Fact):
            fact = Fact(lang.tell_word(block.label), lang.tell(block.text), block.style)
            for line in lay_out_fact(fact, room=room):
                terminal.show(line, to=sys.stderr)
        elif not isinstance(block, Table):
            terminal.show(block, to=sys.stderr)
