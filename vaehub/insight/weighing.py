"""Weigh checkpoints: whose VAE is in each, is it sound, and should another one take its place.

The order of things: the files are found, each is looked into (:mod:`vaehub.insight.baked`), its VAE
is held against all that are known by fingerprint, and then what to do is said
(:mod:`vaehub.insight.counsel`). Nothing is changed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.errors import CheckpointNotFound, IntegrityError, NamingError, TargetError
from vaehub.insight import counsel, here, quoted
from vaehub.insight.baked import Baked, look
from vaehub.insight.counsel import Counsel
from vaehub.insight.finding import SUFFIXES, Failed, Finding
from vaehub.insight.reading import Reading
from vaehub.model import Problem
from vaehub.targets import checkpoints, rivals
from vaehub.targets.layouts import layouts
from vaehub.weights.relation import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.insight.advising import Step
    from vaehub.insight.finding import Seen
    from vaehub.insight.kin import Candidate, Kin, Reader
    from vaehub.insight.mixing import Mix
    from vaehub.model import Entry, Target
    from vaehub.settings import Settings
    from vaehub.targets.rivals import Rival
    from vaehub.transfer.listener import Listener

Status = Literal[
    "sound",
    "damaged",
    "mixed",
    "other-family",
    "missing",
    "unknown",
    "no-checkpoint",
    "not-read",
]
"""``mixed``: its numbers lie between a known VAE and something else, as a merge leaves them;
``other-family``: it is a VAE, and of other latents than the checkpoint's."""
_DECODES_ALIKE = WHOLE | {"same-decoder"}
_GGUF = ".gguf"
_NOT_READ = (
    "this is a GGUF file, which vaehub does not read; mostly it is a diffusion model alone, and a "
    "UI needs a VAE beside it"
)


class Weighed(NamedTuple):
    """What is known of one checkpoint."""

    path: Path
    size: int
    status: Status
    because: str
    """Why, in a clause."""
    baked: Baked | None
    """None where the file is of a kind that is not read."""
    kin: tuple[Kin, ...] = ()
    """What its VAE is to others, the nearest first."""
    entry: Entry | None = None
    """Of which VAE it is, or whose decoder it has."""
    target: Target | None = None
    """The UI that it lies in."""
    beside: tuple[Rival, ...] = ()
    """The VAE that the UI would take with it by its rule; several where none can say which."""
    chosen: tuple[Path, str] | None = None
    """The VAE that somebody has chosen for it, and the file that says so."""
    counsel: Counsel = Counsel()

    @property
    def advice(self) -> tuple[Step, ...]:
        """What to do, the likeliest help first."""
        return self.counsel.steps


class Report(NamedTuple):
    """What was found."""

    files: tuple[Weighed, ...]
    failed: tuple[Failed, ...]
    """What the user named, and what went wrong with it."""
    problems: tuple[Problem, ...]
    passed_by: int
    """Files of a folder that are no checkpoints."""


def weigh(
    paths: Sequence[Path], catalogs: Catalogs, *, settings: Settings, listener: Listener
) -> Report:
    """Weigh checkpoints, and all that lie in folders.

    Args:
        paths: Files and folders.
        catalogs: What is known.
        settings: Where store, state and cache of the user lie.
        listener: Told how far it is, by the sizes of the files, where there are several.
    """
    found = Finding(SUFFIXES | {_GGUF})
    for path in paths:
        found.add(path)
    others = _Others(catalogs, settings)
    done: list[Weighed] = []
    label, passed = "checkpoints", 0
    is_worth_a_bar = len(found.files) > 1
    if is_worth_a_bar:
        listener.started(label, sum(seen.stat.st_size for seen in found.files), 0)
    for seen in found.files:
        try:
            done.append(_weigh(seen, others))
        except IntegrityError as error:
            found.refuse(seen, error)
        except OSError as error:
            found.unreadable(seen, error)
        passed += seen.stat.st_size
        if is_worth_a_bar:
            listener.advanced(label, passed)
    if is_worth_a_bar:
        listener.finished(label)
    named = {seen.path for seen in found.files if seen.named}
    kept = [one for one in done if one.status != "no-checkpoint" or one.path in named]
    problems = (*found.problems, *(problem for one in kept for problem in notes(one)))
    aside = found.passed_by + len(done) - len(kept)
    return Report(tuple(kept), tuple(found.failed), problems, aside)


