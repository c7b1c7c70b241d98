"""``vaehub doctor``: what a UI will not list or load, and what this machine lacks."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import lang
from vaehub.cli import terminal, words
from vaehub.cli.call import Call, as_command, targets_option
from vaehub.cli.declared import option
from vaehub.cli.output import Block, Result
from vaehub.cli.redaction import redact
from vaehub.cli.tables import NOTHING, Column, Fact, Styled, Table
from vaehub.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vaehub.doctor.facts import Examined, Place, Seen
    from vaehub.doctor.fixing import Fix, Fixed
    from vaehub.doctor.machine import Machine
    from vaehub.doctor.network import Host
    from vaehub.doctor.report import Diagnosis
    from vaehub.model import Problem

_LABEL = 13
"""Cells of a label."""
_MEND = "to mend it"
_WORTH_SAYING = 1_000_000_000
"""Bytes that take a slow disk more than a few seconds to read."""


@as_command(
    "doctor",
    examples=[
        ("vaehub doctor", "the UI that the current folder lies in, and this machine"),
        ("vaehub doctor --to ~/ComfyUI --no-network", "another one; no host is asked"),
        ("vaehub doctor --json | jq '.problems[].hint'", "the commands that mend, for a script"),
        ("vaehub doctor --torch", "also: which device would a smoke test use?"),
        ("vaehub doctor --fix", "mend what vaehub placed, asking before each step"),
    ],
)
@targets_option
@option("--no-network", help="Ask no host for a sign of life.")
@option("--torch", help="Import torch, and say which device a smoke test would use.")
@option("--fix", help="Mend what can be mended among what vaehub placed; ask before each step.")
@option("--yes", help="With --fix: do not ask.")
def command(
    call: Call, *, to: tuple[str, ...], no_network: bool, torch: bool, fix: bool, yes: bool
) -> Result:
    """Say what a UI will not list or load, and what is missing here.

    Looks at every file in the VAE folders of the target: does the UI list it, and under which name;
    would it load it; is it a sound VAE; which of the catalog is it. Then at the store, the tokens,
    the hosts and torch. Each finding comes with the command that mends it. Without --fix nothing is
    changed; with it, nothing of yours. Exit code 9: a file cannot be used; 7: the target cannot.
    """
    from vaehub import api
    from vaehub.catalog import load_catalogs
    from vaehub.doctor import report

    if yes and not fix:
        raise UsageError("--yes without --fix", hint="vaehub doctor --fix --yes")
    if fix and not (yes or call.can_ask):
        raise UsageError(
            "--fix asks before each step, and nobody is there to answer",
            hint="--yes does all of them",
        )
    catalogs = load_catalogs(call.settings, keep=False)
    call.notes += catalogs.problems

    def hashing(files: int, size: int) -> None:
        if size >= _WORTH_SAYING and not (call.quiet or call.as_json):
            count = words.count(files, "file")
            terminal.mention(f"hashing {count} ({words.size(size)}), to tell what they are ...")

    def may_fix(one: Fix) -> bool:
        return yes or terminal.ask(f"{one.where} [{one.code}]: {one.what}?")

    with call.progress() if fix else nullcontext() as listener:
        found = api.doctor(
            to or None,
            network=not no_network,
            torch=torch,
            hashing=hashing,
            may_fix=may_fix if fix else None,
            settings=call.settings,
            catalogs=catalogs,
            listener=listener,
        )
    targets = (
        report.target_json(one, found.machine, fixed=found.fixed.get(one.target.root, ()))
        for one in found.targets
    )
    return Result(
        "doctor",
        results=(*targets, report.machine_json(found.machine)),
        problems=found.problems,
        exit_code=found.exit_code,
        text=lambda: _text(found, catalogs.problems),
        is_report=True,
        problems_in_text=not call.quiet,
    )


def _text(found: Diagnosis, notes: Sequence[Problem]) -> Iterator[Block]:
    for examined in found.targets:
        yield from _fixed(found.fixed.get(examined.target.root, ()))
        yield from _target(examined, found.machine)
        yield ""
        yield from _problems(examined.problems, examined.target.root)
    yield from _problems(found.failures)
    yield from _machine(found.machine)
    yield ""
    yield from _problems((*found.machine.problems, *notes))
    yield _sum(found)


def _problems(problems: Sequence[Problem], root: Path | None = None) -> Iterator[Block]:
    """Show problems by where they were found; a command stays on one line, for people copy it."""
    from vaehub.doctor import mending

    for where, group in groupby(problems, key=lambda problem: problem.where):
        if where is not None:
            yield (Styled(_shown(where, root), "bold"),)
        for problem in group:
            label, style = ("problem", "red") if problem.blocking else ("note", "")
            yield Fact(label, f"{lang.tell(redact(problem.message))} [{problem.code}]", style=style)
            if problem.hint:
                hint = redact(problem.hint)
                is_command = mending.is_command(hint)
                yield _command(hint) if is_command else Fact(_MEND, hint)
        yield ""


def _command(hint: str) -> Block:
    label = lang.tell_word(_MEND)
    return Styled("  " + label + " " * (_LABEL - words.width(label)), ""), Styled(hint, "")


def _shown(where: str, root: Path | None) -> str:
    path = Path(where)
    inside = root is not None and path != root and path.is_relative_to(root)
    return str(path.relative_to(root)) if inside and root is not None else where


def _fixed(fixed: Sequence[Fixed]) -> Iterator[Block]:
    for one in fixed:
        yield (Styled(one.where, "bold"),)
        if one.error is None:
            yield Fact("mended", f"{lang.tell(one.what)} [{one.code}]", style="green")
        else:
            yield Fact("not mended", redact(one.error.message), style="red")
    if fixed:
        yield ""


# A target


def _target(examined: Examined, machine: Machine) -> Iterator[Block]:
    from vaehub.doctor import report, sameness

    title = examined.layout.title
    title = lang.tell_word(title)
    yield (Styled(title[:1].upper() + title[1:], "bold"), f"  {examined.target.root}")
    for index, place in enumerate(examined.places):
        if place.own:
            yield Fact("" if index else "folders", _place(place, machine))
    if not examined.files:
        yield Fact("files", "none that could be a VAE")
        return
    wasted = sameness.wasted(examined.files)
    if wasted:
        yield Fact("duplicates", f"{words.size(wasted)} stand on the disk twice or more")
    columns = (
        Column("file", style="bold", least=16),
        Column(f"listed as in {title}" if examined.layout.is_ui else "listed as", least=12, rank=2),
        Column("what it is", least=12, rank=1),
        Column("size", right=True, rank=3),
        Column("state"),
    )
    yield Table(
        columns,
        tuple(
            (
                _name(seen),
                seen.listed_as or NOTHING,
                report.what(seen) or NOTHING,
                words.size(seen.size) if seen.size is not None else NOTHING,
                report.state(seen, examined),
            )
            for seen in examined.files
        ),
    )


def _name(seen: Seen) -> str:
    inside = seen.path.relative_to(seen.folder) if seen.path.is_relative_to(seen.folder) else None
    return str(inside or seen.path)


def _place(place: Place, machine: Machine) -> str:
    from vaehub.doctor import report

    if place.state == "absent":
        return f"{place.folder}: not there yet"
    if place.state == "unusable":
        return f"{place.folder} {place.trouble}"
    told = [
        words.size(place.free) + " free" if place.free is not None else "",
        "" if place.writable else "read-only",
        {True: "same file system as the store", False: "not the file system of the store"}.get(
            report.linked(place, machine) or False, ""
        )
        if report.linked(place, machine) is not None
        else "",
    ]
    return f"{place.folder}: {', '.join(part for part in told if part)}"


# This machine


def _machine(machine: Machine) -> Iterator[Block]:
    yield (Styled(lang.tell_word("This machine"), "bold"), f"  {machine.system}")
    yield Fact("vaehub", f"{machine.vaehub}, Python {machine.python}")
    store = machine.store
    told = [
        f"{words.size(store.size)} in it" if store.exists else "not there yet",
        f"{words.size(store.unfinished)} on the way" if store.unfinished else "",
        f"{words.size(store.free)} free" if store.free is not None else "",
        "" if store.writable else "read-only",
    ]
    yield Fact("store", f"{store.path}: {', '.join(part for part in told if part)}")
    for host in machine.hosts:
        is_mirror = host.name.startswith("mirror ")
        yield Fact("mirror" if is_mirror else host.name, _host(host), style=_style(host))
    for scheme, address in machine.proxies.items():
        yield Fact("proxy", f"{address} for {scheme}")
    yield Fact("torch", _torch(machine))


def _host(host: Host) -> str:
    sign = host.sign
    state = f"{sign.state} ({sign.message})" if sign.state == "not asked" else sign.state
    if sign.seconds is not None:
        state += f" in {sign.seconds * 1000:.0f} ms"
    told = [state, f"at {host.address}" if host.yours else ""]
    told.append(f"token: {host.token}" if host.token else "")
    return "; ".join(part for part in told if part)


def _style(host: Host) -> str:
    return {"reachable": "", "not asked": ""}.get(host.sign.state, "yellow")


def _torch(machine: Machine) -> str:
    if machine.torch is None:
        return "not installed; `vaehub smoke` needs it: pip install 'vaehub[smoke]'"
    with_diffusers = f"diffusers {machine.diffusers}" if machine.diffusers else "no diffusers"
    told = [machine.torch, with_diffusers, f"device: {machine.device}" if machine.device else ""]
    return "; ".join(part for part in told if part)


def _sum(found: Diagnosis) -> str:
    files = [(one, examined) for examined in found.targets for one in examined.files]
    bad = sum(any(problem.blocking for problem in examined.of(one)) for one, examined in files)
    if not files:
        return "no file was there to be looked at"
    sound = words.count(len(files) - bad, "file")
    return f"{sound} can be used, {bad} cannot" if bad else f"{sound} can be used"
