"""Tell whether a license id is one that we know how to name.

Knows the SPDX ids under which models are passed on, ``LicenseRef-`` names, and expressions of them.
Refuses to carry the whole SPDX list: an id that is missing here is one line to add.
"""

from __future__ import annotations

import re

SPDX_IDS = frozenset(
    {
        "0BSD",
        "AFL-3.0",
        "AGPL-3.0-only",
        "AGPL-3.0-or-later",
        "Apache-2.0",
        "Artistic-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-3-Clause-Clear",
        "BSL-1.0",
        "CC-BY-2.0",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC-BY-NC-2.0",
        "CC-BY-NC-3.0",
        "CC-BY-NC-4.0",
        "CC-BY-NC-ND-4.0",
        "CC-BY-NC-SA-2.0",
        "CC-BY-NC-SA-3.0",
        "CC-BY-NC-SA-4.0",
        "CC-BY-ND-4.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
        "CC0-1.0",
        "ECL-2.0",
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
        "ISC",
        "LGPL-2.1-only",
        "LGPL-2.1-or-later",
        "LGPL-3.0-only",
        "LGPL-3.0-or-later",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "MulanPSL-2.0",
        "OFL-1.1",
        "OSL-3.0",
        "Unlicense",
        "WTFPL",
        "Zlib",
    }
)
_LICENSE_REF = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
_TOKEN = re.compile(r"[()]|[A-Za-z0-9.+-]+")


def unknown_part(expression: str) -> str | None:
    """Name the first part of a license expression that is wrong; None if all is well.

    Licenses are joined by ``OR`` and ``AND``, and grouped by parentheses. ``WITH`` is not known.
    """
    depth = 0
    wants_license = True
    tokens: list[str] = _TOKEN.findall(expression)
    for token in tokens:
        match token:
            case "(" if wants_license:
                depth += 1
            case ")" if not wants_license and depth:
                depth -= 1
            case "OR" | "AND" if not wants_license:
                wants_license = True
            case _ if wants_license and _is_license(token):
                wants_license = False
            case _:
                return token
    return None if tokens and not wants_license and depth == 0 else expression


def _is_license(token: str) -> bool:
    return token in SPDX_IDS or _LICENSE_REF.fullmatch(token) is not None
