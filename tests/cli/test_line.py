"""How much of the line a command may have."""

from __future__ import annotations

import pytest

from vaehub import settings
from vaehub.cli.line import limited

CONFIGURED = settings.load({})._replace(limit_rate=1000, max_connections=3)


@pytest.mark.parametrize(
    ("rate", "connections", "expected"),
    [
        (None, None, (1000, 3)),
        (0, None, (None, 3)),
        (5, 2, (5, 2)),
    ],
)
def test_an_option_goes_before_the_configuration(
    rate: int | None, connections: int | None, expected: tuple[int | None, int | None]
) -> None:
    found = limited(CONFIGURED, limit_rate=rate, max_connections=connections)
    assert (found.limit_rate, found.max_connections) == expected
