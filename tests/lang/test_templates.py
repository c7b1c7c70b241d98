"""Which texts of a source are for people, and as what templates."""

from __future__ import annotations

import pytest

from vaehub.lang import sources, templates


def found(source: str, name: str = "a.py") -> list[str]:
    return [template.text for template in sources.of_source(source, name)]


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('raise E("the file is gone")', ["the file is gone"]),
        ('raise E(f"no VAE is called {name!r}", hint=f"try {other}")',
         ["no VAE is called {0}", "try {0}"]),
        ('raise E(f"one {a} "\n f"two {b:,} three")', ["one {0} two {1} three"]),
        ('Problem("some-code", "what was found")', ["what was found"]),
        ('yield f"{a} {{b}} is here"', ["{0} {{b}} is here"]),
        ('x = f"it {\'is\' if a else \'was already\'} there"',
         ["it is there", "it was already there"]),
        ('def f():\n more = f"; also {x}" if x else ""\n return f"there is {y}{more}"',
         ["there is {0}; also {1}", "there is {0}"]),
        ('def f():\n if a:\n  how = "by hand"\n else:\n  how = "alone"\n return f"it goes {how}"',
         ["it goes by hand", "it goes alone"]),
        ('x = f"{words.count(n, \'file\')} in use"',
         ["{0} file in use", "{0} files in use", "{0} file", "{0} files"]),
        ('Column("size")', ["size"]),
        ('Fact("verdict", x)', ["verdict"]),
        ('WORDS = {"damaged": "broken"}', ["broken"]),
        ('@as_command("a b", examples=[("vaehub a b", "does it")])\n'
         'def f(call):\n "Do it.\\n\\n  At\\n  once.\\n"',
         ["does it", "Do it.", "At once."]),
    ],
)  # fmt: skip
def test_what_is_for_people(source: str, texts: list[str]) -> None:
    assert found(source) == texts


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring of a module."""',
        'def f():\n """Say a thing."""',
        'log.debug("sent a request")',
        'raise AssertionError("this cannot be")',
        're.compile("a b|c d")',
        'x["a key"] = y["another key"]',
        'x = {"a key": 1}',
        'if x == "some words": pass',
        'option("--x", metavar="SOME WORDS")',
        'x = "name"',
        'hint = f"vaehub install {name}"',
        'x = f"https://a.example/{b} c"',
        'x = f"{a}.{b}: {c}"',
        'Thread(name="a b")',
    ],
)
def test_what_is_not(source: str) -> None:
    assert found(source) == []


def test_a_text_with_too_many_forms_keeps_its_parts() -> None:
    choice = "{'one way' if a else 'other way'}"
    texts = found(f'x = f"this: {choice} {choice} {choice} {choice}"')
    assert texts == ["this: {0} {1} {2} {3}", *["one way", "other way"] * 4]


def test_the_sources_hold_what_one_knows() -> None:
    texts = {template.text: template for template in templates.find()}
    assert texts["no VAE is called {0}"].file == "catalog/layers.py"
    assert texts["no VAE is called {0}"].holes == ("name",)
    for known in (
        "List the catalog, one row per VAE.",
        "press R, then choose it in the node Load VAE (VAELoader)",
        "a dangerous pickle is refused",
        "Missing argument {0}.",
        "{0} of {1} tensors are missing: {2}; UIs that load such a file say nothing and paint "
        "black or noise",
    ):
        assert known in texts
