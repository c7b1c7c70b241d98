"""Where everything lies, what is compared, and what was found."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import servers
from benchmarks.files import File, make_file, write_catalog
from benchmarks.measure import Command, Failed, Paired, Run, median, paired, run
from benchmarks.page import Row, in_bytes, seconds
from benchmarks.servers import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.product import Product

NOWHERE = "http://127.0.0.1:9"
"""Where nobody listens: no run reaches a real host by mistake."""


@dataclass
class Bench:
    """Where everything lies, and what was found."""

    work: Path
    size: int
    runs: int
    product: Product
    peers: Path | None = None
    quick: bool = False
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What of ours did not work, or cannot be true."""
    _files: dict[str, File] = field(default_factory=dict)
    _known: set[tuple[str, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.www, self.home = self.work / "www", self.work / "home"
        self.store, self.target = self.work / "store", self.work / "target"
        self.out, self.catalog = self.work / "out", self.work / "catalog.yaml"
        (self.www / "sha256").mkdir(parents=True)
        self.home.mkdir()
        self.vae = self.publish("vae", self.size)

    # What is there to be downloaded.

    def publish(self, id_: str, size: int) -> File:
        """Make a file of random bytes, for the servers and in the catalog."""
        path = self.www / f"{id_}.safetensors"
        file = File(id_, path, size, make_file(path, size))
        (self.www / "sha256" / file.digest).hardlink_to(path)
        self._files[id_] = file
        write_catalog(self.catalog, self._files.values())
        return file

    def unpinned(self, file: File, id_: str) -> File:
        """Publish a file once more, with nothing in the catalog but where it is."""
        path = file.path.with_stem(id_)
        path.hardlink_to(file.path)
        self._files[id_] = same = replace(file, id=id_, path=path, pinned=False)
        write_catalog(self.catalog, self._files.values())
        return same

    def nginx(
        self, certificate: servers.Certificate | None = None
    ) -> AbstractContextManager[servers.Nginx]:
        """Serve all files."""
        served = [Served(one.path.name, one.size, one.digest) for one in self._files.values()]
        return servers.nginx(self.www, self.work, served, certificate)

    # Ours.

    def vaehub(
        self,
        *arguments: str,
        mirrors: str = "",
        hub: str = NOWHERE,
        environment: Mapping[str, str] | None = None,
        clear: Sequence[Path] = (),
        before: Callable[[], object] | None = None,
        after: Callable[[], object] | None = None,
    ) -> Command:
        """Give a vaehub command."""
        return Command(
            f"vaehub {arguments[0]}",
            [*self.product.argv, *arguments],
            {**self.environment(mirrors=mirrors, hub=hub), **(environment or {})},
            clear,
            before=before,
            after=after,
            is_ours=True,
        )

    def environment(self, *, mirrors: str = "", hub: str = NOWHERE) -> dict[str, str]:
        """Give what our commands find in their environment."""
        return {
            **self.product.environment,
            "HOME": str(self.home),
            "VAEHUB_STORE": str(self.store),
            "VAEHUB_CATALOG": str(self.catalog),
            "VAEHUB_MIRRORS": mirrors,
            "HF_ENDPOINT": hub,
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def install(
        self,
        *,
        file: File | None = None,
        mirrors: str = "",
        hub: str = NOWHERE,
        environment: Mapping[str, str] | None = None,
        keep: bool = False,
        before: Callable[[], object] | None = None,
        after: Callable[[], object] | None = None,
    ) -> Command:
        """Give the install of a file; from nothing, unless what is there is to be kept."""
        file = file or self.vae

        def look() -> None:
            self.must_be(self.target / file.path.name, file, "vaehub install")
            if after is not None:
                after()

        return self.vaehub(
            *("install", file.id, "--to", str(self.target), "-q"),
            mirrors=mirrors,
            hub=hub,
            environment=environment,
            clear=() if keep else (self.store, self.target),
            before=before,
            after=look,
        )

    def transfer(self, mirrors: str, *, journal: bool = True) -> Command:
        """Give the transfer alone; it tells its own seconds."""
        partial = self.work / "alone" / "vae.part"
        report = self.work / "seconds"
        script = Path(__file__).with_name("transfer.py")
        arguments = [self.vae.id, str(partial), str(report), *([] if journal else ["--no-journal"])]
        return Command(
            f"transfer with{'' if journal else 'out'} a journal",
            [str(self.product.python), str(script), *arguments],
            self.environment(mirrors=mirrors),
            (partial.parent,),
            after=lambda: self.must_be(partial, self.vae, "transfer"),
            report=report,
            is_ours=True,
        )

    @staticmethod
    def must_be(path: Path, file: File, who: str) -> None:
        """Look whether a file has arrived.

        Raises:
            Failed: its bytes are not there.
        """
        if not path.is_file() or path.stat().st_size != file.size:
            raise Failed(who, f"{path.name} is not there, or not whole")
        with path.open("rb") as opened:
            digest = hashlib.sha256()
            while piece := opened.read(1 << 20):
                digest.update(piece)
        if digest.hexdigest() != file.digest:
            raise Failed(who, f"{path.name} holds other bytes")

    # What is found.

    def compare(
        self,
        work: str,
        ours: Command,
        theirs: Command | None,
        goal: float | None = None,
        *,
        runs: int | None = None,
        warm: bool = True,
    ) -> Paired | None:
        """Measure a pair and add its row.

        Args:
            work: What both do.
            ours: Our command.
            theirs: None where that peer is not here.
            goal: The ratio to reach.
            runs: Pairs; those of the whole benchmark by default.
            warm: Run each once before, without counting it.

        Returns:
            None where there is nothing to tell: one of them is not here or failed, or the short
            form has seen our command at work already.
        """
        if theirs is None or (self.quick and self._is_known(ours)):
            return None
        count = self.runs if runs is None or self.quick else runs
        try:
            if warm:
                self._warm_up(ours)
                self._warm_up(theirs)
            both = paired(ours, theirs, runs=count)
        except Failed as error:
            if error.name == theirs.name:
                self.notes.append(
                    f"{work}, against {theirs.name}: it failed, not measured: {error}"
                )
            else:
                self.fault(f"{work}: {error}")
            return None
        ratio, low, high = both.ratio(lambda one: one.wall)
        self.add(
            Row(
                work if count == self.runs else f"{work} ({count} pairs)",
                theirs.name,
                seconds(median(both.ours, lambda one: one.wall)),
                seconds(median(both.theirs, lambda one: one.wall)),
                f"{ratio:.3g} ({low:.3g} to {high:.3g})",
                _two(both, lambda one: one.cpu, seconds),
                _two(both, lambda one: one.peak / 1e6, lambda value: f"{value:.0f}"),
                "" if goal is None else f"{goal:g}",
                "" if goal is None else _verdict(ratio <= goal),
            )
        )
        return both

    def alone(self, work: str, command: Command, *, runs: int | None = None) -> list[Run]:
        """Measure a command of ours; nothing where it failed."""
        try:
            return [run(command) for _ in range(runs or self.runs)]
        except Failed as error:
            self.fault(f"{work}: {error}")
            return []

    def against_floor(
        self, work: str, runs: Sequence[Run], floor: float, goal: float | None
    ) -> None:
        """Add the row of a wall time against the least that it could be."""
        if not runs:
            return
        walls = [one.wall / floor for one in runs]
        middle = median(runs, lambda one: one.wall)
        self.add(
            Row(
                work,
                "the least that is possible",
                seconds(middle),
                seconds(floor),
                f"{middle / floor:.3g} ({min(walls):.3g} to {max(walls):.3g})",
                goal="" if goal is None else f"{goal:g}",
                verdict="" if goal is None else _verdict(middle / floor <= goal),
            )
        )

    def peak(self, work: str, runs: Sequence[Run], goal: float | None) -> None:
        """Add the row of the largest peak, in MB."""
        if runs:
            most = max(one.peak for one in runs) / 1e6
            goal_words = "" if goal is None else f"{goal:g} MB"
            said = "" if goal is None else _verdict(most <= goal)
            self.add(Row(work, peak=f"{most:.0f}", goal=goal_words, verdict=said))

    def figure(self, work: str, value: str, goal: str = "", *, reached: bool | None = None) -> None:
        """Add a row that is not a pair."""
        said = "" if reached is None else _verdict(reached)
        self.add(Row(work, ratio=value, goal=goal, verdict=said))

    def add(self, row: Row) -> None:
        """Add a row, and show it."""
        self.rows.append(row)
        sys.stderr.write(f"{row}\n")

    def fault(self, text: str) -> None:
        """Note that something of ours failed, or that a figure cannot be true."""
        self.faults.append(text)
        sys.stderr.write(f"FAULT: {text}\n")

    def expect(self, condition: bool, text: str) -> None:
        """Note a fault unless something holds."""
        if not condition:
            self.fault(text)

    def named(self, size: int | None = None) -> str:
        """Put a size into words; the file's own by default."""
        return in_bytes(size or self.size)

    def _warm_up(self, command: Command) -> None:
        if not self.quick and not self._is_known(command):
            run(command)

    def _is_known(self, command: Command) -> bool:
        """Tell whether this has been asked of the command before."""
        key = (*command.argv, *command.environment.values())
        known = key in self._known
        self._known.add(key)
        return known


def _two(both: Paired, figure: Callable[[Run], float], words: Callable[[float], str]) -> str:
    return f"{words(median(both.ours, figure))} / {words(median(both.theirs, figure))}"


def _verdict(reached: bool) -> str:
    return "reached" if reached else "not reached"
