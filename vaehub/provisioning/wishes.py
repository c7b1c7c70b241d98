"""Put VAEs into a manifest, and take them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.provisioning.where import files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.provision.wishes import Edit
    from vaehub.settings import Settings


def add(
    names: Sequence[str],
    manifest: str | Path | None = None,
    *,
    targets: Sequence[str] = (),
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> Edit:
    """Put VAEs into a manifest, and leave all else in it as it stands.

    Args:
        names: What ``vaehub install`` takes.
        manifest: The manifest; ``./vaehub.yaml`` by default, and made where there is none.
        targets: The targets of the manifest that they are for; none stands for all.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.

    Raises:
        NamingError: a name leads nowhere.
        UsageError: the manifest has no such target, or has the VAE for other targets already.
        ManifestError: the manifest is wrong, or written in a way that does not let this be changed.
        TargetNotUsable: it cannot be written.
    """
    from vaehub.catalog import load_catalogs
    from vaehub.provision import wishes

    settings = settings or settings_module.load()
    return wishes.add(
        files(manifest).manifest,
        names,
        targets=targets,
        catalogs=catalogs or load_catalogs(settings),
        state=settings.state,
    )


def remove(
    names: Sequence[str],
    manifest: str | Path | None = None,
    *,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> Edit:
    """Take VAEs out of a manifest, and leave all else in it as it stands; see :func:`add`.

    Raises:
        EntryNotFound, EntryAmbiguous: a name is not in the manifest, or may mean several in it.
        ManifestError: there is none, it is wrong, or it does not let this be changed.
        TargetNotUsable: it cannot be written.
    """
    from vaehub.catalog import load_catalogs
    from vaehub.provision import wishes

    settings = settings or settings_module.load()
    return wishes.remove(
        files(manifest).manifest,
        names,
        catalogs=catalogs or load_catalogs(settings),
        state=settings.state,
    )
