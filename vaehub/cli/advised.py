"""What an install takes from a picture or a checkpoint instead of names on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import EntryAmbiguous, EntryNotFound, UsageError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaehub.cli.call import Call
    from vaehub.cli.output import Block
    from vaehub.insight.explaining import Explained
    from vaehub.insight.weighing import Weighed


class Wanted(NamedTuple):
    """What is to be installed, and where to."""

    names: tuple[str, ...]
    """None: there is nothing to do."""
    to: tuple[str, ...] = ()
    checkpoint: str | None = None
    """With which checkpoint a UI is to take it by itself."""


def wanted(
    call: Call,
    given: tuple[str, ...],
    *,
    to: tuple[str, ...],
    checkpoint: str | None,
    image: str | None,
    of_checkpoint: str | None,
) -> Wanted:
    """Give what is to be installed: the names given, or what a picture or a checkpoint leads to.

    What was found is shown first; in JSON it becomes an advisory problem.

    Args:
        call: The run.
        given: Names on the command line.
        to: Targets on the command line; they go before what is advised.
        checkpoint: That of ``--for``; as ``to``.
        image: The picture of ``--from-image``.
        of_checkpoint: The checkpoint of ``--from-checkpoint``.

    Raises:
        UsageError: there is not exactly one of names, picture and checkpoint.
        EntryNotFound: it leads to no VAE that would help.
        EntryAmbiguous: it leads to several.
        IntegrityError: it is no picture, or no checkpoint.
    """
    said = {"--from-image": image, "--from-checkpoint": of_checkpoint}
    asked = [option for option, value in said.items() if value is not None]
    if not asked and not given:
        raise UsageError("no VAE was named", hint="vaehub list shows all of them")
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} do not go together", hint="run it once for each")
    if asked and given:
        raise UsageError(
            f"names and {asked[0]} do not go together", hint=f"vaehub install {given[0]}"
        )
    if image is not None:
        return Wanted((_of_image(call, image),), to, checkpoint)
    if of_checkpoint is None:
        return Wanted(given, to, checkpoint)
    found = _of_checkpoint(call, of_checkpoint)
    advice = found.counsel
    if advice.name is None:
        return Wanted(())
    if to or checkpoint is not None or advice.to is None:
        return Wanted((advice.name,), to, checkpoint)
    if advice.with_checkpoint:
        return Wanted((advice.name,), to, str(found.path.absolute()))
    return Wanted((advice.name,), (str(advice.to),))


def _of_image(call: Call, image: str) -> str:
    from vaehub import api
    from vaehub.cli.commands import explain

    found = api.explain(image, catalogs=call.catalogs)
    if not (call.as_json or call.quiet):
        _show(explain.text(found))
    if found.to_install is None:
        raise _undecided(found)
    if call.as_json:
        message = f"the picture leads to {found.to_install}"
        call.notes.append(Problem("from-image", message, where=image, blocking=False))
    return found.to_install


def _of_checkpoint(call: Call, path: str) -> Weighed:
    """Weigh a checkpoint, and show what was found.

    Raises:
        UsageError: there is no such file.
        EntryNotFound: what to do about it is for a person to decide.
        IntegrityError: it is no model.
    """
    from vaehub import api
    from vaehub.cli import weighed

    if Path(path).expanduser().is_dir():
        raise UsageError(f"{path} is a folder", hint=f"vaehub which --all {path}")
    with call.progress() as listener:
        report = api.which(
            [path], settings=call.settings, catalogs=call.catalogs, listener=listener
        )
    if report.failed:
        raise report.failed[0].error
    (found,) = report.files
    if not (call.as_json or call.quiet):
        _show(weighed.full(found))
    if call.as_json:
        call.notes += report.problems
    advice = found.counsel
    if not advice.is_sure:
        raise EntryNotFound(
            f"nothing in {path} leads to a VAE for sure; {found.because}",
            hint=next((step.command for step in advice.steps if step.command), None)
            or f"vaehub which {path}",
        )
    leads = f"leads to {advice.name}" if advice.name is not None else "needs no other VAE"
    code = "from-checkpoint" if advice.name is not None else "nothing-to-do"
    if call.as_json or advice.name is None:
        message = f"{found.path.name} {leads}: {found.because}"
        call.notes.append(Problem(code, message, where=path, blocking=False))
    return found


def _undecided(found: Explained) -> EntryNotFound | EntryAmbiguous:
    path = found.picture.path
    labels = list(dict.fromkeys(file.label for one in found.recognised for file in one.candidates))
    seen = f"nothing in {path} leads to a VAE that would help for sure; {found.seen}"
    if len(labels) > 1:
        hint = f"install the one you mean: `vaehub install {labels[0]}`"
        return EntryAmbiguous(f"{seen}; it may be {', '.join(labels[:6])}", hint=hint)
    hint = f"vaehub explain {path}" if not labels else f"vaehub install {labels[0]}"
    return EntryNotFound(f"{seen}; it may be {labels[0]}" if labels else seen, hint=hint)


def _show(blocks: Iterable[Block]) -> None:
    from vaehub import lang
    from vaehub.cli import terminal
    from vaehub.cli.tables import Fact, Table, lay_out_fact

    room = terminal.columns(sys.stderr)
    for block in blocks:
        if isinstance(block, Fact):
            fact = Fact(lang.tell_word(block.label), lang.tell(block.text), block.style)
            for line in lay_out_fact(fact, room=room):
                terminal.show(line, to=sys.stderr)
        elif not isinstance(block, Table):
            terminal.show(block, to=sys.stderr)
