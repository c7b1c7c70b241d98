"""The standard library's logging, imported only where somebody has set it up.

Nobody who has not imported it can want a record of it, and importing it costs as much as all the
rest that a request needs.
"""

from __future__ import annotations

import sys


def debug(logger: str, message: str, *arguments: object) -> None:
    """Log a message with %-arguments, at level DEBUG, to the logger of this name."""
    if logging := sys.modules.get("logging"):
        logging.getLogger(logger).debug(message, *arguments)
