"""The commands: each is one that a shell understands, and of ours each exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from vaehub.cli.table import COMMANDS
from vaehub.doctor import mending
from vaehub.model import Target
from vaehub.weights.foreign import KINDS

NAMES = st.text(min_size=1, max_size=30).filter(lambda name: "/" not in name and "\0" not in name)


@given(one=NAMES, other=NAMES)
def test_a_shell_reads_the_very_names(one: str, other: str) -> None:
    first, second = Path("/a", one), Path("/b", other)
    assert shlex.split(mending.move(first, second)) == ["mv", str(first), str(second)]
    assert shlex.split(mending.share(first, second)) == ["ln", "-f", str(first), str(second)]
    assert shlex.split(mending.remove(first)) == ["rm", str(first)]
    words = shlex.split(mending.install("vaehub/" + other, Target("folder", first)))
    assert words == ["vaehub", "install", other, "--to", str(first)]


def test_every_command_of_ours_that_is_named_exists() -> None:
    folder = Path(mending.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    named = set(re.findall(r"`vaehub ([a-z]+)", "".join(texts)))
    made = (folder / "mending.py").read_text(encoding="utf-8")
    named |= set(re.findall(r"f\"vaehub ([a-z]+)", made))
    assert {"install", "convert", "store", "list"} <= named
    assert named <= set(COMMANDS)


def test_what_is_a_command_and_what_is_advice() -> None:
    assert mending.is_command("mv a b")
    assert mending.is_command("rm a && vaehub install b --to c")
    assert not mending.is_command("get it again from where it came")
    assert not mending.is_command("if you did not change it: rm a")


def test_a_home_is_a_folder_that_is_there() -> None:
    folders = {"loras": Path("/ui/models/loras"), "vae": Path("/ui/models/vae")}
    assert mending.home_of("a LoRA", folders) == Path("/ui/models/loras")
    assert mending.home_of("an upscaler", folders) is None
    assert mending.home_of(None, folders) is None


def test_the_homes_are_those_of_kinds_that_can_be_told() -> None:
    assert set(mending.HOMES) <= {kind.words for kind in KINDS}
    assert all(name == name.lower() for names in mending.HOMES.values() for name in names)
