"""Change which VAEs a manifest asks for: what a name means, whether it is there, then the edit.

Knows catalogs and manifests; how the text is changed knows :mod:`.editing`. All names are looked at
before the first is put in or taken out, and the file is written once or not at all.
"""

from __future__ import annotations

import difflib
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub import durable, locks
from vaehub.errors import (
    EntryAmbiguous,
    EntryNotFound,
    ManifestError,
    NamingError,
    TargetNotUsable,
    UsageError,
)
from vaehub.provision import editing
from vaehub.provision import manifest as manifest_module
from vaehub.provision.editing import Put, Take
from vaehub.provision.manifest import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.provision.manifest import Manifest

Status = Literal["added", "present", "removed"]
_NAME = re.compile(r"[^\s@]{1,120}(@[^\s@]{1,60})?")


class Wish(NamedTuple):
    """What became of one name."""

    name: str
    """As the manifest has it, or had it."""
    targets: tuple[str, ...]
    """The targets that it is for, or was for; none stands for all."""
    status: Status
    entry: str | None
    """Full name, ``catalog/id``; None where no catalog knows it any more."""
    variant: str | None


class Edit(NamedTuple):
    """What became of a manifest."""

    path: Path
    wishes: tuple[Wish, ...]
    created: bool
    """There was none before."""

    @property
    def changed(self) -> bool:
        """Whether the file was written."""
        return any(wish.status != "present" for wish in self.wishes)


def add(
    path: Path, names: Sequence[str], *, targets: Sequence[str], catalogs: Catalogs, state: Path
) -> Edit:
    """Put VAEs into a manifest, which is made where there is none.

    Args:
        path: The manifest.
        names: What ``vaehub install`` takes.
        targets: The targets of the manifest that they are for; none stands for all.
        catalogs: What the names mean.
        state: The folder of what vaehub remembers: processes that change a manifest wait there for
            one another.

    Raises:
        NamingError: a name leads nowhere.
        UsageError: the manifest has no such target, or has the VAE for other targets already.
        ManifestError: the manifest is wrong, or written in a way that does not let this be changed.
        TargetNotUsable: it cannot be written.
    """
    with locks.held(state / "manifest.lock"):
        content = manifest_module.read_bytes(path)
        there = standing(content, path=path)
        wanted = tuple(sorted(set(targets)))
        _refuse_unknown(wanted, there)
        meanings = {_meaning(each.name, catalogs): each for each in there.vaes}
        wishes = [_added(name, wanted, meanings, catalogs) for name in dict.fromkeys(names)]
        puts = [Put(wish.name, wish.targets) for wish in wishes if wish.status == "added"]
        _rewrite(content, puts, path=path)
    return Edit(path, tuple(wishes), created=content is None)


def remove(path: Path, names: Sequence[str], *, catalogs: Catalogs, state: Path) -> Edit:
    """Take VAEs out of a manifest; see :func:`add`.

    Raises:
        EntryNotFound: it is not in the manifest.
        EntryAmbiguous: several of the manifest's VAEs may be meant.
        ManifestError: as for :func:`add`, or there is no manifest.
        TargetNotUsable: the manifest cannot be written.
    """
    with locks.held(state / "manifest.lock"):
        # First: what was changed between the two is then refused, and no other line taken out.
        content = manifest_module.read_bytes(path)
        there = manifest_module.read(path)
        found = {_find(name, there, catalogs): None for name in names}
        takes = [Take(index, there.vaes[index].name) for index in sorted(found, reverse=True)]
        _rewrite(content, takes, path=path)
    wishes = []
    for index in found:
        one = there.vaes[index]
        entry, variant = _meaning(one.name, catalogs)
        known = variant is not None
        wishes.append(Wish(one.name, one.targets, "removed", entry if known else None, variant))
    return Edit(path, tuple(wishes), created=False)


