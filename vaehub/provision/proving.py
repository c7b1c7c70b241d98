"""See to it that what a sync installed decodes in the precisions that the policy asks for.

A verdict is on record in the receipts, so a VAE that was proved needs no second test, and one that
stands in several targets is tested in one of them.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from vaehub import receipts
from vaehub.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vaehub.model import Receipt, Target
    from vaehub.provision.manifest import Smoke
    from vaehub.provision.syncing import Brought
    from vaehub.smoke.report import SmokeReport

    Test = Callable[[Sequence[str], Target], Sequence[SmokeReport]]
    """Tests files, and what is installed under names in a target."""


def prove(brought: Sequence[Brought], wanted: Smoke, *, test: Test) -> list[SmokeReport]:
    """Test what is in place and was not proved yet.

    Args:
        brought: What a sync did.
        wanted: What each VAE must decode in.
        test: Tests one.

    Returns:
        A report for each VAE that was tested.
    """
    reports: list[SmokeReport] = []
    tested: set[tuple[str, ...]] = set()
    proved: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for one in brought:
        if isinstance(one.outcome, Exception):
            continue
        found = [receipts.find(step.destination) for step in one.outcome.steps]
        placed = [receipt for receipt in found if receipt is not None]
        if len(placed) < len(found):
            # The user's own files, which have no receipts: they are tested each time.
            reports += test([str(step.destination) for step in one.outcome.steps], one.place.target)
            continue
        key = tuple(receipt.sha256 for receipt in placed)
        known = next((r.smoke for r in placed if _is_proof(r.smoke, wanted)), proved.get(key))
        if known is None and key not in tested:
            tested.add(key)
            name = f"{one.vae.entry.full_name}@{one.vae.variant.name}"
            reports += test([name], one.place.target)
            again = receipts.find(placed[0].path)
            known = again.smoke if again is not None else None
        if _is_proof(known, wanted):
            assert known is not None
            proved[key] = known
            _note(placed, known)
    return reports


def _is_proof(said: Mapping[str, Any] | None, wanted: Smoke) -> bool:
    """Tell whether a receipt says that all precisions worked, on the device if that is named."""
    decoded = (said or {}).get("decoded")
    if not isinstance(decoded, list):
        return False
    worked = {
        str(one.get("dtype"))
        for one in decoded
        if isinstance(one, dict)
        and one.get("verdict") == "works"
        and str(one.get("device")).startswith("" if wanted.device == "auto" else wanted.device)
    }
    return set(wanted.dtypes) <= worked


def _note(placed: Sequence[Receipt], said: Mapping[str, Any]) -> None:
    for receipt in placed:
        now = receipts.find(receipt.path)
        if now is not None and now.smoke != said:
            with contextlib.suppress(TargetError):  # a folder that may only be read
                receipts.write(now._replace(smoke=said))
