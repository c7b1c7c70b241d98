from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.catalog.spdx import unknown_part


@pytest.mark.parametrize(
    "expression",
    [
        "MIT",
        "LicenseRef-none-stated",
        "LicenseRef-FLUX.1-dev",
        "MIT OR Apache-2.0",
        "(MIT OR Apache-2.0) AND CC-BY-NC-4.0",
        "((MIT))",
    ],
)
def test_knows(expression: str) -> None:
    assert unknown_part(expression) is None


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("mit", "mit"),
        ("Apache 2.0", "Apache"),
        ("MIT OR other", "other"),
        ("MIT or Apache-2.0", "or"),
        ("MIT OR", "MIT OR"),
        ("OR MIT", "OR"),
        ("(MIT", "(MIT"),
        ("MIT)", ")"),
        ("()", ")"),
        ("MIT Apache-2.0", "Apache-2.0"),
        ("LicenseRef-", "LicenseRef-"),
        ("-", "-"),
    ],
)
def test_names_what_it_does_not_know(expression: str, part: str) -> None:
    assert unknown_part(expression) == part


_TERMS = st.recursive(
    st.sampled_from(["MIT", "Apache-2.0", "LicenseRef-x"]),
    lambda term: st.builds("({} OR {})".format, term, term),
    max_leaves=6,
)


@given(_TERMS)
def test_knows_every_expression_of_known_ids(expression: str) -> None:
    assert unknown_part(expression) is None
    assert unknown_part(expression.replace("MIT", "GPL")) == (
        "GPL" if "MIT" in expression else None
    )
