"""Bundles: a lock and all its bytes in one tar, for a box without a network.

docs/bundle.md has the format. :mod:`.tarred` (the tar, to the byte) and :mod:`.index` (what is in
it) are pure; :mod:`.creating` makes a bundle, :mod:`.importing` takes one into the store. Whoever
reads a bundle believes nothing of it but bytes that have the right sha256.
"""

from __future__ import annotations
