"""``vaehub add``: put VAEs into the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.cli import wished
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument, option
from vaehub.cli.provisioned import manifest_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.cli.output import Block, Result
    from vaehub.provision.wishes import Edit


@as_command(
    "add",
    examples=[
        ("vaehub add kl-f8-anime2", "ask for it in ./vaehub.yaml; then: vaehub lock"),
        ("vaehub add clearvae@v2.2 sdxl-vae", "two, one of them a variant"),
        ("vaehub add sdxl-vae --target comfy", "for one of the manifest's targets alone"),
    ],
)
@argument("names", metavar="NAME[@VARIANT]...", many=True, completes="name")
@manifest_option
@option(
    "--target",
    name="targets",
    metavar="NAME",
    many=True,
    completes="manifest target",
    help="A target of the manifest that they are for; may be given several times. Without it they "
    "are for all of them.",
)
def command(
    call: Call, *, names: tuple[str, ...], manifest: str | None, targets: tuple[str, ...]
) -> Result:
    """Ask for VAEs in the manifest.

    It is made where there is none. Only the lines that say so are written: comments, order and
    style stay as they are. All names are looked up first; where one of them leads nowhere, nothing
    is written. Nothing is locked or installed yet.
    """
    from vaehub import provisioning

    done = provisioning.add(
        names, manifest, targets=targets, settings=call.settings, catalogs=call.catalogs
    )
    return wished.result("add", done, text=lambda: _text(done))


def _text(done: Edit) -> Iterator[Block]:
    if done.created:
        yield f"made {done.path}"
    for wish in done.wishes:
        if wish.status == "added":
            yield f"added {wished.named(wish)} to {done.path}"
        else:
            yield f"{wished.named(wish)} is in {done.path} already"
    if done.changed:
        yield wished.NEXT
