"""Which files a smoke test is asked for, and the catalog's word on each.

Knows names, receipts and paths; needs no torch. The test itself is :mod:`vaehub.smoke`.
"""

from __future__ import annotations

import contextlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import observe, receipts
from vaehub.errors import NamingError, TargetError, UsageError
from vaehub.model import PICKLE_SUFFIXES
from vaehub.smoke import records, shipped, testing
from vaehub.smoke.alternatives import with_alternatives
from vaehub.smoke.testing import Subject
from vaehub.store import Store
from vaehub.weights.heads import SAFETENSORS_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.model import Entry, Receipt, Target, Variant
    from vaehub.settings import Settings
    from vaehub.smoke.decoding import Measured
    from vaehub.smoke.report import SmokeReport

_SUFFIXES = SAFETENSORS_SUFFIXES | PICKLE_SUFFIXES
_HALF = re.compile("encoder|decoder", re.IGNORECASE)


def smoke(
    names: Sequence[str],
    *,
    target: Target | None,
    here: Sequence[Receipt],
    everything: bool,
    itself: bool,
    device: str,
    dtypes: tuple[str, ...],
    images: Path | None,
    settings: Settings,
    catalogs: Catalogs,
) -> list[SmokeReport]:
    """Test VAEs; see :func:`vaehub.api.smoke`.

    ``target`` and its receipts ``here`` are wanted where :func:`asks_for_installed` says so.
    """
    if not (names or everything or itself):
        raise UsageError(
            "nothing to test",
            hint="name a VAE or a file, or use --all for what is installed, or --self",
        )
    found = subjects(
        names,
        here=here,
        target=target,
        catalogs=catalogs,
        store=Store(settings.store),
        everything=everything,
    )
    options = testing.Options(
        device=device,
        dtypes=dtypes,
        state=settings.state,
        weights=lambda sha256: _weights(sha256, catalogs, settings),
    )
    sheet = _sheet(images)
    reports = []
    if sheet is not None:
        options = options._replace(show=sheet)
    if itself:
        reports.append(_itself(options))
    for subject in found:
        try:
            report = with_alternatives(testing.test(subject, options), catalogs.entries())
            _note(report)
            reports.append(report)
        except OSError as error:
            reports.append(testing.broken(subject, error))
    if sheet is not None:
        sheet.draw()
    return reports


def _weights(sha256: str, catalogs: Catalogs, settings: Settings) -> str | None:
    """Give the digest of a file's weights: as `identify` remembers it, or a catalog tells."""
    from vaehub.insight import remembered

    known = remembered.recall(settings.cache, sha256)
    if known is not None:
        return known.whole.weights
    for entry in catalogs.entries():
        for variant in entry.variants:
            for artifact in variant.artifacts:
                if artifact.sha256 == sha256 and artifact.fingerprint is not None:
                    return str(artifact.fingerprint["weights"])
    return None


def asks_for_installed(names: Sequence[str], *, everything: bool) -> bool:
    """Tell whether what is installed has to be known: not where only files are named."""
    return everything or any(not _is_path(name) for name in names)


def _note(report: SmokeReport) -> None:
    """Write the verdict into the receipts of what was tested, where vaehub placed it.

    That it could not be tested now says nothing against what was seen before.
    """
    if report.verdict == "untested":
        return
    said = records.Record.of(report).as_json()
    for path, sha256 in zip(report.paths, report.sha256, strict=False):
        receipt = receipts.find(path)
        if receipt is not None and receipt.sha256 == sha256:
            with contextlib.suppress(TargetError):  # a folder that may only be read loses no more
                receipts.write(receipt._replace(smoke=said))


class _Pictures:
    """Hands what is decoded to the contact sheet."""

    def __init__(self, folder: Path) -> None:
        from vaehub.smoke.sheet import Sheet

        self._sheet = Sheet(folder)

    def __call__(self, subject: Subject, seen: Measured) -> None:
        self._sheet.add(subject.name, seen.device, seen.dtype, seen.pictures)

    def draw(self) -> None:
        """Draw it."""
        self._sheet.draw()


