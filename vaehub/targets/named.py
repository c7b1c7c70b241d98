"""Targets that the user gave names, several UIs side by side.

::

    target = "comfy"                 # the default

    [targets.comfy]
    path = "/home/me/ComfyUI"
    layout = "comfyui"               # only where the user said so; else what lies there decides

Knows how they stand in the configuration file and what may be one. Touches nothing at their paths.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from vaehub import configfile
from vaehub.configfile import Put, Take
from vaehub.errors import NamingError, TargetError, UsageError
from vaehub.settings import TARGET_NAME, NamedTarget
from vaehub.targets.find import at_named, place
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.errors import VaehubError
    from vaehub.model import Target
    from vaehub.settings import Settings


class Known(NamedTuple):
    """A named target as it is now."""

    name: str
    path: Path
    target: Target | None
    """None where it cannot be one."""
    trouble: VaehubError | None
    """Why it cannot."""
    said: bool
    """The user said which layout it has."""
    exists: bool
    is_default: bool


def known(settings: Settings, *, cwd: Path) -> list[Known]:
    """Give the named targets in the order of the configuration."""
    return [
        _look(name, named, settings=settings, cwd=cwd) for name, named in settings.targets.items()
    ]


def add(
    name: str, to: str, *, layout: str | None, default: bool, settings: Settings, cwd: Path
) -> tuple[Known, bool]:
    """Give a target a name, in the configuration file.

    Args:
        name: The name.
        to: A UI's root or a folder, which need not exist yet.
        layout: Id of the layout; None: what lies there decides, each time anew.
        default: Make it the configured default.
        settings: What is configured so far.
        cwd: The path is relative to it.

    Returns:
        The target, and whether anything changed.

    Raises:
        UsageError: the name is none or taken, or there is no such layout.
        TargetNotUsable: the path cannot be a target, or the file not be written.
    """
    _check_name(name)
    if layout is not None and layout not in layouts():
        raise UsageError(
            f"there is no layout {layout!r}", hint=f"there are: {', '.join(layouts())}"
        )
    there = settings.targets.get(name)
    named = NamedTarget(place(to, said="PATH", cwd=cwd), layout)
    if there is not None and there != named:
        raise UsageError(
            f"there is a target {name} already: {there.path}"
            + (f" ({there.layout})" if there.layout else ""),
            hint=f"take another name, or first run: vaehub targets remove {name}",
        )
    at_named(name, named, cwd=cwd)

    changes: list[Put] = []
    if there is None:
        table = {"path": str(named.path), **({"layout": layout} if layout else {})}
        changes.append(Put(("targets", name), table))
    if default:
        changes.append(Put(("target",), name))
    changed = configfile.rewrite(settings.config_file, *changes, state=settings.state)
    now = settings._replace(default_target=name if default else settings.default_target)
    return _look(name, named, settings=now, cwd=cwd), changed


def remove(name: str, *, settings: Settings) -> tuple[NamedTarget, bool]:
    """Forget a name; what lies at its path stays as it is.

    Returns:
        What it stood for, and whether it was the configured default, which it is no more.

    Raises:
        NamingError: there is no such name.
        TargetNotUsable: the file cannot be written.
    """
    if name not in settings.targets:
        raise unknown(name, settings)
    was_default = settings.default_target == name

    changes = [Take(("targets", name))]
    if was_default:  # it would be taken for a path from now on
        changes.append(Take(("target",)))
    configfile.rewrite(settings.config_file, *changes, state=settings.state)
    return settings.targets[name], was_default


def unknown(name: str, settings: Settings) -> NamingError:
    """Say that no target has that name."""
    import difflib

    close = difflib.get_close_matches(name, settings.targets, n=1)
    question = f"; did you mean {close[0]}?" if close else ""
    return NamingError(
        f"no target is called {name!r}{question}",
        hint="vaehub targets list shows those there are, vaehub targets add NAME PATH adds one",
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(TARGET_NAME, name):
        raise UsageError(
            f"{name!r} is no name for a target",
            hint="use letters, digits, dots, hyphens and underscores",
        )


def _look(name: str, named: NamedTarget, *, settings: Settings, cwd: Path) -> Known:
    target, trouble = None, None
    try:
        target = at_named(name, named, cwd=cwd)
    except TargetError as error:
        trouble = error
    return Known(
        name,
        named.path,
        target,
        trouble,
        said=named.layout is not None,
        exists=os.path.isdir(named.path),  # noqa: PTH112  # says no where nobody lets us look
        is_default=settings.default_target == name,
    )
