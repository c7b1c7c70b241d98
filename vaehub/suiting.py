"""What is worth a word on a VAE that is to go with one checkpoint.

Other VAEs that the UI would take in its place, other checkpoints that would get it too, and a
checkpoint that speaks other latents. All of it is advice: the file is placed all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.model import Problem
from vaehub.targets import rivals
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vaehub.model import Entry, Target


def notes(entry: Entry, target: Target, checkpoint: Path, place: Path) -> Iterator[Problem]:
    """Say what speaks against it, as advisory problems.

    Args:
        entry: The VAE.
        target: The UI.
        checkpoint: The checkpoint.
        place: Where the VAE goes, or is.
    """
    title = layouts()[target.layout].title
    for rival in rivals.rivals(target, checkpoint, place):
        takes = "takes" if rival.wins else "may as well take"
        yield Problem(
            "rival-vae",
            f"with {checkpoint.name}, {title} {takes} {rival.path.name}, and not {place.name}",
            where=str(rival.path),
            blocking=False,
            hint="move or rename that file if you want the new one to be used",
        )
    chosen = rivals.chosen_by_hand(target, checkpoint)
    if chosen is not None and chosen[1] != place.name:
        what = "the VAE inside it" if chosen[1] == "None" else chosen[1]
        yield Problem(
            "chosen-by-hand",
            f"for {checkpoint.name}, somebody has chosen {what} in {title}, and that goes first",
            where=str(chosen[0]),
            blocking=False,
            hint=f"choose Automatic there, or {place.name}: the checkpoint's card, Edit metadata",
        )
    others = rivals.others(target, checkpoint, place)
    if others:
        names = ", ".join(sorted(other.name for other in others))
        yield Problem(
            "other-checkpoints",
            f"{title} goes by the beginning of a name: it may take {place.name} with {names} too",
            where=str(place),
            blocking=False,
        )
    from vaehub.weights.checkpoints import families_of

    families = families_of(checkpoint)
    if families and entry.family not in families:
        yield Problem(
            "family-differs",
            f"{entry.id} speaks the latents of {entry.family}, and {checkpoint.name} those of "
            f"{families[0]}: pictures will have wrong colours, or fail",
            where=str(checkpoint),
            blocking=False,
            hint=f"`vaehub list --family {families[0]}` shows what suits it",
        )
