"""Bring the bytes of an artifact here: one HTTP policy, resumption, checks, fallback.

Knows HTTP and a partial file. Refuses to know any host's API, the store's layout and the catalog.
"""
