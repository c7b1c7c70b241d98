"""The order of things for one picture: its texts, whose VAE they name, its pixels, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.insight import advising, makers, pictures, recognising
from vaehub.insight.pixels import judging, sampling
from vaehub.model import Problem
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.insight.advising import Step
    from vaehub.insight.makers import Said
    from vaehub.insight.pictures import Picture
    from vaehub.insight.pixels.judging import Judged
    from vaehub.insight.recognising import Candidate, Recognised
    from vaehub.model import Entry


_LOSSLESS = frozenset({"PNG", "BMP", "GIF", "TIFF"})


class Explained(NamedTuple):
    """What can be said of a picture."""

    picture: Picture
    said: Said | None
    """What a UI wrote; None: nothing that vaehub reads."""
    recognised: tuple[Recognised, ...]
    judged: Judged | None
    """What the pixels look like; None: they were not looked at."""
    not_judged: str | None
    """Why not."""
    advice: tuple[Step, ...]
    entries: tuple[Entry, ...]
    """Of all catalogs."""

    @property
    def sure(self) -> Candidate | None:
        """The file that decoded it, where nothing speaks against it."""
        if len(self.recognised) != 1 or not self.recognised[0].sure:
            return None
        return self.recognised[0].chosen

    @property
    def to_install(self) -> str | None:
        """What an install may take from it without a person: a name, or nothing.

        The VAE that made the picture; another one where that is known to overflow, and did. Nothing
        where the picture shows that it was the wrong one, or none.
        """
        if self.sure is None:
            return None
        verdict = self.judged.verdict if self.judged is not None else "nothing-odd"
        if verdict in advising.WRONG:
            return None
        instead = advising.instead_of(self.sure.entry, self.entries)
        if verdict in advising.OVERFLOWN and instead:
            return advising.name_of(instead[0])
        is_default = self.sure.variant == self.sure.entry.default
        return advising.name_of(self.sure.entry) if is_default else self.sure.label

    @property
    def seen(self) -> str:
        """Say in a clause what the picture holds and looks like."""
        names = [one.named.name or f"the hash {one.named.hash}" for one in self.recognised]
        if names:
            what = f"it names {' and '.join(names)}"
        elif self.said is not None:
            what = f"{self.said.ui} wrote no name of a VAE into it"
        else:
            what = "no UI wrote into it"
        return f"{what}, and {self.judged.because}" if self.judged is not None else what

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is worth a word, all of it advisory."""
        where = str(self.picture.path)
        found = [problem for one in self.recognised for problem in one.problems]
        found += [
            Problem("picture", note, blocking=False)
            for note in (*self.picture.notes, *(self.said.notes if self.said else ()))
        ]
        if self.not_judged is not None:
            why = f"the pixels were not looked at, because {self.not_judged}"
            found.append(Problem("pixels-not-looked-at", why, blocking=False))
        return tuple(
            one._replace(where=where if one.where is None else f"{where}: {one.where}")
            for one in found
        )

    def as_json(self) -> dict[str, Any]:
        """Give all of it as it stands in ``--json`` output."""
        first = self.recognised[0] if self.recognised else None
        judged = self.judged
        return {
            "path": str(self.picture.path),
            "kind": self.picture.kind,
            "ui": self.said.ui if self.said is not None else None,
            "checkpoint": self.said.checkpoint if self.said is not None else None,
            "vae": {
                "whose": self.said.whose if self.said is not None else "unsaid",
                **(_vae_json(first) if first is not None else _NOTHING),
                "sure": self.sure is not None,
                "others": [_vae_json(one) for one in self.recognised[1:]],
            },
            "pixels": {
                "verdict": judged.verdict if judged is not None else None,
                "figures": dict(judged.figures) if judged is not None else {},
                "because": judged.because if judged is not None else self.not_judged,
            },
            "advice": [step.as_json() for step in self.advice],
        }


_NOTHING: dict[str, Any] = {
    "name": None,
    "hash": None,
    "where": None,
    "entry": None,
    "variant": None,
    "by": None,
    "candidates": [],
    "by_hash": [],
}


def _vae_json(one: Recognised) -> dict[str, Any]:
    return {
        "name": one.named.name,
        "hash": one.named.hash,
        "where": one.named.where,
        "entry": one.entry.full_name if one.entry is not None else None,
        "variant": one.chosen.variant.name if one.chosen is not None else None,
        "by": one.by,
        "candidates": list(dict.fromkeys(found.label for found in one.candidates)),
        "by_hash": list(dict.fromkeys(found.label for found in one.by_hash)),
    }


def explain(path: str | Path, catalogs: Catalogs) -> Explained:
    """Say which VAE made a picture, how its pixels look, and what to do.

    Args:
        path: The picture.
        catalogs: Those in force.

    Raises:
        UsageError: there is no such file.
        NotAPicture: it is no picture.
    """
    picture = pictures.read(path)
    entries = tuple(catalogs.entries())
    said = makers.read(picture)
    recognised = recognising.recognise(said, entries) if said is not None else ()
    judged, reason = None, None
    try:
        judged = judging.judge(sampling.sample(picture), lossless=picture.kind in _LOSSLESS)
    except sampling.NotLookedAt as error:
        reason = str(error)
    advice = advising.advise(said, recognised, judged, layouts=layouts(), entries=entries)
    return Explained(picture, said, recognised, judged, reason, advice, entries)
