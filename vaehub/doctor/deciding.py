"""Make problems of what was seen of a file: what is wrong, and the command that mends it.

Pure. The causes stand in the order in which they count: what is no VAE at all needs no word on
where it would be listed. The first one that applies is said, and then what is worth a word.
"""

from __future__ import annotations

from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from vaehub.doctor import mending
from vaehub.doctor.findings import problem
from vaehub.model import Artifact, Variant
from vaehub.targets import remedies

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from vaehub.doctor.facts import Known, Seen
    from vaehub.model import Problem, Target
    from vaehub.smoke.report import Reason
    from vaehub.targets import Layout

_SMALL = frozenset({"taesd", "taehv"})
"""Architectures of preview decoders: the slot ``vae-approx``."""
_OTHER = {"vae": "vae-approx", "vae-approx": "vae"}
_CODES = {
    "not-a-model": "not-a-model",
    "empty": "empty",
    "lfs-pointer": "lfs-pointer",
    "unsafe-pickle": "unsafe-pickle",
    "quantised": "quantised",
    "checkpoint": "checkpoint",
    "unknown": "not-a-vae",
    "container": "damaged",
    "missing": "damaged",
    "misshapen": "damaged",
    "no-decoder": "damaged",
}
"""The codes of the smoke test that condemn, by ours."""
_WORTH_A_WORD = {
    "unexpected": "extra-tensors",
    "no-encoder": "no-encoder",
    "prefix": "prefix",
    "eight-bit": "eight-bit",
    "layout-name": "layout-name",
    "unusual-pickle": "unusual-pickle",
    "not-looked-into": "not-looked-into",
}
_CONVERTING_HELPS = frozenset({"extra-tensors", "prefix", "unusual-pickle"})
_EXTENSIONS = {
    "safetensors": (".safetensors", ".sft"),
    "pickle": (".pt", ".ckpt", ".pth", ".bin"),
}
_CHECKPOINT = "a checkpoint of a whole diffusion model"


class Circumstances(NamedTuple):
    """What is around the files of a target."""

    target: Target
    layout: Layout
    homes: Mapping[str, Path] = MappingProxyType({})
    """The folders beside the VAEs', by their names in lower case."""
    taken: Mapping[Path, Collection[str]] = MappingProxyType({})
    """The names that stand in a folder."""
    by_name: Mapping[str, Known] = MappingProxyType({})
    """What the catalogs call a file of this name, in lower case, where it is but one thing."""
    by_digest: Mapping[str, Known] = MappingProxyType({})

    def install(self, name: str) -> str | None:
        """Give the command that installs what a file of this name should be."""
        known = self.by_name.get(name.casefold())
        return mending.install_known(known, self.target) if known is not None else None


def problems(seen: Seen, around: Circumstances) -> tuple[Problem, ...]:
    """Give what is to be said of one file.

    Args:
        seen: The file.
        around: What is around it.
    """
    for cause in _CAUSES:
        found = cause(seen, around)
        if found is not None:
            return (found, *_duplicate(seen, around))
    return (*_lone_half(seen, around), *_words(seen), *_duplicate(seen, around))


# What is no sound VAE


def _obstacle(seen: Seen, around: Circumstances) -> Problem | None:
    if seen.obstacle is None:
        return None
    mends = f"chmod u+r {mending.quoted(seen.path)}"
    if seen.obstacle.code != "unreadable":
        mends = mending.remove(seen.path)
        again = around.install(seen.path.name)
        mends = f"{mends} && {again}" if again else mends
    return seen.obstacle._replace(hint=mends)


def _unfinished(seen: Seen, around: Circumstances) -> Problem | None:
    if seen.unfinished is None:
        return None
    if seen.unfinished == seen.path:
        name = PurePath(seen.path.name).stem
        message = "a download that goes on, or was given up: let it end, or remove it"
        removal = mending.remove(seen.path)
    else:
        name = seen.path.name
        message = f"not whole, as {seen.unfinished.name} beside it says: let it end, or remove it"
        removal = f"{mending.remove(seen.path)} {mending.quoted(seen.unfinished)}"
    again = around.install(name)
    return _say("unfinished-download", seen, message, f"{removal} && {again}" if again else removal)


def _condemned(seen: Seen, around: Circumstances) -> Problem | None:
    # Where the catalogs vouch for the bytes, it is we who do not know what they are.
    if seen.content is None or not seen.content.condemned or seen.known is not None:
        return None
    reasons = seen.content.condemned
    code = _CODES.get(reasons[0].code, "damaged")
    if code == "not-a-model" and reasons[0].verdict == "damaged":
        code = "damaged"
    own = around.layout.slots[seen.slot].names or ()
    if code == "not-a-vae" and seen.content.kind is None and seen.path.name in own:
        return None  # a file of the UI's own
    message = "; ".join(reason.message for reason in reasons)
    return _say(code, seen, message, _replacement(code, seen, around))


