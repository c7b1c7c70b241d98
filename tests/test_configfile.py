"""The configuration file is changed, and all else in it stays as it stands."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_settings import toml
from tests.trees import forbidding_folder, snapshot
from vaehub import configfile, configuration, durable
from vaehub.configfile import Put, Take
from vaehub.errors import TargetNotUsable, UsageError

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


def test_a_value_is_changed_where_it_stands(path: Path, state: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    assert configfile.rewrite(path, Put(("store",), "/other"), state=state)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace("'/data'", '"/other"')


def test_a_new_key_comes_before_the_tables(path: Path, state: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    assert configfile.rewrite(path, Put(("offline",), True), state=state)
    text = path.read_text(encoding="utf-8")
    assert configfile.read(path)["offline"] is True
    assert [line for line in text.splitlines() if line not in WRITTEN.splitlines()] == [
        "offline = true"
    ]


def test_a_key_in_a_table_is_put_there(path: Path, state: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    assert configfile.rewrite(path, Put(("endpoints", "civitai"), "https://x"), state=state)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace(
        'hf-mirror.com"\n', 'hf-mirror.com"\ncivitai = "https://x"\n'
    )


def test_a_key_is_taken_out_and_no_other_line(path: Path, state: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    assert configfile.rewrite(path, Take(("limit_rate",)), state=state)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace('limit_rate   = "5 MB"\n', "")


FORMS = {
    "apart": '# top\n[targets.a]\npath = "/a"\n\n# mirrors\n[[mirrors]]\nbase = "https://m"\n\n'
    '[targets.b] # b\npath = "/b"\n\n# end\n',
    "in one line": 'targets = {a = {path = "/a"}, b = {path = "/b"}} # both\n',
    "with dots": 'targets.a.path = "/a"\ntargets.b.path = "/b"\nstore = "/s"\n',
    "half": '[targets]\na = {path = "/a"}\nb = {path = "/b"} # b\n# x\n'
    '[endpoints]\ngithub = "https://g"\n',
    "without an end": 'store = "/s"\n[targets.b]\npath="/b"\n[targets.a]\npath = "/a"',
    "below a list": '[[catalog]]\npath = "x"\n# after\n\n[targets.a]\npath = "/a"\n'
    '[ targets . "b" ]\npath = "/b"\n',
    "nested": '[targets]\n# mine\n[targets.a]\npath = "/a"\n# of a\nlayout = "folder"\n'
    '[targets.b]\npath = "/b"\n',
}
"""Ways in which people, and other tools, write the same."""


@pytest.mark.parametrize("form", FORMS)
def test_a_named_table_comes_and_goes_in_every_form(form: str, path: Path, state: Path) -> None:
    text = FORMS[form]
    path.write_text(text, encoding="utf-8")
    new = {"path": "/new", "layout": "comfyui"}
    assert configfile.rewrite(
        path, Put(("targets", "new"), new), Put(("target",), "new"), state=state
    )
    after = path.read_text(encoding="utf-8")
    said = configfile.read(path)
    assert said["target"] == "new"
    assert {name: table["path"] for name, table in said["targets"].items()} == {
        "a": "/a",
        "b": "/b",
        "new": "/new",
    }
    if form != "in one line":
        assert is_part_of(text.split("\n"), after.split("\n"))
        assert after.endswith('\n\n[targets.new]\npath = "/new"\nlayout = "comfyui"\n')
    assert configfile.rewrite(path, Take(("targets", "new")), Take(("target",)), state=state)
    assert configfile.read(path) == configuration.parse(text, path=path)
    assert configfile.rewrite(path, Take(("targets", "a")), state=state)
    assert list(configfile.read(path)["targets"]) == ["b"]
    for comment in ("# top", "# mirrors", "# b", "# end", "# x", "# after", "# mine"):
        assert (comment in path.read_text(encoding="utf-8")) == (comment in text)


def test_a_table_that_is_empty_then_goes_too(path: Path, state: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    assert configfile.rewrite(path, Take(("endpoints", "huggingface")), state=state)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace(
        '[endpoints]       # of a mirror\nhuggingface = "https://hf-mirror.com"\n', ""
    )


def test_a_first_line_keeps_its_distance_from_what_follows(path: Path, state: Path) -> None:
    path.write_text("# top\n[later]\na = 1\n", encoding="utf-8")
    assert configfile.rewrite(path, Put(("store",), "/x"), state=state)
    assert path.read_text(encoding="utf-8") == 'store = "/x"\n\n# top\n[later]\na = 1\n'


def test_comments_at_the_end_stay(path: Path, state: Path) -> None:
    path.write_text(f"{WRITTEN}\n# the end\n", encoding="utf-8")
    assert configfile.rewrite(path, Take(("later",)), state=state)
    head, _, _ = WRITTEN.partition("[later]")
    assert path.read_text(encoding="utf-8") == f"{head}\n# the end\n"


def test_a_header_in_quotes_is_one(path: Path, state: Path) -> None:
    rest = "# next\n[[mirrors]]\nbase = 'https://m'\n"
    path.write_text(f"['endpoints']\ngithub = 'https://g'\n{rest}", encoding="utf-8")
    assert configfile.rewrite(path, Take(("endpoints",)), state=state)
    assert path.read_text(encoding="utf-8") == rest


@pytest.mark.parametrize(
    ("text", "change"),
    [
        # tomlkit would put the tables of one name together.
        (
            f"endpoints.github = 'https://g'\n{FORMS['apart']}",
            Put(("endpoints", "civitai"), "https://c"),
        ),
        # tomlkit would take the words about what follows for the table's own.
        (
            '["end\\u0070oints"]\ngithub = "https://g"\n# next\n[[mirrors]]\nbase = "https://m"\n',
            Take(("endpoints",)),
        ),
    ],
    ids=["moved", "lost"],
)
def test_rather_than_to_move_a_line_or_lose_a_comment_it_is_refused(
    text: str, change: Put | Take, path: Path, state: Path
) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be changed alone"):
        configfile.rewrite(path, change, state=state)
    assert path.read_text(encoding="utf-8") == text


def test_what_is_no_table_takes_no_key(path: Path, state: Path) -> None:
    path.write_text("endpoints = 'x'\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"endpoints\.civitai cannot be changed alone"):
        configfile.rewrite(path, Put(("endpoints", "civitai"), "https://x"), state=state)
    assert not configfile.rewrite(path, Take(("endpoints", "civitai")), state=state)
    assert configfile.rewrite(path, Take(("endpoints",)), state=state)


def test_lines_in_a_text_are_no_headers(path: Path, state: Path) -> None:
    text = (
        'store = "/s"\n[later]\nnote = """\n[endpoints]\n# kept\n"""\n'
        '[endpoints]\ngithub = "https://g"\n'
    )
    path.write_text(text, encoding="utf-8")
    assert configfile.rewrite(path, Take(("endpoints",)), state=state)
    assert configfile.read(path) == {"store": "/s", "later": {"note": "[endpoints]\n# kept\n"}}


