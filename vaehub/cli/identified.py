"""What files were identified as: one shape for scripts, and few words for people.

Knows no disk. A single file is told in full, several in a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli import words
from vaehub.cli.tables import NOTHING, Column, Fact, Styled, Table
from vaehub.weights.prints import to_json
from vaehub.weights.relation import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vaehub.cli.output import Block
    from vaehub.insight.dedupe import Done
    from vaehub.insight.identifying import Identified, Report
    from vaehub.insight.kin import Kin
    from vaehub.insight.online import Answers
    from vaehub.insight.quoted import Match

_NAMES_SHOWN = 6
_COLUMNS = (
    Column("file", style="bold", least=20),
    Column("size", right=True),
    Column("is", least=16, style="green"),
    Column("by", least=20, rank=2),
    Column("same as", least=12, rank=1),
)
_HASHES = ("sha256", "autov1", "autov2", "autov3", "blake3", "crc32", "a1111")


def as_json(file: Identified, online: Answers | None = None) -> dict[str, Any]:
    """Give all that is known of a file."""
    known = file.known
    found: dict[str, Any] = {
        "path": str(file.seen.path),
        "size": file.seen.stat.st_size,
        "sha256": file.sha256,
        "status": file.status,
        "is": list(file.names),
        "title": known.title if known is not None else None,
        "family": known.family if known is not None else None,
        "known_as": list(known.names) if known is not None else [],
        "told_by": list(known.told_by) if known is not None else [],
        "hashes": {kind: file.hashes[kind] for kind in _HASHES if kind in file.hashes},
        "installed": [str(path) for path in file.installed],
        "in_store": file.in_store,
        "architecture": file.architecture,
        "message": file.message,
        "fingerprint": None
        if file.fingerprint is None
        else {"text": file.fingerprint.text, **to_json(file.fingerprint, sketches=False)},
        "relations": [kin_json(one) for one in file.kin],
    }
    return {**found, **_online_json(online)}


def _online_json(online: Answers | None) -> dict[str, Any]:
    if online is None:
        return {}
    return {
        "online": [{**one._asdict(), "locator": dict(one.locator)} for one in online.found],
        "unknown_to": list(online.unknown_to),
    }


def kin_json(one: Kin) -> dict[str, Any]:
    """Give what an autoencoder is to another one."""
    away = one.relation.distance
    return {
        "to": one.name,
        "path": str(one.path) if one.path is not None else None,
        "sha256": one.sha256,
        "kind": one.relation.kind,
        "precision": one.relation.precision or None,
        "distance": round(away, 6) if away is not None else None,
        "named": one.is_named,
    }


def whole_sha256(digest: str, matches: Sequence[Match]) -> str | None:
    """Give the sha256 that a quoted digest is, or stands for beyond doubt."""
    from vaehub.insight.quoted import cleaned

    sure = [match.known.sha256 for match in matches if match.sure]
    digest = cleaned(digest)
    return sure[0] if sure else digest if len(digest) == 64 else None


def match_json(
    digest: str, matches: Sequence[Match], online: Answers | None = None
) -> dict[str, Any]:
    """Give what a quoted digest may stand for."""
    sure = [match for match in matches if match.sure]
    return {
        "hash": digest,
        "status": "known" if sure else "ambiguous" if matches else "unknown",
        "matches": [
            {
                "kind": match.kind,
                "sure": match.sure,
                "sha256": match.known.sha256,
                "size": match.known.size,
                "is": list(match.known.entries),
                "title": match.known.title,
                "known_as": list(match.known.names),
            }
            for match in matches
        ],
        **_online_json(online),
    }


def done_json(one: Done) -> dict[str, Any]:
    """Give what became of a duplicate."""
    return {
        "path": str(one.path),
        "kept": str(one.kept),
        "size": one.size,
        "status": one.status,
        "method": one.method,
        "reason": one.reason,
    }


def text(report: Report, online: Mapping[str, Answers]) -> Iterator[Block]:
    """Tell what was found."""
    if len(report.files) == 1:
        file = report.files[0]
        yield from _one(file, online.get(file.sha256))
        return
    if not report.files:
        return
    root = common([file.seen.path for file in report.files])
    first: dict[str, Identified] = {}
    rows = []
    for file in report.files:
        same = first.setdefault(file.sha256, file)
        rows.append(_row(file, same, root))
    yield Table(_COLUMNS, tuple(rows))
    counts = [sum(file.status == status for file in report.files) for status in _STATUSES]
    told = ", ".join(f"{n} {status}" for n, status in zip(counts, _STATUSES, strict=True) if n)
    yield f"{words.count(len(report.files), 'file')}: {told}"
    groups = report.groups()
    if groups:
        more = sum(len(group) - 1 for group in groups)
        yield (
            f"{words.count(more, 'duplicate')}: {words.size(report.wasted)} could be free; "
            "--dedupe links what can be"
        )
    if report.passed_by:
        yield f"{words.count(report.passed_by, 'other file')} passed by"
    for file in report.files:
        if file.sha256 in online:
            yield (Styled(str(file.seen.path), "bold"),)
            yield from _online(online[file.sha256])


_STATUSES = ("known", "recognised", "unknown")


def _row(file: Identified, same: Identified, root: Path | None) -> tuple[str, ...]:
    return (
        below(file.seen.path, root),
        words.size(file.seen.stat.st_size),
        _called(file) or NOTHING,
        _by(file, root),
        below(same.seen.path, root) if same is not file else NOTHING,
    )


def _called(file: Identified) -> str:
    if file.names:
        return ", ".join(map(_short, file.names))
    if file.known is not None:
        return file.known.called
    same = next((one for one in file.kin if one.is_named and one.relation.kind in WHOLE), None)
    return same.name if same is not None else ""


def _by(file: Identified, root: Path | None) -> str:
    if file.status == "known":
        return "its bytes"
    if file.kin:
        one = file.kin[0]
        if one.path is not None and not one.is_named and root in one.path.parents:
            one = one._replace(name=below(one.path, root))
        return relation_words(one)
    return file.message or "nothing: it is new here"


def relation_words(one: Kin) -> str:
    """Say in a sentence what an autoencoder is to another one."""
    relation, name = one.relation, one.name
    in_less = f", rounded to {relation.precision}" if relation.precision else ""
    away = f"{relation.distance:.2g}" if relation.distance is not None else "?"
    match relation.kind:
        case "same-weights":
            return f"the same weights as {name}, in another file"
        case "rounded":
            return f"the weights of {name}, rounded to {relation.precision}"
        case "rounds-to":
            return f"{name} is this one, rounded to {relation.precision}"
        case "alike":
            return f"the same as {name} once both are rounded to {relation.precision}"
        case "same-encoder":
            return f"the encoder of {name}{in_less}; another decoder, or none"
        case "same-decoder":
            return f"the decoder of {name}{in_less}; another encoder, or none"
        case "close":
            return (
                f"close to {name}: a fine-tune, or the same after other rounding; distance {away}"
            )
    return f"far from {name}, and not independent of it; distance {away}"


def _one(file: Identified, online: Answers | None) -> Iterator[Block]:
    yield (Styled(str(file.seen.path), "bold"), f", {words.size(file.seen.stat.st_size)}")
    known = file.known
    if file.names:
        yield Fact("is", "\n".join(map(_short, file.names)), "green")
    elif known is not None:
        yield Fact("is", known.called, "green")
    elif file.kin:
        yield Fact("is", relation_words(file.kin[0]), "green" if file.status != "unknown" else "")
    else:
        yield Fact("is", file.message or "unknown: neither its bytes nor its weights are on record")
    if known is not None:
        if known.title is not None:
            yield Fact("title", known.title)
        if known.family is not None:
            yield Fact("family", known.family)
        yield Fact("also called", _few(known.names))
    if file.architecture is not None:
        yield Fact("architecture", file.architecture)
    others = file.kin if file.status == "known" else file.kin[1:]
    if others:
        yield Fact("also", "\n".join(map(relation_words, others)))
    if file.installed:
        yield Fact("installed", "\n".join(map(str, file.installed)))
    elif file.in_store:
        yield Fact("store", "its bytes are there")
    for kind in _HASHES:
        if kind in file.hashes and kind != "a1111":
            also = ", which is what A1111 shows" if kind == "autov2" else ""
            yield Fact(kind, file.hashes[kind] + also)
    if file.fingerprint is not None:
        yield Fact("fingerprint", file.fingerprint.text)
    if online is not None:
        yield from _online(online)


def _online(answers: Answers) -> Iterator[Block]:
    for one in answers.found:
        yield Fact(one.host, f"{one.title}: {one.file}\n{one.page}")
    for host in answers.unknown_to:
        yield Fact(host, "does not know these bytes")


def match_text(
    digest: str, matches: Sequence[Match], online: Answers | None = None
) -> Iterator[Block]:
    """Tell what a quoted digest may stand for."""
    yield (Styled(digest, "bold"), "" if matches else ": unknown")
    if matches and not any(match.sure for match in matches):
        yield (
            "  this digest does not settle it: it covers too little of a file"
            if all(match.kind == "autov1" for match in matches)
            else "  these digits do not settle it"
        )
    for match in matches:
        verb = "is" if match.sure else "may be"
        yield (f"  {verb} ", Styled(match.known.called, "green"), f", by its {match.kind}")
        if match.known.title is not None:
            yield f"    {match.known.title}"
        yield f"    sha256 {match.known.sha256}, {words.size(match.known.size)}"
        if match.known.names:
            yield f"    also called {_few(match.known.names)}"
    if online is not None:
        yield from _online(online)


def done_text(done: Sequence[Done]) -> Iterator[Block]:
    """Tell what became of duplicates."""
    verbs = {
        "linked": "shares its bytes with",
        "would-link": "would share its bytes with",
        "undone": "has bytes of its own again, and no longer those of",
    }
    for one in done:
        if one.status in verbs:
            how = f" ({one.method})" if one.method and one.status == "linked" else ""
            yield f"{one.path} {verbs[one.status]} {one.kept}{how}"
    freed = sum(one.size for one in done if one.status in {"linked", "would-link"})
    if any(one.status == "would-link" for one in done):
        yield f"this would free {words.size(freed)}; nothing was changed: --yes does it"
    elif freed:
        yield f"{words.size(freed)} freed; `vaehub identify --undo` takes it back"


def _few(names: Sequence[str]) -> str:
    more = f", and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _short(name: str) -> str:
    return name.removeprefix("vaehub/")


def common(paths: Sequence[Path]) -> Path | None:
    """Give the folder that all files lie in or below, where there is one."""
    parents = [set(path.parents) for path in paths]
    shared = set.intersection(*parents)
    return max(shared, key=lambda path: len(path.parts), default=None)


def below(path: Path, root: Path | None) -> str:
    """Give a path as seen from the folder that all files have in common."""
    return str(path.relative_to(root)) if root is not None else str(path)
