"""What the self-test tries: one function a check.

Each takes the bench and gives a line of what was seen, or raises
:class:`~vaehub.selftest.bench.Failed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.errors import NoSourceDelivered, VaehubError
from vaehub.loopback import samples
from vaehub.selftest.bench import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from vaehub.selftest.bench import Bench
    from vaehub.settings import Settings


def _expect(expected: object, got: object, what: str) -> None:
    if expected != got:
        raise Failed(f"{what}: expected {expected}, got {got}")


def _refused(bench: Bench, id: str, tree: Path, settings: Settings, exit_code: int) -> str:
    """Install what must not be installed; give the codes of all that was said."""
    before = samples.snapshot(tree)
    try:
        bench.install(id, tree, settings)
    except VaehubError as error:
        _expect(exit_code, error.exit_code, f"the exit code of {error.code!r}")
        _expect(True, samples.snapshot(tree) == before, "the tree is as it was")
        if isinstance(error, NoSourceDelivered):
            return " ".join(failure.code for _, failure in error.attempts)
        return error.code
    raise Failed(f"{bench.samples[id].name} was installed")


def _from(id: str, *, mirrors: bool = False) -> Callable[[Bench], str]:
    """Make the check that installs a sample into one UI, and from the store into another."""

    def check(bench: Bench) -> str:
        settings, data = bench.settings(mirrors=mirrors), bench.samples[id].data
        first, second = bench.tree("automatic1111"), bench.tree("comfyui")
        result = bench.install(id, first, settings)
        _expect(True, bench.installed(id, first) == data, "the bytes in models/VAE are right")
        asked = len(bench.world.requests)
        bench.install(id, second, settings)
        _expect(True, bench.installed(id, second) == data, "the bytes in models/vae are right")
        _expect(asked, len(bench.world.requests), "requests after a second install")
        label = result.steps[0].source or "nowhere"
        return f"{len(data):,} bytes from {label.split()[0]}, placed in two UIs"

    return check


def _twice(bench: Bench) -> str:
    settings, tree = bench.settings(), bench.tree()
    bench.install("two", tree, settings)
    before, asked = samples.snapshot(tree), len(bench.world.requests)
    result = bench.install("two", tree, settings)
    _expect(False, result.changed, "something was placed")
    _expect(True, samples.snapshot(tree) == before, "the tree is as it was")
    _expect(asked, len(bench.world.requests), "requests")
    return "no request, no change"


def _verified(bench: Bench) -> str:
    from vaehub import api

    settings, tree = bench.settings(), bench.tree()
    bench.install("two", tree, settings)
    _expect(True, api.verify(to=tree, deep=True, settings=settings).ok, "a sound tree is sound")
    path = tree / "models" / "VAE" / bench.samples["two"].name
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.unlink()
    path.write_bytes(damaged)
    found = [problem.code for problem in api.verify(to=tree, deep=True, settings=settings).problems]
    _expect(["changed"], found, "what verify says of a changed byte")
    return "sound, and a changed byte is found"


def _flipped(bench: Bench) -> str:
    settings, tree = bench.settings(), bench.tree()
    bench.world.faults("huggingface").flip_byte(200_000)
    result = bench.install("two", tree, settings)
    _expect(True, bench.installed("two", tree) == bench.samples["two"].data, "the bytes are right")
    [(label, error)] = result.steps[0].attempts
    _expect("hash-mismatch", error.code, f"what was said of {label}")
    return f"{label} was found out, {result.steps[0].source} served"


def _all_wrong(bench: Bench) -> str:
    bench.world.faults("huggingface").flip_byte(200_000)
    bench.world.faults("modelscope").wrong_bytes()
    return "refused: " + _refused(bench, "two", bench.tree(), bench.settings(), 6)


def _cut(bench: Bench) -> str:
    settings, tree, size = bench.settings(), bench.tree(), len(bench.samples["two"].data)
    cut = size // 2
    bench.world.faults("huggingface").cut_after(cut)
    bench.install("two", tree, settings)
    _expect(True, bench.installed("two", tree) == bench.samples["two"].data, "the bytes are right")
    _expect(size, bench.world.bytes_sent("huggingface"), "bytes sent in all")
    return f"cut after {cut:,} of {size:,} bytes; only the missing ones were fetched again"


def _page(bench: Bench) -> str:
    bench.world.faults("huggingface").html_page()
    bench.world.faults("modelscope").html_page()
    return "refused: " + _refused(bench, "two", bench.tree(), bench.settings(), 6)


def _unsafe(bench: Bench) -> str:
    said = _refused(bench, "unsafe", bench.tree(), bench.settings(), 6)
    _expect("unsafe-pickle", said, "what was said of it")
    return "refused without loading it"


def _in_the_way(bench: Bench) -> str:
    tree = bench.tree()
    (tree / "models" / "VAE" / bench.samples["two"].name).write_bytes(b"the user's own file")
    said = _refused(bench, "two", tree, bench.settings(), 7)
    _expect("file-in-the-way", said, "what was said")
    _expect([], bench.world.requests, "requests")
    return "refused before any request; the file is untouched"


def _uninstalled(bench: Bench) -> str:
    from vaehub import api

    for layout in ("automatic1111", "comfyui"):
        settings, tree = bench.settings(), bench.tree(layout)
        before = samples.snapshot(tree)
        bench.install("two", tree, settings)
        api.uninstall("selftest-two", to=tree, settings=settings)
        _expect(True, samples.snapshot(tree) == before, f"the {layout} tree is as it was")
    return "both trees are byte for byte as they were"


def _decoded(bench: Bench) -> str:
    """Decode with an installed VAE, and with the shipped one against what it is known to give."""
    from vaehub import api

    settings, tree = bench.settings(), bench.tree("comfyui")
    bench.install("autoencoder", tree, settings)
    placed, ours = api.smoke("selftest-autoencoder", to=tree, itself=True, settings=settings)
    for report in (placed, ours):
        reasons = "; ".join(reason.message for reason in report.reasons)
        if report.verdict == "untested":
            return f"names and shapes are sound; not decoded: {reasons}"
        _expect("works", report.verdict, f"the verdict on {report.name} ({reasons})")
    how = ", ".join(f"{each.dtype} on {each.device}" for each in ours.decoded)
    return f"an installed VAE reconstructs a picture: {how}"


def _damaged(bench: Bench) -> str:
    from vaehub import api

    settings, tree = bench.settings(), bench.tree("comfyui")
    bench.install("damaged", tree, settings)
    [report] = api.smoke("selftest-damaged", to=tree, settings=settings)
    _expect("damaged", report.verdict, "the verdict on a VAE that lacks a tensor")
    return "one that lacks a tensor is told from a sound one"


def _secret(bench: Bench) -> str:
    for id in ("huggingface", "civitai", "liblib"):
        bench.install(id, bench.tree(), bench.settings(mirrors=True))
    carried = sum(
        any(token in value for value in seen.headers.values())
        for seen in bench.world.requests
        for token in bench.world.tokens.values()
    )
    _expect(True, carried > 0, "a token was used at all")
    leaked = [f"{leak.origin} {leak.method} {leak.path}" for leak in bench.world.leaks]
    _expect([], leaked, "requests that carried a token elsewhere")
    return f"{carried} requests carried a token, each to its own host"


CHECKS: Mapping[str, Callable[[Bench], str]] = {
    "install from Hugging Face": _from("huggingface"),
    "install from Civitai with a token": _from("civitai"),
    "install from Liblib with a token": _from("liblib"),
    "install from Liblib's open address": _from("liblib-direct"),
    "install from ModelScope": _from("modelscope"),
    "install from a GitHub release": _from("github"),
    "install from a web server": _from("https", mirrors=True),
    "install from a mirror": _from("mirror", mirrors=True),
    "a second install changes nothing": _twice,
    "verify finds a changed byte": _verified,
    "wrong bytes are reported and the next source serves": _flipped,
    "with all sources wrong nothing is placed": _all_wrong,
    "a cut transfer goes on where it ended": _cut,
    "a web page is not taken for a model": _page,
    "a dangerous pickle is refused": _unsafe,
    "a file of the user's is never touched": _in_the_way,
    "uninstall puts everything back": _uninstalled,
    "tokens go to their own host only": _secret,
    "an installed VAE decodes": _decoded,
    "a damaged VAE is found": _damaged,
}
