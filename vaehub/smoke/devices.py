"""Which devices and precisions a smoke test uses.

Asks torch what there is. Refuses to know VAEs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vaehub.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""By the words that UIs use; the reference first."""


def devices(wanted: str = "auto") -> list[torch.device]:
    """Give the devices to test on.

    Args:
        wanted: ``auto`` for the best one; ``all`` for each GPU; or torch's own name of one:
            ``cpu``, ``cuda:1``, ``mps``, ``xpu``.

    Raises:
        UsageError: there is no such device here.
    """
    here = list(_accelerators())
    if wanted == "auto":
        return here[:1] or [torch.device("cpu")]
    if wanted == "all":
        return here or [torch.device("cpu")]
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise UsageError(
            f"--device {wanted!r}: torch knows no such device",
            hint="auto, all, cpu, cuda, cuda:1, mps, xpu",
        ) from None
    if device.type == "cpu":
        return [torch.device("cpu")]
    same = [one for one in here if one.type == device.type]
    index: int | None = device.index
    chosen = [one for one in same if index in (None, one.index or 0)][:1]
    if not chosen:
        there = ", ".join(map(str, here)) or "no GPU"
        raise UsageError(
            f"--device {wanted}: not here; torch {torch.__version__} sees {there}",
            hint="--device auto takes the best there is",
        )
    return chosen


def supported(device: torch.device) -> tuple[str, ...]:
    """Give the precisions that a device computes in within a reasonable time.

    Half precision takes minutes on a CPU, which has no instructions for it.
    """
    if device.type == "cpu":
        return ("fp32", "bf16")
    if device.type == "cuda" and not _has_bf16(device):
        return ("fp32", "fp16")
    if device.type == "mps":
        return ("fp32", "fp16")
    return ("fp32", "bf16", "fp16")


def _has_bf16(device: torch.device) -> bool:
    # torch.cuda.is_bf16_supported() speaks of the current GPU only, and there may be two kinds.
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)


def _accelerators() -> Iterator[torch.device]:
    if torch.cuda.is_available():
        yield from (torch.device("cuda", index) for index in range(torch.cuda.device_count()))
    if torch.backends.mps.is_available():
        yield torch.device("mps")
    xpu = getattr(torch, "xpu", None)
    if xpu is not None and xpu.is_available():
        yield from (torch.device("xpu", index) for index in range(xpu.device_count()))