def standing(content: bytes | None, *, path: Path) -> Manifest:
    """Give what a manifest says; one that is empty, or whose list is, says nothing yet.

    Raises:
        ManifestError: it is wrong.
    """
    document = manifest_module.document_of(content or b"", path=path)
    data = document.data
    if data is None:
        data = {"schema": 1}
    if isinstance(data, dict) and data.get("vaes") is None:
        from vaehub.catalog.read import Document

        filled = {**data, "vaes": []}
        manifest_module.shaped(Document(filled, document.positions, str(path)))
        return manifest_module.manifest_of(filled, path=path)
    return manifest_module.checked(document, path=path)


def _refuse_unknown(targets: Sequence[str], there: Manifest) -> None:
    for name in targets:
        if name not in there.targets:
            known = ", ".join(there.targets) or "none"
            raise UsageError(
                f"{there.path} has no target {name!r}; it has {known}",
                hint="write the target into the manifest first, with ui and path",
            )


def _meaning(name: str, catalogs: Catalogs) -> tuple[str, str | None]:
    """Give entry and variant of a name; the name itself where it leads nowhere."""
    with suppress(NamingError):
        entry, variant = catalogs.resolve(name)
        return entry.full_name, variant.name
    return name, None


def _added(
    name: str,
    targets: tuple[str, ...],
    meanings: dict[tuple[str, str | None], Wanted],
    catalogs: Catalogs,
) -> Wish:
    entry, variant = catalogs.resolve(name)
    key = (entry.full_name, variant.name)
    there = meanings.get(key)
    if there is None:
        written = name.strip()
        if not _NAME.fullmatch(written):  # the name of a file, with blanks in it
            written = f"{entry.full_name}@{variant.name}"
        meanings[key] = Wanted(written, targets)
        return Wish(written, targets, "added", *key)
    if targets and there.targets and targets != there.targets:
        raise UsageError(
            f"{there.name} is in the manifest already, for {', '.join(there.targets)} alone",
            hint=f"change its targets there, or first: vaehub remove {there.name}",
        )
    return Wish(there.name, there.targets, "present", *key)


def _find(name: str, there: Manifest, catalogs: Catalogs) -> int:
    """Find the one VAE of a manifest that a name means."""
    said = name.strip().casefold()
    names = [each.name for each in there.vaes]
    if said in names:
        return names.index(said)
    entry, variant = _meaning(said, catalogs)
    meanings = [_meaning(each, catalogs) for each in names]
    any_variant = "@" not in said
    found = [
        index
        for index, meaning in enumerate(meanings)
        if variant is not None
        and meaning[0] == entry
        and (any_variant or meaning[1] == variant)
        and meaning[1] is not None
    ]
    if len(found) == 1:
        return found[0]
    if found:
        listed = [names[index] for index in found]
        raise EntryAmbiguous(
            f"{name} may mean several VAEs of {there.path}: {', '.join(listed)}",
            hint=f"write which one you mean, for instance {listed[0]}",
        )
    close = difflib.get_close_matches(said, names, n=3)
    question = f"; did you mean {' or '.join(close)}?" if close else ""
    raise EntryNotFound(
        f"{name} is not in {there.path}{question}",
        hint=f"it has {', '.join(names)}" if names else "it has no VAE at all",
    )


def _rewrite(content: bytes | None, changes: Sequence[Put | Take], *, path: Path) -> None:
    if not changes:
        return
    replace(content, editing.edit(content or b"", changes, path=path), path=path)


def replace(before: bytes | None, text: bytes, *, path: Path) -> None:
    """Write a manifest's new text, where the old one still stands.

    Args:
        before: What the new text was made of; None where there was no manifest.
        text: The new text.
        path: The manifest.

    Raises:
        ManifestError: the new text is wrong, or somebody changed the manifest meanwhile.
        TargetNotUsable: it cannot be written.
    """
    manifest_module.parse(text, path=path)
    if manifest_module.read_bytes(path) != before:  # somebody's editor
        raise ManifestError(
            f"{path} was changed by somebody else in this moment; nothing was written",
            hint="run it again",
        )
    try:
        durable.rewrite(path, text)
    except OSError as error:
        raise TargetNotUsable(
            f"cannot write the manifest {path}: {error.strerror or error}",
            hint="check the owner and the permissions of that file and its folder",
        ) from error