def test_a_table_goes_without_the_comment_on_the_next_one(path: Path, state: Path) -> None:
    path.write_text(WRITTEN.replace("[[catalog]]", "# two words\n[[catalog]]"), encoding="utf-8")
    assert configfile.rewrite(path, Take(("endpoints",)), state=state)
    text = path.read_text(encoding="utf-8")
    assert "# two words\n[[catalog]]\n" in text
    assert "of a mirror" not in text
    assert set(configfile.read(path)) == {"store", "limit_rate", "catalog", "later"}


def test_where_nothing_changes_nothing_is_written(
    path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    monkeypatch.setattr(durable, "write", lambda *_, **__: pytest.fail("it was written"))
    assert not configfile.rewrite(path, Put(("store",), "/data"), state=state)
    assert not configfile.rewrite(path, Take(("target",)), state=state)


def test_a_file_that_is_not_there_is_made_with_its_folder(tmp_path: Path, state: Path) -> None:
    path = tmp_path / "a" / "b" / "config.toml"
    assert not configfile.rewrite(path, Take(("store",)), state=state)
    assert not path.parent.exists()
    assert configfile.rewrite(path, Put(("store",), "/data"), state=state)
    assert path.read_text(encoding="utf-8") == 'store = "/data"\n'


@POSIX
def test_a_link_is_followed_and_stays(path: Path, state: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "vaehub.toml"
    real.parent.mkdir()
    real.write_text(WRITTEN, encoding="utf-8")
    path.symlink_to(Path("dotfiles") / "vaehub.toml")
    assert configfile.rewrite(path, Put(("store",), "/other"), state=state)
    assert path.is_symlink()
    assert "'/data'" not in real.read_text(encoding="utf-8")
    real.unlink()
    assert configfile.rewrite(path, Put(("store",), "/third"), state=state)
    assert (path.is_symlink(), configfile.read(real)) == (True, {"store": "/third"})


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_the_file_keeps_its_permissions(path: Path, state: Path, mode: int) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    path.chmod(mode)
    assert configfile.rewrite(path, Put(("store",), "/other"), state=state)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_line_ends_of_dos_stay(path: Path, state: Path) -> None:
    path.write_bytes(WRITTEN.replace("\n", "\r\n").encode())
    assert configfile.rewrite(path, Put(("store",), "/other"), state=state)
    assert configfile.rewrite(path, Put(("offline",), True), state=state)
    written = path.read_bytes()
    assert written.count(b"\r\n") == written.count(b"\n") == WRITTEN.count("\n") + 1


@pytest.mark.parametrize("text", ["store = ", "a = 1\na = 2", "store = '/x'\n[store]\n"])
def test_what_is_no_toml_is_left_alone(path: Path, state: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="not valid TOML"):
        configfile.rewrite(path, Put(("store",), "/x"), state=state)
    assert path.read_text(encoding="utf-8") == text


def test_a_change_that_the_text_does_not_take_is_refused(
    path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tomlkit

    path.write_text(WRITTEN, encoding="utf-8")
    monkeypatch.setattr(tomlkit, "dumps", lambda _: "store = '/other'\n")  # lost the rest
    with pytest.raises(UsageError, match="cannot be changed alone"):
        configfile.rewrite(path, Put(("store",), "/other"), state=state)
    assert path.read_text(encoding="utf-8") == WRITTEN


@POSIX
def test_a_folder_that_takes_nothing_is_told() -> None:
    with tempfile.TemporaryDirectory(prefix="vaehub-test-") as state:
        Path(state).chmod(0o777)
        with forbidding_folder() as folder, pytest.raises(TargetNotUsable) as caught:
            configfile.rewrite(folder / "config.toml", Put(("store",), "/x"), state=Path(state))
        assert "cannot write the configuration" in caught.value.message
        with forbidding_folder() as folder, pytest.raises(TargetNotUsable, match="cannot lock"):
            configfile.rewrite(
                folder / "config.toml", Put(("store",), "/x"), state=folder / "state"
            )


def test_a_disk_that_is_full_leaves_the_old_file(
    path: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(WRITTEN, encoding="utf-8")
    configfile.rewrite(path, Put(("store",), "/data"), state=state)
    before = snapshot(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TargetNotUsable, match="No space left"):
        configfile.rewrite(path, Put(("store",), "/other"), state=state)
    assert snapshot(tmp_path) == before


def test_changes_at_the_same_time_are_all_kept(path: Path, state: Path) -> None:
    threads = [
        threading.Thread(
            target=configfile.rewrite,
            args=(path, Put(("endpoints", f"host{number}"), "https://x")),
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
NEW = st.integers(1000, 9999)
"""What no file holds yet."""
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
@given(
    documents(),
    st.builds(Put, st.tuples(KEYS) | st.tuples(KEYS, KEYS), NEW)
    | st.builds(Put, st.tuples(st.just("targets"), KEYS), st.dictionaries(BARE, NEW, min_size=1))
    | st.builds(Take, st.tuples(KEYS) | st.tuples(KEYS, KEYS)),
)
def test_whatever_stands_there_nothing_else_is_lost(
    tmp_path: Path, text: str, change: Put | Take
) -> None:
    path, state = tmp_path / "config.toml", tmp_path / "state"
    wanted = configuration.parse(text, path=path)
    path.write_bytes(text.encode("utf-8"))
    try:
        configfile.rewrite(path, change, state=state)
    except UsageError:  # rather than to lose something
        assert path.read_bytes() == text.encode("utf-8")
        return
    change.apply(wanted)
    after = path.read_bytes().decode("utf-8")
    assert configfile.read(path) == wanted
    assert after.count("# a word") == text.count("# a word")
    left = [line for line in after.split("\n") if line in text.split("\n")]
    assert is_part_of(left, text.split("\n"))


def is_part_of(lines: list[str], whole: list[str]) -> bool:
    """Tell whether the lines stand in the whole in this order, with others between them."""
    rest = iter(whole)
    return all(line in rest for line in lines if line.strip())
