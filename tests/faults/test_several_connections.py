"""Faults while several connections fetch a file: only what is missing or wrong is fetched again.

What the issue that asked for several connections lists, and where each is tested with one source
and with several (``transfer`` is ``tests/transfer``; what is named alone is in this module):

================================== =================================================================
cut                                ``test_cuts_cost_no_byte``; transfer/test_sources
                                   ``a_source_that_dies_half_way_is_replaced``
stall                              ``test_silence_costs_no_byte``; transfer/test_sources
                                   ``a_source_that_falls_silent_is_helped``, ``never_answers``
slow drip                          ``test_a_drip_is_left``
200 for 206                        ``test_a_host_that_sends_the_whole_instead``;
                                   transfer/test_sources ``one_of_two_knows_no_ranges``
wrong Content-Range                ``test_another_range_than_asked_for_is_not_taken``;
                                   transfer/test_ranges
bytes changed between segments     transfer/test_sources ``a_file_that_is_replaced_half_way``
a lying mirror among honest ones   ``test_a_lying_mirror_costs_its_own_bytes``;
                                   transfer/test_sources ``a_lie_...``, ``an_arbiter``;
                                   transfer/test_inquest
expiry mid-way                     ``test_an_address_that_expires_costs_no_byte``;
                                   transfer/test_sources ``an_address_that_runs_out``
429 storm                          ``test_a_storm_of_429_costs_no_byte``; transfer/test_sources
two processes                      ``test_processes.py``; ``tests/test_api.py``
dead lock holder                   ``test_processes.py``; ``tests/test_store.py``
full disk                          transfer/test_full_disk; transfer/test_crew
any of them, in any order          transfer/test_any_faults
================================== =================================================================
"""

from __future__ import annotations

import pytest

from tests.faults.desk import BYTES, DATA, DIGEST, SIZE, Desk, publish
from tests.transfer.origins import KIB, SAMPLE, make_small
from vaehub.errors import HashMismatch, SourceUnusable
from vaehub.loopback import samples
from vaehub.transfer.patience import Patience

PIECE = 24 * KIB


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have pieces that nobody splits: then every byte that is sent twice is the fault's."""
    make_small(monkeypatch)
    for name in ("SMALLEST", "SMALLEST_AFAR", "LARGEST", "TINIEST"):
        monkeypatch.setattr(f"vaehub.transfer.segments.{name}", PIECE)
    return monkeypatch


def test_without_a_fault_each_byte_is_sent_once(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE
    assert len(desk.asked_for("huggingface")) == -(-SIZE // PIECE)


@pytest.mark.parametrize("host", ["huggingface", "civitai", "liblib", "modelscope", "github"])
def test_cuts_cost_no_byte(desk: Desk, host: str) -> None:
    publish(desk.world, host)
    desk.login = ("civitai", "liblib")
    desk.world.faults(host).cut_after(10_000, times=5)
    desk.install(host)
    assert desk.installed == DATA
    assert desk.world.bytes_sent(host) == SIZE
    assert desk.world.leaks == []


def test_silence_costs_no_byte(desk: Desk, exact: pytest.MonkeyPatch) -> None:
    exact.setattr("vaehub.transfer.crew.STALLED", 0.2)
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").stall(after=10_000, times=2)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE
    assert desk.pauses == [], "nobody waited for it to time out"


def test_silence_of_every_connection_is_ended(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").stall(after=10_000, times=4)
    desk.patience = Patience(read=0.5)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE


def test_a_drip_is_left(desk: Desk, exact: pytest.MonkeyPatch) -> None:
    """One connection brings next to nothing: its piece alone would take for ever."""
    exact.setattr("vaehub.transfer.segments.HOPELESS", 0.5)
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").slow(10_000, times=1)
    desk.install("huggingface")
    assert desk.installed == DATA
    dripping, *_ = desk.world.seen("huggingface cdn", method="GET")
    assert dripping.sent < PIECE
    # It had sent more than had been read when it was left; all others sent each byte once.
    assert desk.world.bytes_sent("huggingface") - dripping.sent <= SIZE - 4 * KIB


def test_a_host_that_sends_the_whole_instead(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").ignore_range()
    result = desk.install("huggingface", "modelscope")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("modelscope") == SIZE
    assert len(desk.asked_for("huggingface")) == 1
    assert result.steps[0].attempts == ()


def test_with_nobody_else_the_whole_is_taken(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").ignore_range()
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.asked_for("huggingface") == [f"bytes=0-{PIECE - 1}", None]


def test_another_range_than_asked_for_is_not_taken(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").range_from_zero()
    result = desk.install("huggingface", "modelscope")
    assert desk.installed == DATA
    [(_, error)] = result.steps[0].attempts
    assert isinstance(error, SourceUnusable)
    # The range from the first byte on was the one that was asked for.
    assert SIZE - PIECE <= desk.world.bytes_sent("modelscope") <= SIZE


def test_a_lying_mirror_costs_its_own_bytes(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.publish("mirror", {}, samples.safetensors(2), sha256=DIGEST)
    result = desk.install("huggingface", "modelscope")
    assert desk.installed == DATA
    [(label, error)] = result.steps[0].attempts
    assert "mirror" in label
    assert isinstance(error, HashMismatch)
    honest = desk.world.bytes_sent("huggingface") + desk.world.bytes_sent("modelscope")
    assert SIZE <= honest <= SIZE + 2 * SAMPLE


@pytest.mark.parametrize("host", ["civitai", "liblib", "github"])
def test_an_address_that_expires_costs_no_byte(desk: Desk, host: str) -> None:
    publish(desk.world, host)
    desk.login = ("civitai", "liblib")
    desk.world.faults(host).expire_after(5)
    desk.install(host)
    assert desk.installed == DATA
    assert desk.world.bytes_sent(host) == SIZE
    served = [seen for seen in desk.world.seen(BYTES[host]) if seen.status == 206]
    assert len({seen.query for seen in served}) == -(-len(served) // 5), "one for each expiry"
    assert desk.world.leaks == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_storm_of_429_costs_no_byte(desk: Desk, status: int) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").status(status, at="bytes", retry_after=7, times=3)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE
    assert 7.0 in desk.pauses


def test_a_storm_that_lasts_leads_to_the_next_source(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").status(429, at="bytes")
    desk.install("huggingface", "modelscope")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("modelscope") == SIZE
    assert len(desk.asked_for("huggingface")) <= desk.patience.attempts
