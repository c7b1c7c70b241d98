"""``vaehub remove``: take VAEs out of the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.cli import wished
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument
from vaehub.cli.provisioned import manifest_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.cli.output import Block, Result
    from vaehub.provision.wishes import Edit


@as_command(
    "remove",
    examples=[
        ("vaehub remove kl-f8-anime2", "ask for it no longer in ./vaehub.yaml; then: vaehub sync"),
        ("vaehub remove clearvae@v2.2", "where the manifest has several variants of it"),
    ],
)
@argument("names", metavar="NAME[@VARIANT]...", many=True, completes="wanted")
@manifest_option
def command(call: Call, *, names: tuple[str, ...], manifest: str | None) -> Result:
    """Take VAEs out of the manifest.

    What is installed stays until the next sync. Only the lines that ask for them go: comments,
    order and style stay as they are, and a comment beside such a line stays on a line of its own.
    Where one name is not in the manifest, nothing is written.
    """
    from vaehub import provisioning

    done = provisioning.remove(names, manifest, settings=call.settings, catalogs=call.catalogs)
    return wished.result("remove", done, text=lambda: _text(done))


def _text(done: Edit) -> Iterator[Block]:
    for wish in done.wishes:
        yield f"took {wished.named(wish)} out of {done.path}"
    yield wished.NEXT
