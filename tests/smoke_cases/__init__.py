"""Labelled cases of the smoke test: files made by code, each with what is true of it.

Nothing is downloaded and no weights are committed: they are drawn at random, worked out by hand
(:mod:`tests.smoke_cases.built`), or trained ones that lie on this machine anyway.
"""
