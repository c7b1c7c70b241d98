"""The public Python face: what ``import vaehub`` offers.

Each function reads the user's settings and catalogs unless they are given, does one thing, and
returns plain frozen objects or raises a :class:`vaehub.errors.VaehubError`. Prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import settings as settings_module
from vaehub.errors import FileInTheWay, NamingError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from vaehub.catalog import Catalogs
    from vaehub.checking import VerifyResult
    from vaehub.doctor.fixing import Fix
    from vaehub.doctor.report import Diagnosis
    from vaehub.installing import InstallResult
    from vaehub.licenses import Ask
    from vaehub.model import Entry, Receipt, Target, Variant
    from vaehub.settings import Settings
    from vaehub.smoke.report import SmokeReport
    from vaehub.transfer.listener import Listener


class Removed(NamedTuple):
    """What an uninstall did with one placed file."""

    receipt: Receipt
    status: str
    """``removed``, or ``gone`` where somebody else had removed it."""


def list_entries(
    *,
    family: str | None = None,
    tag: str | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> list[Entry]:
    """List the entries of all catalogs, the curated one first.

    Raises:
        CatalogError: a catalog cannot be read.
    """
    _, catalogs = _given(settings, catalogs)
    return catalogs.filter(family=family, tag=tag)


def find(
    name: str, *, settings: Settings | None = None, catalogs: Catalogs | None = None
) -> tuple[Entry, Variant]:
    """Find the entry and the variant that a name leads to.

    Args:
        name: An id, an alias, ``catalog/id``, each optionally ``@variant``, or a known file name.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.

    Raises:
        CatalogError: a catalog cannot be read.
        EntryNotFound, EntryAmbiguous, VariantNotFound: the name leads to none, or to several.
    """
    _, catalogs = _given(settings, catalogs)
    return catalogs.resolve(name)


def find_target(
    to: str | Path | None = None, *, settings: Settings | None = None, cwd: Path | None = None
) -> Target:
    """Find where an install would go.

    Raises:
        TargetNotUsable: ``to`` cannot be a target.
    """
    from vaehub import targets

    settings = settings or settings_module.load()
    return targets.find_target(to, settings=settings, cwd=cwd or Path.cwd())


def install(
    name: str,
    *,
    to: str | Path | None = None,
    source: str | None = None,
    dry_run: bool = False,
    require_pinned: bool = False,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> InstallResult:
    """Install a VAE by name; running it again changes nothing.

    Args:
        name: As for :func:`find`.
        to: A UI's root or a folder; by default as the command line finds it.
        source: Use only this host.
        dry_run: Plan only.
        require_pinned: Refuse files whose sha256 the catalog does not know.
        accept_licenses: License ids that the caller accepts.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told of progress; silent by default.

    Raises:
        VaehubError: any of its kinds; the target is as it was.
    """
    (outcome,) = install_all(
        [name],
        to=to,
        source=source,
        dry_run=dry_run,
        require_pinned=require_pinned,
        accept_licenses=accept_licenses,
        ask=ask,
        settings=settings,
        catalogs=catalogs,
        listener=listener,
    )
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def install_all(
    names: Iterable[str],
    *,
    to: str | Path | None = None,
    source: str | None = None,
    dry_run: bool = False,
    require_pinned: bool = False,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> list[InstallResult | Exception]:
    """Install several VAEs at once, each by itself: an error of one stops none of the others.

    Args:
        names: As for :func:`find`.
        to: As for :func:`install`, and so are the rest.
        source: Use only this host.
        dry_run: Plan only.
        require_pinned: Refuse files whose sha256 the catalog does not know.
        accept_licenses: License ids that the caller accepts.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told of progress; silent by default.

    Returns:
        For each name what was done, or the error that stopped it; then nothing was changed for it.

    Raises:
        CatalogError: a catalog cannot be read.
        TargetNotUsable: ``to`` cannot be a target.
    """
    from vaehub import batch
    from vaehub.installing import Options, Order
    from vaehub.transfer.listener import SILENT
    from vaehub.transfer.session import Session

    settings, catalogs = _given(settings, catalogs)
    wanted = list(names)
    outcomes: dict[str, InstallResult | Exception] = {}
    orders = []
    for name in dict.fromkeys(wanted):
        try:
            entry, variant = catalogs.resolve(name)
        except NamingError as error:
            outcomes[name] = error
        else:
            named = "@" in name or variant != entry.default
            orders.append(Order(name, entry, variant, named=named))
    done: list[InstallResult | Exception] = []
    if orders:
        target = find_target(to, settings=settings)
        with Session(settings) as session:
            done = batch.install_all(
                orders,
                target,
                settings=settings,
                session=session,
                listener=listener or SILENT,
                options=Options(
                    only_host=source,
                    dry_run=dry_run,
                    require_pinned=require_pinned,
                    accepted_licenses=accept_licenses,
                    ask=ask,
                    reserved=catalogs.file_names,
                ),
            )
    outcomes |= {order.name: outcome for order, outcome in zip(orders, done, strict=True)}
    return [outcomes[name] for name in wanted]


def installed(target: Target) -> list[Receipt]:
    """List what vaehub has placed in a target.

    Raises:
        TargetNotUsable: the target's folder cannot be read.
    """
    from vaehub import receipts, targets

    layout = targets.layouts()[target.layout]
    folders = dict.fromkeys(
        folder for slot in layout.slots for folder in layout.folders(target, slot)
    )
    return [receipt for folder in folders for receipt in receipts.read(folder)]


def uninstall(
    names: str | Iterable[str],
    *,
    to: str | Path | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> list[Removed]:
    """Remove what vaehub placed under these names, and nothing else.

    All files are looked at before the first is removed.

    Raises:
        EntryNotFound, EntryAmbiguous: as for :func:`find`.
        NamingError: the entry is not installed in that target.
        FileInTheWay: a file's bytes are no longer those that vaehub placed; it is left alone.
        TargetNotUsable: the target cannot be read or written.
    """
    from vaehub import observe, receipts

    settings, catalogs = _given(settings, catalogs)
    target = find_target(to, settings=settings)
    here = installed(target)
    chosen: list[Receipt] = []
    for name in [names] if isinstance(names, str) else names:
        matching = _matching(name, here, catalogs)
        if not matching:
            raise NamingError(
                f"{name} is not installed in {target}",
                hint="`vaehub list --installed` shows what is; name another place with --to",
            )
        chosen += [receipt for receipt in matching if receipt not in chosen]
    for receipt in chosen:
        if receipt.path.exists() and not observe.is_unchanged(receipt):
            raise FileInTheWay(
                f"{receipt.path} is no longer what vaehub placed there: its bytes have changed",
                hint="it was not touched; delete it yourself if you do not need it",
            )
    done = []
    for receipt in chosen:
        gone = not receipt.path.exists()
        receipts.unplace(receipt)
        done.append(Removed(receipt, "gone" if gone else "removed"))
    return done


def verify(
    names: str | Iterable[str] = (),
    *,
    to: str | Path | None = None,
    deep: bool = False,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> VerifyResult:
    """Check installed files against their receipts and the catalog.

    Args:
        names: Which; all that vaehub placed in the target by default.
        to: As for :func:`install`.
        deep: Hash every file; otherwise only those whose size, mtime or inode changed.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.

    Raises:
        EntryNotFound, EntryAmbiguous: as for :func:`find`.
        TargetNotUsable: the target cannot be read.
    """
    from vaehub.checking import VerifyResult, check
    from vaehub.store import Store

    settings, catalogs = _given(settings, catalogs)
    target = find_target(to, settings=settings)
    here = installed(target)
    wanted = [names] if isinstance(names, str) else list(names)
    problems: list[Problem] = []
    chosen = here if not wanted else []
    for name in wanted:
        matching = _matching(name, here, catalogs)
        chosen += [receipt for receipt in matching if receipt not in chosen]
        if not matching:
            problems.append(
                Problem(
                    "not-installed",
                    f"{name} is not installed in {target}",
                    where=str(target),
                    hint=f"vaehub install {name}",
                )
            )
    files = check(chosen, catalogs, deep=deep)
    for file in files:
        if any(problem.code == "changed" for problem in file.problems):
            # The file may be a hard link to its blob, which must not be placed again unread.
            Store(settings.store).doubt(file.receipt.sha256)
    problems += [problem for file in files for problem in file.problems]
    return VerifyResult(target, tuple(files), tuple(problems))


def smoke(
    names: str | Iterable[str] = (),
    *,
    to: str | Path | None = None,
    everything: bool = False,
    itself: bool = False,
    device: str = "auto",
    dtypes: Iterable[str] = (),
    images: Path | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> list[SmokeReport]:
    """Decode with VAEs and say whether they work; docs/smoke.md says how.

    Args:
        names: Files, and names as for :func:`find`: what is installed under them in the target,
            else what the store has.
        to: As for :func:`install`.
        everything: Also all that vaehub placed in the target.
        itself: Also the small autoencoder that ships with vaehub: tells whether torch and the
            device are sound.
        device: ``auto``, ``all``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``xpu``.
        dtypes: ``fp32``, ``bf16``, ``fp16``; all that the device is quick in by default.
        images: Folder for the decoded pictures and a contact sheet.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.

    Returns:
        A report for each, in their order. What could not be tested says so; nothing is raised for
        a VAE that fails.

    Raises:
        UsageError: nothing to test, a file that is not there, a device that is not there.
        EntryNotFound, EntryAmbiguous: as for :func:`find`.
        NamingError: a VAE is neither installed nor in the store.
        TargetNotUsable: the target cannot be read, or ``images`` not written.
        FileInTheWay: a picture has the name of a file that is not ours.
    """
    from vaehub import smoking

    settings, catalogs = _given(settings, catalogs)
    wanted = [names] if isinstance(names, str) else list(names)
    target = None
    if smoking.asks_for_installed(wanted, everything=everything):
        target = find_target(to, settings=settings)
    return smoking.smoke(
        wanted,
        target=target,
        here=installed(target) if target is not None else [],
        everything=everything,
        itself=itself,
        device=device,
        dtypes=tuple(dtypes),
        images=images,
        settings=settings,
        catalogs=catalogs,
    )


def doctor(
    to: str | Path | Iterable[str | Path] | None = None,
    *,
    network: bool = True,
    torch: bool = False,
    hashing: Callable[[int, int], None] = lambda files, size: None,
    may_fix: Callable[[Fix], bool] | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> Diagnosis:
    """Say of each VAE in a target whether its UI lists and loads it, and what this machine can do.

    Changes and writes nothing, unless ``may_fix`` is given and says yes.

    Args:
        to: As for :func:`install`; or several.
        network: Whether each host is asked for a sign of life.
        torch: Whether torch is imported, to say which device a smoke test would use.
        hashing: Told, before the first byte is read, how many files of how many bytes are hashed.
        may_fix: Asked before each thing that can be mended among what vaehub placed.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told of the progress of downloads; silent by default.

    Returns:
        What was found, and what was mended before. A target that cannot be used is a problem too,
        and raises nothing.

    Raises:
        CatalogError: a catalog cannot be read.
    """
    from vaehub.catalog import load_catalogs
    from vaehub.doctor import diagnosing

    settings = settings or settings_module.load()
    catalogs = catalogs or load_catalogs(settings, keep=False)

    def install_there(name: str, root: Path) -> InstallResult:
        return install(name, to=root, settings=settings, catalogs=catalogs, listener=listener)

    return diagnosing.diagnose(
        [to] if to is None or isinstance(to, (str, Path)) else list(to),
        network=network,
        torch=torch,
        hashing=hashing,
        settings=settings,
        catalogs=catalogs,
        cwd=Path.cwd(),
        may_fix=may_fix,
        install=install_there,
    )


def _given(settings: Settings | None, catalogs: Catalogs | None) -> tuple[Settings, Catalogs]:
    from vaehub.catalog import load_catalogs

    settings = settings or settings_module.load()
    return settings, catalogs or load_catalogs(settings)


def _matching(name: str, here: list[Receipt], catalogs: Catalogs) -> list[Receipt]:
    """Give the receipts that a name means, also of entries that left the catalog since."""
    bare, _, variant = name.strip().casefold().partition("@")
    try:
        entry, _ = catalogs.resolve(bare)
    except NamingError:
        matching = [receipt for receipt in here if bare in (receipt.entry, _id(receipt))]
        if not matching:
            raise
    else:
        matching = [receipt for receipt in here if receipt.entry == entry.full_name]
    return [receipt for receipt in matching if variant in ("", receipt.variant)]


def _id(receipt: Receipt) -> str:
    return receipt.entry.partition("/")[2]
