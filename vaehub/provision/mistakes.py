"""What people write into a manifest by mistake, and what they mean by it.

Gives hints, and changes nothing of what is an error. Pure; asked only where a manifest is wrong.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaehub.catalog.read import NodePath
    from vaehub.model import Problem

UIS: Mapping[str, str] = {
    "a1111": "automatic1111",
    "auto1111": "automatic1111",
    "automatic": "automatic1111",
    "comfy": "comfyui",
    "dir": "folder",
    "directory": "folder",
    "forge-webui": "forge",
    "matrix": "stabilitymatrix",
    "none": "folder",
    "plain": "folder",
    "sd-webui": "automatic1111",
    "sd-webui-forge": "forge",
    "sd-webui-reforge": "reforge",
    "sd.next": "sdnext",
    "stable-diffusion-webui": "automatic1111",
    "stable-diffusion-webui-forge": "forge",
    "stable-diffusion-webui-reforge": "reforge",
    "stableswarmui": "swarmui",
    "swarm": "swarmui",
    "vladmandic": "sdnext",
    "webui": "automatic1111",
    "webui-forge": "forge",
}
"""What people call kinds of UI, in lower case, and which layout that is."""
_WORDS: Mapping[str, Mapping[str, str]] = {
    "ui": UIS,
    "hosts": {"civit": "civitai", "hf": "huggingface", "https": "http", "url": "http"},
    "dtypes": {
        "bfloat16": "bf16",
        "float": "fp32",
        "float16": "fp16",
        "float32": "fp32",
        "full": "fp32",
        "half": "fp16",
    },
    "pickles": {
        "false": "deny",
        "forbid": "deny",
        "never": "deny",
        "no": "deny",
        "safetensors": "convert",
        "true": "allow",
        "yes": "allow",
    },
    "foreign": {"deny": "report", "false": "report", "ignore": "allow", "true": "allow"},
}
"""By field, other words for what it takes."""
_FIELDS: Mapping[str, str] = {
    "allow_pickles": "pickles",
    "dtype": "dtypes",
    "models": "vaes",
    "path": "targets, where each has its own",
    "to": "targets",
    "type": "ui",
    "uis": "targets",
    "vae": "vaes",
    "version": "schema",
}
"""Other names for fields."""


def hint(path: NodePath, value: Any, choices: Sequence[str] = ()) -> str | None:
    """Say what to write instead of a value that has not the shape it should have.

    Args:
        path: Where it stands.
        value: The value; of a field that nobody knows, what stands there.
        choices: What it may be, where that is a choice.

    Returns:
        None where nothing is to be said.
    """
    if choices:
        return _of_choice(path, value, choices)
    match path:
        case ():
            return _of_all(value)
        case ("schema",):
            return "write it without quotes: schema: 1" if value == "1" else "write: schema: 1"
        case ("vaes",):
            return _of_vaes(value)
        case ("vaes", int()):
            return _of_wanted(value)
        case ("vaes", int(), "targets"):
            return _as_list("targets", value)
        case ("vaes", int(), str(key)) if _is_name(key) and not _is_like_a_field(key):
            return f"write: - {_named(key, value)}"
        case ("targets",) if isinstance(value, list):
            return "give each a name of its own, as in: comfy: {ui: comfyui, path: ../ComfyUI}"
        case ("targets", str(name)) if isinstance(value, str):
            return f"write: {name}: {{ui: comfyui, path: ...}}, with the kind of UI that it is"
        case ("targets", str(name)) if isinstance(value, dict) and "ui" not in value:
            return "say which kind of UI it is, as in: ui: comfyui"
        case ("targets", str(name)) if not _is_target(name):
            return f"call it {re.sub(r'[^A-Za-z0-9_.-]+', '-', name).strip('-.') or 'box'}"
        case ("policy", "hosts"):
            return _as_list("hosts", value)
        case ("policy", "smoke", *_) if not isinstance(value, dict) and len(path) == 2:
            return "write: smoke: {dtypes: [fp16]}"
        case ("policy", "licenses") if not isinstance(value, dict):
            return "write: licenses: {deny: [...]}, or {accept: [...]}"
    said = str(path[-1]).casefold().replace("-", "_").replace(" ", "_")
    meant = _FIELDS.get(said) or (said if said != path[-1] and is_field(said) else None)
    return f"did you mean {meant}?" if meant is not None else None


def yaml(text: str, problem: Problem) -> str | None:
    """Say why a text is no YAML, as far as that is to be seen.

    Args:
        text: The text, with plain line feeds.
        problem: What the reader says of it, and where it gave up.
    """
    line = int((problem.where or "").rpartition(":")[2] or 1)
    lines = text.split("\n")
    if "not valid YAML" not in problem.message:
        return None
    if "flow sequence" in problem.message or "flow mapping" in problem.message:
        return "a [ or { is not closed, or a comma is missing in it"
    for number in range(min(line, len(lines)), 0, -1):
        said = lines[number - 1]
        if "\t" in said[: len(said) - len(said.lstrip())]:
            return f"line {number} is indented with a tab: use blanks"
        if "\u00a0" in said:
            return f"line {number} has blanks that are none (U+00A0): type them anew"
        if re.search(r'"[^"]*\\[^"\\/bfnrtu0xUN_LPave \t][^"]*"', said):
            return (
                f"line {number}: in double quotes a backslash is special: use single quotes, or /"
            )
        if re.match(r"\s*(-\s+)?[@`%]", said):
            return f"line {number} begins with a sign that only quoted text may begin with"
        bare = re.fullmatch(r"\s*(-\s+)?([A-Za-z_]+)(\s+\S+|:\S.*)?\s*(#.*)?", said)
        if bare is not None and number >= line - 2 and is_field(bare[2]):
            return f"line {number}: write {bare[2]}: with a colon, and a blank behind it"
    if line <= len(lines) and lines[line - 1].strip():
        return f"what belongs together begins in one column; look at line {line} and the one above"
    return None


def _of_all(value: Any) -> str | None:
    if isinstance(value, dict):
        return None if "schema" in value else "it begins with: schema: 1"
    if value is None:
        return "`vaehub add NAME` begins one"
    if isinstance(value, list):
        return "put the list below: vaes:"
    return "it is YAML, and begins with: schema: 1"


def _of_vaes(value: Any) -> str | None:
    match value:
        case None:
            return "write vaes: [] to ask for none; `vaehub add NAME` puts one in"
        case str() if value.startswith("-"):
            return "a blank belongs behind the dash: - NAME"
        case str():
            return "a list has a dash before each item: - NAME"
        case dict():
            name, variant = next(iter(value.items()), ("NAME", None))
            what = _named(name, variant) if _is_name(name) else "NAME"
            return f"a list has a dash before each item: - {what}"
    return None


def _of_wanted(value: Any) -> str | None:
    match value:
        case str() if re.search(r"\s", value):
            return "`vaehub add 'NAME OF THE FILE'` finds the id of a file of that name"
        case int() | float():
            return f'quote it: - "{value}"'
        case None:
            return "a name belongs behind the dash"
    return None


def _of_choice(path: NodePath, value: Any, choices: Sequence[str]) -> str | None:
    """Say which of several words somebody means."""
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    words = _WORDS.get(key, {})
    if not isinstance(value, (str, bool)):
        return None
    said = str(value).casefold().replace("_", "-").replace(" ", "-")
    if key == "ui":
        layout = layouts().get(said.replace("-", ""))
        if layout is not None and layout.refuses is not None:
            return layout.instead
    meant = words.get(said)
    if meant is None:
        known = {**words, **{choice: choice for choice in choices}}
        close = difflib.get_close_matches(said, known, n=1)
        meant = known[close[0]] if close else None
    return f"did you mean {meant}?" if meant is not None else None


def _as_list(key: str, value: Any) -> str | None:
    # A longer text may be an address, and hold a secret.
    is_word = isinstance(value, str) and re.fullmatch(r"[\w.-]{1,64}", value) is not None
    return f"write: {key}: [{value if is_word else '...'}]" if isinstance(value, str) else None


def _named(name: str, variant: Any) -> str:
    return f"{name}@{variant}" if isinstance(variant, str) and _is_name(variant) else name


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[a-z0-9][a-z0-9./-]*", text) is not None


def _is_target(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", text) is not None


def _is_like_a_field(text: str) -> bool:
    """Tell whether somebody may mean a field of a VAE by it."""
    return bool(difflib.get_close_matches(text, ("name", "targets", "variant"), n=1))


def is_field(text: str) -> bool:
    """Tell whether a manifest has a field of that name somewhere."""
    return text in {
        *("schema", "vaes", "targets", "policy", "name", "variant", "ui", "path", "pickles"),
        *("licenses", "accept", "deny", "hosts", "mirrors", "require_pinned", "smoke"),
        *("dtypes", "device", "foreign"),
    }
