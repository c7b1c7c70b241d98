"""What VAEs a ComfyUI workflow names, in the UI's format and in that of the API.

In the UI's format nodes stand in a list, with their values by position, and may say in
``properties.models`` where files come from; in the API's they stand by their ids, with their inputs
by name. Knows no catalog. What has another shape than ComfyUI gives it is passed by: a workflow is
whatever somebody shared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vaehub.provision.importing.mentions import (
    Mention,
    base_name,
    digest,
    line,
    merged,
    names_nothing,
)
from vaehub.targets.layouts import is_model_name, layouts

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADER = re.compile(r"vae.*load|load.*vae", re.I)
"""Types of nodes that load a VAE: VAELoader, VAELoaderKJ, WanVideoVAELoader, Load VAE ..."""
_INPUT = "vae_name"
"""What the input is called with which they, and loaders of more than a VAE, name a file."""
_FOLDERS = frozenset({"vae", "vae_approx"})
"""The folders of ``models`` that are ours; a list of models names all others, too."""
_OF_SEEDS = ("fixed", "increment", "decrement", "randomize")
_DEEPEST = 8
"""Levels of workflows within a workflow: subgraphs, groups, wrappers."""


def is_workflow(data: Any) -> bool:
    """Tell whether data has the shape of a workflow, in either format."""
    return any(True for _ in _graphs(data, depth=0))


def mentions(data: Any, *, origin: str) -> list[Mention]:
    """Give what a workflow says of VAEs.

    Args:
        data: As it was read from JSON.
        origin: The name of the file, for people.
    """
    found: list[Mention] = []
    for graph, inside in _graphs(data, depth=0):
        where = origin + (f", {inside}" if inside else "")
        for id_, node in _nodes(graph):
            found += _of_node(id_, node, where)
        found += _of_list(graph.get("models"), f"{where}, its list of models", loads=False)
    return merged(found)


def _graphs(data: Any, *, depth: int, inside: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Give each part that has nodes of its own, and how people call that part."""
    if not isinstance(data, dict) or depth > _DEEPEST:
        return
    if isinstance(data.get("nodes"), list) or _is_prompt(data):
        yield data, inside
    for wrapper in ("workflow", "prompt", "extra_data", "extra_pnginfo"):
        # What is sent to the API, and what some tools save, has the workflow within.
        if isinstance(data.get(wrapper), dict) and not _is_node(data[wrapper]):
            yield from _graphs(data[wrapper], depth=depth + 1, inside=inside)
    for part, what in _parts(data):
        yield from _graphs(part, depth=depth + 1, inside=what)


def _parts(data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    definitions = data.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    for part in subgraphs if isinstance(subgraphs, list) else ():
        if isinstance(part, dict):
            yield part, f"subgraph {_said(part.get('name'))}"
    extra = data.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, dict) else None
    for name, part in groups.items() if isinstance(groups, dict) else ():
        if isinstance(part, dict):
            yield part, f"group {_said(name)}"


def _is_prompt(data: dict[str, Any]) -> bool:
    return any(_is_node(node) for node in data.values())


def _is_node(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str)


def _nodes(graph: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    listed = graph.get("nodes")
    for node in listed if isinstance(listed, list) else ():
        if isinstance(node, dict):
            yield node.get("id"), node
    for id_, node in graph.items():
        if _is_node(node):
            yield id_, node


def _of_node(id_: Any, node: dict[str, Any], where: str) -> Iterator[Mention]:
    kind = node.get("class_type") or node.get("type")
    kind = kind if isinstance(kind, str) else ""
    loads = _LOADER.search(kind) is not None
    place = f"{where}, node {_said(id_)} {_said(kind)}"
    for name in dict.fromkeys(_names(node, loads=loads)):
        yield from _mention(name, place)
    properties = node.get("properties")
    if isinstance(properties, dict):
        yield from _of_list(properties.get("models"), place, loads=loads)


def _names(node: dict[str, Any], *, loads: bool) -> Iterator[str]:
    """Give the names of VAEs among a node's values."""
    named: dict[str, Any] = {}
    values = node.get("widgets_values")
    inputs = node.get("inputs")
    if isinstance(inputs, dict):
        named = inputs
    elif isinstance(values, dict):
        named = values
    elif isinstance(values, list) and isinstance(inputs, list):
        # Only inputs that are fields have a value, in their order; a seed has one more, which says
        # what becomes of it.
        fields = [one.get("name") for one in inputs if isinstance(one, dict) and one.get("widget")]
        values = [value for value in values if value not in _OF_SEEDS]
        if fields.count(_INPUT) == 1 and fields.index(_INPUT) < len(values):
            named = {_INPUT: values[fields.index(_INPUT)]}
    said = named.get(_INPUT)
    if isinstance(said, str):
        if loads or _is_name(said):
            yield said
        return
    if loads:
        others = named.values() if named else values if isinstance(values, list) else ()
        yield from (value for value in others if isinstance(value, str) and _is_name(value))


def _is_name(text: str) -> bool:
    return text in _pairs() or is_model_name(base_name(text))


def _pairs() -> tuple[str, ...]:
    """What ComfyUI lists among the VAEs without a file of that name."""
    return layouts()["comfyui"].slots["vae-approx"].pairs


def _of_list(models: Any, where: str, *, loads: bool) -> Iterator[Mention]:
    """Read a list of models: ``[{name, url, directory, hash, hash_type}]``."""
    for model in models if isinstance(models, list) else ():
        if not isinstance(model, dict) or not isinstance(model.get("name"), str):
            continue
        folder = model.get("directory")
        folder = re.split(r"[/\\]", folder)[0].casefold() if isinstance(folder, str) else None
        if folder in _FOLDERS or (folder is None and loads):
            url, digits, kind = (_text(model.get(key)) for key in ("url", "hash", "hash_type"))
            stated = digest(digits, kind)
            for one in _mention(model["name"], where):
                yield one._replace(urls=(url,) if url else (), digests=(stated,) if stated else ())


def _mention(name: str, place: str) -> Iterator[Mention]:
    if name in _pairs():
        yield Mention(name, (place,), pair=True)
    elif not names_nothing(name) and base_name(name):
        yield Mention(line(base_name(name)), (place,))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _said(value: Any) -> str:
    return line(str(value))[:60] if isinstance(value, (str, int)) else "?"
