"""Whatever is done to a tree, in whatever order: an audit says exactly what has become of it.

A model of the tree, which knows files by their bytes and inodes, tells what is right.
"""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.provision.audits.box import digest
from vaehub import receipts
from vaehub.model import Artifact, Entry, License, Receipt, Target, Variant
from vaehub.provision import auditing
from vaehub.provision.lock import Lock, Locked, LockedVae
from vaehub.provision.manifest import Policy
from vaehub.provision.places import Placed

NAMES = ("a", "b", "c")
EXTRA = "extra"
DATA = {name: builders.safetensors_bytes(300, seed=at) for at, name in enumerate((*NAMES, EXTRA))}
"""All of one size, so that only their bytes tell them apart."""
FREE = ("x.safetensors", "deep/y.pt", "z.txt")
Deed = Literal["delete", "flip", "cut", "over", "swap in", "move", "copy", "forget"]


class File(NamedTuple):
    """A file as the model has it."""

    data: bytes
    placed_as: str | None
    """The name under which vaehub placed this very file."""
    silent: bool = False
    """Its bytes changed, and neither size nor time tells it."""


deeds = st.lists(
    st.tuples(
        st.sampled_from(
            ["delete", "flip", "cut", "over", "swap in", "move", "copy", "forget"],
        ),
        st.sampled_from([f"{name}.safetensors" for name in DATA]),
        st.sampled_from([*FREE, *(f"{name}.safetensors" for name in NAMES)]),
    ),
    max_size=6,
)


def lock() -> Lock:
    vaes = tuple(
        LockedVae(
            name=name,
            targets=(),
            layouts=("comfyui",),
            entry=Entry(
                name,
                "mine",
                name,
                "sd1",
                License("MIT"),
                (Variant("safetensors", (artifact(name),)),),
            ),
            artifacts=(Locked(artifact(name), {"comfyui": f"{name}.safetensors"}),),
        )
        for name in NAMES
    )
    return Lock("0" * 64, {}, {}, Policy(), vaes)


def artifact(name: str) -> Artifact:
    return Artifact(f"{name}.safetensors", (), len(DATA[name]), digest(DATA[name]))


