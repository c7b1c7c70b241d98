"""What the commands share that take bytes from the line: how much of it they may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli.declared import option
from vaehub.rates import parse_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click

    from vaehub.settings import Settings


def _speed(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Read bytes a second; 0 for no limit."""
    try:
        return None if value is None else parse_rate(value) or 0
    except ValueError as error:
        import click

        raise click.BadParameter(str(error), ctx, param) from None


def _a_number() -> Mapping[str, Any]:
    import click

    return {"type": click.IntRange(min=1)}


limit_rate_option = option(
    "--limit-rate",
    metavar="SPEED",
    by_click=lambda: {"callback": _speed},
    help="Take no more than this of the line, all downloads together: 5MB, 500k, 20Mbit; 0: all.",
)
"""Declares ``--limit-rate`` of the function below."""

max_connections_option = option(
    "--max-connections",
    metavar="N",
    by_click=_a_number,
    help="Open no more connections than this at the same time.",
)
"""Declares ``--max-connections`` of the function below."""


def limited(settings: Settings, *, limit_rate: int | None, max_connections: int | None) -> Settings:
    """Give the settings with what the two options say, where they say something."""
    if limit_rate is not None:  # 0: whatever the configuration says, no limit
        settings = settings._replace(limit_rate=limit_rate or None)
    if max_connections is not None:
        settings = settings._replace(max_connections=max_connections)
    return settings
