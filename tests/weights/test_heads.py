from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weights.files import PLAIN, legacy, safetensors, torch_zip
from vaehub.errors import NotAModel
from vaehub.weights import refuse_head

OID = "735e4c3a447a3255760d7f86845f09f937809baa529c17370d83e4c3758f3c75"
LOGIN = b"<!DOCTYPE html><html><head><title>Log in | Some Hub</title></head><body>...</body></html>"
WORDS = {
    b"": "is empty",
    LOGIN: "login page (“Log in | Some Hub”)",
    b"\xef\xbb\xbf  \r\n" + LOGIN: "login page",
    b"\xff\xfe" + "<html><title>Fine</title>".encode("utf-16-le"): "web page (“Fine”)",
    b"<html><title>Just a moment...</title>": "checks for a browser",
    b'<?xml version="1.0"?><html xmlns="x"><title>Hello</title>': "web page (“Hello”)",
    b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>Too late</Message></Error>": (
        "XML error: “ExpiredToken: Too late”"
    ),
    b"<Error><Code>InvalidRequest</Code></Error>": "XML error: “InvalidRequest”",
    b'{"error": "Unauthorized", "message": "log in first"}': "place of the file: “log",
    b'{"code": 10010, "msg": "quota"}': "“quota”",
    b'{"error": {"message": "deep"}}': "“deep”",
    b'["no", "file"]': '“["no", "file"]”',
    b'{"broken': '“{"broken”',
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + OID.encode() + b"\nsize 5\n": OID,
    gzip.compress(LOGIN): "gzip-compressed login page",
    gzip.compress(bytes(100)): "gzip-compressed, not as the file itself",
    b"\x1f\x8b garbage": "gzip-compressed",
}


@pytest.mark.parametrize("name", ["vae.safetensors", "vae.sft", "vae.ckpt", "vae.PT", "vae.gguf"])
@pytest.mark.parametrize("head", WORDS, ids=lambda head: repr(head[:24]))
def test_pages_and_messages_are_named(head: bytes, name: str) -> None:
    with pytest.raises(NotAModel) as caught:
        refuse_head(head, name=name)
    assert WORDS[head] in caught.value.message
    assert caught.value.message.startswith(name)


def test_a_long_message_is_cut() -> None:
    with pytest.raises(NotAModel) as caught:
        refuse_head(json.dumps({"message": "x" * 1000}).encode(), name="vae.pt")
    assert "x" * 199 + "…" in caught.value.message
    assert "x" * 200 not in caught.value.message


def test_a_message_cannot_write_to_the_terminal() -> None:
    with pytest.raises(NotAModel) as caught:
        refuse_head(json.dumps({"message": "a\x1b[2Jb\nc"}).encode(), name="vae.pt")
    assert "a[2Jb c" in caught.value.message


@pytest.mark.parametrize("length", [ord("<"), ord("{"), ord("[") + 256 * ord("{")])
def test_a_header_length_that_reads_like_text_is_no_text(length: int) -> None:
    head = length.to_bytes(8, "little") + b'{"w":' + b" " * 100
    refuse_head(head, name="vae.safetensors", size=10**9, content_type="application/octet-stream")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (safetensors(), "vae.safetensors"),
        (torch_zip(PLAIN), "vae.ckpt"),
        (legacy(PLAIN), "vae.pth"),
        (b'{"_class_name": "AutoencoderKL"}', "config.json"),
        (b"GGUF\3\0\0\0", "vae.gguf"),
    ],
)
def test_models_pass(head: bytes, name: str) -> None:
    refuse_head(head, name=name, size=10**9, content_type="application/octet-stream")


def test_a_model_passes_even_if_the_host_calls_it_text() -> None:
    refuse_head(safetensors(), name="vae.safetensors", content_type="text/html")


@pytest.mark.parametrize(
    ("head", "name", "kind", "words"),
    [
        (torch_zip(PLAIN), "vae.safetensors", None, "zip archive"),
        (safetensors(), "vae.ckpt", None, "safetensors file under the name of a pickle"),
        (b"hello world", "vae.pt", None, "neither a torch archive nor a pickle"),
        (b"\x80", "vae.pt", None, "neither"),
        (b"hello", "vae.safetensors", None, "too few"),
        (b"hello world", "vae.safetensors", None, "bytes long"),
        (b"\x10" + bytes(7) + b"xx", "vae.safetensors", None, "no header where it should begin"),
        (b"plain words", "vae.gguf", "text/html; charset=utf-8", "text/html"),
        (b"<html>", "config.json", None, "web page"),
    ],
)
def test_other_things_are_named(head: bytes, name: str, kind: str | None, words: str) -> None:
    with pytest.raises(NotAModel, match=words):
        refuse_head(head, name=name, content_type=kind)


def test_a_header_beyond_the_file_is_a_cut_file() -> None:
    with pytest.raises(NotAModel, match="cut off"):
        refuse_head(safetensors(), name="vae.safetensors", size=20)


@given(head=st.binary(max_size=200), name=st.sampled_from(["a.safetensors", "a.pt", "a.gguf"]))
def test_any_bytes_pass_or_are_refused(head: bytes, name: str) -> None:
    said = ""
    try:
        refuse_head(head, name=name)
    except NotAModel as error:
        said = error.message
    assert said == "" or (said.startswith(name) and said.isprintable())


@given(depth=st.integers(1, 4000), brackets=st.sampled_from(['{"error":', "["]))
def test_deep_nesting_is_only_a_message(depth: int, brackets: str) -> None:
    with pytest.raises(NotAModel):
        refuse_head((brackets * depth).encode()[:4096], name="vae.pt")
