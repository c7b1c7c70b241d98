"""What vaehub fetches from a mirror behind a real nginx, and what it does not believe."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.builders import safetensors_bytes
from tests.provision.mirrors.building import ONE, THREE, TWO, Builder, digest
from tests.provision.mirrors.served import Served, nginx
from vaehub import provisioning
from vaehub.errors import HashMismatch, NoSourceDelivered, SourceGone, SourceUnusable
from vaehub.loopback import LoopbackWorld
from vaehub.settings import Mirror

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vaehub.outcome import InstallResult
    from vaehub.settings import Settings

LARGE = safetensors_bytes(40_000_000, seed=9)
_LONG = "public, max-age=31536000, immutable"


@pytest.fixture
def builder(tmp_path: Path, world: LoopbackWorld) -> Builder:
    """A machine that has written a mirror, and then forgotten all that it had."""
    return Builder(tmp_path / "builder", world)


@pytest.fixture
def served(builder: Builder, tmp_path: Path) -> Iterator[Served]:
    builder.mirror(builder.lock("one", "two"))
    with nginx(builder.root, tmp_path / "nginx") as served:
        yield served


def on_another_box(builder: Builder, *bases: str) -> Settings:
    """Give the settings of a box that has nothing yet and knows these mirrors."""
    builder.box.store = builder.folder / "store-of-another-box"
    builder.box.world.requests.clear()
    found = builder.box.settings
    mirrors = tuple(Mirror(base) for base in bases)
    return found._replace(mirrors=mirrors, state=builder.folder / "state-of-another-box")


def install(builder: Builder, name: str, settings: Settings) -> InstallResult:
    import vaehub

    to = builder.folder / "target"
    return vaehub.install(name, to=to, settings=settings, catalogs=builder.box.catalogs)


def test_boxes_install_from_a_mirror(builder: Builder, served: Served) -> None:
    settings = on_another_box(builder, served.base)
    result = install(builder, "one", settings)
    assert result.steps[0].source == f"mirror {served.base}"
    assert result.steps[0].destination.read_bytes() == ONE
    assert not builder.box.world.requests
    assert [one.path for one in served.asked] == [f"/sha256/{digest(ONE)}"]


def test_a_large_file_comes_over_several_ranges(builder: Builder, tmp_path: Path) -> None:
    builder.box.add("large", {"large.safetensors": LARGE})
    builder.mirror(builder.lock("large"))
    builder.box.world.faults("modelscope").status(404)  # else it would help
    # So slow that a second connection pays.
    with nginx(builder.root, tmp_path / "nginx", extra="limit_rate 8m;") as served:
        settings = on_another_box(builder, served.base)
        result = install(builder, "large", settings)
    assert result.steps[0].destination.read_bytes() == LARGE
    asked = [one for one in served.asked if one.path == f"/sha256/{digest(LARGE)}"]
    assert len({one.range for one in asked if one.status == 206}) >= 2


@pytest.mark.parametrize(("name", "data"), [("one", ONE), ("large", LARGE)], ids=["one", "large"])
def test_a_flipped_byte_is_refused_and_told_of(
    builder: Builder, tmp_path: Path, name: str, data: bytes
) -> None:
    builder.box.add("large", {"large.safetensors": LARGE})
    builder.mirror(builder.lock(name))
    path = builder.root / "sha256" / digest(data)
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(flipped)
    with nginx(builder.root, tmp_path / "nginx") as served:
        result = install(builder, name, on_another_box(builder, served.base))
    [step] = result.steps
    assert step.destination.read_bytes() == data
    assert str(step.source).startswith("modelscope")
    [(label, error)] = step.attempts
    assert label == f"mirror {served.base}"
    assert isinstance(error, HashMismatch)


def test_a_missing_file_comes_from_elsewhere(builder: Builder, served: Served) -> None:
    result = install(builder, "three", on_another_box(builder, served.base))
    [step] = result.steps
    assert step.destination.read_bytes() == THREE
    [(label, error)] = step.attempts
    assert label == f"mirror {served.base}"
    assert isinstance(error, SourceGone)


def test_a_bucket_that_may_not_be_listed_answers_403_for_a_missing_file(
    builder: Builder, tmp_path: Path
) -> None:
    builder.mirror(builder.lock("one"))
    with nginx(builder.root, tmp_path / "nginx", extra="error_page 404 =403 /403;") as served:
        result = install(builder, "three", on_another_box(builder, served.base))
    [step] = result.steps
    assert str(step.source).startswith("modelscope")
    assert [label for label, _ in step.attempts] == [f"mirror {served.base}"]


def test_a_missing_file_comes_from_another_mirror(
    builder: Builder, served: Served, tmp_path: Path
) -> None:
    builder.root = tmp_path / "second"
    builder.mirror(builder.lock("three"))
    with nginx(builder.root, tmp_path / "nginx-2") as second:
        settings = on_another_box(builder, served.base, second.base)
        result = install(builder, "three", settings)
    assert result.steps[0].source == f"mirror {second.base}"
    assert not builder.box.world.requests


# Offline


def test_offline_a_whole_lock_comes_from_a_mirror(builder: Builder, served: Served) -> None:
    settings = on_another_box(builder, served.base)
    to = builder.folder / "target"
    lock = builder.root / "vaehub.lock"
    done = provisioning.sync(lock=lock, to=[str(to)], offline=True, settings=settings)
    assert not done.synced.failures
    assert (to / "one.safetensors").read_bytes() == ONE
    assert (to / "two.safetensors").read_bytes() == TWO
    assert not builder.box.world.requests


@pytest.mark.parametrize("second_has_it", [True, False])
def test_offline_a_mirror_cannot_send_a_box_to_another_host(
    builder: Builder, served: Served, tmp_path: Path, second_has_it: bool
) -> None:
    to, lock = builder.folder / "target", builder.root / "vaehub.lock"
    with LoopbackWorld() as elsewhere:
        elsewhere.publish("mirror", {}, ONE)
        away = f"return 302 {elsewhere.mirror}$uri;"
        with nginx(builder.root, tmp_path / "nginx-away", extra=away) as bad:
            bases = (bad.base, served.base) if second_has_it else (bad.base,)
            settings = on_another_box(builder, *bases)
            done = provisioning.sync(lock=lock, to=[str(to)], offline=True, settings=settings)
            assert bad.asked
            assert not elsewhere.requests
            assert not builder.box.world.requests
            if second_has_it:
                assert not done.synced.failures
                assert (to / "one.safetensors").read_bytes() == ONE
                return
            for error, *_ in done.synced.failures:
                assert isinstance(error, NoSourceDelivered)
                assert [type(why) for _, why in error.attempts] == [SourceUnusable]
            assert not list(to.glob("*.safetensors"))
            # With a network it may: the digest decides.
            result = install(builder, "one", on_another_box(builder, bad.base))
            assert result.steps[0].source == f"mirror {bad.base}"
            assert elsewhere.requests


# The configuration of the docs


def test_what_nginx_answers(builder: Builder, served: Served) -> None:
    with urllib.request.urlopen(f"{served.base}/sha256/{digest(ONE)}", timeout=10) as answer:
        assert answer.read() == ONE
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Cache-Control"] == _LONG
    with urllib.request.urlopen(f"{served.base}/index.json", timeout=10) as answer:
        assert answer.headers["Cache-Control"] != _LONG
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{served.base}/.vaehub/mirror.json", timeout=10)
