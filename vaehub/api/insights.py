"""Which VAE a file is, which one made a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.api.common import given

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.catalog import Catalogs
    from vaehub.insight.dedupe import Done, Step
    from vaehub.insight.explaining import Explained
    from vaehub.insight.identifying import Report
    from vaehub.insight.quoted import Match
    from vaehub.insight.weighing import Report as Weighing
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


def identify(
    paths: Sequence[str | Path],
    *,
    every_hash: bool = False,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> Report:
    """Say which VAE each file is, by its bytes or else by its weights; changes nothing.

    Args:
        paths: Files, and folders that are looked through with all that is below them.
        every_hash: Also work out AutoV3, CRC32, BLAKE3 where its package is there, and the
            fingerprints of files whose bytes are known.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told how far reading is; silent by default.

    Returns:
        What each file is, and what could not be read or is no model.

    Raises:
        CatalogError: a catalog cannot be read.
    """
    from vaehub.insight import identifying
    from vaehub.transfer.listener import SILENT

    settings, catalogs = given(settings, catalogs)
    return identifying.identify(
        [Path(path).expanduser() for path in paths],
        catalogs,
        settings=settings,
        listener=listener or SILENT,
        every_hash=every_hash,
    )


def identify_hash(
    digest: str, *, settings: Settings | None = None, catalogs: Catalogs | None = None
) -> list[Match]:
    """Say which files a quoted digest may stand for, without a file.

    Args:
        digest: A sha256 or its beginning, an AutoV1, AutoV3, BLAKE3 or CRC32, in hex.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.

    Raises:
        UsageError: that is no digest.
        CatalogError: a catalog cannot be read.
    """
    from vaehub.insight import here, quoted

    settings, catalogs = given(settings, catalogs)
    cleaned = quoted.cleaned(digest)
    known = quoted.index(catalogs)
    for sha256, placed in here.look_around(settings).installed.items():
        names = tuple(dict.fromkeys(f"{one.entry}@{one.variant}" for one in placed))
        known.setdefault(sha256, quoted.Known(sha256, placed[0].size, names, told_by=("receipt",)))
    return quoted.find(cleaned, known.values())


def deduplicate(
    report: Report, *, dry_run: bool = True, settings: Settings | None = None
) -> list[Done]:
    """Let files with the same bytes share them; :func:`undo_deduplicate` takes it back.

    Args:
        report: From :func:`identify`: which files are meant.
        dry_run: Only say what would be done.
        settings: The settings; the user's own by default.

    Raises:
        TargetNotUsable: the record for an undo cannot be written.
    """
    from vaehub.insight import dedupe

    settings = settings or settings_module.load()
    steps: list[Step] = dedupe.plan(report.groups())
    if dry_run:
        return [dedupe.Done(step.path, step.kept, step.size, "would-link") for step in steps]
    return list(dedupe.link_each(steps, state=settings.state))


def undo_deduplicate(*, settings: Settings | None = None) -> list[Done]:
    """Make separate files again of all that were made to share their bytes."""
    from vaehub.insight import dedupe

    settings = settings or settings_module.load()
    return list(dedupe.undo_each(settings.state))


def explain(path: str | Path, *, catalogs: Catalogs | None = None) -> Explained:
    """Say which VAE made a picture, how its pixels look, and what to do.

    Args:
        path: The picture: PNG, JPEG, WebP, or another that Pillow decodes.
        catalogs: Those in force without it.

    Raises:
        UsageError: there is no such file.
        NotAPicture: it is no picture.
        CatalogError: a catalog cannot be read.
    """
    from vaehub.insight import explaining

    _, catalogs = given(None, catalogs)
    return explaining.explain(Path(path), catalogs)


def which(
    paths: Sequence[str | Path],
    *,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> Weighing:
    """Say of checkpoints whether a VAE is in each, if it is sound, whose it is, and what to do.

    Reads the headers and the VAEs' tensors, and nothing of the diffusion models; changes nothing.

    Args:
        paths: Checkpoints, and folders that are looked through with all that is below them.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told how far reading is; silent by default.

    Returns:
        What is in each, and what could not be read or is no model.

    Raises:
        CatalogError: a catalog cannot be read.
    """
    from vaehub.insight import weighing
    from vaehub.transfer.listener import SILENT

    settings, catalogs = given(settings, catalogs)
    return weighing.weigh(
        [Path(path).expanduser() for path in paths],
        catalogs,
        settings=settings,
        listener=listener or SILENT,
    )