class Tree:
    """A real tree, and what is known of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.vae = root / "models" / "vae"
        self.vae.mkdir(parents=True)
        (self.vae / ".vaehub").mkdir()
        self.files: dict[str, File] = {}
        self.receipts: set[str] = set()
        self._time = 10**18
        for name, data in DATA.items():
            self._put(f"{name}.safetensors", File(data, f"{name}.safetensors"))
            self._record(f"{name}.safetensors", data)

    def _put(self, name: str, file: File) -> None:
        """Bring a new file to a name; its inode is one that no other file has or had."""
        path = self.vae / name
        path.parent.mkdir(exist_ok=True)
        new = self.root / f"new-{random.getrandbits(64):x}"
        new.write_bytes(file.data)
        self._touch(new)
        if path.exists():
            self._keep(path)
        new.replace(path)
        self.files[name] = file

    def _touch(self, path: Path) -> None:
        self._time += 10**9
        os.utime(path, ns=(self._time, self._time))

    def _keep(self, path: Path) -> None:
        """Keep a file from going for good, so that no other one is given its inode."""
        path.rename(self.root / f"kept-{random.getrandbits(64):x}")

    def _record(self, name: str, data: bytes) -> None:
        stat = (self.vae / name).stat()
        self.receipts.add(name)
        receipts.write(
            Receipt(
                path=self.vae / name,
                entry=f"mine/{name.partition('.')[0]}",
                variant="safetensors",
                sha256=digest(data),
                size=len(data),
                evidence="single",
                source="store",
                method="copy",
                license="MIT",
                mtime_ns=stat.st_mtime_ns,
                inode=stat.st_ino,
                installed_at="2026-01-01T00:00:00+00:00",
                root="../..",
            )
        )

    def do(self, deed: Deed, name: str, other: str) -> None:
        path = self.vae / name
        if deed == "forget":
            (self.vae / ".vaehub" / f"{name}.json").unlink(missing_ok=True)
            self.receipts.discard(name)
            return
        if name not in self.files or (deed in {"move", "copy"} and name == other):
            return
        file = self.files[name]
        match deed:
            case "delete":
                self._keep(path)
                del self.files[name]
            case "flip":
                stat = path.stat()
                data = bytes([*file.data[:-1], file.data[-1] ^ 1])
                path.write_bytes(data)
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
                self.files[name] = file._replace(data=data, silent=not file.silent)
            case "cut":
                path.write_bytes(file.data[:-1])
                self._touch(path)
                self.files[name] = File(file.data[:-1], file.placed_as)
            case "over":
                data = builders.safetensors_bytes(300, seed=99)
                path.write_bytes(data)
                self._touch(path)
                self.files[name] = File(data, file.placed_as)
            case "swap in":
                self._put(name, File(builders.safetensors_bytes(300, seed=98), None))
            case "copy":
                self._put(other, File(file.data, None))
            case "move":
                target = self.vae / other
                target.parent.mkdir(exist_ok=True)
                if target.exists():
                    self._keep(target)
                path.rename(target)
                self.files[other] = file
                del self.files[name]

    def expected(self) -> dict[str, str]:
        """Say in which state each file is that is not as it should be."""
        wrong: dict[str, str] = {}
        for name in NAMES:
            state = self._state(f"{name}.safetensors", DATA[name])
            if state != "ok":
                wrong[f"{name}.safetensors"] = state
        named = {f"{name}.safetensors" for name in NAMES}
        extra = f"{EXTRA}.safetensors"
        ours = extra in self.files and extra in self.receipts
        if ours and self.files[extra].data == DATA[EXTRA]:
            wrong[extra] = "extra"
        left = sorted(self.files.keys() - named - wrong.keys())
        meant = set()
        for name, state in sorted(wrong.items()):
            if state not in {"missing", "replaced"}:
                continue
            data = DATA[name.partition(".")[0]]
            same = [one for one in left if self.files[one].data == data]
            if same:
                very = [one for one in same if self._is_the_file(one, name)]
                meant.add((very or same)[0])
                if state == "missing":
                    wrong[name] = "renamed"
        for one in left:
            if one not in meant and not one.endswith(".txt"):
                wrong[one] = "foreign"
        return wrong

    def _is_the_file(self, at: str, name: str) -> bool:
        return name in self.receipts and self.files[at].placed_as == name

    def _state(self, name: str, data: bytes) -> str:
        file = self.files.get(name)
        if file is None:
            return "missing"
        if file.data == data:
            return "ok" if name in self.receipts else "not-installed-by-vaehub"
        return "changed" if self._is_the_file(name, name) else "replaced"

    @property
    def is_silent(self) -> bool:
        """Whether only reading tells what has become of some file."""
        return any(file.silent for file in self.files.values())


@settings(max_examples=150)
@given(deeds)
def test_any_deeds_are_told_exactly(done: list[tuple[Deed, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder))
        for deed, name, other in done:
            tree.do(deed, name, other)
        before = {path: path.lstat().st_mtime_ns for path in tree.root.rglob("*")}
        place = Placed(Target("comfyui", tree.root), None)
        right = tree.expected()
        for deep in (True, False):
            if not deep and tree.is_silent:
                continue
            found = auditing.audit(lock(), [place], deep=deep)
            assert {
                file.path.relative_to(tree.vae).as_posix(): file.state
                for file in found.files
                if file.state != "ok"
            } == right
            blocking = set(right.values()) - {"not-installed-by-vaehub"}
            assert found.ok == (not blocking)
            assert len(found.problems) == len(right)
        assert {path: path.lstat().st_mtime_ns for path in tree.root.rglob("*")} == before


def test_deeds_that_were_hard_once() -> None:
    """Each kind of finding comes about, so that the model above is about all of them."""
    cases: list[tuple[list[tuple[Deed, str, str]], set[str]]] = [
        ([], {"extra"}),
        ([("delete", "a.safetensors", "")], {"extra", "missing"}),
        ([("flip", "a.safetensors", "")], {"extra", "changed"}),
        ([("swap in", "a.safetensors", "")], {"extra", "replaced"}),
        ([("move", "a.safetensors", "z.txt")], {"extra", "renamed"}),
        ([("copy", "a.safetensors", "deep/y.pt")], {"extra", "foreign"}),
        ([("forget", "a.safetensors", "")], {"extra", "not-installed-by-vaehub"}),
        ([("move", "extra.safetensors", "a.safetensors")], {"replaced"}),
    ]
    for done, states in cases:
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(Path(folder))
            for deed, name, other in done:
                tree.do(deed, name, other)
            assert set(tree.expected().values()) == states
