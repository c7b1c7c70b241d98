"""Names that others wrote never lead out of their folder."""

from __future__ import annotations

import ntpath
import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vaehub.names import MAX_BYTES, safe_name, trouble

UNSAFE = [
    "",
    ".",
    "..",
    ".hidden.safetensors",
    ".vaehub",
    "a/b",
    "a\\b",
    "/etc/passwd",
    "\\\\server\\share",
    "C:",
    "C:evil.pt",
    "file.pt:stream",
    "con",
    "CON.safetensors",
    "nul .pt",
    "com¹.pt",
    "LPT9",
    "a.pt.",
    "a.pt ",
    " a.pt",
    "a\nb.pt",
    "a\0b",
    "a\u202eb.pt",
    "\ud800.pt",
    "what?.pt",
    "*.pt",
    "x" * (MAX_BYTES + 1),
    "é" * (MAX_BYTES // 2 + 1),
]


@pytest.mark.parametrize("name", UNSAFE, ids=ascii)
def test_unsafe_names_are_refused_with_a_reason(name: str) -> None:
    assert not safe_name(name)
    assert trouble(name)


@pytest.mark.parametrize(
    "name",
    [
        "vae-ft-mse-840000-ema-pruned.safetensors",
        "ClearVAE_V2.3.safetensors",
        "二次元 VAE (fp16).ckpt",
        "console.pt",
        "a..b.pt",
        "x" * MAX_BYTES,
    ],
)
def test_names_in_use_are_accepted(name: str) -> None:
    assert safe_name(name)
    assert trouble(name) is None


@given(st.text(max_size=40) | st.text(alphabet="./\\:abCON ~$", max_size=12))
@example("..\\..\\x")
def test_a_safe_name_stays_in_its_folder_on_every_system(name: str) -> None:
    if not safe_name(name):
        return
    for system, folder in ((posixpath, "/ui/models"), (ntpath, "D:\\ui\\models")):
        joined = system.normpath(system.join(folder, name))
        assert system.dirname(joined) == folder
        assert system.basename(joined) == name
    assert not name.startswith(".")
    assert len(name.encode()) <= MAX_BYTES
