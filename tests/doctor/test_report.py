"""What a file is, in few words."""

from __future__ import annotations

from pathlib import Path

from vaehub.doctor import report
from vaehub.doctor.facts import Content, Known, Seen
from vaehub.model import Artifact, Entry, License, Variant
from vaehub.smoke.report import Reason

SEEN = Seen(Path("/ui/x.pt"), "vae", Path("/ui"), 10)


def test_by_the_catalog_before_all() -> None:
    variant = Variant("v2", (Artifact("x.pt", ()),))
    entry = Entry("house", "vaehub", "", "sd1", License("MIT"), (variant,))
    content = Content(architecture="autoencoder-kl", kind="a LoRA")
    known = Known(entry, variant, variant.artifacts[0])
    assert report.what(SEEN._replace(content=content, known=known)) == "house@v2 (sd1)"
    known = known._replace(entry=entry._replace(catalog="mine"))
    assert report.what(SEEN._replace(known=known)) == "mine/house@v2 (sd1)"


def test_by_its_shapes_and_only_so_many_families() -> None:
    content = Content(architecture="autoencoder-kl")
    assert report.what(SEEN._replace(content=content)) == "autoencoder-kl"
    content = content._replace(families=("a", "b", "c"))
    assert report.what(SEEN._replace(content=content)) == "autoencoder-kl (a, b, c)"
    content = content._replace(families=("a", "b", "c", "d"))
    assert report.what(SEEN._replace(content=content)) == "autoencoder-kl (a, b, c ...)"


def test_what_is_no_vae_or_a_damaged_one() -> None:
    assert report.what(SEEN) == ""
    assert report.what(SEEN._replace(content=Content(kind="a LoRA"))) == "a LoRA"
    damaged = Content((Reason("missing", "", "damaged"),), architecture="autoencoder-kl")
    assert report.what(SEEN._replace(content=damaged)) == ""
    assert report.what(SEEN._replace(content=Content())) == ""
