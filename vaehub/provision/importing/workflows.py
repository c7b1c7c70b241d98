"""What VAEs a ComfyUI workflow names, in the UI's format and in that of the API.

In the UI's format nodes stand in a list, and may say in ``properties.models`` where files come
from; in the API's they stand by their ids. A subgraph is defined once and used by nodes whose type
is its id; what such a node says goes before what stands in the nodes within. Knows no catalog. What
has another shape than ComfyUI gives it is passed by: a workflow is whatever somebody shared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.provision.importing import nodes
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
    from collections.abc import Iterator, Mapping

_LOADER = re.compile(r"vae.*load|load.*vae", re.I)
"""Types of nodes that load a VAE: VAELoader, VAELoaderKJ, WanVideoVAELoader, Load VAE ..."""
_FIELD = "vae_name"
"""What the field is called with which they, and loaders of more than a VAE, name a file."""
_FOLDERS = frozenset({"vae", "vae_approx"})
"""The folders of ``models`` that are ours; a list of models names all others, too."""
_DEEPEST = 8
"""Levels of workflows within a workflow: subgraphs, groups, wrappers."""
_OWN = "-1"


class _Node(NamedTuple):
    """A node, and where it stands."""

    node: dict[str, Any]
    id: str
    graph: str | None
    """Id of the subgraph that it is in."""
    kind: str
    place: str

    @property
    def loads(self) -> bool:
        return _LOADER.search(self.kind) is not None


def is_workflow(data: Any) -> bool:
    """Tell whether data has the shape of a workflow, in either format."""
    return any(True for _ in _graphs(data, depth=0))


def mentions(data: Any, *, origin: str) -> list[Mention]:
    """Give what a workflow says of VAEs.

    Args:
        data: As it was read from JSON.
        origin: The name of the file, for people.
    """
    graphs = list(_graphs(data, depth=0))
    subgraphs = {
        graph["id"]: inside for graph, inside in graphs if inside and _text(graph.get("id"))
    }
    known = [node for graph, inside in graphs for node in _nodes(graph, inside, origin, subgraphs)]
    replaced = {key for node in known if node.kind in subgraphs for key in _replaced(node)}
    found: list[Mention] = []
    silent = []
    """For each node, whether its own values say nothing, so that its list of models says it."""
    for node in known:
        names = [] if _is_replaced(node, replaced) else list(dict.fromkeys(_names(node)))
        found += [mention for name in names for mention in _mention(name, node.place)]
        silent.append(not names and not _is_replaced(node, replaced))
    chosen = {mention.file.casefold() for mention in found}
    for node, says_nothing in zip(known, silent, strict=True):
        properties = node.node.get("properties")
        models = properties.get("models") if isinstance(properties, dict) else None
        found += [
            mention
            for mention in _of_list(models, node.place, loads=node.loads)
            # It lists what the node came with: somebody may have chosen another file since.
            if says_nothing or mention.file.casefold() in chosen
        ]
    for graph, inside in graphs:
        place = _within(origin, inside, "its list of models")
        found += _of_list(graph.get("models"), place, loads=False)
    return merged(found)


def _graphs(data: Any, *, depth: int, inside: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Give each part that has nodes of its own, and how people call that part."""
    if not isinstance(data, dict) or depth > _DEEPEST:
        return
    if isinstance(data.get("nodes"), list) or _is_prompt(data):
        yield data, inside
    for wrapper in ("workflow", "prompt", "extra_data", "extra_pnginfo"):
        # What is sent to the API, and what some tools save, has the workflow within.
        if isinstance(data.get(wrapper), dict):
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


def _nodes(
    graph: dict[str, Any], inside: str, origin: str, subgraphs: Mapping[str, str]
) -> Iterator[_Node]:
    listed = graph.get("nodes")
    found = [
        (node.get("id"), node)
        for node in (listed if isinstance(listed, list) else ())
        if isinstance(node, dict)
    ]
    found += [(id_, node) for id_, node in graph.items() if _is_node(node)]
    for id_, node in found:
        kind = _text(node.get("class_type")) or _text(node.get("type"))
        called = subgraphs.get(kind, _said(kind))
        place = _within(origin, inside, f"node {_said(id_)} {called}")
        yield _Node(node, _said(id_), _text(graph.get("id")) or None, kind, place)


def _within(origin: str, inside: str, what: str) -> str:
    return ", ".join(part for part in (origin, inside, what) if part)


def _replaced(node: _Node) -> Iterator[tuple[str, str]]:
    """Give the nodes within a subgraph whose VAE a node that uses it names: subgraph and id.

    ``-1`` stands for those that get it by a link from the subgraph's own field.
    """
    for field in nodes.fields(node.node):
        if field.name == _FIELD and isinstance(field.value, str) and _is_name(field.value):
            yield node.kind, field.inner or _OWN


def _is_replaced(node: _Node, replaced: set[tuple[str, str]]) -> bool:
    if node.graph is None:
        return False
    linked = nodes.is_linked(node.node, _FIELD) and (node.graph, _OWN) in replaced
    return linked or (node.graph, node.id) in replaced


def _names(node: _Node) -> Iterator[str]:
    """Give the names of VAEs among a node's values."""
    said = [one.value for one in nodes.fields(node.node) if one.name == _FIELD]
    if said:
        texts = [value for value in said if isinstance(value, str)]
        yield from (text for text in texts if node.loads or _is_name(text))
    elif node.loads:
        yield from filter(_is_name, nodes.texts(node.node))


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
