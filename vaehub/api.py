"""The public Python face: what ``import vaehub`` offers.

Each function reads the user's settings and catalogs unless they are given, does one thing, and
returns plain frozen objects or raises a :class:`vaehub.errors.VaehubError`. Prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

from vaehub import settings as settings_module
from vaehub.errors import TargetError, TargetNotUsable, UsageError
from vaehub.model import Problem, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from vaehub.adopted import AdoptedFolder
    from vaehub.adopting import Adopted
    from vaehub.catalog import Catalogs
    from vaehub.checking import VerifyResult
    from vaehub.converting import Converted
    from vaehub.doctor.fixing import Fix
    from vaehub.doctor.report import Diagnosis
    from vaehub.insight.dedupe import Done, Step
    from vaehub.insight.explaining import Explained
    from vaehub.insight.identifying import Report
    from vaehub.insight.quoted import Match
    from vaehub.licenses import Ask
    from vaehub.model import Entry, Receipt, Variant
    from vaehub.ordering import Attempt
    from vaehub.outcome import InstallResult
    from vaehub.settings import Settings
    from vaehub.smoke.report import SmokeReport
    from vaehub.transfer.listener import Listener
    from vaehub.uninstalling import Removed

    To = str | Path | Target | None
    """A UI's root, a folder, or a target that was found; None: as the command line finds it."""


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
    to: To = None, *, settings: Settings | None = None, cwd: Path | None = None
) -> Target:
    """Find where an install would go.

    Raises:
        TargetNotUsable: ``to`` cannot be a target.
    """
    from vaehub import targets

    if isinstance(to, Target):
        return to
    settings = settings or settings_module.load()
    return targets.find_target(to, settings=settings, cwd=cwd or Path.cwd())


def find_targets(
    to: Sequence[To], *, settings: Settings | None = None, cwd: Path | None = None
) -> list[Target | TargetError]:
    """Find where an install into several targets would go, each of them once.

    Returns:
        In their order each target, or why what was named cannot be one.
    """
    from vaehub.targets import several

    settings = settings or settings_module.load()
    found: list[Target | TargetError] = []
    for one in to:
        try:
            found.append(find_target(one, settings=settings, cwd=cwd))
        except TargetError as error:
            found.append(error)
    return several.distinct(found)