def _sheet(folder: Path | None) -> _Pictures | None:
    if folder is None or testing.missing():
        return None
    lacking = [name for name in ("PIL", "numpy") if find_spec(name) is None]
    if lacking:
        raise UsageError(
            f"--images needs {' and '.join(lacking)}", hint="pip install 'vaehub[smoke]' adds it"
        )
    return _Pictures(folder)


def _itself(options: testing.Options) -> SmokeReport:
    """Test the autoencoder that ships with vaehub against what it is known to decode to."""
    with shipped.autoencoder() as path:
        subject = Subject("vaehub's own", ((path, path.name),))
        return testing.test(subject, options._replace(goldens=shipped.goldens(), state=None))


def subjects(
    names: Sequence[str],
    *,
    here: Sequence[Receipt],
    target: Target | None,
    catalogs: Catalogs,
    store: Store,
    everything: bool = False,
) -> list[Subject]:
    """Find what names and paths stand for.

    A path to a file is that file; an encoder and a decoder side by side, whose names differ in just
    those words, are one VAE. A name is what vaehub placed under it in the target, else what the
    store has of it.

    Args:
        names: Paths, and names as for an install.
        here: The receipts of the target.
        target: For messages; None where there is none.
        catalogs: What the names mean.
        store: Blobs that are not placed anywhere.
        everything: Also all that vaehub placed in the target.

    Raises:
        UsageError: a path is a folder, or not there.
        EntryNotFound, EntryAmbiguous, VariantNotFound: a name leads nowhere.
        NamingError: it is neither installed nor in the store.
    """
    found = [
        _file(Path(name), here=here, catalogs=catalogs)
        if _is_path(name)
        else _entry(name, here=here, target=target, catalogs=catalogs, store=store)
        for name in names
    ]
    if everything:
        found += _placed(here, catalogs)
    unique: dict[frozenset[Path], Subject] = {}
    for subject in _paired(found):
        unique.setdefault(frozenset(path.absolute() for path, _ in subject.files), subject)
    return list(unique.values())


def _paired(found: Iterable[Subject]) -> list[Subject]:
    """Make one subject of each decoder and encoder that belong together."""
    groups: dict[object, list[Subject]] = {}
    for subject in found:
        groups.setdefault(_what(subject), []).append(subject)
    paired: list[Subject] = []
    for group in groups.values():
        unique = {subject.files[0][0].absolute(): subject for subject in group}
        paired += _joined(list(unique.values())) if len(unique) == 2 else group
    return paired


def _what(subject: Subject) -> object:
    """Give what the two files of a VAE have in common, and no other file has."""
    path = subject.files[0][0]
    if len(subject.files) > 1 or not _HALF.search(path.name):
        return object()  # like nothing else
    entry = subject.entry.full_name if subject.entry is not None else None
    return path.absolute().parent, _HALF.sub("coder", path.name.lower()), entry


def _joined(two: list[Subject]) -> list[Subject]:
    # The decoder first, in whatever order they were named: its sha256 leads to the golden output.
    decoder, encoder = sorted(two, key=lambda one: "encoder" in one.files[0][1].lower())
    if not _is_half(decoder, "decoder") or not _is_half(encoder, "encoder"):
        return two
    known = decoder.sha256 and encoder.sha256
    return [
        Subject(
            f"{decoder.name} + {encoder.files[0][1]}",
            (*decoder.files, *encoder.files),
            decoder.entry,
            (*decoder.sha256, *encoder.sha256) if known else (),
        )
    ]


def _is_half(subject: Subject, which: str) -> bool:
    return [word.lower() for word in _HALF.findall(subject.files[0][1])] == [which]


def _is_path(name: str) -> bool:
    """Tell whether somebody means a file: it is there, or no catalog can have such a name."""
    path = Path(name)
    has_parts = len(path.parts) > 1 and path.exists()
    is_said = name.startswith((".", "~")) or name.endswith(("/", "\\")) or path.is_absolute()
    return path.is_file() or is_said or has_parts or path.suffix.lower() in _SUFFIXES


