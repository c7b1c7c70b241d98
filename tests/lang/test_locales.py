"""Which language a person is told things in: names, the locale, and what comes before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub import settings
from vaehub.errors import UsageError
from vaehub.lang import locales


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("zh", "zh"),
        ("zh_CN", "zh"),
        ("zh_CN.UTF-8", "zh"),
        ("zh_CN.GB18030@pinyin", "zh"),
        ("zh-Hans-CN", "zh"),
        ("ZH_sg", "zh"),
        ("zh_TW", None),
        ("zh_HK.UTF-8", None),
        ("zh-Hant", None),
        ("en", "en"),
        ("en_GB.UTF-8", "en"),
        ("C", "en"),
        ("C.UTF-8", "en"),
        ("POSIX", "en"),
        ("fr", None),
        ("zhuang", None),
        ("", None),
    ],
)
def test_names(name: str, language: str | None) -> None:
    assert locales.named(name) == language


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LC_MESSAGES": "zh_CN", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en:zh_CN"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_TW:zh_CN"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "fr:de"}, "zh"),
        ({"LANGUAGE": "zh_CN"}, "zh"),
        ({"LANG": "C", "LANGUAGE": "zh_CN"}, "en"),
        ({"LANG": "POSIX", "LANGUAGE": "zh_CN"}, "en"),
    ],
)
def test_the_locale(environ: dict[str, str], language: str) -> None:
    assert locales.of_locale(environ) == language


@given(st.dictionaries(st.sampled_from(["LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"]), st.text()))
def test_any_locale_is_some_language(environ: dict[str, str]) -> None:
    assert locales.of_locale(environ) in locales.LANGUAGES


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> str:
    """Write ``lang = "zh"`` into the configuration and give the text of the file."""
    path = settings.config_file()
    path.parent.mkdir(parents=True)
    path.write_text('lang = "zh"\n', encoding="utf-8")
    return path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("configured")
def test_the_configuration_comes_before_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    assert settings.language() == "zh"


@pytest.mark.usefixtures("configured")
def test_the_variable_comes_before_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAEHUB_LANG", "en")
    assert settings.language() == "en"


def test_the_command_line_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAEHUB_LANG", "en")
    assert settings.language("zh") == "zh"


@pytest.mark.parametrize("text", ['lang = "fr"', "lang = 3", 'lang = "zh', "lang"])
def test_a_configuration_that_makes_no_sense_is_passed_by(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settings.config_file()
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert settings.language() == "zh"


def test_a_language_that_nobody_speaks_is_refused_with_the_settings() -> None:
    assert settings.load({"VAEHUB_LANG": "zh_CN"}).lang == "zh"
    with pytest.raises(UsageError, match="VAEHUB_LANG: vaehub does not speak 'fr'"):
        settings.load({"VAEHUB_LANG": "fr"})
