"""Say why a file is no sound VAE, and what to do about it. Pure."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from vaehub.doctor import mending
from vaehub.doctor.around import say

if TYPE_CHECKING:
    from vaehub.doctor.around import Circumstances
    from vaehub.doctor.facts import Seen
    from vaehub.model import Problem

_CODES = {
    "not-a-model": "not-a-model",
    "empty": "empty",
    "lfs-pointer": "lfs-pointer",
    "unsafe-pickle": "unsafe-pickle",
    "quantised": "quantised",
    "checkpoint": "checkpoint",
    "unknown": "not-a-vae",
}
"""Our codes for those of the smoke test that say that it is no VAE at all; the rest is damage."""
_EXTENSIONS = {
    "safetensors": (".safetensors", ".sft"),
    "pickle": (".pt", ".ckpt", ".pth", ".bin"),
}
_CHECKPOINT = "a checkpoint of a whole diffusion model"


def obstacle(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that nobody can read the file."""
    if seen.obstacle is None:
        return None
    mends = f"chmod u+r {mending.quoted(seen.path)}"
    if seen.obstacle.code != "unreadable":
        mends = mending.remove(seen.path)
        again = around.install(seen.path.name)
        mends = f"{mends} && {again}" if again else mends
    return seen.obstacle._replace(hint=mends)


def unfinished(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that its download never ended."""
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
    return say("unfinished-download", seen, message, f"{removal} && {again}" if again else removal)


def condemned(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that no UI can use what is in it."""
    # Where the catalogs vouch for the bytes, it is we who do not know what they are.
    if seen.content is None or not seen.content.condemned or seen.known is not None:
        return None
    reasons = seen.content.condemned
    is_damaged = reasons[0].verdict == "damaged"
    code = "damaged" if is_damaged else _CODES.get(reasons[0].code, "not-a-vae")
    own = around.layout.slots[seen.slot].names or ()
    if code == "not-a-vae" and seen.content.kind is None and seen.path.name in own:
        return None  # a file of the UI's own
    message = "; ".join(reason.message for reason in reasons)
    return say(code, seen, message, _replacement(code, seen, around))


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


def wrong_extension(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that its bytes are of another container than its name."""
    content = seen.content
    reason = content.reason("wrong-extension") if content is not None else None
    if reason is None or content is None or content.container is None:
        return None
    listed = [
        suffix
        for suffix in _EXTENSIONS[content.container]
        if around.layout.not_listed(f"{seen.path.stem}{suffix}", seen.slot) is None
    ]
    named = mending.free_name(seen.path, listed, around.taken.get(seen.path.parent, ()))
    mends = mending.move(seen.path, named) if named else "give it an extension of its own kind"
    return say("wrong-extension", seen, reason.message, mends)
