"""A world of fake hosts on loopback that speak the real hosts' protocols.

``vaehub selftest`` runs against it with no network at all, and so do the tests. Imports nothing
but the standard library and the names of our settings.
"""

from __future__ import annotations

from vaehub.loopback.faults import Faults
from vaehub.loopback.server import Response, Seen
from vaehub.loopback.world import LoopbackWorld

__all__ = ["Faults", "LoopbackWorld", "Response", "Seen"]
