"""The user's own files: adopt them, convert them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.api.common import given
from vaehub.errors import TargetNotUsable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaehub.adopted import AdoptedFolder
    from vaehub.adopting import Adopted
    from vaehub.catalog import Catalogs
    from vaehub.converting import Converted
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


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

    settings, catalogs = given(settings, catalogs)
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

    _, catalogs = given(settings, catalogs)
    return converting.convert_known(
        Path(file).expanduser(), output=output, layout=layout, dtype=dtype, catalogs=catalogs
    )
