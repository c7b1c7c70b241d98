"""Choose the variant of an entry that a UI lists and loads, as it is or after a conversion.

Pure: brings together what the UI takes (:mod:`vaehub.targets.remedies`) and which of several
variants goes first (:func:`vaehub.plan.choose_variant`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vaehub.plan import choose_variant
from vaehub.targets import remedies

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.model import Entry, Variant
    from vaehub.targets import Layout


def choose(
    layout: Layout,
    entry: Entry,
    wanted: Variant,
    *,
    named: bool,
    wish: bool = False,
    also: Callable[[Variant], str | None] = lambda _: None,
) -> Variant:
    """Choose a variant.

    Args:
        layout: The UI's.
        entry: The entry.
        wanted: The variant that the name led to.
        named: Whether the user named it; then no other one will do.
        wish: The user wants safetensors and no pickle.
        also: Says what else speaks against a variant, whose artifacts have their installed names.

    Raises:
        TargetRefuses: no variant fits.
    """

    def refusal(variant: Variant, *, may_convert: bool = False) -> str | None:
        said = remedies.refusal(layout, entry, variant, wish=wish, may_convert=may_convert)
        return said or also(remedies.as_installed(layout, entry, variant, wish=wish))

    return choose_variant(
        entry,
        wanted,
        named=named,
        refusal=refusal,
        converted_refusal=partial(refusal, may_convert=True),
        way_out=remedies.way_out(layout, entry.slot),
    )


def passed_over(
    layout: Layout, entry: Entry, wanted: Variant, chosen: Variant, *, wish: bool = False
) -> str | None:
    """Say which variant was wanted, and why another one was chosen; None where it was not."""
    if chosen == wanted:
        return None
    reason = remedies.refusal(layout, entry, wanted, wish=wish)
    return f"not {entry.id}@{wanted.name}: {reason}" if reason is not None else None