class _Others:
    """All VAEs that one may be; looked for when the first is to be compared."""

    def __init__(self, catalogs: Catalogs, settings: Settings) -> None:
        self.catalogs = catalogs
        self.entries = tuple(catalogs.entries())
        self._settings = settings
        self._known: tuple[Reader, list[Candidate]] | None = None

    def kin(self, baked: Baked) -> tuple[Kin, ...]:
        """Say what a VAE is to all others."""
        if baked.fingerprint is None:
            return ()
        reader, candidates = self._all()
        return tuple(reader.kin(baked.fingerprint, candidates))

    def mix(self, baked: Baked, kin: Sequence[Kin]) -> Mix | None:
        """Say between which two others a VAE lies, where it is none of them."""
        if baked.fingerprint is None or baked.state != "whole":
            return None
        if any(one.relation.kind in WHOLE for one in kin):
            return None
        from vaehub.insight import mixing
        from vaehub.insight.kin import glanced

        reader, candidates = self._all()
        return mixing.find(glanced(baked.fingerprint), reader.glances(candidates))

    def _all(self) -> tuple[Reader, list[Candidate]]:
        if self._known is None:
            around = here.look_around(self._settings)
            reading = Reading(self._settings.cache, quoted.index(self.catalogs), around)
            self._known = (reading.reader, reading.candidates(()))
        return self._known

    def entry(self, kin: Kin) -> Entry | None:
        """Give the entry that another VAE is of."""
        with contextlib.suppress(NamingError):
            return self.catalogs.resolve(kin.name)[0]
        return None


def _weigh(seen: Seen, others: _Others) -> Weighed:
    path, size = seen.path, seen.stat.st_size
    if _is_gguf(path):
        one = _in_its_ui(Weighed(path, size, "not-read", _NOT_READ, None))
        return one._replace(counsel=counsel.give(one, others.entries))
    baked = look(path)
    kin = others.kin(baked)
    named = next((one for one in kin if one.is_named), None)
    entry = None
    if named is not None and named.relation.kind in _DECODES_ALIKE:
        entry = others.entry(named)
    status, because = _judge(baked, named, entry, others.mix(baked, kin))
    one = Weighed(path, size, status, because, baked, kin, entry)
    if status == "no-checkpoint":
        return one
    one = _in_its_ui(one)
    return one._replace(counsel=counsel.give(one, others.entries))


def _is_gguf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"GGUF" or path.suffix.lower() == _GGUF


def _judge(
    baked: Baked, named: Kin | None, entry: Entry | None, mix: Mix | None
) -> tuple[Status, str]:
    grave = next((reason for reason in baked.reasons if reason.verdict is not None), None)
    if baked.state == "damaged" and grave is not None:
        return "damaged", grave.message
    if baked.state == "missing":
        return "missing", "no VAE is in it"
    if baked.state in {"unknown", "no-checkpoint"}:
        first = baked.reasons[0].message if baked.reasons else "nothing fits"
        return ("unknown" if baked.state == "unknown" else "no-checkpoint"), first
    suits, shapes = set(baked.families), baked.found.families if baked.found is not None else ()
    if suits and shapes and suits.isdisjoint(shapes):
        return "other-family", (
            f"it has the shapes of a VAE of {shapes[0]}, and the checkpoint speaks the latents of "
            f"{baked.families[0]}"
        )
    if suits and entry is not None and entry.family not in suits:
        return "other-family", (
            f"it is {entry.id}, which speaks the latents of {entry.family}, and the checkpoint "
            f"those of {baked.families[0]}"
        )
    if mix is not None:
        return "mixed", (
            f"it is {mix.base} with {mix.share:.0%} of {mix.other} mixed in; these two were "
            "trained apart, and what lies between such VAEs decodes the latents of neither well"
        )
    if named is not None and named.relation.kind == "distant":
        away = named.relation.distance or 0.0
        return "mixed", (
            f"its numbers lie between {named.name} and something else (distance {away:.2g}), as a "
            "merge of different VAEs leaves them"
        )
    return "sound", "nothing is missing, and nothing in its numbers is odd"


def _in_its_ui(one: Weighed) -> Weighed:
    target = None
    with contextlib.suppress(TargetError, CheckpointNotFound):
        target = checkpoints.target_around(one.path.absolute(), cwd=one.path.parent)
    if target is None:
        return one
    one = one._replace(target=target)
    rule = layouts()[target.layout].near_checkpoint
    if rule is None or one.path.suffix not in rule.extensions:
        return one
    path = one.path.absolute()
    if not path.is_relative_to((target.root / rule.folder).absolute()):
        return one
    return one._replace(
        beside=tuple(rivals.taken(target, path)), chosen=rivals.chosen_by_hand(target, path)
    )


def notes(one: Weighed) -> list[Problem]:
    """Say what is worth a word, all of it advisory."""
    where = str(one.path)
    found = []
    if one.baked is not None:
        found = [
            Problem(f"vae-{reason.code}", reason.message, where, blocking=False)
            for reason in one.baked.reasons
            if reason.code not in {"no-checkpoint", "unknown"}
        ]
    if one.target is None:
        return found
    title = layouts()[one.target.layout].title
    for rival in one.beside:
        takes = "takes" if rival.wins else "may take"
        found.append(
            Problem(
                "vae-beside",
                f"with {one.path.name}, {title} {takes} {rival.path.name} by itself, and not what "
                "is inside",
                where=str(rival.path),
                blocking=False,
                hint=f"`vaehub identify {counsel.quoted(rival.path)}` says which VAE that is",
            )
        )
    if one.chosen is not None:
        what = "the VAE inside it" if one.chosen[1] == "None" else one.chosen[1]
        found.append(
            Problem(
                "chosen-by-hand",
                f"for {one.path.name}, somebody has chosen {what} in {title}, and that goes first",
                where=str(one.chosen[0]),
                blocking=False,
            )
        )
    return found
