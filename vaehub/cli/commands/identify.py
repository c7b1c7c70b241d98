"""``vaehub identify``: say which VAE a file is, whatever its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument, option
from vaehub.cli.output import Failure, Result, failed
from vaehub.errors import UsageError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vaehub.insight.online import Answers


@as_command(
    "identify",
    examples=[
        ("vaehub identify orangemix.vae.pt", "its true name, and all its digests"),
        ("vaehub identify ~/ComfyUI/models/vae", "a table: what each is, and what is there twice"),
        ("vaehub identify --hash f458b5c6", "what a digest on a page may stand for"),
        ("vaehub identify some.safetensors --online", "ask Civitai and Liblib, too"),
        ("vaehub identify ~/models/vae --dedupe", "say which files could share their bytes"),
        ("vaehub identify ~/models/vae --dedupe --yes", "and let them"),
    ],
)
@argument("paths", metavar="[FILE or FOLDER]...", many=True, required=False, completes="file")
@option(
    "--hash",
    name="digests",
    metavar="HEX",
    many=True,
    completes="digest",
    help="Say what a quoted digest may stand for: sha256 or its beginning, AutoV1, AutoV3, BLAKE3, "
    "CRC32; may be given several times.",
)
@option("--hashes", help="Also work out AutoV3, CRC32, BLAKE3 and the fingerprint of each file.")
@option("--online", help="Ask Civitai and Liblib by sha256.")
@option("--dedupe", help="Let files with the same bytes share them; without --yes only say so.")
@option("--yes", help="Do what --dedupe says.")
@option("--undo", help="Make separate files again of all that --dedupe has linked.")
def command(
    call: Call,
    *,
    paths: tuple[str, ...],
    digests: tuple[str, ...],
    hashes: bool,
    online: bool,
    dedupe: bool,
    yes: bool,
    undo: bool,
) -> Result:
    """Say which VAE a file is, whatever its name.

    By its bytes: the catalogs, what Civitai listed, and what vaehub placed. Where nobody knows
    those, by its weights: the same in another file or precision, one half of another VAE, or a
    fine-tune. Of a folder, each file that a UI would take for a model.
    """
    if undo:
        if paths or digests or dedupe or yes or online or hashes:
            raise UsageError("--undo goes with nothing else", hint="vaehub identify --undo")
        return _undo(call)
    if yes and not dedupe:
        raise UsageError("--yes is for --dedupe", hint="vaehub identify FOLDER --dedupe --yes")
    if digests and (dedupe or hashes):
        raise UsageError("--hash needs no file, and goes with --online alone")
    if not paths and not digests:
        raise UsageError(
            "nothing to identify", hint="name files or folders, or a digest with --hash"
        )
    if digests and paths:
        raise UsageError("--hash and files do not go together", hint="run it once for each")
    if digests:
        return _digests(call, digests, online=online)
    return _files(call, paths, hashes=hashes, online=online, dedupe=dedupe, yes=yes)


def _digests(call: Call, digests: Sequence[str], *, online: bool) -> Result:
    from vaehub import api
    from vaehub.cli import identified

    found = [
        (digest, api.identify_hash(digest, settings=call.settings, catalogs=call.catalogs))
        for digest in digests
    ]
    answers: dict[str, Answers] = {}
    failures: list[Failure] = []
    problems = []
    if online:
        whole = {digest: identified.whole_sha256(digest, matches) for digest, matches in found}
        told, failures = _ask(call, [sha256 for sha256 in whole.values() if sha256 is not None])
        answers = {digest: told[sha256] for digest, sha256 in whole.items() if sha256 is not None}
        problems = [
            Problem("not-asked", "hosts are asked by a whole sha256", digest, blocking=False)
            for digest, sha256 in whole.items()
            if sha256 is None
        ]
    said: dict[str, Any] = {
        "results": tuple(
            identified.match_json(digest, matches, answers.get(digest)) for digest, matches in found
        ),
        "problems": tuple(problems),
        "text": lambda: (
            line
            for digest, matches in found
            for line in identified.match_text(digest, matches, answers.get(digest))
        ),
    }
    return failed("identify", failures, **said) if failures else Result("identify", **said)


def _files(
    call: Call,
    paths: Sequence[str],
    *,
    hashes: bool,
    online: bool,
    dedupe: bool,
    yes: bool,
) -> Result:
    from vaehub import api
    from vaehub.cli import identified

    with call.progress() as listener:
        report = api.identify(
            paths,
            every_hash=hashes,
            settings=call.settings,
            catalogs=call.catalogs,
            listener=listener,
        )
    failures = [Failure(one.error, str(one.path)) for one in report.failed]
    problems = [*report.problems, *_without_blake3(hashes=hashes)]
    answers: dict[str, Answers] = {}
    if online:
        answers, unanswered = _ask(call, [file.sha256 for file in report.files])
        failures += unanswered
    said: dict[str, Any] = {
        "results": tuple(identified.as_json(one, answers.get(one.sha256)) for one in report.files),
        "text": lambda: identified.text(report, answers),
    }
    if dedupe:
        from vaehub.insight.dedupe import problem

        done = api.deduplicate(report, dry_run=not yes, settings=call.settings)
        problems += [found for one in done if (found := problem(one)) is not None]
        said["results"] = tuple(identified.done_json(one) for one in done)
        said["text"] = lambda: identified.done_text(done)
        said["is_report"] = True
        if not done:
            problems.append(Problem("nothing-twice", "no two files could share", blocking=False))
    said["problems"] = tuple(problems)
    return failed("identify", failures, **said) if failures else Result("identify", **said)


def _without_blake3(*, hashes: bool) -> list[Problem]:
    from vaehub.insight.hashes import has_blake3

    if not hashes or has_blake3():
        return []
    return [
        Problem(
            "no-blake3",
            "BLAKE3 cannot be worked out here: its package is not installed",
            blocking=False,
            hint="pip install blake3",
        )
    ]


def _ask(call: Call, digests: Iterable[str]) -> tuple[dict[str, Answers], list[Failure]]:
    from vaehub.insight.online import ask
    from vaehub.transfer.session import Session

    answers: dict[str, Answers] = {}
    failures: dict[str, Failure] = {}
    with Session(call.settings) as session:
        for sha256 in dict.fromkeys(digests):
            answers[sha256] = ask(sha256, session=session, settings=call.settings)
            for host, error in answers[sha256].failed:
                failures.setdefault(host, Failure(error, host))
    return answers, list(failures.values())


def _undo(call: Call) -> Result:
    from vaehub import api
    from vaehub.cli import identified
    from vaehub.insight.dedupe import problem

    done = api.undo_deduplicate(settings=call.settings)
    problems = [found for one in done if (found := problem(one)) is not None]
    if not done:
        problems.append(Problem("nothing-linked", "nothing is on record", blocking=False))
    return Result(
        "identify",
        results=tuple(identified.done_json(one) for one in done),
        problems=tuple(problems),
        text=lambda: identified.done_text(done),
        is_report=True,
    )
