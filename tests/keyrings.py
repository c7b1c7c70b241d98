"""Stand-ins for the system keyring: one that works, and those that do not."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


class Keyring(ModuleType):
    """A keyring in memory, in the place of the package."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False
        """Nothing can be written."""
        self.forgetful = False
        """Says yes to everything and keeps nothing, as the backend ``null`` does."""

    def get_password(self, service: str, user: str) -> str | None:
        return self.held.get((service, user))

    def set_password(self, service: str, user: str, password: str) -> None:
        if self.locked:
            raise RuntimeError(f"locked: {password}")  # backends may say anything
        if not self.forgetful:
            self.held[service, user] = password

    def delete_password(self, service: str, user: str) -> None:
        if self.locked:
            raise RuntimeError("locked")
        del self.held[service, user]


def keyring(patch: pytest.MonkeyPatch) -> Keyring:
    """Put a keyring into the world, whether the package is installed or not."""
    module = Keyring()
    patch.setitem(sys.modules, "keyring", module)
    return module
