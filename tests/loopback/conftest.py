"""A plain client: these tests are about the world, not about our transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = bytes(range(256)) * 1000


class Ask(Protocol):
    def __call__(self, method: str, url: str, **options: Any) -> requests.Response: ...


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Give a function that sends a request and is closed at the end."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["User-Agent"] = "vaehub-tests/1.0"

        def request(method: str, url: str, **options: Any) -> requests.Response:
            return session.request(method, url, timeout=10, **options)

        yield request