def _replacement(code: str, seen: Seen, around: Circumstances) -> str:
    """Say what to do about a file that no UI can use."""
    assert seen.content is not None
    if code in {"not-a-vae", "checkpoint"}:
        kind = _CHECKPOINT if code == "checkpoint" else seen.content.kind
        home = mending.home_of(kind, around.homes)
        if home is not None and seen.path.name not in around.taken.get(home, ()):
            return mending.move(seen.path, home)
        return "move it to the folder of its own kind; UIs list whatever lies here"
    known = around.by_digest.get(seen.content.pointer or "")
    again = mending.install_known(known, around.target) if known else None
    again = again or around.install(seen.path.name)
    if again is not None:
        return mending.instead(seen.path, again)
    if code == "lfs-pointer":
        return f"git -C {mending.quoted(seen.path.parent)} lfs pull"
    if code in {"empty", "not-a-model"}:
        return mending.remove(seen.path)
    if code in {"unsafe-pickle", "quantised"}:
        return "do not load it; `vaehub list` shows what there is in its place"
    return "get it again from where it came"


def _wrong_extension(seen: Seen, around: Circumstances) -> Problem | None:
    reason = _reason(seen, "wrong-extension")
    if reason is None or seen.content is None or seen.content.container is None:
        return None
    listed = [
        suffix
        for suffix in _EXTENSIONS[seen.content.container]
        if around.layout.not_listed(f"{seen.path.stem}{suffix}", seen.slot) is None
    ]
    named = mending.free_name(seen.path, listed, around.taken.get(seen.path.parent, ()))
    mends = mending.move(seen.path, named) if named else "give it an extension of its own kind"
    return _say("wrong-extension", seen, reason.message, mends)


# What the UI does not list, or does not load


def _wrong_slot(seen: Seen, around: Circumstances) -> Problem | None:
    content, layout = seen.content, around.layout
    if content is None or content.architecture is None or not layout.is_ui:
        return None
    right = "vae-approx" if content.architecture in _SMALL else "vae"
    right = seen.known.entry.slot if seen.known is not None else right
    if right == seen.slot or content.architecture in layout.slots[seen.slot].small_too:
        return None
    what = "a small preview decoder" if right == "vae-approx" else "a whole VAE"
    if right not in layout.slots:
        message = f"{seen.path.name} is {what}, for which {layout.title} has no folder"
        return _say("wrong-slot", seen, message, remedies.way_out(layout, right))
    folder = layout.folder(around.target, right)
    rules = layout.slots[right]
    message = f"{seen.path.name} is {what}: {layout.title} looks for those in {rules.folder}"
    return _say("wrong-slot", seen, message, _into(folder, seen, around))


def _out_of_reach(seen: Seen, around: Circumstances) -> Problem | None:
    if seen.reach is None:
        return None
    folder = around.layout.folder(around.target, seen.slot)
    if seen.reach == "hidden":
        what = "lists nothing that begins with a dot"
        mends = _into(folder, seen, around, name=seen.path.name.lstrip(".") or "vae")
    else:
        what = "does not go into folders that are links"
        free = seen.path.name not in around.taken.get(folder, ())
        mends = mending.link_file(seen.path, folder) if free else _into(folder, seen, around)
    return _say("out-of-reach", seen, f"{around.layout.title} {what}", mends)


def _not_listed(seen: Seen, around: Circumstances) -> Problem | None:
    reason = around.layout.not_listed(seen.path.name, seen.slot)
    return _say("not-listed", seen, reason, _remedy(seen, around)) if reason else None


def _not_loaded(seen: Seen, around: Circumstances) -> Problem | None:
    reason = around.layout.not_loaded(_artifact(seen), _variant(seen), seen.slot)
    return _say("not-loaded", seen, reason, _remedy(seen, around)) if reason else None


def _half_a_pair(seen: Seen, around: Circumstances) -> Problem | None:
    pair, half = _half(seen, around)
    if pair is None or half != "encoder" or seen.listed_as is not None:
        return None
    message = f"{around.layout.title} lists {pair} only where {pair}_decoder is there as well"
    return _say("half-a-pair", seen, message, _other_half(pair, "decoder", around))


