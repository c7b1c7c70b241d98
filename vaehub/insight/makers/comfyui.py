"""Read what ComfyUI writes: the graph that was run (``prompt``), or the editor's (``workflow``).

nodes.py (SaveImage) for PNG; comfy_extras/nodes_images.py (SaveAnimatedWEBP) for WebP, where the
two stand in EXIF fields that are meant for cameras, after their names and a colon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.insight.makers import graph
from vaehub.insight.makers.json_text import object_of
from vaehub.insight.makers.said import Named, Said, Whose

if TYPE_CHECKING:
    from vaehub.insight.pictures import Picture

_UI, _LAYOUT = "ComfyUI", "comfyui"
_MOST_NAMED = 8


def read(picture: Picture) -> Said | None:
    """Give what the graph says; None where there is none."""
    prompt, workflow = object_of(_written(picture, "prompt")), None
    nodes = graph.of_prompt(prompt) if prompt is not None else {}
    if not nodes:
        workflow = object_of(_written(picture, "workflow"))
        nodes = graph.of_workflow(workflow) if workflow is not None else {}
    if not nodes:
        return None
    return _said(nodes, picture.path.name)


def _written(picture: Picture, name: str) -> str | None:
    prefixed = f"{name}:"
    in_exif = (
        text.value[len(prefixed) :] for text in picture.texts if text.value.startswith(prefixed)
    )
    return picture.text(name) or next(in_exif, None)


def _said(nodes: graph.Graph, file_name: str) -> Said:
    savers = graph.savers(nodes, file_name)
    if not savers:
        note = "no node of the graph saves a picture, so nothing tells which VAE decoded it"
        return Said(_UI, _LAYOUT, notes=(note,))
    decoders = graph.decoders(nodes, savers)
    found = [one for decoder in decoders for one in graph.loaded(nodes, decoder)]
    names: dict[str | None, graph.Loaded] = {}
    for one in found:
        names.setdefault(one.name, one)
    named = tuple(Named(name, one.node.label) for name, one in names.items() if name is not None)
    checkpoint = next((one.checkpoint for one in found if one.checkpoint is not None), None)
    notes = []
    if not decoders:
        notes.append("no node on the way to the saved picture takes a VAE")
    elif not found:
        notes.append(f"what {decoders[0].label} took as its VAE is not in the graph")
    if len(names) > 1:
        notes.append("the graph leads to several VAEs, and does not tell which one decoded it")
        if None in names:
            notes.append(f"one of them is that of the checkpoint {checkpoint}")
    whose: Whose = "named" if named else "checkpoint" if found else "unsaid"
    return Said(
        _UI,
        _LAYOUT,
        named[:_MOST_NAMED],
        whose,
        checkpoint=checkpoint,
        notes=tuple(notes),
        may_be_another=bool(named) and len(names) > 1,
    )
