"""The page says what was found, and nothing of the machine's folders."""

from __future__ import annotations

from benchmarks.page import Row, in_bytes, seconds, text
from benchmarks.suite import shown


def test_the_page_counts_what_was_reached() -> None:
    rows = [
        Row("fast", "curl", "1.0", "2.0", "0.5", goal="0.6", verdict="reached"),
        Row("slow", "curl", "2.0", "1.0", "2", goal="0.6", verdict="not reached"),
        Row("no goal", "wget", "1.0", "1.0", "1"),
    ]
    page = text(
        command="benchmarks/run",
        product="ours",
        size=1_000,
        runs=5,
        rows=rows,
        notes=["pooch: not installed", "pooch: not installed"],
        peers={},
    )
    assert "1 of 2 goals reached" in page
    assert page.count("pooch: not installed") == 1
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(rows)
    assert {line.count("|") for line in table} == {10}


def test_numbers_are_for_people() -> None:
    assert [seconds(value) for value in (0.01234, 1.234)] == ["0.012", "1.23"]
    assert [in_bytes(size) for size in (334_641_164, 2_000_000_000)] == ["335 MB", "2 GB"]


def test_folders_of_this_machine_are_not_shown() -> None:
    given = ["--peers", "/somewhere/here", "--work=/there", "--runs", "3"]
    assert shown(given) == ["--peers", "DIR", "--work=DIR", "--runs", "3"]
