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
from vaehub.provision.importing.mentions import Digest, Mention, line, merged
from vaehub.provision.importing.recognise import Recogniser, Verdict
from vaehub.targets import rivals
from vaehub.targets.checkpoints import list_checkpoints
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.catalog import Catalogs
    from vaehub.model import Problem, Target
    from vaehub.provision.importing.folders import Folder
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener

_STRANGE = "no file of the catalogs has these bytes"


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
            item = Item(mention.file, mention.places, Verdict(), uis=(ui,))
            if target is not None:
                mention, item = self._there(mention, item, target)
            self.items.append(item._replace(verdict=self._recogniser.judge(mention)))

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

    def _lying(self, folder: Folder, ui: Offered | None) -> Iterator[Item]:
        """Recognise files by their bytes, and by nothing else."""
        for model in folder.models:
            pick = self._recogniser.of_bytes(model.sha256)
            verdict = Verdict(pick, "sha256")
            if pick is None:
                short = folders.autov1(model.path)
                alike = self._recogniser.alike(model.path.name, (short,) if short else ())
                verdict = Verdict(candidates=alike, why=_STRANGE, unsure=False)
            yield Item(
                line(model.path.name),
                (line(folder.place(model.path)),),
                verdict,
                uis=(ui,),
                path=model.path,
                size=model.size,
                sha256=model.sha256,
            )

    def _there(self, mention: Mention, item: Item, target: Target) -> tuple[Mention, Item]:
        """Look what the UI has under a name: its bytes say more than the name does."""
        models = folders.called(
            mention.file, target, settings=self._settings, listener=self._listener
        )
        for model in models:
            sha256 = Digest("sha256", model.sha256)
            mention = mention._replace(digests=tuple(dict.fromkeys((*mention.digests, sha256))))
            item = item._replace(path=model.path, size=model.size, sha256=model.sha256)
        return mention, item


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
