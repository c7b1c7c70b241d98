"""Try to decode on one device in one precision, and say in words why that did not come off.

Knows how torch says that memory is short and that a device cannot compute something: those are
facts about the machine, and condemn no VAE. Measures and judges nothing itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

from vaehub.errors import CannotDecode, NotAModel
from vaehub.smoke.decoding import cells_for, measure
from vaehub.smoke.report import Decoded, Reason

if TYPE_CHECKING:
    from vaehub.smoke.decoding import Measured, Pair
    from vaehub.smoke.factors import Factors
    from vaehub.smoke.report import Verdict

_FEWEST_CELLS = 4
# CUDA and XPU have a class for it; CPU and MPS say it in a RuntimeError.
_NO_ROOM = re.compile(
    r"out of memory|can't allocate memory|not enough memory|_STATUS_ALLOC_FAILED", re.IGNORECASE
)


def attempt(
    pair: Pair,
    *,
    device: torch.device,
    dtype: str,
    families: tuple[str, ...] = (),
    told: Factors | None = None,
) -> tuple[Measured | Decoded, tuple[Reason, ...]]:
    """Measure, with smaller pictures where memory runs out.

    Args:
        pair: What decodes and what encodes.
        device: Where.
        dtype: ``fp32``, ``bf16`` or ``fp16``.
        families: Whose latents it may speak; the first is what it is supposed to.
        told: The factors that the catalog names.

    Returns:
        What was seen, or why nothing was; and what is to be said besides.

    Raises:
        OSError: a file cannot be read.
    """
    half = pair.decoder or pair.encoder
    assert half is not None
    usual = cells = cells_for(half.found, device)
    while True:
        try:
            seen = measure(
                pair, device=device, dtype=dtype, cells=cells, families=families, told=told
            )
        except CannotDecode as error:
            return failed(device, dtype, "undecodable", error.message, "untested"), ()
        except NotAModel as error:
            return failed(device, dtype, "container", error.message, "damaged"), ()
        except KeyError as error:
            said = f"the decode wants a tensor that is not here: {error}"
            return failed(device, dtype, "decode-failed", said, "damaged"), ()
        except (RuntimeError, MemoryError) as error:
            if not _lacks_room(error):
                return failed(device, dtype, "decode-failed", _told(error), "untested"), ()
        else:
            return seen, _smaller(device, half.found.downscale, cells, usual)
        # Not within the handler, where the traceback holds on to what is to be freed.
        if device.type == "cuda":
            torch.cuda.empty_cache()
        if cells <= _FEWEST_CELLS:
            pixels = cells * half.found.downscale
            said = (
                f"memory runs out on {device} even for a picture of {pixels} x {pixels} pixels; "
                "close what else uses it, or take another --device"
            )
            return failed(device, dtype, "out-of-memory", said, "untested"), ()
        cells = max(_FEWEST_CELLS, cells // 4 * 2)


def refused(device: torch.device, dtype: str) -> Decoded:
    """Say that a precision is not tried on a device."""
    why = (
        "a CPU takes minutes for one picture in fp16; test it on a GPU, or see what fp32 says "
        "of the activations"
        if device.type == "cpu" and dtype == "fp16"
        else f"{device} does not compute in {dtype}"
    )
    return failed(device, dtype, "unsupported", why, "untested")


def failed(device: torch.device, dtype: str, code: str, message: str, verdict: Verdict) -> Decoded:
    """Report a decode of which nothing was seen."""
    return Decoded(str(device), dtype, verdict, (Reason(code, message, verdict),))


def _lacks_room(error: RuntimeError | MemoryError) -> bool:
    return (
        isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
        or _NO_ROOM.search(str(error)) is not None
    )


def _told(error: BaseException) -> str:
    # Names and shapes are as they should be by now; so it is torch or the device that gives up.
    said = str(error).partition("\n")[0][:300]
    return f"torch gave up with an error, which says nothing of the VAE: {said}"


def _smaller(device: torch.device, downscale: int, cells: int, usual: int) -> tuple[Reason, ...]:
    if cells == usual:
        return ()
    pixels, wanted = cells * downscale, usual * downscale
    return (
        Reason(
            "smaller",
            f"memory runs out on {device} at {wanted} x {wanted} pixels; tested at "
            f"{pixels} x {pixels}",
        ),
    )
