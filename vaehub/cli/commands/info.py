"""``vaehub info``: everything known of a VAE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub import hosts, lang
from vaehub.cli import rows, words
from vaehub.cli.call import Call, as_command, to_option
from vaehub.cli.declared import argument
from vaehub.cli.output import Block, Result
from vaehub.cli.tables import Fact, Styled
from vaehub.errors import TargetRefuses, VaehubError
from vaehub.settings import TOKEN_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.cli.rows import Here
    from vaehub.model import Artifact, Entry, Receipt, Source, Target, Variant


@as_command(
    "info",
    examples=[
        ("vaehub info kl-f8-anime2", "its files, hashes, sources and license"),
        ("vaehub info clearvae@v2.2", "one variant only"),
        ("vaehub info kl-f8-anime2 --json", "the same for a script"),
    ],
)
@argument("name", metavar="NAME", completes="name")
@to_option
def command(call: Call, *, name: str, to: str | None) -> Result:
    """Show everything known of a VAE.

    Its variants, files, hashes, sources and license. NAME is an id, an alias or CATALOG/ID, each
    optionally with @VARIANT, or a file's name.
    """
    entry, variant = call.catalogs.resolve(name)
    only = variant if "@" in name else None
    here = rows.look_around(call, to)
    return Result(
        "info",
        results=(_as_json(entry, here, only),) if call.as_json else (),
        text=lambda: _text(entry, here, only),
    )


def _as_json(entry: Entry, here: Here, only: Variant | None) -> dict[str, Any]:
    described = rows.entry_json(entry, here)
    if only is not None:
        described["variants"] = [v for v in described["variants"] if v["name"] == only.name]
    variants = (only,) if only is not None else entry.variants
    for variant, variant_json in zip(variants, described["variants"], strict=True):
        for artifact, artifact_json in zip(
            variant.artifacts, variant_json["artifacts"], strict=True
        ):
            for source, source_json in zip(artifact.sources, artifact_json["sources"], strict=True):
                source_json["page"] = _page(source)
    return described


def _text(entry: Entry, here: Here, only: Variant | None) -> Iterator[Block]:
    yield (Styled(entry.id, "bold"), f"  {entry.title}")
    spoken = ["zh"] if "zh" in entry.summary and not lang.is_english() else ["en", "zh"]
    for label, language in zip(("summary", ""), spoken, strict=False):
        yield from _fact(label, entry.summary.get(language))
    yield from _fact("family", entry.family)
    yield from _fact("goes with", ", ".join(entry.suits))
    yield from _fact("tags", ", ".join(entry.tags))
    yield from _fact("author", entry.author)
    yield from _fact("license", _license(entry))
    yield from _fact("", entry.license.source)
    yield from _fact("", entry.license.note)
    yield from _fact("homepage", entry.homepage)
    yield from _fact("also called", ", ".join(entry.aliases))
    yield from _fact("catalog", entry.catalog)
    yield from _fact("decoder", _decoder(entry))
    yield from _fact("notes", entry.notes)
    yield from _installed(entry, here, only)
    for variant in (only,) if only is not None else entry.variants:
        yield ""
        yield from _variant(entry, variant)


def _fact(label: str, text: str | None) -> Iterator[Block]:
    if text:
        yield Fact(label, text)


def _license(entry: Entry) -> str:
    asks = "; asks for acceptance, once per machine" if entry.license.accept else ""
    return f"{rows.license_words(entry.license.id)}{asks}"


def _decoder(entry: Entry) -> str | None:
    facts = entry.smoke
    if facts is None:
        return None
    told = [
        facts.architecture,
        facts.latent_channels and f"{facts.latent_channels} latent channels",
        facts.downscale and f"{facts.downscale} x smaller",
        facts.temporal_downscale and f"{facts.temporal_downscale} frames in one",
        facts.scaling_factor and f"scaling {facts.scaling_factor}",
        facts.shift_factor and f"shift {facts.shift_factor}",
        facts.fp16
        and ("safe in half precision" if facts.fp16 == "ok" else "overflows in half precision"),
    ]
    return ", ".join(str(part) for part in told if part)


def _foreseen(entry: Entry, target: Target, only: Variant | None) -> str | None:
    """Say what the target's UI would call the file, or why it would not take it."""
    from vaehub import choosing, targets
    from vaehub.targets import remedies

    layout = targets.layouts()[target.layout]
    try:
        variant = choosing.choose(layout, entry, only or entry.default, named=only is not None)
    except TargetRefuses as error:
        return error.message
    folder = layout.folder(target, entry.slot)
    names = [
        layout.listed_as(target, entry.slot, folder / artifact.name)
        for artifact in remedies.as_installed(layout, entry, variant).artifacts
    ]
    told = ", ".join(name for name in names if name is not None)
    return f"{layout.title} would list {variant.name} as {told}" if told else None


