"""Bytes that are not the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.desk import DATA, DIGEST, LOCATORS, SIZE, Desk, publish, said
from vaehub.errors import HashMismatch, IntegrityError, NotAModel, SizeMismatch, UnsafePickle
from vaehub.loopback import samples

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("switch", "words"),
    [
        (lambda faults: faults.html_page(), "page"),
        (lambda faults: faults.json_error(), "JSON"),
        (lambda faults: faults.lfs_pointer(), "LFS"),
    ],
)
def test_a_page_an_error_or_a_pointer_is_no_model(
    desk: Desk, switch: Callable[[Any], None], words: str
) -> None:
    publish(desk.world, "huggingface")
    switch(desk.world.faults("huggingface"))
    error = desk.refusal("huggingface")
    assert isinstance(error, NotAModel)
    assert words in said(error)


def test_a_login_page_in_place_of_the_redirect_is_no_model(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.world.faults("civitai").html_page(at="door")
    error = desk.refusal("civitai")
    assert isinstance(error, NotAModel)
    assert "page" in said(error)


def test_one_flipped_byte_is_found(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").flip_byte(-1)
    error = desk.refusal("huggingface")
    assert isinstance(error, HashMismatch)
    assert DIGEST in said(error)


def test_bytes_of_the_right_number_and_no_sense_are_found(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").wrong_bytes()
    assert isinstance(desk.refusal("huggingface"), (HashMismatch, NotAModel))


def test_a_truncated_file_is_found(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").truncate(SIZE // 2)
    assert isinstance(desk.refusal("huggingface"), (SizeMismatch, NotAModel))


def test_a_file_that_is_too_long_is_not_read_to_its_end(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").append(64 << 20)
    assert isinstance(desk.refusal("huggingface"), SizeMismatch)
    assert desk.world.bytes_sent("huggingface") < 32 << 20


def test_a_host_that_never_stops_is_stopped(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").append(64 << 20)
    desk.world.faults("huggingface").no_length()
    assert isinstance(desk.refusal("huggingface"), (SizeMismatch, NotAModel))
    assert desk.world.bytes_sent("huggingface") < 32 << 20


def test_a_pickle_that_would_run_code_is_refused(desk: Desk) -> None:
    bad = samples.unsafe_pickle()
    desk.world.publish("huggingface", LOCATORS["huggingface"], bad)
    error = desk.refusal("huggingface", name="x.pt", data=bad)
    assert isinstance(error, UnsafePickle)
    assert "system" in said(error)


def test_wrong_bytes_are_reported_and_the_next_source_serves(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").flip_byte(200_000)
    result = desk.install("huggingface", "modelscope")
    assert desk.installed == DATA
    [(label, error)] = result.steps[0].attempts
    assert "huggingface" in label
    assert isinstance(error, HashMismatch)
    assert "modelscope" in str(result.steps[0].source)


def test_with_all_sources_wrong_the_folder_stays_empty(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").flip_byte(200_000)
    desk.world.faults("modelscope").flip_byte(200_000)
    assert isinstance(desk.refusal("huggingface", "modelscope"), HashMismatch)


def test_a_lying_mirror_is_passed_over(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.publish("mirror", {}, samples.safetensors(2), sha256=DIGEST)
    result = desk.install("huggingface")
    assert desk.installed == DATA
    [(_, error)] = result.steps[0].attempts
    assert isinstance(error, IntegrityError)


def test_a_mirror_that_has_it_spares_the_host(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.publish("mirror", {}, DATA)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.seen("huggingface") == []


def test_a_mirror_that_has_it_not_is_no_trouble(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.publish("mirror", {}, b"something else")
    desk.install("huggingface")
    assert desk.installed == DATA
