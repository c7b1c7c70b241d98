"""Read the line of parameters that AUTOMATIC1111 writes, and all who came of it.

``Steps: 20, Sampler: Euler a, ..., VAE hash: 735e4c3a44, VAE: x.safetensors, Version: v1.10.1``, in
the last line; before it stand the prompts, in which anybody may write anything. AUTOMATIC1111
modules/processing.py (create_infotext); Forge's ``Module 1`` modules/processing.py; SD.Next
modules/processing_info.py; Fooocus modules/meta_parser.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.insight.makers.said import Named, Said, Whose, hexadecimal, is_name, string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.insight.pictures import Picture

_KEYS = ("parameters", "UserComment", "comment")
_FEWEST = 3
"""Parameters that make a line one of parameters; AUTOMATIC1111's own rule."""
_LONGEST_LINE = 1 << 20
_MOST_MODULES = 16
_FULL = "Full"
"""What AUTOMATIC1111's ``VAE Decoder`` is where the VAE decoded; else a preview decoder did."""
_OWN_SMALL = {"taesd", "repa-e", "remote"}
"""What SD.Next writes where it decoded with something that is no file of a user's."""


class _Maker(NamedTuple):
    ui: str
    layout: str | None
    checkpoint_if_silent: bool
    """It names each VAE but the checkpoint's own."""


_AUTOMATIC1111 = _Maker("AUTOMATIC1111", "automatic1111", checkpoint_if_silent=True)
_FORGE = _Maker("Forge", "forge", checkpoint_if_silent=True)
_REFORGE = _Maker("reForge", "reforge", checkpoint_if_silent=True)
_SDNEXT = _Maker("SD.Next", "sdnext", checkpoint_if_silent=True)
_FOOOCUS = _Maker("Fooocus", "fooocus", checkpoint_if_silent=False)
_OTHER = _Maker("a UI that writes as AUTOMATIC1111 does", None, checkpoint_if_silent=False)


def read(picture: Picture) -> Said | None:
    """Give what the line of parameters says; None where there is none."""
    for key in _KEYS:
        text = picture.text(key)
        values = parameters(text) if text is not None else {}
        if len(values) >= _FEWEST and "Steps" in values:
            return _said(values)
    return None


def parameters(text: str) -> dict[str, str]:
    """Give the parameters of the last line that is no blank one."""
    _, _, line = text.rstrip().rpartition("\n")
    return dict(_pairs(line)) if len(line) <= _LONGEST_LINE else {}


def _pairs(line: str) -> list[tuple[str, str]]:
    """Split ``key: value, key: "quoted, value"``, each character looked at a few times at most."""
    found, at = [], 0
    while at < len(line):
        colon = line.find(":", at)
        if colon < 0:
            break
        # What stands before the last comma is a value without a key.
        key = line[at:colon].rpartition(",")[2].strip()
        start = colon + 1
        while start < len(line) and line[start] == " ":
            start += 1
        if line[start : start + 1] == '"':
            value, at = _quoted(line, start)
        else:
            comma = line.find(",", start)
            at = len(line) if comma < 0 else comma + 1
            value = line[start : len(line) if comma < 0 else comma].strip()
        found.append((key, value))
    return found


def _quoted(line: str, start: int) -> tuple[str, int]:
    """Give what stands in quotation marks, and the place after it and its comma."""
    pieces, at = [], start + 1
    while at < len(line) and line[at] != '"':
        if line[at] == "\\" and at + 1 < len(line):
            at += 1
        pieces.append(line[at])
        at += 1
    comma = line.find(",", at)
    return "".join(pieces), len(line) if comma < 0 else comma + 1


def _said(values: Mapping[str, str]) -> Said:
    maker = _maker(values)
    checkpoint = string(values, "Model")
    modules = _modules(values)
    if modules:
        return Said(maker.ui, maker.layout, modules, "named", True, checkpoint)
    name, digits = values.get("VAE"), hexadecimal(values.get("VAE hash"))
    if not is_name(name):
        name = None
    if maker is _SDNEXT and name is not None and name.casefold() in _OWN_SMALL:
        note = f"{maker.ui} decoded it with {name}, which it brings itself: no VAE of yours"
        return Said(maker.ui, maker.layout, whose="unsaid", checkpoint=checkpoint, notes=(note,))
    if name is None and digits is None:
        silent: Whose = "checkpoint" if maker.checkpoint_if_silent or "VAE" in values else "unsaid"
        return Said(maker.ui, maker.layout, whose=silent, checkpoint=checkpoint)
    small = values.get("VAE Decoder", _FULL)
    notes = () if small == _FULL else (f"it was decoded with {small}, and not with the VAE itself",)
    # All who write a hash have AUTOMATIC1111's code for it.
    where = "VAE" if name else "VAE hash"
    named = Named(name, where, digits, hash_may_lie=digits is not None)
    return Said(
        maker.ui,
        maker.layout,
        (named,),
        "named",
        checkpoint=checkpoint,
        notes=notes,
        may_be_another=bool(notes),
    )


def _maker(values: Mapping[str, str]) -> _Maker:
    version, app = values.get("Version", ""), values.get("App", "")
    if app == "SD.Next":
        return _SDNEXT
    if version.startswith("Fooocus"):
        return _FOOOCUS
    # Forge puts its own before AUTOMATIC1111's: f2.0.1v1.10.1-previous-664-gd557aef9.
    if (version[:1] == "f" and version[1:2].isdigit()) or version in {"classic", "neo"}:
        return _REFORGE if version.startswith("f1.") else _FORGE
    if version[:1] == "v" and version[1:2].isdigit():
        return _AUTOMATIC1111
    if any(key.startswith("Module ") for key in values):
        return _FORGE
    return _OTHER if version or app else _AUTOMATIC1111


def _modules(values: Mapping[str, str]) -> tuple[Named, ...]:
    keys = (f"Module {number}" for number in range(1, _MOST_MODULES + 1))
    return tuple(Named(values[key], key) for key in keys if is_name(values.get(key)))
