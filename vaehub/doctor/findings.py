"""The table of findings: a stable code, how grave it is, what it means, what mends it.

docs/cli.md shows this table. Knows no file and no UI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import Drift, TargetError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class Finding(NamedTuple):
    """One row of the table."""

    means: str
    mends: str
    """In the table's words; the hint of a problem is the very command."""
    exit_code: int = 0
    """0: worth a word, and no failure."""


_CANNOT_BE_USED = Drift.exit_code
_NO_TARGET = TargetError.exit_code

FINDINGS: Mapping[str, Finding] = {
    # The target
    "target-not-usable": Finding(
        "the path is no folder, or two UIs have equal claims to it",
        "another `--to`",
        _NO_TARGET,
    ),
    "folder-missing": Finding(
        "the folder that was named is not there",
        "another `--to`; an install makes it",
        _NO_TARGET,
    ),
    "folder-not-usable": Finding(
        "a folder of the UI is a link to nowhere, a file, or not to be read",
        "what the message names",
        _NO_TARGET,
    ),
    "store-not-usable": Finding(
        "the store cannot be written: no install can work", "`VAEHUB_STORE`", _NO_TARGET
    ),
    "folder-read-only": Finding("nothing can be installed there", "its permissions"),
    "little-room": Finding("less than 1 GB is free", "`vaehub store gc`"),
    "lists-no-folder": Finding("the UI keeps its models in a store of its own", "its own manager"),
    # Files that the UI does not list or load
    "not-listed": Finding(
        "the UI does not list files of that extension, case or name",
        "`mv` to a name that it lists, or `vaehub convert`",
        _CANNOT_BE_USED,
    ),
    "out-of-reach": Finding(
        "the UI does not look into the hidden or linked folder that the file is in",
        "`mv`, or `ln -s` of the file itself",
        _CANNOT_BE_USED,
    ),
    "shadowed": Finding(
        "another file has the name under which the UI would list it",
        "`mv` to a name of its own",
        _CANNOT_BE_USED,
    ),
    "not-loaded": Finding(
        "listed, but its key layout or its size is none that the UI loads",
        "`vaehub convert`, or the variant that fits",
        _CANNOT_BE_USED,
    ),
    "wrong-slot": Finding(
        "a small preview decoder among the VAEs, or a VAE among those",
        "`mv` to the other folder",
        _CANNOT_BE_USED,
    ),
    "half-a-pair": Finding(
        "the UI lists an encoder and a decoder together, and one of them is missing",
        "`vaehub install`",
        _CANNOT_BE_USED,
    ),
    # Files that are no sound VAE
    "wrong-extension": Finding(
        "the bytes are of another container than the extension says", "`mv`", _CANNOT_BE_USED
    ),
    "empty": Finding("a file without a byte", "`vaehub install`, or `rm`", _CANNOT_BE_USED),
    "not-a-model": Finding(
        "a web page or a message in place of the file", "`rm`, and get it again", _CANNOT_BE_USED
    ),
    "lfs-pointer": Finding(
        "Git's pointer to a file, and not the file",
        "`git lfs pull`, or an install",
        _CANNOT_BE_USED,
    ),
    "unfinished-download": Finding(
        "a download that goes on or was given up (`.part`, `.crdownload`, `.aria2` ...)",
        "let it end, or `rm`",
        _CANNOT_BE_USED,
    ),
    "damaged": Finding(
        "cut off, or tensors are missing or of another shape", "get it again", _CANNOT_BE_USED
    ),
    "unsafe-pickle": Finding(
        "loading it could run code", "do not load it; take another", _CANNOT_BE_USED
    ),
    "quantised": Finding("packed weights, which no UI decodes with", "another", _CANNOT_BE_USED),
    "checkpoint": Finding(
        "a whole checkpoint, with a VAE in it", "`mv` to the checkpoints", _CANNOT_BE_USED
    ),
    "not-a-vae": Finding(
        "a LoRA, a text encoder, an upscaler ...", "`mv` to the folder of its kind", _CANNOT_BE_USED
    ),
    "dangling-link": Finding("a link that leads nowhere", "`rm`", _CANNOT_BE_USED),
    "unreadable": Finding("the file cannot be read", "its permissions", _CANNOT_BE_USED),
    "not-a-file": Finding("a pipe, a socket or a device", "`rm`", _CANNOT_BE_USED),
    # Files that work, with something to say
    "duplicate": Finding("the same bytes take room twice", "`ln -f`, or `rm`"),
    "lone-half": Finding("an encoder without its decoder, or the other way round", "an install"),
    "no-encoder": Finding("good for txt2img, not for img2img", "the whole VAE"),
    "prefix": Finding("names begin with a prefix that not every UI strips", "`vaehub convert`"),
    "extra-tensors": Finding("tensors that no VAE has lie beside", "`vaehub convert`"),
    "eight-bit": Finding("weights in 8 bits: coarser pictures", "the file in fp16 or bf16"),
    "layout-name": Finding("a name of diffusers' over LDM's keys", "`mv`"),
    "unusual-pickle": Finding(
        "harmless, but it names classes that a UI's own check may refuse", "`vaehub convert`"
    ),
    "not-looked-into": Finding("a container that vaehub cannot look into", "nothing"),
    # What vaehub placed
    "missing": Finding("what vaehub placed is gone", "`vaehub install`", _CANNOT_BE_USED),
    "changed": Finding(
        "it is not what vaehub placed any more",
        "`vaehub install`, once it is away",
        _CANNOT_BE_USED,
    ),
    "outdated": Finding("the catalog lists other bytes now", "`vaehub install`", _CANNOT_BE_USED),
    "receipt-damaged": Finding("a receipt cannot be read", "`rm` of the receipt", _CANNOT_BE_USED),
    "receipt-owed": Finding(
        "a killed run placed a file and wrote no receipt", "the same `vaehub install`"
    ),
    "left-catalog": Finding("its entry is in no catalog any more", "nothing"),
    "set-aside": Finding("damaged, and replaced by a sync; it was kept", "`rm`"),
    "leftover": Finding("a killed run left it; the next install there removes it", "`rm`"),
    "unfinished-install": Finding("bytes that an install goes on from", "the same install"),
    # The machine
    "host-unreachable": Finding("no answer: other sources may serve", "network, proxy, endpoint"),
    "host-in-trouble": Finding("the host answers with an error", "later, or another source"),
    "token-unusable": Finding("a token holds what no token does", "set it anew"),
}


def problem(
    code: str, message: str, *, where: Path | str | None = None, hint: str | None = None
) -> Problem:
    """Make the problem of a finding.

    Args:
        code: Of the table.
        message: What was seen.
        where: The path, or the host.
        hint: What to do: the command where there is one.
    """
    blocking = FINDINGS[code].exit_code != 0
    return Problem(code, message, None if where is None else str(where), blocking, hint)


def exit_code(problems: Iterable[Problem]) -> int:
    """Give the exit code of what was found: the target's own trouble comes first."""
    codes = {FINDINGS[one.code].exit_code for one in problems if one.blocking}
    return min(codes - {0}, default=0)
