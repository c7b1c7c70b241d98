from __future__ import annotations

import contextlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st

from tests.provision.importing import samples
from vaehub.errors import UsageError
from vaehub.provision.importing import reading

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = samples.ui_workflow(samples.loader(12, "house.safetensors"))
PROMPT = samples.api_workflow(n12=("VAELoader", {"vae_name": "house.safetensors"}))


def write(folder: Path, data: bytes | str | Any) -> Path:
    path = folder / "file"
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    path.write_bytes(data)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        reading.workflow(path)
    assert str(path) in caught.value.message
    return f"{caught.value.message} ({caught.value.hint})"


@pytest.mark.parametrize("data", [WORKFLOW, PROMPT], ids=["ui", "api"])
def test_a_workflow_is_read_in_both_formats(tmp_path: Path, data: Any) -> None:
    assert reading.workflow(write(tmp_path, data)) == [data]


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf" + json.dumps(WORKFLOW).encode())

    assert reading.workflow(path) == [WORKFLOW]


def test_what_windows_writes_is_read(tmp_path: Path) -> None:
    assert reading.workflow(write(tmp_path, json.dumps(WORKFLOW).encode("utf-16"))) == [WORKFLOW]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    picture = samples.png(samples.text_chunk("workflow", json.dumps(WORKFLOW)))
    for data in (json.dumps(WORKFLOW).encode(), picture):
        writer = threading.Thread(target=path.write_bytes, args=(data,))
        writer.start()
        assert reading.workflow(path) == [WORKFLOW]
        writer.join()


def test_what_python_writes_for_a_number_that_is_none_is_read(tmp_path: Path) -> None:
    prompt = samples.api_workflow(n1=("VAELoader", {"vae_name": "a.pt", "is_changed": [1.0]}))
    text = json.dumps(prompt).replace("1.0", "NaN")

    assert len(reading.workflow(write(tmp_path, text.encode()))) == 1


def test_a_picture_carries_both_formats(tmp_path: Path) -> None:
    picture = samples.png(
        samples.text_chunk("prompt", json.dumps(PROMPT)),
        samples.international_chunk("workflow", json.dumps(WORKFLOW), packed=True),
    )

    assert reading.workflow(write(tmp_path, picture)) == [PROMPT, WORKFLOW]


def test_one_of_two_that_is_no_workflow_is_passed_by(tmp_path: Path) -> None:
    picture = samples.png(
        samples.text_chunk("prompt", '"a cat"'),
        samples.text_chunk("workflow", json.dumps(WORKFLOW)),
    )

    assert reading.workflow(write(tmp_path, picture)) == [WORKFLOW]


def test_what_is_no_workflow_is_refused(tmp_path: Path) -> None:
    assert "is no ComfyUI workflow (save it" in refusal(write(tmp_path, {"sd_vae": "x"}))
    assert "is neither JSON nor a PNG" in refusal(write(tmp_path, b"GIF89a"))
    assert "is neither JSON nor a PNG" in refusal(write(tmp_path, b"\xff\xfe{}"))
    assert "too deeply" in refusal(write(tmp_path, b"[" * 200_000))
    assert "is neither JSON nor a PNG" in refusal(write(tmp_path, b"9" * 10_000))
    assert "cannot read" in refusal(tmp_path / "nowhere.json")
    assert "cannot read" in refusal(tmp_path)
    assert "it is no text" in refusal(write(tmp_path, b"RIFF\xff\xff\xff\xffWEBPVP8 "))
    with pytest.raises(UsageError, match="cannot read"):
        reading.workflow(tmp_path / "a\0b")


def test_a_picture_without_a_workflow_says_what_it_has(tmp_path: Path) -> None:
    automatic1111 = samples.png(samples.text_chunk("parameters", "a cat\nSteps: 20"))

    assert "it has parameters" in refusal(write(tmp_path, automatic1111))
    assert "no text at all" in refusal(write(tmp_path, samples.png()))


def test_a_damaged_picture_is_told(tmp_path: Path) -> None:
    damaged = samples.png(samples.chunk(b"tEXt", b"workflow\0{}", checksum=1))

    assert "checksum" in refusal(write(tmp_path, damaged))


def test_a_file_beyond_the_ceiling_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CEILING", 100)

    assert "more than 100 bytes" in refusal(write(tmp_path, b" " * 101))


def test_settings_are_a_mapping(tmp_path: Path) -> None:
    assert reading.settings(write(tmp_path, {"sd_vae": "x"})) == {"sd_vae": "x"}
    others: list[Any] = [[], 1, {"_class_name": "AutoencoderKL"}, {"architectures": ["CLIP"]}]
    for data in others:
        with pytest.raises(UsageError, match="not the settings"):
            reading.settings(write(tmp_path, data))
    with pytest.raises(UsageError, match="cannot read"):
        reading.settings(tmp_path / "nowhere.json")


@options(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.binary().map(lambda rest: samples.png()[:40] + rest)))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path, data)
    for read in (reading.workflow, reading.settings):
        with contextlib.suppress(UsageError):
            read(path)
