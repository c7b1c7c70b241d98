from __future__ import annotations

import pytest

from vaehub.errors import HashMismatch, SizeMismatch, SourceUnusable, VaehubError
from vaehub.model import Artifact, Download
from vaehub.transfer.declared import Expected, expected

A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("known", "said", "result"),
    [
        ((A, 5), (None, None), Expected(A, 5)),
        ((A, 5), (A, 5), Expected(A, 5)),
        ((A, 5), (A.upper(), None), Expected(A, 5)),
        ((A, None), (None, 5), Expected(A, 5)),
        ((A, None), (None, None), Expected(A, None)),
        ((None, None), (B, 5), Expected(B, 5)),
        ((None, 5), (B, None), Expected(B, 5)),
    ],
)
def test_what_is_expected(
    known: tuple[str | None, int | None], said: tuple[str | None, int | None], result: Expected
) -> None:
    assert decide(known, said) == result


@pytest.mark.parametrize(
    ("known", "said", "error"),
    [
        ((A, 5), (B, 5), HashMismatch),
        ((A, 5), (B, 6), HashMismatch),
        ((A, 5), (None, 6), SizeMismatch),
        ((A, 5), (A, 6), SizeMismatch),
        ((None, 5), (B, 6), SizeMismatch),
        ((None, None), (None, 5), SourceUnusable),
        ((A, 5), ("abc", 5), SourceUnusable),
    ],
)
def test_what_is_refused_before_a_byte(
    known: tuple[str | None, int | None],
    said: tuple[str | None, int | None],
    error: type[VaehubError],
) -> None:
    with pytest.raises(error) as caught:
        decide(known, said)
    assert "somewhere" in caught.value.message
    assert "secret" not in caught.value.message


def decide(known: tuple[str | None, int | None], said: tuple[str | None, int | None]) -> Expected:
    artifact = Artifact("vae.safetensors", (), sha256=known[0], size=known[1])
    download = Download("https://h.example/?secret", "somewhere", sha256=said[0], size=said[1])
    return expected(artifact, download)
