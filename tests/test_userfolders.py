"""Where the user's folders lie: the short way must say what the package says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaehub.userfolders import user_folders

VARIABLES = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
VALUES = st.none() | st.sampled_from(
    [
        "",
        "/",
        "//",
        "/home/a",
        "/home/a/",
        "/home/./a/../b",
        "~",
        "~/c",
        "here/there",
        ".",
        " ",
        " /a",
    ]
)


def by_the_package() -> tuple[Path, Path, Path]:
    import platformdirs

    folders = platformdirs.PlatformDirs("vaehub", appauthor=False)
    return folders.user_config_path, folders.user_cache_path, folders.user_state_path


@settings(max_examples=300)
@given(values=st.tuples(*[VALUES] * len(VARIABLES)), android=st.booleans())
def test_the_folders_are_those_of_platformdirs(
    values: tuple[str | None, ...], android: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(VARIABLES, values, strict=True):
            patch.delenv(name, raising=False)
            if value is not None:
                patch.setenv(name, value)
        if android:
            patch.setenv("ANDROID_DATA", "/data")
        assert tuple(user_folders(os.environ)) == by_the_package()


@pytest.mark.skipif(sys.platform != "linux", reason="the short way is for Linux")
@pytest.mark.parametrize(
    ("variable", "value", "imported"),
    [("HOME", "/home/a", False), ("XDG_CACHE_HOME", "/a", False), ("XDG_CACHE_HOME", "a", True)],
)
def test_the_package_is_asked_only_where_it_takes_more_to_know(
    variable: str, value: str, imported: bool
) -> None:
    code = (
        "import os, sys; from vaehub.userfolders import user_folders; user_folders(os.environ);"
        "print('platformdirs' in sys.modules)"
    )
    package = Path(__file__).parent.parent
    environ = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**environ, "HOME": "/home/b", variable: value, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.strip() == str(imported)
