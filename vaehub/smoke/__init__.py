"""The decode smoke test: torch lives below here and nowhere else in vaehub.

Importing this package needs no torch; :mod:`vaehub.smoke.engine` does.
"""
