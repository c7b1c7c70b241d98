# Copyright the vaehub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the modules of the collection can do."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation that modules extend."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Says what would be done, and changes nothing.
  diff_mode:
    support: full
    description: Shows which files vaehub has installed, with their sha256, before and after.
  platform:
    platforms: posix
    support: full
    description: Where it runs.
"""

    LOOKS = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: It changes nothing in any mode.
  diff_mode:
    support: none
    description: There is nothing to show.
  platform:
    platforms: posix
    support: full
    description: Where it runs.
"""