@overload
def install(  # type: ignore[overload-overlap]  # a text is a sequence of texts, and not meant so
    name: str,
    *,
    to: To = None,
    source: str | None = None,
    convert: str | None = None,
    checkpoint: str | Path | None = None,
    dry_run: bool = False,
    require_pinned: bool = False,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> InstallResult: ...


@overload
def install(
    name: str,
    *,
    to: Sequence[str | Path | Target],
    source: str | None = None,
    convert: str | None = None,
    checkpoint: str | Path | None = None,
    dry_run: bool = False,
    require_pinned: bool = False,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> list[InstallResult | Exception]: ...


def install(
    name: str,
    *,
    to: To | Sequence[str | Path | Target] = None,
    source: str | None = None,
    convert: str | None = None,
    checkpoint: str | Path | None = None,
    dry_run: bool = False,
    require_pinned: bool = False,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> InstallResult | list[InstallResult | Exception]:
    """Install a VAE by name; running it again changes nothing.

    Args:
        name: As for :func:`find`.
        to: A UI's root or a folder; by default as the command line finds it. A sequence of them
            installs into each, with one download, and an error of one stops none of the others.
        source: Use only this host.
        convert: ``safetensors``: place the weights of a pickle in that form.
        checkpoint: A path, or a name below the UI's folder of checkpoints: the UI takes the VAE
            with this checkpoint by itself. It also says which UI, where ``to`` does not.
        dry_run: Plan only.
        require_pinned: Refuse files whose sha256 the catalog does not know.
        accept_licenses: License ids that the caller accepts.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told of progress; silent by default.

    Returns:
        What was done; of a sequence, for each target what was done or the error that stopped it,
        one that was named twice being there once.

    Raises:
        VaehubError: any of its kinds; the target is as it was. Of several targets only what is
            wrong whatever the target: a name, a catalog.
    """
    one = to is None or isinstance(to, (str, Path, Target))
    attempts = install_each(
        [name],
        to=[to] if one else to,  # type: ignore[arg-type,list-item]  # `one` tells which it is
        source=source,
        convert=convert,
        checkpoint=checkpoint,
        dry_run=dry_run,
        require_pinned=require_pinned,
        accept_licenses=accept_licenses,
        ask=ask,
        settings=settings,
        catalogs=catalogs,
        listener=listener,
    )
    outcomes = [attempt.outcome for attempt in attempts]
    first, leads_nowhere = outcomes[0], attempts[0].name is not None and attempts[0].target is None
    if isinstance(first, Exception) and (one or leads_nowhere):
        raise first
    return first if one and not isinstance(first, Exception) else outcomes


def install_all(
    names: Iterable[str],
    *,
    to: To = None,
    source: str | None = None,
    convert: str | None = None,
    checkpoint: str | Path | None = None,
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
        to: One target; as for :func:`install`, and so are the rest.
        source: Use only this host.
        convert: ``safetensors``: place the weights of a pickle in that form.
        checkpoint: See :func:`install`; then there can be but one name.
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
        UsageError: ``convert`` names another form than safetensors.
    """
    wanted = list(names)
    attempts = install_each(
        wanted,
        to=[to],
        source=source,
        convert=convert,
        checkpoint=checkpoint,
        dry_run=dry_run,
        require_pinned=require_pinned,
        accept_licenses=accept_licenses,
        ask=ask,
        settings=settings,
        catalogs=catalogs,
        listener=listener,
    )
    outcomes = {attempt.name: attempt.outcome for attempt in attempts}
    return [outcomes[name] for name in wanted]


def install_each(
    names: Iterable[str],
    *,
    to: Sequence[To],
    source: str | None = None,
    convert: str | None = None,
    checkpoint: str | Path | None = None,
    dry_run: bool = False,
    require_pinned: bool = False,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> list[Attempt]:
    """Install each of several VAEs into each of several targets, with one download each.

    Args:
        names: As for :func:`find`.
        to: The targets; the one by default where there is none. The rest as for :func:`install`.
        source: Use only this host.
        convert: ``safetensors``: place the weights of a pickle in that form.
        checkpoint: See :func:`install`; then there can be but one name.
        dry_run: Plan only.
        require_pinned: Refuse files whose sha256 the catalog does not know.
        accept_licenses: License ids that the caller accepts.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told of progress; silent by default.

    Returns:
        What became of each; see :func:`vaehub.ordering.install_each`.

    Raises:
        CatalogError: a catalog cannot be read.
        UsageError: a checkpoint for several names.
        TargetNotUsable: the only target that was named cannot be one.
    """
    from vaehub import ordering
    from vaehub.planning import Options
    from vaehub.transfer.listener import SILENT

    if convert not in (None, "safetensors"):
        raise UsageError(f"a file cannot be converted to {convert!r}, but to safetensors alone")
    settings, catalogs = _given(settings, catalogs)
    wanted = list(dict.fromkeys(names))
    if checkpoint is not None and len(wanted) > 1:
        raise UsageError(
            f"one VAE goes with a checkpoint, and there are {len(wanted)} names",
            hint="name the one that it shall be used with",
        )
    return ordering.install_each(
        wanted,
        lambda: _places(to, checkpoint, settings),
        options=Options(
            only_host=source,
            checkpoint=checkpoint,
            dry_run=dry_run,
            require_pinned=require_pinned,
            accepted_licenses=accept_licenses,
            ask=ask,
            convert=convert is not None,
            reserved=catalogs.file_names,
        ),
        settings=settings,
        catalogs=catalogs,
        listener=listener or SILENT,
    )


def adopt(
    folders: Iterable[str | Path],
    *,
    dry_run: bool = False,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> list[Adopted | TargetNotUsable]:
    """Recognise files of the catalogs in folders, so that installs take their bytes from there.

    Nothing in the folders is changed; what was found is recorded in the user's state.

    Args:
        folders: Each is looked through with all that is below it.
        dry_run: Record nothing.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told how far hashing is; silent by default.

    Returns:
        For each folder what was found, or why it cannot be looked into.

    Raises:
        CatalogError: a catalog cannot be read.
    """
    from vaehub import adopting
    from vaehub.transfer.listener import SILENT

    settings, catalogs = _given(settings, catalogs)
    found: list[Adopted | TargetNotUsable] = []
    for folder in folders:
        try:
            path = adopting.absolute(folder)
            done = adopting.adopt(
                path, catalogs, settings=settings, listener=listener or SILENT, dry_run=dry_run
            )
        except TargetNotUsable as error:
            found.append(error)
        else:
            found.append(done)
    return found


def adopted(*, settings: Settings | None = None) -> list[AdoptedFolder]:
    """List the folders that were adopted, with the files that were recognised in them."""
    from vaehub import adopted as records

    settings = settings or settings_module.load()
    return records.read(settings.state)


def forget(folder: str | Path, *, settings: Settings | None = None) -> Path:
    """Forget an adopted folder; nothing in it is changed.

    Returns:
        The folder, as it was on record.

    Raises:
        NamingError: it was not adopted.
        TargetNotUsable: the user's state cannot be written.
    """
    from vaehub import adopting

    settings = settings or settings_module.load()
    return adopting.forget(adopting.absolute(folder), state=settings.state)


def installed(target: Target) -> list[Receipt]:
    """List what vaehub has placed in a target.

    Raises:
        TargetNotUsable: the target's folder cannot be read.
    """
    from vaehub import receipts
    from vaehub.targets.places import folders_of

    return [receipt for folder in folders_of(target) for receipt in receipts.read(folder)]


def uninstall(
    names: str | Iterable[str],
    *,
    to: To = None,
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
    [(_, outcome)] = uninstall_each(names, to=[to], settings=settings, catalogs=catalogs)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def uninstall_each(
    names: str | Iterable[str],
    *,
    to: Sequence[To],
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> list[tuple[Target | None, list[Removed] | Exception]]:
    """Remove what vaehub placed under these names in each of several targets.

    All files of all targets are looked at before the first is removed; an error of one target
    keeps none of the others.

    Returns:
        For each target, or None for a place that cannot be one, what was done or why nothing was.

    Raises:
        TargetNotUsable: the only target that was named cannot be one.
    """
    from vaehub import uninstalling

    settings, catalogs = _given(settings, catalogs)
    wanted = [names] if isinstance(names, str) else list(names)
    places = _places(to, None, settings)
    targets = [place for place in places if isinstance(place, Target)]
    done = iter(
        uninstalling.uninstall_each(
            wanted, [(target, installed(target)) for target in targets], catalogs
        )
    )
    return [(place, next(done)) if isinstance(place, Target) else (None, place) for place in places]


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

    settings, catalogs = _given(settings, catalogs)
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


def convert(
    file: str | Path,
    *,
    output: Path | None = None,
    layout: str | None = None,
    dtype: str | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> Converted:
    """Convert a file of weights to safetensors; running it again changes nothing.

    Nothing in the file is executed, and it is not changed. Neither torch nor numpy is needed.

    Args:
        file: A checkpoint (.ckpt, .pt, .pth, .bin), or a safetensors file to change.
        output: The result, or a folder for it; by default beside the file, its suffix changed.
        layout: ``ldm`` or ``diffusers``: whose names an AutoencoderKL's tensors are to have.
        dtype: ``fp16``, ``bf16`` or ``fp32``; as they are by default.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.

    Returns:
        What was done, what was dropped, and the result's size and sha256.

    Raises:
        UsageError: no such file, no such layout or precision, or one that the file cannot have.
        NotAModel: the file is no VAE, or a damaged one.
        UnsafePickle: it names what is neither plain nor known to be harmless.
        FileInTheWay: something else has the result's name; it was not touched.
        DiskFull, TargetNotUsable: the result cannot be written.
    """
    from vaehub import converting

    _, catalogs = _given(settings, catalogs)
    return converting.convert_known(
        Path(file).expanduser(), output=output, layout=layout, dtype=dtype, catalogs=catalogs
    )


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

    _, catalogs = _given(None, catalogs)
    return explaining.explain(Path(path), catalogs)


def _places(
    to: Sequence[To], checkpoint: str | Path | None, settings: Settings
) -> Sequence[Target | TargetError]:
    if checkpoint is not None and not any(one is not None for one in to):
        from vaehub.targets import checkpoints

        around = checkpoints.target_around(checkpoint, cwd=Path.cwd())
        if around is not None:
            return [around]
    if len(to) < 2:
        return [find_target(*to, settings=settings)]
    return find_targets(to, settings=settings)


def _given(settings: Settings | None, catalogs: Catalogs | None) -> tuple[Settings, Catalogs]:
    from vaehub.catalog import load_catalogs

    settings = settings or settings_module.load()
    return settings, catalogs or load_catalogs(settings)


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

    settings, catalogs = _given(settings, catalogs)
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

    settings, catalogs = _given(settings, catalogs)
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
