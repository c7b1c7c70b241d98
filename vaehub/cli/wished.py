"""How ``vaehub add`` and ``vaehub remove`` tell what became of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.cli.output import Renderer, Result

if TYPE_CHECKING:
    from vaehub.provision.wishes import Edit, Wish

NEXT = "next: `vaehub lock` says which bytes that means, and `vaehub sync` installs them"


def result(command: str, done: Edit, *, text: Renderer) -> Result:
    """Make the result of a command that edited a manifest."""
    return Result(
        command,
        results=tuple(
            {
                "manifest": str(done.path),
                "name": wish.name,
                "targets": list(wish.targets),
                "status": wish.status,
                "changed": wish.status != "present",
                "entry": wish.entry,
                "variant": wish.variant,
            }
            for wish in done.wishes
        ),
        text=text,
        is_report=True,
    )


def named(wish: Wish) -> str:
    """Name a VAE of a manifest, with its targets where it is not for all."""
    return f"{wish.name} (for {', '.join(wish.targets)})" if wish.targets else wish.name
