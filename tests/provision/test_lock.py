"""A lock is read back as it was made, and nothing else is taken for one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.provision import wanting
from tests.provision.test_locking import told
from tests.provision.test_manifest import POLICY
from vaehub.catalog import Catalogs
from vaehub.errors import LockError, ManifestError, NamingError, TargetRefuses
from vaehub.provision import lock as lock_module
from vaehub.provision import lock_form, locking

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.provision.lock import Lock

ROOT = Path(__file__).resolve().parents[2]
HERE = Path("box")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Catalogs:
    more = {"wide": wanting.entry({"st": wanting.variant(wanting.artifact("wide.safetensors"))})}
    folder = tmp_path_factory.mktemp("catalogs")
    return wanting.catalogs(folder, mine=wanting.ENTRIES, yours=more)


@pytest.fixture(scope="module")
def lock(known: Catalogs) -> Lock:
    """Make a lock that says everything that one can say."""
    asked = wanting.manifest(
        HERE,
        "house",
        {"name": "odd", "targets": ["b", "a"]},
        "old",
        "loose",
        {"name": "paper", "targets": ["b", "c"]},
        "wide",
        targets={
            "b": {"ui": "comfyui", "path": "/home/me/ComfyUI"},
            "a": {"ui": "forge"},
            "c": {"ui": "folder"},
        },
        policy={
            "licenses": {"accept": ["MIT"], "deny": ["暖"]},
            "mirrors": ["https://mirror.example"],
            "smoke": {"dtypes": ["fp32"]},
        },
    )
    return locking.make(asked, known, pin=told)


def parse(content: bytes) -> Lock:
    return lock_module.parse(content, origin="vaehub.lock")


def refused(content: bytes) -> LockError:
    with pytest.raises(LockError) as caught:
        parse(content)
    return caught.value


def bent(lock: Lock, bend: Callable[[dict[str, Any]], Any]) -> bytes:
    data = json.loads(lock.text())
    bend(data)
    return json.dumps(data).encode()


def test_it_is_read_back_as_it_was_made(lock: Lock) -> None:
    assert parse(lock.text().encode()) == lock
    assert parse(lock.text().encode()).digest() == lock.digest()
    assert len(lock.vaes) == 6


def test_its_text_does_not_depend_on_the_order_of_what_it_has(lock: Lock) -> None:
    other = lock._replace(
        catalogs=dict(reversed([*lock.catalogs.items()])),
        targets=dict(reversed([*lock.targets.items()])),
    )
    assert list(lock.catalogs) == ["mine", "yours"]
    assert other.text() == lock.text()


def test_a_fingerprint_comes_along(lock: Lock) -> None:
    read = lock_module.parse(lock.text().encode(), origin="x")
    [house] = [one for one in read.artifacts() if one.name == "house.safetensors"]
    assert house.fingerprint == wanting.FINGERPRINT


def test_it_holds_no_path_and_no_secret(lock: Lock) -> None:
    text = lock.text()
    for word in ("/home/me", "box", "t0ken-of-somebody", str(ROOT)):
        assert word not in text
    assert "https://example.org/nc?id=1" in text  # a query is none by itself


def test_each_file_is_given_once(lock: Lock) -> None:
    twice = lock._replace(vaes=(*lock.vaes, lock.vaes[0]))
    digests = [artifact.sha256 for artifact in twice.artifacts()]
    assert len(digests) == len(set(digests)) == 6


# What is asked, in whatever order, on whatever machine


def either_way(name: str, targets: list[str]) -> st.SearchStrategy[Any]:
    """Ask for a VAE by its name, or for one of the targets."""
    if not targets:
        return st.just(name)
    one = st.sampled_from(targets).map(lambda target: {"name": name, "targets": [target]})
    return st.just(name) | one


@given(data=st.data())
def test_any_lock_is_read_back_and_does_not_depend_on_order(
    known: Catalogs, data: st.DataObject
) -> None:
    vaes = data.draw(st.lists(st.sampled_from(wanting.NAMES), unique=True))
    targets = data.draw(
        st.dictionaries(
            st.sampled_from(["x", "y"]),
            st.fixed_dictionaries({"ui": st.sampled_from(wanting.UIS)}),
        )
    )
    asked: list[Any] = [data.draw(either_way(name, sorted(targets))) for name in vaes]
    rest: dict[str, Any] = {"targets": targets, "policy": data.draw(POLICY)}
    try:
        made = locking.make(wanting.manifest(HERE, *asked, **rest), known, pin=told)
    except (ManifestError, NamingError, TargetRefuses):
        return
    text = made.text()
    assert parse(text.encode()) == made
    assert parse(text.encode()).text() == text
    shuffled = data.draw(st.permutations(asked))
    rest["targets"] = dict(reversed(targets.items()))
    other = Catalogs(tuple(reversed(known.catalogs)))
    again = locking.make(wanting.manifest(HERE, *shuffled, **rest), other, pin=told)
    assert again.text() == text


def test_locale_and_hash_seed_do_not_count(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.provision import wanting\nfrom tests.provision.test_locking import told\n"
        "from vaehub.provision import locking\n"
        "folder = Path(sys.argv[1])\n"
        "asked = wanting.manifest(folder, 'house', 'loose', 'odd', policy={'licenses': "
        "{'accept': ['\\u6696', 'a']}})\n"
        "made = locking.make(asked, wanting.catalogs(folder), pin=told)\n"
        "sys.stdout.buffer.write(made.text().encode())\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "LC_ALL": locale},
            capture_output=True,
            check=True,
        ).stdout
        for seed, locale in (("1", "C"), ("2", "tr_TR.UTF-8"))
    }
    assert len(texts) == 1
    assert "暖".encode() in texts.pop()


# What is no lock


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe", "utf-8"),
        (b"[" * 100_000, "recursion"),
        (b"[]", "expected a mapping"),
        (b'{"schema": 2}', "for a newer vaehub"),
        (b'{"schema": 1, "schema": 1}', "'schema' stands twice"),
        (b'{"schema": NaN}', "NaN is too large for a number, or none"),
        (b'{"schema": 1e999}', "1e999 is too large"),
        (b'{"schema": ' + b"9" * 5000 + b"}", "99999999999999999999 is too large"),
        (b'{"schema": "\\ud800"}', "surrogates not allowed"),
    ],
)
def test_what_is_no_lock_is_refused(content: bytes, said: str) -> None:
    error = refused(content)
    assert error.message.startswith("vaehub.lock is no lock: ")
    assert said in error.message
    assert (error.exit_code, error.code) == (2, "lock")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "vaehub.lock"
    path.write_bytes(b" " * (lock_form.CEILING + 1))
    with pytest.raises(LockError, match="may have 8,388,608 bytes"):
        lock_module.read(path)


def test_a_lock_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="there is no lock") as caught:
        lock_module.read(tmp_path / "vaehub.lock")
    assert "`vaehub lock`" in str(caught.value.hint)
    with pytest.raises(LockError, match="cannot read"):
        lock_module.read(tmp_path)


@pytest.mark.parametrize(
    ("bend", "said"),
    [
        (lambda data: data.pop("policy"), "lacks policy"),
        (lambda data: data["policy"].update(pickles="perhaps"), "policy.pickles: expected one of"),
        (lambda data: data["policy"].update(token="x"), "policy.token: unknown field"),
        (lambda data: data["vaes"][0].update(entry="../x"), "vaes[0].entry: expected CATALOG/ID"),
        (lambda data: data["vaes"][0].update(targets=["z"]), "for the target z, which it does not"),
        (lambda data: data["vaes"].append(data["vaes"][0]), "it has two answers for house in"),
        (
            lambda data: data["vaes"][0]["artifacts"][0]["installed"].pop("forge"),
            "has not one name for each of its layouts",
        ),
        (
            lambda data: data["vaes"][0]["artifacts"][0].update(converted=["sdnext"]),
            "is converted for layouts that it is not for",
        ),
        (
            lambda data: data["vaes"][0]["artifacts"][0]["installed"].update(forge="../x.pt"),
            "expected a file name",
        ),
        (
            lambda data: data["vaes"][0]["artifacts"][0]["installed"].update(folder="OLD.ckpt"),
            "two files are called old.ckpt in folder",
        ),
        (
            lambda data: data["vaes"][0]["artifacts"][0].update(sha256="0" * 63),
            "64 lower-case hex digits",
        ),
        (
            lambda data: data["vaes"][0]["artifacts"][0].update(
                sources=[{"http": {"url": "https://me:pw@x.example/a"}}]
            ),
            "without user name",
        ),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(lock: Lock, bend: Any, said: str) -> None:
    error = refused(bent(lock, bend))
    assert said in error.message
    assert "pw@" not in error.message


def test_what_was_found_sound_is_not_looked_at_again(
    lock: Lock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = lock.text().encode()
    assert lock_module.parse(content, origin="x", cache=tmp_path) == lock
    monkeypatch.setattr(lock_form, "_check", None)  # whoever calls it fails
    assert lock_module.parse(content, origin="x", cache=tmp_path) == lock
    with pytest.raises(TypeError):
        lock_module.parse(content + b"\n", origin="x", cache=tmp_path)


def test_what_was_found_wrong_is_not_remembered(lock: Lock, tmp_path: Path) -> None:
    content = bent(lock, lambda data: data.pop("policy"))
    for _ in range(2):
        with pytest.raises(LockError, match="lacks policy"):
            lock_module.parse(content, origin="x", cache=tmp_path)


def test_a_cache_that_cannot_be_written_costs_time_alone(lock: Lock, tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("in the way", encoding="utf-8")
    assert lock_module.parse(lock.text().encode(), origin="x", cache=tmp_path) == lock


def test_which_broken_file_is_ours_to_write_over(lock: Lock) -> None:
    text = lock.text()
    conflict = text.replace('  "manifest"', '<<<<<<< HEAD\n  "manifest"', 1)
    error = refused(conflict.encode())
    assert "marks of a merge conflict" in error.message
    assert error.hint == "make it anew: vaehub lock"
    for ours in (conflict, text[:200], "", "\n"):
        assert lock_form.may_be_replaced(ours.encode()), ours
    catalog = '{"schema": 1, "catalog": {}}'
    for other in (catalog, "# notes", "schema: 1", '{"schema": 2, "manifest": "x"}', "[1"):
        assert not lock_form.may_be_replaced(other.encode()), other
        assert "vaehub lock" not in str(refused(other.encode()).hint)


# Whatever comes


def read_or_refused(content: bytes) -> None:
    try:
        found = parse(content)
    except LockError:
        return
    again = parse(found.text().encode())
    assert again == found
    assert again.digest() == found.digest()


@given(st.binary(max_size=80))
def test_any_bytes_are_a_lock_or_refused(content: bytes) -> None:
    read_or_refused(content)


@given(data=st.data())
def test_a_lock_with_a_few_other_bytes_is_one_or_refused(lock: Lock, data: st.DataObject) -> None:
    content = bytearray(lock.text().encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 3))
        content[at : at + cut] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"9", b"0", b'"', b"\\ud800", b"1e9", b"x"])
        )
    read_or_refused(bytes(content))


VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["a" * 64, "x.pt", "comfyui", "mine/house", "vae", 10**300, 1e308]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "comfyui", "id", "b" * 64]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(data=st.data())
def test_a_lock_with_another_value_is_one_or_refused(lock: Lock, data: st.DataObject) -> None:
    said = json.loads(lock.text())
    inside: Any = said
    for _ in range(data.draw(st.integers(1, 7))):
        keys = list(inside if isinstance(inside, dict) else range(len(inside)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inside[key], (dict, list)) or data.draw(st.integers(0, 3)) == 0:
            inside[key] = data.draw(VALUE)
            break
        inside = inside[key]
    read_or_refused(json.dumps(said).encode())
