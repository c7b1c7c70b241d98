"""A graph of ComfyUI, and the way from the picture that was saved back to the VAE.

Takes what a file claims for what it may be: links that lead nowhere or in circles, nodes that
nobody knows, a hundred thousand of them. Each node is looked at once for each question.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.insight.makers.said import is_name, string

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SAVES = ("saveimage", "previewimage", "saveanimated", "image save", "imagesaver", "saveimg")
"""What the names of nodes that write pictures hold, in lower case."""
_CHECKPOINT = ("ckpt_name", "checkpoint_name", "base_ckpt_name")


class Node(NamedTuple):
    """One node of a graph."""

    id: str
    kind: str
    inputs: Mapping[str, Any]
    """A value, or ``[id, slot]`` for a link."""

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"node {self.id} ({self.kind})"

    def links(self) -> Iterator[tuple[str, str]]:
        """Give the inputs that are links, each with the id of the node it comes from."""
        for name, value in self.inputs.items():
            if (
                isinstance(value, list)
                and len(value) == 2
                and isinstance(value[0], (str, int))
                and isinstance(value[1], int)
            ):
                yield name, str(value[0])


class Loaded(NamedTuple):
    """Where a VAE came from."""

    node: Node
    name: str | None
    """Of the file; None: it is the checkpoint's own."""
    checkpoint: str | None = None


Graph = dict[str, Node]


def of_prompt(prompt: Mapping[str, Any]) -> Graph:
    """Read the form in which a graph is run: ``{id: {class_type, inputs}}``."""
    found = {}
    for key, body in prompt.items():
        if isinstance(body, dict) and isinstance(body.get("inputs"), dict):
            kind = body.get("class_type")
            found[key] = Node(key, kind if isinstance(kind, str) else "?", body["inputs"])
    return found


def of_workflow(workflow: Mapping[str, Any]) -> Graph:
    """Read the form in which the editor keeps a graph: nodes and links in two lists."""
    sources: dict[Any, list[Any]] = {}
    for link in _list(workflow.get("links")):
        if isinstance(link, list) and len(link) >= 3 and isinstance(link[0], int):
            sources[link[0]] = [str(link[1]), link[2]]
    found = {}
    for body in _list(workflow.get("nodes")):
        if not isinstance(body, dict) or not isinstance(body.get("type"), str):
            continue
        inputs: dict[str, Any] = {}
        for slot in _list(body.get("inputs")):
            if isinstance(slot, dict) and isinstance(slot.get("name"), str):
                link = slot.get("link")
                if isinstance(link, int) and link in sources:
                    inputs[slot["name"]] = sources[link]
        inputs.update(_widgets(body))
        id_ = str(body.get("id"))
        found[id_] = Node(id_, body["type"], inputs)
    return found


def _widgets(body: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values set in a node that matter here; the editor keeps them without names."""
    values, kind = body.get("widgets_values"), body["type"]
    if isinstance(values, dict):
        return values
    first = values[0] if isinstance(values, list) and values else None
    if not isinstance(first, str):
        return {}
    if "VAELoader" in kind:
        return {"vae_name": first}
    if "CheckpointLoader" in kind:
        return {"ckpt_name": first}
    return {"filename_prefix": first} if _saves(kind) else {}


def savers(graph: Graph, file_name: str) -> list[Node]:
    """Give the nodes that may have written the file: by its name, where that tells."""
    found = [node for node in graph.values() if _saves(node.kind)]
    kept = [node for node in found if "preview" not in node.kind.casefold()]
    named = []
    for node in found:
        prefix = node.inputs.get("filename_prefix")
        base = prefix.replace("\\", "/").rpartition("/")[2] if isinstance(prefix, str) else ""
        if base and "%" not in base and file_name.startswith(base + "_"):
            named.append((len(base), node))
    longest = max((length for length, _ in named), default=0)
    return [node for length, node in named if length == longest] or kept or found


def decoders(graph: Graph, starts: Iterable[Node]) -> list[Node]:
    """Give the nodes that last decoded on the way to these: the first on each way back.

    Where a bundle of everything travels along one link, that is the node that loaded it.
    """
    found = []
    queue, seen = deque(starts), set[str]()
    while queue:
        node = queue.popleft()
        if node.id in seen:
            continue
        seen.add(node.id)
        if _vae_links(node) or _names(node) != (None, None):
            found.append(node)
            continue
        queue.extend(graph[source] for _, source in node.links() if source in graph)
    return found


def loaded(graph: Graph, decoder: Node) -> list[Loaded]:
    """Give what was loaded as the VAE of a node that decodes."""
    found = []
    links = _vae_links(decoder)
    queue = deque([graph[source] for source in links if source in graph] if links else [decoder])
    seen: set[str] = set()
    while queue:
        node = queue.popleft()
        if node.id in seen:
            continue
        seen.add(node.id)
        name, checkpoint = _names(node)
        if name is not None:
            found.append(Loaded(node, name))
        elif checkpoint is not None:
            found.append(Loaded(node, None, checkpoint))
        else:
            links = _vae_links(node) or [source for _, source in node.links()]
            queue.extend(graph[source] for source in links if source in graph)
    return found


def _names(node: Node) -> tuple[str | None, str | None]:
    """Give the VAE and the checkpoint that a node loads."""
    name = string(node.inputs, "vae_name")
    return name if is_name(name) else None, string(node.inputs, *_CHECKPOINT)


def _vae_links(node: Node) -> list[str]:
    """Give where a node takes a VAE from: ``vae``, ``optional_vae``, ``vae_opt`` ..."""
    return [source for name, source in node.links() if "vae" in name.casefold().split("_")]


def _saves(kind: str) -> bool:
    return any(part in kind.casefold() for part in _SAVES)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