def _shadowed(seen: Seen, around: Circumstances) -> Problem | None:
    if seen.hidden_by is None:
        return None
    if around.layout.unique_base_names:
        message = (
            f"{around.layout.title} knows files by their name alone, and {seen.hidden_by} has the "
            "same: it lists one of the two"
        )
    else:
        message = f"{around.layout.title} lists {seen.hidden_by} under the same name, and not this"
    # What we placed keeps its name: its receipt knows no other.
    moved = seen.path if seen.receipt is None else seen.hidden_by
    named = _unused(moved.name, moved.parent, around)
    return _say("shadowed", seen, message, mending.move(moved, named))


_CAUSES: tuple[Callable[[Seen, Circumstances], Problem | None], ...] = (
    _obstacle,
    _unfinished,
    _condemned,
    _wrong_extension,
    _wrong_slot,
    _out_of_reach,
    _not_listed,
    _not_loaded,
    _half_a_pair,
    _shadowed,
)


# What is worth a word


def _lone_half(seen: Seen, around: Circumstances) -> tuple[Problem, ...]:
    pair, half = _half(seen, around)
    if pair is None or half != "decoder" or seen.listed_as is not None:
        return ()
    message = (
        f"good for previews; {around.layout.title} lists {pair} among the VAEs only where "
        f"{pair}_encoder is there as well"
    )
    return (_say("lone-half", seen, message, _other_half(pair, "encoder", around)),)


def _words(seen: Seen) -> tuple[Problem, ...]:
    found = []
    for reason in seen.content.reasons if seen.content is not None else ():
        code = _WORTH_A_WORD.get(reason.code)
        if code is not None and reason.verdict is None:
            helps = mending.convert(seen.path) if code in _CONVERTING_HELPS else None
            found.append(_say(code, seen, reason.message, helps))
    return tuple(found)


def _duplicate(seen: Seen, around: Circumstances) -> tuple[Problem, ...]:
    if seen.same_as is None:
        return ()
    message = f"the same {seen.size:,} bytes as {seen.same_as}, which take room twice"
    return (_say("duplicate", seen, message, mending.share(seen.same_as, seen.path)),)


# What they share


def _say(code: str, seen: Seen, message: str, hint: str | None) -> Problem:
    # Where it is said already which file is meant.
    return problem(code, message.removeprefix(f"{seen.path.name}: "), where=seen.path, hint=hint)


def _reason(seen: Seen, code: str) -> Reason | None:
    reasons = seen.content.reasons if seen.content is not None else ()
    return next((reason for reason in reasons if reason.code == code), None)


def _artifact(seen: Seen) -> Artifact:
    return Artifact(seen.path.name, (), size=seen.size)


def _variant(seen: Seen) -> Variant:
    layout = seen.content.layout if seen.content is not None else None
    return Variant("", (_artifact(seen),), layout=layout)


def _remedy(seen: Seen, around: Circumstances) -> str:
    """Say what makes the UI list and load a file."""
    layout, target = around.layout, around.target
    if seen.receipt is not None:  # a name of its own choice, or another variant
        return mending.install(seen.receipt.entry, target)
    found = remedies.remedy(layout, _artifact(seen), _variant(seen), seen.slot)
    if found.kind == "rename":
        return mending.move(seen.path, _unused(found.name, seen.path.parent, around))
    entry = seen.known.entry if seen.known is not None else None
    if entry is not None:
        fitting = [
            one for one in entry.variants if remedies.refusal(layout, one, entry.slot) is None
        ]
        if fitting:
            return mending.install(f"{entry.full_name}@{fitting[0].name}", target)
    if found.kind == "convert":
        is_diffusers = seen.content is not None and seen.content.layout == "diffusers"
        return mending.convert(seen.path, layout="ldm" if is_diffusers else None)
    return remedies.way_out(layout, seen.slot)


def _into(folder: Path, seen: Seen, around: Circumstances, *, name: str | None = None) -> str:
    return mending.move(seen.path, _unused(name or seen.path.name, folder, around))


def _unused(name: str, folder: Path, around: Circumstances) -> Path:
    """Give a path in a folder at which nothing stands; the end of a name may matter to the UI."""
    while name in around.taken.get(folder, ()):
        name = f"2-{name}"
    return folder / name


def _half(seen: Seen, around: Circumstances) -> tuple[str | None, str]:
    """Tell the pair that a file is half of, where the UI lists such pairs, and which half."""
    for pair in around.layout.slots[seen.slot].pairs:
        for half in ("encoder", "decoder"):
            if seen.path.name.startswith(f"{pair}_{half}."):
                return pair, half
    return None, ""


def _other_half(pair: str, half: str, around: Circumstances) -> str:
    for suffix in (".safetensors", ".pth", ".pt"):
        command = around.install(f"{pair}_{half}{suffix}")
        if command is not None:
            return command
    return f"get {pair}_{half} from where this one came"
