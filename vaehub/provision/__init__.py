"""Provisioning: which VAEs belong on a machine, written down, and machines made equal to it.

``vaehub.yaml`` (:mod:`.manifest`) says what is wanted, ``vaehub.lock`` (:mod:`.lock`) which bytes
that means; :mod:`.locking` makes the one of the other. What acts on a lock needs neither catalogs
nor a network to know what is right.
"""

from __future__ import annotations
