"""Put together what folders, workflows and settings hold: the order of an import.

Reads what the user names and changes nothing. What comes of it is in three heaps: recognised, not
sure, and unknown.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import adopting, values
from vaehub.errors import UsageError
from vaehub.provision.importing import folders, items, reading, webui, workflows
from vaehub.provision.importing.items import Gathered, Item, Offered
from vaehub.provision.importing.mentions import Mention, line, merged
from vaehub.provision.importing.recognise import Recogniser, Verdict
from vaehub.targets import rivals
from vaehub.targets.checkpoints import list_checkpoints
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.model import Problem, Target
    from vaehub.provision.importing.folders import Folder, Model
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener

_STRANGE = "no file of the catalogs has these bytes"
_SEVERAL = "several files have that name, with different bytes"


class Sources(NamedTuple):
    """What to import from, as the user named it."""

    folders: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


def gather(
    sources: Sources, catalogs: Catalogs, *, settings: Settings, cwd: Path, listener: Listener
) -> Gathered:
    """Look at everything that is named.

    Args:
        sources: What to import from.
        catalogs: What is known.
        settings: The user's settings.
        cwd: What the paths are relative to.
        listener: Told how far hashing is.

    Raises:
        UsageError: a file cannot be read, or is not what it should be.
        TargetNotUsable: a folder cannot be looked into.
    """
    desk = _Desk(catalogs, settings, cwd, listener)
    for said in sources.folders:
        desk.folder(said)
    for said in sources.workflows:
        desk.workflow(said)
    for said in sources.settings:
        desk.settings_file(said)
    unsure = [item for item in desk.items if _is_unsure(item)]
    unknown = [item for item in desk.items if item.verdict.pick is None and not _is_unsure(item)]
    return Gathered(
        recognised=items.once(item for item in desk.items if item.verdict.pick is not None),
        unsure=items.once(unsure),
        unknown=items.once(unknown),
        offered=tuple(dict.fromkeys(desk.offered)),
        problems=tuple(desk.problems),
    )


class _Desk:
    """What an import has come upon so far."""

    def __init__(
        self, catalogs: Catalogs, settings: Settings, cwd: Path, listener: Listener
    ) -> None:
        self._catalogs = catalogs
        self._recogniser = Recogniser(catalogs, hub=settings.endpoint("huggingface"))
        self._settings = settings
        self._cwd = cwd
        self._listener = listener
        self.items: list[Item] = []
        self.offered: list[Offered] = []
        self.problems: list[Problem] = []

    def folder(self, said: str) -> None:
        """Take in a folder, or the VAE folders of a UI."""
        folder = folders.look(
            said,
            self._catalogs,
            settings=self._settings,
            cwd=self._cwd,
            listener=self._listener,
        )
        ui = self._offer(folder.target, said)
        self.problems += folder.problems
        self.items += self._lying(folder, ui)

    def workflow(self, said: str) -> None:
        """Take in a workflow."""
        path = self._path(said, "--from-workflow")
        named = [
            mention
            for data in reading.workflow(path)
            for mention in workflows.mentions(data, origin=line(path.name))
        ]
        for mention in merged(named):
            verdict = self._recogniser.judge(mention)
            self.items.append(Item(mention.file, mention.places, verdict))

    def settings_file(self, said: str) -> None:
        """Take in the settings of a UI, and of its checkpoints where they lie in its root."""
        path = self._path(said, "--from-settings")
        named = webui.mentions(reading.settings(path), origin=line(path.name))
        target = folders.ui_at(adopting.absolute(path.parent))
        ui = self._offer(target, str(Path(said).parent))
        if target is not None:
            named = merged([*named, *_of_checkpoints(target)])
        for mention in named:
            there = () if target is None else self._called(mention.file, target)
            if not there:
                verdict = self._recogniser.judge(mention)
                self.items.append(Item(mention.file, mention.places, verdict, uis=(ui,)))
            # What the UI has under the name is what is meant, whatever others call so.
            self.items += self._told(there, mention, ui)

    def _path(self, said: str, option: str) -> Path:
        path = values.path(said, option, base=self._cwd)
        if path is None:
            raise UsageError(f"{option} names no file: it is empty", hint=f"leave {option} out")
        return path

    def _offer(self, target: Target | None, path: str) -> Offered | None:
        if target is None or layouts()[target.layout].refuses is not None:
            return None
        ui = Offered(target.layout, path)
        self.offered.append(ui)
        return ui

    def _called(self, name: str, target: Target) -> tuple[Model, ...]:
        return folders.called(name, target, settings=self._settings, listener=self._listener)

    def _lying(self, folder: Folder, ui: Offered | None) -> Iterator[Item]:
        """Recognise files by their bytes, and by nothing else."""
        for model in folder.models:
            yield self._item(model, (line(folder.place(model.path)),), ui)

    def _told(
        self, models: Sequence[Model], mention: Mention, ui: Offered | None
    ) -> Iterator[Item]:
        """Recognise the files of one name; where they differ, nobody knows which the UI takes."""
        found = [self._item(model, mention.places, ui) for model in models]
        if len({model.origin for model in models}) > 1:
            candidates = tuple(item.verdict.pick for item in found if item.verdict.pick is not None)
            verdict = Verdict(candidates=candidates, why=_SEVERAL)
            found = [item._replace(verdict=verdict) for item in found[:1]]
        yield from found

    def _item(self, model: Model, places: tuple[str, ...], ui: Offered | None) -> Item:
        pick = self._recogniser.of_bytes(model.origin)
        verdict = Verdict(pick, "sha256")
        if pick is None:
            short = folders.autov1(model.path)
            alike = self._recogniser.alike(model.path.name, (short,) if short else ())
            verdict = Verdict(candidates=alike, why=_STRANGE, unsure=False)
        return Item(
            line(model.path.name),
            places,
            verdict,
            uis=(ui,),
            path=model.path,
            size=model.size,
            sha256=model.sha256,
        )


def _of_checkpoints(target: Target) -> Iterator[Mention]:
    """Give the VAEs that a person has chosen for single checkpoints."""
    rule = layouts()[target.layout].near_checkpoint
    if rule is None or rule.own_setting is None:
        return
    for checkpoint in list_checkpoints(target, rule):
        chosen = rivals.chosen_by_hand(target, checkpoint)
        if chosen is not None:
            path, name = chosen
            yield from webui.chosen(name, f"{line(path.name)}, {rule.own_setting}")


def _is_unsure(item: Item) -> bool:
    return item.verdict.pick is None and item.verdict.unsure and bool(item.verdict.candidates)
