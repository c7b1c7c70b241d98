"""Turn what the user said, or did not say, into a target.

Knows the order of precedence: ``--to``, ``VAEHUB_TO``, a UI around the working directory, the
configured default, ``./models/VAE``. What is said is a path, or the name of a target of the
configuration: see :mod:`vaehub.targets.named`. Makes no folder; placing does.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from vaehub.errors import TargetNotUsable
from vaehub.model import Target
from vaehub.targets.detect import ANY, CLEAR, detect
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from vaehub.settings import NamedTarget, Settings

_DEFAULT = "models/VAE"


def find_target(to: str | Path | None, *, settings: Settings, cwd: Path) -> Target:
    """Find where an install goes.

    A path may be a UI's root or the VAE folder inside one; either means that UI. Any other path is
    a plain folder, which need not exist yet. Instead of a path, ``to``, ``VAEHUB_TO`` and the
    configured default may be the name of a configured target.

    Args:
        to: What the user named, if anything.
        settings: For ``VAEHUB_TO``, the configured default and the named targets.
        cwd: The working directory: paths are relative to it, and a UI is looked for around it.

    Raises:
        TargetNotUsable: the path is empty, a file, a link to nowhere, or below a file; or two UIs
            have equal claims to a folder; or a named target and a folder have the same name.
    """
    if to is not None:
        return _named_or_at(to, said="--to", settings=settings, cwd=cwd)
    if settings.to is not None:
        return _named_or_at(settings.to, said="VAEHUB_TO", settings=settings, cwd=cwd)
    here = _absolute(cwd, cwd=cwd)
    for folder in (here, *here.parents):
        # A lone models/VAE may be what we made ourselves: it must not turn into a UI by that.
        target = _ui(folder, at_least=CLEAR)
        if target is not None:
            return target
    if settings.default_target is not None:
        default = settings.default_target
        if default in settings.targets:  # one file says both: nothing here makes it ambiguous
            return at_named(default, settings.targets[default], cwd=cwd)
        return _at(default, said="the configured target", cwd=cwd)
    return _at(_DEFAULT, said="the working directory", cwd=cwd)


def at_named(name: str, named: NamedTarget, *, cwd: Path) -> Target:
    """Give the target that the configuration knows by a name.

    Raises:
        TargetNotUsable: its path cannot be a target, or its layout is none.
    """
    if named.layout is None:
        return _at(named.path, said=f"the target {name}", cwd=cwd)
    layout = layouts().get(named.layout)
    if layout is None:
        raise TargetNotUsable(
            f"the target {name} has the layout {named.layout!r}, which this vaehub does not know",
            hint=f"it knows {', '.join(layouts())}",
        )
    path = place(named.path, said=f"the target {name}", cwd=cwd)
    inside = PurePosixPath(layout.slots["vae"].folder).parts
    is_vae_folder = inside and path.parts[-len(inside) :] == inside
    if is_vae_folder:
        return Target(layout.id, path.parents[len(inside) - 1])
    if layout.inside is not None and (path / layout.inside).is_dir():
        return Target(layout.id, path / layout.inside)
    return Target(layout.id, path)


def _named_or_at(to: str | Path, *, said: str, settings: Settings, cwd: Path) -> Target:
    named = settings.targets.get(to) if isinstance(to, str) else None
    if named is None:
        return _at(to, said=said, cwd=cwd)
    assert isinstance(to, str)
    folder = cwd / to
    if folder.is_dir() and not _same(folder, named.path):
        raise TargetNotUsable(
            f"{said} {to} may mean two things: the target of that name, {named.path}, and the "
            f"folder {folder}",
            hint=f"write ./{to} for the folder, or {named.path} for the target",
        )
    return at_named(to, named, cwd=cwd)


def _at(to: str | Path, *, said: str, cwd: Path) -> Target:
    path = place(to, said=said, cwd=cwd)
    target = _ui(path, at_least=ANY)
    if target is not None:
        return target
    for root in path.parents:
        layout = detect(root, at_least=CLEAR)
        if layout is not None and _same(path, root / layout.slots["vae"].folder):
            return Target(layout.id, root)
    return Target("folder", path)


def place(to: str | Path, *, said: str, cwd: Path) -> Path:
    """Give the absolute path that the user means; it is a folder, or may become one.

    Raises:
        TargetNotUsable: it is empty, no path, or a file or a link to nowhere stands there.
    """
    if not str(to).strip():
        raise TargetNotUsable(f"{said} names no folder: it is empty", hint=f"leave {said} out")
    try:
        if "\0" in str(to):
            raise ValueError("it contains a NUL character")
        path = _absolute(Path(to).expanduser(), cwd=cwd)
        _refuse_non_folder(path, said=said)
    except (OSError, RuntimeError, ValueError) as error:  # no such ~user; too long; NUL in it
        reason = getattr(error, "strerror", None) or str(error)
        raise TargetNotUsable(f"{said} names {str(to)!r}, which is no usable path: {reason}") from (
            error
        )
    return path


def _ui(folder: Path, *, at_least: int) -> Target | None:
    """Find the UI whose root a folder is, or which keeps its root in that folder."""
    layout = detect(folder, at_least=at_least)
    if layout is not None:
        return Target(layout.id, folder)
    for layout in layouts().values():
        if layout.inside is not None and detect(folder / layout.inside, at_least=CLEAR) is layout:
            return Target(layout.id, folder / layout.inside)
    return None


def _absolute(path: Path, *, cwd: Path) -> Path:
    # Links stay as they are: a UI that reaches its VAE folder through a link is found above the
    # link, not above what it leads to. Only what stands before a `..` must be followed.
    parts = (cwd.absolute() / path).parts
    if ".." not in parts:
        return Path(*parts)
    rest = parts[::-1].index("..")
    return Path(os.path.realpath(Path(*parts[: len(parts) - rest])), *parts[len(parts) - rest :])


def _refuse_non_folder(path: Path, *, said: str) -> None:
    nearest = next(step for step in (path, *path.parents) if step.is_symlink() or step.exists())
    if nearest.is_dir():
        return
    what = "a symbolic link that leads nowhere" if nearest.is_symlink() else "a file, not a folder"
    raise TargetNotUsable(
        f"{said} names {path}, but {nearest if nearest != path else 'that'} is {what}",
        hint="name the root of a UI, its VAE folder, or any other folder",
    )


def _same(path: Path, folder: Path) -> bool:
    if path == folder:
        return True
    try:
        return path.samefile(folder)  # written otherwise where upper and lower case are one
    except OSError:
        return False
