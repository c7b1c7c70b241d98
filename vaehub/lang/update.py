"""Bring the Chinese catalog up to date with the sources; ``python -m vaehub.lang.update``.

Adds what is new to ``zh_CN.po``, takes out what nobody says any more, compiles it, and names what
is still to be translated. Needs Babel, which comes with the development dependencies.
"""

from __future__ import annotations

import io
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from vaehub.lang import templates, translating

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = translating.CATALOG.with_suffix(".po")
_MADE = datetime(2026, 11, 25, tzinfo=timezone.utc)
"""In the head of the catalog: the same sources give the same file on any day."""


def read(path: Path = SOURCE) -> Catalog:
    """Read the catalog with its translations."""
    with path.open("rb") as file:
        return read_po(file, locale="zh_CN")


def updated(catalog: Catalog) -> Catalog:
    """Give the catalog with the texts of the sources and no others."""
    found = Catalog(
        "zh_CN",
        header_comment=catalog.header_comment,
        project="vaehub",
        copyright_holder="the vaehub contributors",
        creation_date=_MADE,
        revision_date=_MADE,
        last_translator="the vaehub contributors",
        language_team="zh_CN",
        fuzzy=False,
    )
    for template in templates.find():
        known = catalog.get(template.text)
        found.add(
            template.text,
            known.string if known is not None else "",
            locations=[(template.file, 0)],
            auto_comments=[f"{{{n}}}: {said}" for n, said in enumerate(template.holes)],
        )
    return found


def source_text(catalog: Catalog) -> bytes:
    """Give the catalog as people edit it."""
    file = io.BytesIO()
    write_po(file, catalog, width=100, include_lineno=False)
    return file.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """Give the catalog as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """Give the texts without a translation."""
    return [str(message.id) for message in catalog if message.id and not message.string]


def main() -> int:
    """Update both files; 1 where something is to be translated."""
    catalog = updated(read())
    SOURCE.write_bytes(source_text(catalog))
    translating.CATALOG.write_bytes(compiled(catalog))
    missing = untranslated(catalog)
    for text in missing:
        sys.stdout.write(f"{SOURCE.name}: not translated: {text}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
