"""Where VAEs go: the layouts of UIs as data, and which UI a path belongs to.

``layouts.json`` holds everything that differs from UI to UI; :mod:`.layouts` reads it,
:mod:`.detect` recognises a UI by what lies in its folder, :mod:`.find` turns what the user said
into a :class:`~vaehub.model.Target`.
"""

from __future__ import annotations

from vaehub.targets.detect import detect
from vaehub.targets.find import find_target
from vaehub.targets.layouts import Layout, layouts

__all__ = ["Layout", "detect", "find_target", "layouts"]
