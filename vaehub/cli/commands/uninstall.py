"""``vaehub uninstall``: remove what vaehub installed."""

from __future__ import annotations

from typing import Any

from vaehub.cli import several
from vaehub.cli.call import Call, as_command, targets_option
from vaehub.cli.declared import argument
from vaehub.cli.output import Result, failed


@as_command(
    "uninstall",
    examples=[
        ("vaehub uninstall kl-f8-anime2", "from the UI that the current folder lies in"),
        ("vaehub uninstall clearvae@v2.2 --to ~/ComfyUI", "one variant, from that UI"),
        ("vaehub uninstall sdxl-vae --to ~/ComfyUI --to ~/webui", "from both"),
    ],
)
@argument("names", metavar="NAME[@VARIANT]...", many=True, completes="installed")
@targets_option
def command(call: Call, *, names: tuple[str, ...], to: tuple[str, ...]) -> Result:
    """Remove what vaehub installed, and nothing else.

    A file that vaehub did not place, or whose bytes have changed since, is left alone. All files
    are looked at before the first is removed. The store keeps its copy: see `vaehub store gc`.
    """
    from vaehub import api

    outcomes = api.uninstall_each(names, to=to, settings=call.settings, catalogs=call.catalogs)
    removed = [
        (target, one)
        for target, outcome in outcomes
        if not isinstance(outcome, Exception)
        for one in outcome
    ]
    failures = several.failures(
        [(outcome, None, target) for target, outcome in outcomes if isinstance(outcome, Exception)],
        places=to,
    )
    said: dict[str, Any] = {
        "results": tuple(
            {
                "path": str(one.receipt.path),
                "entry": one.receipt.entry,
                "variant": one.receipt.variant,
                "sha256": one.receipt.sha256,
                "status": one.status,
                "target": str(target),
            }
            for target, one in removed
        ),
        "text": lambda: [
            f"removed {one.receipt.path}"
            if one.status == "removed"
            else f"{one.receipt.path} was gone already; its record is removed"
            for _, one in removed
        ],
        "is_report": True,
    }
    return failed("uninstall", failures, **said) if failures else Result("uninstall", **said)
