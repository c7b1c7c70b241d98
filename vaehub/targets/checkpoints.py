"""Which checkpoint somebody means, and where a VAE goes that a UI takes with it by itself.

Knows which UI has such a rule (:class:`~vaehub.targets.layouts.NearCheckpoint`), and which of its
checkpoints a path or a name stands for. Opens no checkpoint, and makes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from vaehub import names
from vaehub.errors import CheckpointNotFound, TargetNotUsable, TargetRefuses
from vaehub.model import Target
from vaehub.targets.detect import CLEAR, detect
from vaehub.targets.layouts import layouts
from vaehub.targets.listing import files_below

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaehub.model import Variant
    from vaehub.targets.layouts import NearCheckpoint

_SHOWN = 5
"""Names of checkpoints that a message tells, at most."""


def rule_of(target: Target) -> NearCheckpoint:
    """Give the rule by which the UI takes a VAE with a checkpoint.

    Raises:
        TargetRefuses: it has none.
    """
    layout = layouts()[target.layout]
    if layout.near_checkpoint is not None:
        return layout.near_checkpoint
    hint = f"install it without --for, and choose it there: {layout.select or 'by hand'}"
    if not layout.is_ui:
        raise TargetRefuses(
            f"{target} is a plain folder: it takes no VAE with a checkpoint by itself",
            hint=f"name a checkpoint that is there by its path, or its UI with --to; or {hint}",
        )
    raise TargetRefuses(
        f"{layout.title} at {target} takes no VAE with a checkpoint by itself", hint=hint
    )


def target_around(said: str | Path, *, cwd: Path) -> Target | None:
    """Find the UI whose checkpoint a path names; None where it may be a name in any UI.

    Raises:
        CheckpointNotFound: it can only be a path, and no file is there.
        TargetNotUsable: there is such a file, and no UI around it.
    """
    path = _path(said, cwd=cwd)
    if path is None:
        return None
    for folder in path.parents:
        layout = detect(folder, at_least=CLEAR)
        if layout is not None:
            return Target(layout.id, folder)
    if _is_bare(said):
        return None
    raise TargetNotUsable(
        f"--for names {path}, and no UI is around that file",
        hint="name the root of the UI that uses it with --to",
    )


def find_checkpoint(said: str | Path, target: Target, *, cwd: Path) -> Path:
    """Find the checkpoint that a path, or a name below the UI's folder of checkpoints, means.

    Args:
        said: The path or the name; the extension and the folders before it may be left out.
        target: The UI.
        cwd: The working directory: paths are relative to it.

    Raises:
        TargetRefuses: the UI has no such rule, or does not list that checkpoint.
        CheckpointNotFound: there is no such checkpoint, or several.
    """
    rule = rule_of(target)
    here = list_checkpoints(target, rule)
    path = _path(said, cwd=cwd)
    if path is not None:
        found = [checkpoint for checkpoint in here if same(checkpoint, path)]
        if found:
            return found[0]
        if not _is_bare(said):
            raise _not_listed(path, target, rule)
    root = target.root / rule.folder
    wanted = str(said).replace(os.sep, "/")
    names = {PurePosixPath(each.relative_to(root).as_posix()): each for each in here}
    means = [name for name in names if _means(wanted, name)]
    exact = [name for name in means if name.as_posix() == wanted] or means
    if not exact and path is not None:
        raise _not_listed(path, target, rule)
    if not exact:
        raise CheckpointNotFound(
            f"there is no checkpoint {str(said)!r} in {root}",
            hint=_close(wanted, map(str, names)),
        )
    if len(exact) > 1:
        raise CheckpointNotFound(
            f"{str(said)!r} may be {len(exact)} checkpoints: {', '.join(map(str, exact[:_SHOWN]))}",
            hint="name one of them with its folder and its extension",
        )
    return names[exact[0]]


def destination(checkpoint: Path, name: str) -> Path:
    """Give the place and the name under which a UI takes a file of this name with it."""
    return checkpoint.with_name(f"{checkpoint.stem}.vae{PurePosixPath(name).suffix}")


def refusal(variant: Variant, slot: str, checkpoint: Path, target: Target) -> str | None:
    """Say why no file of a variant can go with a checkpoint, or None."""
    rule = rule_of(target)
    title = layouts()[target.layout].title
    if slot != "vae" or len(variant.artifacts) != 1:
        return f"{title} takes one file with a checkpoint, and one of a whole VAE"
    place = destination(checkpoint, variant.artifacts[0].name)
    if not place.name.endswith(rule.suffixes):
        return f"with a checkpoint, {title} takes only {', '.join(rule.suffixes)} files"
    reason = names.trouble(place.name)
    if reason is not None:
        return f"{place.name!r} is no name for a file: {reason}"
    return None


def _path(said: str | Path, *, cwd: Path) -> Path | None:
    """Give the file that a path leads to; None where it may be a name below some folder.

    Raises:
        CheckpointNotFound: it can only be a path, and no file is there.
    """
    try:
        given = Path(said).expanduser()
        path = Path(os.path.abspath(cwd / given))  # noqa: PTH100  # links stay as they are
        if path.is_file():
            return path
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such ~user, NUL in it
        raise CheckpointNotFound(f"--for {str(said)!r} is no usable path: {error}") from error
    if given.is_absolute() or str(said).startswith(("./", "../", ".\\", "..\\")):
        raise CheckpointNotFound(
            f"there is no checkpoint {path}", hint=_close(path.name, _names_in(path.parent))
        )
    return None


def _is_bare(said: str | Path) -> bool:
    """Tell whether it may be a name as well, although a file of that name is where we stand."""
    return Path(said).name == str(said)


def _names_in(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []


def list_checkpoints(target: Target, rule: NearCheckpoint) -> list[Path]:
    """Give the checkpoints that the UI lists."""
    return [
        path
        for path in files_below(target.root / rule.folder)
        if path.suffix in rule.extensions and not path.name.endswith(rule.suffixes)
    ]


def _means(wanted: str, relative: PurePosixPath) -> bool:
    names = {relative.as_posix(), relative.name}
    return wanted in names | {name.removesuffix(relative.suffix) for name in names}


def _not_listed(path: Path, target: Target, rule: NearCheckpoint) -> TargetRefuses:
    title = layouts()[target.layout].title
    if path.suffix not in rule.extensions or path.name.endswith(rule.suffixes):
        return TargetRefuses(
            f"{path} is no checkpoint that {title} lists",
            hint=f"checkpoints are {' and '.join(rule.extensions)} files",
        )
    return TargetRefuses(
        f"{path} is not below {target.root / rule.folder}, where the checkpoints of {title} are",
        hint="link its folder into that one, or name the UI that it belongs to with --to",
    )


def _close(wanted: str, names: Iterable[str]) -> str | None:
    from difflib import get_close_matches

    known = sorted(names)
    close = [name for name in known if len(wanted) > 2 and wanted.casefold() in name.casefold()]
    if not close:
        stems = {PurePosixPath(name).stem: name for name in known}
        near = get_close_matches(PurePosixPath(wanted).stem, stems, n=_SHOWN)
        close = [stems[stem] for stem in near]
    if close:
        return f"did you mean {' or '.join(close[:_SHOWN])}?"
    return f"there are: {', '.join(known[:_SHOWN])}" if known else None


def same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file."""
    if one == other:
        return True
    try:
        return one.samefile(other)
    except OSError:
        return False
