"""``vaehub sync``: make targets equal to a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli import several, words
from vaehub.cli.call import Call, as_command
from vaehub.cli.commands import install
from vaehub.cli.declared import option
from vaehub.cli.line import limit_rate_option, limited, max_connections_option
from vaehub.cli.output import Block, Result, failed
from vaehub.cli.provisioned import lock_option, manifest_option, places_option
from vaehub.cli.tables import Column, Styled, Table
from vaehub.errors import SmokeFailed
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.outcome import InstallResult
    from vaehub.provision.places import Placed
    from vaehub.provision.syncing import Brought, Extra
    from vaehub.provisioning import SyncResult

_COLUMNS = (
    Column("vae", style="bold", least=12),
    Column("file", rank=2, least=16),
    Column("size", right=True, rank=1),
    Column("state"),
)


@as_command(
    "sync",
    examples=[
        ("vaehub sync", "all targets of vaehub.yaml, which is locked first where it must be"),
        ("vaehub sync --frozen", "in CI: exactly what is locked, or exit code 9"),
        ("vaehub sync --lock vaehub.lock --to /opt/ComfyUI", "a box that has the lock alone"),
        ("vaehub sync --to webui=/srv/webui", "the lock's target webui, which is there"),
        ("vaehub sync --offline", "from the store, this machine's files, and mirrors"),
        ("vaehub sync --dry-run", "what would be done"),
    ],
)
@manifest_option
@lock_option
@places_option
@option("--frozen", help="Never make the lock: exit code 9 where it is not the manifest's.")
@option("--offline", help="Ask nobody but mirrors.")
@option("--dry-run", help="Say what would be done and do nothing.")
@option(
    "--bundle",
    name="bundles",
    metavar="FILE",
    many=True,
    completes="file",
    help="Take the files of this bundle into the store first; may be given several times.",
)
@option("--no-remove", help="Leave what vaehub placed there and the lock does not name.")
@option("--no-smoke", help="Leave out the smoke tests that the policy asks for.")
@option(
    "--accept-license",
    name="accept_licenses",
    metavar="ID",
    many=True,
    completes="license",
    help="Accept this license, beyond those of the policy; may be given several times.",
)
@limit_rate_option
@max_connections_option
def command(
    call: Call,
    *,
    manifest: str | None,
    lock: str | None,
    to: tuple[str, ...],
    frozen: bool,
    offline: bool,
    dry_run: bool,
    bundles: tuple[str, ...],
    no_remove: bool,
    no_smoke: bool,
    accept_licenses: tuple[str, ...],
    limit_rate: int | None,
    max_connections: int | None,
) -> Result:
    """Make targets equal to a lock.

    What is missing is installed, what is damaged is mended, and what vaehub placed there and the
    lock does not name is removed; nothing else is touched. Several files come side by side. Running
    it again changes nothing, and goes on where an interrupted run stopped. Each VAE succeeds by
    itself, and the exit code is that of the first one that failed.
    """
    from vaehub import provisioning

    settings = limited(call.settings, limit_rate=limit_rate, max_connections=max_connections)
    with call.progress() as listener:
        result = provisioning.sync(
            manifest,
            lock,
            to=to,
            frozen=frozen,
            offline=offline,
            dry_run=dry_run,
            bundles=bundles,
            remove=not no_remove,
            smoke=not no_smoke,
            accept_licenses=accept_licenses,
            ask=install.ask if call.can_ask else None,
            settings=settings,
            listener=listener,
        )
    return told("sync", result)


def told(command: str, result: SyncResult) -> Result:
    """Say what a sync did, in the words of the command that asked for it."""
    wrong = result.synced.failures
    failures = several.failures(
        [(error, name, place.target) for error, place, name in wrong],
        names=[vae.name for vae in result.lock.vaes],
        places=[str(place.target) for place in result.places],
    )
    unproved = list(_unproved(result))
    done = [one.outcome for one in result.synced.brought if not isinstance(one.outcome, Exception)]
    said: dict[str, Any] = {
        "results": tuple(_as_json(result)),
        "problems": (
            *(problem for each in done for problem in install.failed_sources(each)),
            *_smoke_problems(result),
            *unproved,
        ),
        "text": lambda: _text(result),
        "is_report": True,
    }
    if failures:
        return failed(command, failures, **said)
    asked = result.lock.policy.smoke
    bad = unproved or any(
        report.has_failed(asked.dtypes if asked is not None else ()) for report in result.reports
    )
    return Result(command, exit_code=SmokeFailed.exit_code if bad else 0, **said)


def _unproved(result: SyncResult) -> Iterator[Problem]:
    """Say what the policy wants proved and could not be tested: it proves nothing."""
    for report in result.reports:
        if report.verdict == "untested":
            yield Problem(
                "not-proved",
                f"{report.name}: the policy asks for a smoke test, and it cannot be done here",
                where=report.name,
                hint="`vaehub smoke` says what is missing; or change policy.smoke, or use "
                "--no-smoke",
            )


def _smoke_problems(result: SyncResult) -> Iterator[Problem]:
    if result.reports:
        from vaehub.cli.commands import smoke

        asked = result.lock.policy.smoke
        for report in result.reports:
            yield from smoke.problems(report, asked.dtypes if asked is not None else ())


def _as_json(result: SyncResult) -> Iterator[dict[str, Any]]:
    for one in result.synced.brought:
        if isinstance(one.outcome, Exception):
            continue
        yield {
            "target": str(one.place.target),
            "name": one.place.name,
            "layout": one.place.target.layout,
            "id": one.outcome.entry.id,
            "entry": one.outcome.entry.full_name,
            "variant": one.outcome.variant.name,
            "status": _status(one.outcome),
            "changed": one.outcome.changed,
            "files": [install.file_json(step) for step in one.outcome.steps],
        }
    for extra in result.synced.extras:
        receipt = extra.receipt
        yield {
            "target": str(extra.place.target),
            "name": extra.place.name,
            "layout": extra.place.target.layout,
            "id": receipt.entry.partition("/")[2],
            "entry": receipt.entry,
            "variant": receipt.variant,
            "status": extra.status.replace("would be removed", "planned"),
            "changed": extra.status in {"removed", "gone"},
            "files": [
                {
                    "name": receipt.path.name,
                    "path": str(receipt.path),
                    "action": "remove",
                    "status": extra.status,
                    "size": receipt.size,
                    "sha256": receipt.sha256,
                }
            ],
        }


def _status(outcome: InstallResult) -> str:
    if outcome.changed:
        return "planned" if outcome.dry_run else "installed"
    return "planned" if any(step.status == "planned" for step in outcome.steps) else "present"


def _text(result: SyncResult) -> Iterator[Block]:
    if result.relocked is not None:
        verb = "would be" if result.dry_run else "was"
        yield f"{result.relocked.path} {verb} made anew"
    for place in result.places:
        brought = [one for one in result.synced.brought if one.place == place]
        extras = [one for one in result.synced.extras if one.place == place]
        yield from _place_text(place, brought, extras)
    if result.reports:
        from vaehub.cli.commands import smoke

        for report in result.reports:
            yield from smoke.text(report)


def _place_text(place: Placed, brought: list[Brought], extras: list[Extra]) -> Iterator[Block]:
    done = [one for one in brought if not isinstance(one.outcome, Exception)]
    as_locked = len(done) == len(brought) and not extras
    at_rest = as_locked and all(_state(one) == "present" for one in done)
    if at_rest:
        yield f"{_called(place)} is as the lock says: {words.count(len(done), 'VAE')}"
        return
    yield (Styled(_called(place), "bold"),)
    rows = [
        (
            one.vae.name,
            step.destination.name,
            words.size(step.size),
            _file_state(step.status, step.action, aside=step.set_aside is not None),
        )
        for one in done
        if not isinstance(one.outcome, Exception)
        for step in one.outcome.steps
    ]
    rows += [(one.vae.name, "", "", "failed") for one in brought if one not in done]
    rows += [
        (
            f"{one.receipt.entry.removeprefix('vaehub/')}@{one.receipt.variant}",
            one.receipt.path.name,
            words.size(one.receipt.size),
            one.status,
        )
        for one in extras
    ]
    yield Table(_COLUMNS, tuple(rows))
    for one in done:
        if isinstance(one.outcome, Exception):
            continue
        for step in one.outcome.steps:
            if step.set_aside is not None:
                yield f"what stood at {step.destination} was damaged; it is now {step.set_aside}"


def _called(place: Placed) -> str:
    name = f"{place.name}: " if place.name is not None else ""
    return f"{name}{place.target} ({place.target.layout})"


def _state(one: Brought) -> str:
    return "failed" if isinstance(one.outcome, Exception) else _status(one.outcome)


def _file_state(status: str, action: str, *, aside: bool) -> str:
    if status == "installed":
        return "mended" if aside else "installed"
    if status == "planned":
        return "would be placed" if action == "place" else "would be fetched"
    return "already there"