def _file(path: Path, *, here: Sequence[Receipt], catalogs: Catalogs) -> Subject:
    with contextlib.suppress(RuntimeError):  # nobody of that name has a home here
        path = path.expanduser()
    if path.is_dir():
        raise _folder(path)
    if not path.is_file():
        raise UsageError(f"there is no file {path}", hint="`vaehub list` shows the names it knows")
    receipt = receipts.find(path)
    if receipt is None or not _is_unchanged(receipt):
        return Subject(str(path), ((path, path.name),))
    entry = _entry_of(receipt, catalogs)
    return Subject(str(path), ((path, path.name),), entry, (receipt.sha256,))


def _entry(
    name: str,
    *,
    here: Sequence[Receipt],
    target: Target | None,
    catalogs: Catalogs,
    store: Store,
) -> Subject:
    try:
        entry, variant = catalogs.resolve(name)
    except NamingError:
        if Path(name).is_dir():
            raise _folder(Path(name)) from None
        raise
    placed = [receipt for receipt in here if receipt.entry == entry.full_name]
    if "@" in name:
        placed = [receipt for receipt in placed if receipt.variant == variant.name]
    elif placed:
        first = placed[0].variant
        placed = [receipt for receipt in placed if receipt.variant == first]
    if placed:
        return _of(name, entry, placed)
    blobs = _blobs(variant, store)
    if blobs is None:
        where = f" in {target}" if target is not None else ""
        raise NamingError(
            f"{name} is not installed{where}, and not in the store",
            hint=f"vaehub install {name}",
        )
    files, sha256 = blobs
    return Subject(name, files, entry, sha256)


def _placed(here: Iterable[Receipt], catalogs: Catalogs) -> list[Subject]:
    groups: dict[tuple[str, str], list[Receipt]] = {}
    for receipt in here:
        groups.setdefault((receipt.entry, receipt.variant), []).append(receipt)
    return [
        _of(f"{entry.removeprefix('vaehub/')}@{variant}", _entry_of(placed[0], catalogs), placed)
        for (entry, variant), placed in groups.items()
    ]


def _of(name: str, entry: Entry | None, placed: Sequence[Receipt]) -> Subject:
    # What was placed under several names, for checkpoints say, is one file of the VAE all the same.
    unique = {receipt.sha256: receipt for receipt in reversed(placed)}
    weights = [
        receipt
        for receipt in placed
        if receipt.path.suffix.lower() in _SUFFIXES and unique[receipt.sha256] is receipt
    ]
    changed = tuple(receipt.path for receipt in weights if not _is_unchanged(receipt))
    return Subject(
        name,
        tuple((receipt.path, receipt.path.name) for receipt in weights),
        entry,
        tuple(receipt.sha256 for receipt in weights) if not changed else (),
        changed,
    )


def _is_unchanged(receipt: Receipt) -> bool:
    try:
        return observe.is_unchanged(receipt)
    except OSError:  # gone, or unreadable: the test of it says so
        return False


def _folder(path: Path) -> UsageError:
    return UsageError(
        f"{path} is a folder",
        hint="name a file in it, or use --all --to FOLDER for all that vaehub placed there",
    )


def _entry_of(receipt: Receipt, catalogs: Catalogs) -> Entry | None:
    try:
        return catalogs.resolve(receipt.entry)[0]
    except NamingError:  # it left the catalog since
        return None


def _blobs(
    variant: Variant, store: Store
) -> tuple[tuple[tuple[Path, str], ...], tuple[str, ...]] | None:
    files, digests = [], []
    for artifact in variant.artifacts:
        if Path(artifact.name).suffix.lower() not in _SUFFIXES:
            continue
        if artifact.sha256 is None or not store.has(artifact.sha256, artifact.size):
            return None
        files.append((store.blob(artifact.sha256), artifact.name))
        digests.append(artifact.sha256)
    return (tuple(files), tuple(digests)) if files else None
