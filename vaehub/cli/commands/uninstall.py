"""``vaehub uninstall``: remove what vaehub installed."""

from __future__ import annotations

from vaehub.cli.call import Call, as_command, to_option
from vaehub.cli.declared import argument
from vaehub.cli.output import Result


@as_command(
    "uninstall",
    examples=[
        ("vaehub uninstall kl-f8-anime2", "from the UI that the current folder lies in"),
        ("vaehub uninstall clearvae@v2.2 --to ~/ComfyUI", "one variant, from that UI"),
    ],
)
@argument("names", metavar="NAME[@VARIANT]...", many=True, completes="installed")
@to_option
def command(call: Call, *, names: tuple[str, ...], to: str | None) -> Result:
    """Remove what vaehub installed, and nothing else.

    A file that vaehub did not place, or whose bytes have changed since, is left alone. All files
    are looked at before the first is removed. The store keeps its copy: see `vaehub store gc`.
    """
    from vaehub import api

    removed = api.uninstall(names, to=to, settings=call.settings, catalogs=call.catalogs)
    return Result(
        "uninstall",
        results=tuple(
            {
                "path": str(one.receipt.path),
                "entry": one.receipt.entry,
                "variant": one.receipt.variant,
                "sha256": one.receipt.sha256,
                "status": one.status,
            }
            for one in removed
        ),
        text=lambda: [
            f"removed {one.receipt.path}"
            if one.status == "removed"
            else f"{one.receipt.path} was gone already; its record is removed"
            for one in removed
        ],
        is_report=True,
    )
