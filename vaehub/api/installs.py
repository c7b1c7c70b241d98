"""Install VAEs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

from vaehub.api.common import given, places_of
from vaehub.errors import UsageError
from vaehub.model import Target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from vaehub.api.common import To
    from vaehub.catalog import Catalogs
    from vaehub.licenses import Ask
    from vaehub.ordering import Attempt
    from vaehub.outcome import InstallResult
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


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
    settings, catalogs = given(settings, catalogs)
    wanted = list(dict.fromkeys(names))
    if checkpoint is not None and len(wanted) > 1:
        raise UsageError(
            f"one VAE goes with a checkpoint, and there are {len(wanted)} names",
            hint="name the one that it shall be used with",
        )
    return ordering.install_each(
        wanted,
        lambda: places_of(to, checkpoint, settings),
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
