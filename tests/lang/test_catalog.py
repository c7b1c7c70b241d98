"""The Chinese catalog says everything that the sources say, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from vaehub.lang import filling, templates, translating, update

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

HELP = "run python -m vaehub.lang.update, translate what it names, and run it again"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return update.read()


def messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def test_no_message_is_missing_and_none_is_left_over(catalog: Catalog) -> None:
    said = {template.text for template in templates.find()}
    known = {str(message.id) for message in messages(catalog)}
    assert sorted(said - known) == [], HELP
    assert sorted(known - said) == [], HELP
    assert not catalog.obsolete, HELP


def test_every_message_is_translated_for_good(catalog: Catalog) -> None:
    assert update.untranslated(catalog) == [], HELP
    assert [message.id for message in messages(catalog) if message.fuzzy] == []


def test_a_translation_has_the_placeholders_of_its_message(catalog: Catalog) -> None:
    for message in messages(catalog):
        text, translation = str(message.id), str(message.string)
        assert sorted(filling.holes(text)) == sorted(filling.holes(translation)), text


def test_a_translation_keeps_what_is_copied(catalog: Catalog) -> None:
    """Options, variables, commands in backticks and addresses are the same in every language."""
    kept = re.compile(r"(?<![\w-])--[a-z][a-z-]+|\b[A-Z]+_[A-Z_]+\b|`vaehub [^`]+`|\[\[\w+\]\]")
    for message in messages(catalog):
        text, translation = str(message.id), str(message.string)
        assert sorted(kept.findall(text)) == sorted(kept.findall(translation)), text


def test_a_translation_is_chinese(catalog: Catalog) -> None:
    names = {"ControlNet", "IP-Adapter"}
    for message in messages(catalog):
        translation = str(message.string)
        plain = re.sub(r"\{\d+\}|\W|\d", "", filling.without_holes(translation).replace("\0", ""))
        assert translation in names or not plain or re.search(r"[\u4e00-\u9fff]", translation), (
            translation
        )
        assert not re.search(r"[\u4e00-\u9fff] ?[,;:!?](?![\w\d])", translation), translation


def test_the_compiled_catalog_is_made_of_the_source(catalog: Catalog) -> None:
    with translating.CATALOG.open("rb") as file:
        compiled = dict(translating._Messages(file).templates())
    compiled.pop("", None)
    assert compiled == {str(one.id): str(one.string) for one in messages(catalog)}, HELP


def test_an_update_of_what_is_up_to_date_changes_no_message(catalog: Catalog) -> None:
    again = update.updated(catalog)
    assert {m.id: m.string for m in again} == {m.id: m.string for m in catalog}
    assert update.source_text(again) == update.source_text(update.updated(again))


def test_a_new_message_is_named_and_an_old_one_goes(catalog: Catalog) -> None:
    catalog = update.read()
    catalog.add("nobody says this", "没有人说")
    text = str(messages(catalog)[0].id)
    catalog.delete(text)
    again = update.updated(catalog)
    assert again.get("nobody says this") is None
    assert update.untranslated(again) == [text]
