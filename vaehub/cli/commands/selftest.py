"""``vaehub selftest``: prove that vaehub works on this machine, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.cli import words
from vaehub.cli.call import Call, as_command
from vaehub.cli.output import Block, Result
from vaehub.cli.tables import Styled
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.selftest import Check

FAILED = 1
"""Exit code: what works where we built it and not here is ours to look at."""


@as_command(
    "selftest",
    examples=[
        ("vaehub selftest", "takes seconds, touches nothing of yours"),
        ("vaehub selftest -v", "with every request that it makes to itself"),
    ],
)
def command(call: Call) -> Result:
    """Prove that vaehub works on this machine, without a network.

    Plays the hosts on this machine and runs the real install, resume, verify and uninstall against
    them in a temporary folder: good files, damaged ones, cut connections, login pages.
    """
    from vaehub import selftest

    checks = selftest.run()
    bad = [check for check in checks if not check.passed]
    return Result(
        "selftest",
        results=tuple(
            {
                "name": check.name,
                "passed": check.passed,
                "detail": check.detail,
                "seconds": round(check.seconds, 3),
            }
            for check in checks
        ),
        problems=tuple(
            Problem(
                "selftest",
                f"{check.name}: {check.detail}",
                hint="please report what `vaehub selftest -v` prints" if check is bad[-1] else None,
            )
            for check in bad
        ),
        exit_code=FAILED if bad else 0,
        text=lambda: _text(checks),
        is_report=True,
    )


def _text(checks: list[Check]) -> Iterator[Block]:
    for check in checks:
        mark = Styled("ok    ", "green") if check.passed else Styled("FAILED", "red")
        yield (mark, f"  {check.name}", f": {check.detail}" if check.passed else "")
    passed = sum(check.passed for check in checks)
    took = words.duration(sum(check.seconds for check in checks))
    yield f"{passed} of {words.count(len(checks), 'check')} passed in {took}"
