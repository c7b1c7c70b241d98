"""The configuration file is changed, and all else in it stays as it stands."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.test_settings import toml
from tests.trees import forbidding_folder, snapshot
from vaehub import configfile, configuration, durable
from vaehub.errors import TargetNotUsable, UsageError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from vaehub.configfile import Change

POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions and links of POSIX")
WRITTEN = """\
# mine

store = '/data'   # on the big disk
limit_rate   = "5 MB"

[endpoints]       # of a mirror
huggingface = "https://hf-mirror.com"

[[catalog]]
# the house's own
path = "mine.yaml"

[later]
nobody = [ 1,2,   3 ]  # knows this yet
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def put(key: str, value: object) -> Change:
    def change(config: MutableMapping[str, Any]) -> None:
        config[key] = value

    return change


def take(key: str) -> Change:
    def change(config: MutableMapping[str, Any]) -> None:
        config.pop(key, None)

    return change


def below(table: str, key: str, value: object) -> Change:
    def change(config: MutableMapping[str, Any]) -> None:
        if table in config:
            config[table][key] = value
        else:
            config[table] = {key: value}

    return change


def test_a_value_is_changed_where_it_stands(path: Path, state: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    assert configfile.rewrite(path, put("store", "/other"), state=state)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace("'/data'", '"/other"')


def test_a_new_key_comes_before_the_tables(path: Path, state: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    assert configfile.rewrite(path, put("offline", True), state=state)
    text = path.read_text(encoding="utf-8")
    assert configfile.read(path)["offline"] is True
    assert [line for line in text.splitlines() if line not in WRITTEN.splitlines()] == [
        "offline = true"
    ]


def test_a_key_in_a_table_is_put_there(path: Path, state: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    assert configfile.rewrite(path, below("endpoints", "civitai", "https://x"), state=state)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace(
        'hf-mirror.com"\n', 'hf-mirror.com"\ncivitai = "https://x"\n'
    )


def test_a_key_is_taken_out_and_no_other_line(path: Path, state: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    assert configfile.rewrite(path, take("limit_rate"), state=state)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace('limit_rate   = "5 MB"\n', "")


def test_a_table_goes_without_the_comment_on_the_next_one(path: Path, state: Path) -> None:
    path.write_text(WRITTEN.replace("[[catalog]]", "# two words\n[[catalog]]"), encoding="utf-8")
    assert configfile.rewrite(path, take("endpoints"), state=state)
    text = path.read_text(encoding="utf-8")
    assert "# two words\n[[catalog]]\n" in text
    assert "of a mirror" not in text
    assert set(configfile.read(path)) == {"store", "limit_rate", "catalog", "later"}


def test_where_nothing_changes_nothing_is_written(
    path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    monkeypatch.setattr(durable, "write", lambda *_, **__: pytest.fail("it was written"))
    assert not configfile.rewrite(path, put("store", "/data"), state=state)
    assert not configfile.rewrite(path, take("target"), state=state)


def test_a_file_that_is_not_there_is_made_with_its_folder(tmp_path: Path, state: Path) -> None:
    path = tmp_path / "a" / "b" / "config.toml"
    assert not configfile.rewrite(path, take("store"), state=state)
    assert not path.parent.exists()
    assert configfile.rewrite(path, put("store", "/data"), state=state)
    assert path.read_text(encoding="utf-8") == 'store = "/data"\n'


@POSIX
def test_a_link_is_followed_and_stays(path: Path, state: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "vaehub.toml"
    real.parent.mkdir()
    real.write_text(WRITTEN, encoding="utf-8")
    path.symlink_to(Path("dotfiles") / "vaehub.toml")
    assert configfile.rewrite(path, put("store", "/other"), state=state)
    assert path.is_symlink()
    assert "'/data'" not in real.read_text(encoding="utf-8")
    real.unlink()
    assert configfile.rewrite(path, put("store", "/third"), state=state)
    assert (path.is_symlink(), configfile.read(real)) == (True, {"store": "/third"})


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_the_file_keeps_its_permissions(path: Path, state: Path, mode: int) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    path.chmod(mode)
    assert configfile.rewrite(path, put("store", "/other"), state=state)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_line_ends_of_dos_stay(path: Path, state: Path) -> None:
    path.write_bytes(WRITTEN.replace("\n", "\r\n").encode())
    assert configfile.rewrite(path, put("store", "/other"), state=state)
    assert configfile.rewrite(path, put("offline", True), state=state)
    written = path.read_bytes()
    assert written.count(b"\r\n") == written.count(b"\n") == WRITTEN.count("\n") + 1


@pytest.mark.parametrize("text", ["store = ", "a = 1\na = 2", "store = '/x'\n[store]\n"])
def test_what_is_no_toml_is_left_alone(path: Path, state: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="not valid TOML"):
        configfile.rewrite(path, put("store", "/x"), state=state)
    assert path.read_text(encoding="utf-8") == text


def test_a_change_that_the_text_does_not_take_is_refused(
    path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tomlkit

    path.write_text(WRITTEN, encoding="utf-8")
    monkeypatch.setattr(tomlkit, "dumps", lambda _: "store = '/other'\n")  # lost the rest
    with pytest.raises(UsageError, match="cannot be changed alone"):
        configfile.rewrite(path, put("store", "/other"), state=state)
    assert path.read_text(encoding="utf-8") == WRITTEN


@POSIX
def test_a_folder_that_takes_nothing_is_told() -> None:
    with tempfile.TemporaryDirectory(prefix="vaehub-test-") as state:
        Path(state).chmod(0o777)
        with forbidding_folder() as folder, pytest.raises(TargetNotUsable) as caught:
            configfile.rewrite(folder / "config.toml", put("store", "/x"), state=Path(state))
        assert "cannot write the configuration" in caught.value.message
        with forbidding_folder() as folder, pytest.raises(TargetNotUsable, match="cannot lock"):
            configfile.rewrite(folder / "config.toml", put("store", "/x"), state=folder / "state")


def test_a_disk_that_is_full_leaves_the_old_file(
    path: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    configfile.rewrite(path, put("store", "/data"), state=state)
    before = snapshot(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TargetNotUsable, match="No space left"):
        configfile.rewrite(path, put("store", "/other"), state=state)
    assert snapshot(tmp_path) == before


def test_changes_at_the_same_time_are_all_kept(path: Path, state: Path) -> None:
    threads = [
        threading.Thread(
            target=configfile.rewrite,
            args=(path, below("endpoints", f"host{number}", "https://x")),
            kwargs={"state": state},
        )
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(configfile.read(path)["endpoints"]) == 12


KEYS = st.sampled_from(["store", "target", "endpoints", "targets", "later", "x y", "ü"])
BARE = st.sampled_from(["store", "path", "a-b", "7"])
LEAVES = st.booleans() | st.integers(-9, 9) | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BARE, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Make a file as a person might write it: keys, comments, blank lines, tables."""
    lines = []
    for key in draw(st.lists(KEYS, unique=True, max_size=4)):
        name = toml(key)
        match draw(st.sampled_from(["key", "table", "list", "dotted"])):
            case "table":
                lines += [f"[{name}]  # table"]
                inner = draw(st.dictionaries(KEYS, VALUES, max_size=2))
                lines += [f"{toml(one)} = {toml(value)}" for one, value in inner.items()]
            case "list":
                lines += [f"[[{name}]]", f"path = {toml(draw(LEAVES))}"]
            case "dotted":
                lines.insert(0, f"{name}.deep = {toml(draw(VALUES))}")
            case _:
                lines.insert(0, f"{name}  =  {toml(draw(VALUES))} # {len(lines)}")
        lines += draw(st.sampled_from([[], [""], ["", "# a word"]]))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents(), KEYS, KEYS, LEAVES, st.booleans())
def test_whatever_stands_there_nothing_else_is_lost(
    tmp_path: Path, text: str, table: str, key: str, value: object, deep: bool
) -> None:
    path, state = tmp_path / "config.toml", tmp_path / "state"
    before = configuration.parse(text, path=path)
    assume(not deep or isinstance(before.get(table, {}), dict))
    path.write_bytes(text.encode("utf-8"))
    change = below(table, key, value) if deep else put(table, value)
    try:
        changed = configfile.rewrite(path, change, state=state)
    except UsageError:  # rather than to lose something
        assert path.read_bytes() == text.encode("utf-8")
        return
    wanted = configuration.parse(text, path=path)
    change(wanted)
    after = path.read_bytes().decode("utf-8")
    assert configfile.read(path) == wanted
    assert changed == (wanted != before)
    assert after.count("# a word") == text.count("# a word")