def _installed(entry: Entry, here: Here, only: Variant | None) -> Iterator[Block]:
    receipts = here.of(entry)
    if here.targets and not receipts:
        yield from _fact("installed", f"not in {here.where}")
        if len(here.targets) == 1:
            yield from _fact("", _foreseen(entry, here.targets[0], only))
    for index, receipt in enumerate(receipts):
        label = "" if index else "installed"
        goes_with = f", with {receipt.checkpoint}" if receipt.checkpoint is not None else ""
        yield Fact(label, f"{receipt.path} ({receipt.variant}{goes_with})", style="green")
    for name in here.names(entry):
        yield from _fact("", f"{here.ui} lists it as {name}")
    yield from _fact("smoke test", _smoke(receipts))


def _smoke(receipts: tuple[Receipt, ...]) -> str | None:
    said = [receipt.smoke for receipt in receipts if receipt.smoke is not None]
    if not said:
        return None
    last = max(said, key=lambda one: str(one.get("at")))
    decoded = last.get("decoded")
    where = [
        f"{one.get('device')} {one.get('dtype')}"
        for one in (decoded if isinstance(decoded, list) else [])
        if isinstance(one, dict)
    ]
    told = [rows.smoke_words(receipts), ", ".join(where), f"on {str(last.get('at'))[:10]}"]
    return ", ".join(part for part in told if part)


def _variant(entry: Entry, variant: Variant) -> Iterator[Block]:
    traits = [words.size(variant.size), variant.layout and f"{variant.layout} keys", variant.dtype]
    if variant == entry.default:
        traits.append("the default")
    told = ", ".join(trait for trait in traits if trait)
    yield (Styled(f"{entry.id}@{variant.name}", "bold"), f"  {told}")
    yield from _fact("", variant.note)
    for artifact in variant.artifacts:
        yield from _artifact(artifact)


def _artifact(artifact: Artifact) -> Iterator[Block]:
    exact = f"{artifact.size:,} bytes" if artifact.size is not None else "size unknown"
    yield Fact("file", f"{artifact.name} ({exact})")
    yield from _fact("sha256", _hash(artifact))
    yield from _fact("also named", ", ".join(artifact.known_as))
    for index, source in enumerate(artifact.sources):
        told = " ".join(part for part in (_page(source) or source.host, _needs(source)) if part)
        yield Fact("" if index else "from", told)


def _hash(artifact: Artifact) -> str:
    if artifact.sha256 is None:
        return "unknown to the catalog: taken from the host at install"
    grades = {"confirmed": "two sources agree", "single": "one source", "host": "the host's word"}
    return f"{artifact.sha256} ({grades[artifact.evidence]})"


def _needs(source: Source) -> str:
    needs = []
    if source.login:
        variable = next(iter(TOKEN_VARIABLES.get(source.host, ())), None)
        needs.append(f"login: {variable}" if variable else "login")
    if source.gated:
        needs.append("terms to accept there")
    return f"({', '.join(needs)})" if needs else ""


def _page(source: Source) -> str | None:
    try:
        return hosts.get(source.host).page(source)
    except VaehubError:  # a host that only a newer vaehub knows, in somebody's own catalog
        return None
