"""Whatever up to three sources do, of which one is honest in the end: the right bytes."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transfer.bench import Bench
from tests.transfer.origins import Origin, make_small, origins, pieces_of, quiet
from tests.transfer.scripted import Request, ranged, reply
from tests.weights.files import safetensors
from vaehub.errors import IntegrityError
from vaehub.model import Artifact
from vaehub.transfer.declared import Expected
from vaehub.transfer.limits import Limits
from vaehub.transfer.partial import Partial
from vaehub.transfer.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = safetensors(random.Random(21).randbytes(120_000))
SIZE = len(DATA)
DIGEST = hashlib.sha256(DATA).hexdigest()
HEAD = 4096
"""Bytes at the front that no lie is in: there it would be seen at once."""

FAULTS = (
    "none",
    "lies",
    "lies the same",
    "lies later",
    "is gone",
    "is busy",
    "hangs up",
    "breaks off",
    "falls silent",
    "knows no ranges",
    "knows no ranges and lies",
    "serves another range",
    "says another range",
    "is longer",
    "is a page",
)
MISHAPS = ("breaks off", "hangs up", "is busy", "knows no ranges")


@dataclass
class Server:
    """Answers each request as its script says."""

    fault: str
    number: int
    mishaps: list[tuple[str, int]] = field(default_factory=list)
    """Of an honest one: what befalls its next answers."""
    count: int = 0

    def __call__(self, request: Request) -> Iterator[bytes | None]:
        self.count += 1
        fault, number = self.fault, self.number
        if self.mishaps:
            fault, number = self.mishaps.pop(0)
        match fault:
            case "lies":
                return pieces_of(ranged(lie(HEAD + number), request))
            case "lies the same":
                return pieces_of(ranged(lie(HEAD + SIZE // 2), request))
            case "lies later":
                data = DATA if self.count <= number % 5 else lie(HEAD + number)
                return pieces_of(ranged(data, request))
            case "is gone":
                return pieces_of(reply(404))
            case "is busy":
                return pieces_of(reply(503))
            case "hangs up":
                return iter(())
            case "breaks off":
                return pieces_of(ranged(DATA, request, upto=request.first_byte + number))
            case "falls silent":
                return quiet(DATA, after=number)(request)
            case "knows no ranges":
                return pieces_of(reply(200, DATA))
            case "knows no ranges and lies":
                return pieces_of(reply(200, lie(HEAD + number)))
            case "serves another range":
                return pieces_of(ranged(DATA[1:] + b"x", request))
            case "says another range":
                return pieces_of(reply(206, DATA[5:99], Content_Range=f"bytes 5-98/{SIZE}"))
            case "is longer":
                return pieces_of(ranged(DATA + b"x", request))
            case "is a page":
                return pieces_of(ranged(b"<!doctype html><title>Sign in</title>" + DATA, request))
        return pieces_of(ranged(DATA, request))


def lie(at: int) -> bytes:
    changed = bytearray(DATA)
    changed[at % SIZE] ^= 1
    return bytes(changed)


numbers = st.integers(0, SIZE - HEAD - 1)
servers = st.builds(Server, st.sampled_from(FAULTS), numbers)
honest = st.builds(
    Server,
    st.just("none"),
    numbers,
    st.lists(st.tuples(st.sampled_from(MISHAPS), numbers), max_size=2),
)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    good=honest,
    others=st.lists(servers, max_size=2),
    place=st.integers(0, 2),
    left=st.sampled_from(["nothing", "right", "wrong"]),
    connections=st.sampled_from([None, 1, 2, 5]),
    hurry=st.booleans(),
)
def test_the_right_bytes_in_the_end(
    tmp_path_factory: pytest.TempPathFactory,
    good: Server,
    others: list[Server],
    place: int,
    left: str,
    connections: int | None,
    hurry: bool,
) -> None:
    bench = Bench(tmp_path_factory.mktemp("any"), patience=Patience(read=0.6, attempts=3))
    bench.artifact = Artifact("vae.safetensors", (), size=SIZE, sha256=DIGEST)
    if left != "nothing":
        leave(bench, DATA if left == "right" else lie(30_000))
    befell = list(good.mishaps)
    script = [*others[:place], good, *others[place:]]
    running: list[Origin] = []
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        patch.setattr("vaehub.transfer.joining.HASTE", 0.05)
        patch.setattr("vaehub.transfer.crew.STALLED", 0.1)
        patch.setattr("vaehub.transfer.joining.LONG", 0.0 if hurry else math.inf)
        with origins(*script, into=running):
            got = bench.run(*running, limits=Limits(connections=connections))
            most = running[0].gauge.most
    assert bench.path.read_bytes() == DATA
    assert (got.sha256, got.size) == (DIGEST, SIZE)
    url = running[script.index(good)].url
    said = [error for label, error in got.attempts if url in label]
    assert not [one for one in said if isinstance(one, IntegrityError)], "an honest one is blamed"
    assert not said or befell, "nothing had befallen it"
    assert connections is None or most <= connections
    assert list(bench.folder.iterdir()) == [bench.path], "notes were left behind"


def leave(bench: Bench, data: bytes) -> None:
    with Partial(bench.path) as partial:
        partial.expect(Expected(DIGEST, SIZE))
        partial.spread()
        partial.put("mirror of yesterday", 20_000, data[20_000:50_000])
        partial.record()
