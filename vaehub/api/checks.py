"""Look at what is installed: bytes, decodes, what a UI makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.api.common import find_target, given, installed
from vaehub.api.installs import install
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vaehub.api.common import To
    from vaehub.catalog import Catalogs
    from vaehub.checking import VerifyResult
    from vaehub.doctor.fixing import Fix
    from vaehub.doctor.report import Diagnosis
    from vaehub.outcome import InstallResult
    from vaehub.settings import Settings
    from vaehub.smoke.report import SmokeReport
    from vaehub.transfer.listener import Listener


def verify(
    names: str | Iterable[str] = (),
    *,
    to: To = None,
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
    from vaehub import uninstalling
    from vaehub.checking import VerifyResult, check
    from vaehub.store import Store

    settings, catalogs = given(settings, catalogs)
    target = find_target(to, settings=settings)
    here = installed(target)
    wanted = [names] if isinstance(names, str) else list(names)
    problems: list[Problem] = []
    chosen = here if not wanted else []
    for name in wanted:
        matching = uninstalling.matching(name, here, catalogs)
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
    to: To = None,
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

    settings, catalogs = given(settings, catalogs)
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
        to: As for :func:`install`; or several. Without it, where an install would go, and all the
            targets that have names.
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

    names: Sequence[str] = ()
    if to is None:
        wanted: list[str | Path | None] = [None]
        names = list(settings.targets)
        if names and not (settings.to or settings.default_target):
            around = find_target(settings=settings)
            if around.layout == "folder":  # no UI: ./models/VAE is of no interest then
                wanted = []
    else:
        wanted = [to] if isinstance(to, (str, Path)) else list(to)
    return diagnosing.diagnose(
        wanted,
        names,
        network=network,
        torch=torch,
        hashing=hashing,
        settings=settings,
        catalogs=catalogs,
        cwd=Path.cwd(),
        may_fix=may_fix,
        install=install_there,
    )
