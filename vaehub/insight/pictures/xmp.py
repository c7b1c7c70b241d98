"""Read the user's comment in an XMP packet, as Draw Things and some savers write it.

A packet is XML, and no XML parser is needed for one element: none is given bombs to expand.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from vaehub.insight.pictures.gathered import as_text

if TYPE_CHECKING:
    from vaehub.insight.pictures.gathered import Gathered

_NAME = "exif:UserComment"


def read(data: bytes, gathered: Gathered) -> None:
    """Collect the comment of an XMP packet.

    Args:
        data: The packet.
        gathered: Takes what is found.
    """
    packet = as_text(data)
    before, found, rest = packet.partition(f"<{_NAME}")
    if found:
        body = rest.partition(">")[2].partition(f"</{_NAME}>")[0]
        _, item, after = body.partition("<rdf:li")
        if item:
            body = after.partition(">")[2].partition("</rdf:li>")[0]
    else:
        body = before.partition(f'{_NAME}="')[2].partition('"')[0]
    gathered.add("UserComment", html.unescape(body).strip())
