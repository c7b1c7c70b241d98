"""Fetch one file with vaehub's transfer alone, and write down the seconds that it took.

Run as a script, by the Python of the vaehub that is measured. The clock starts when everything is
imported and ends with the verified file flushed to the disk.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("partial", type=Path)
    parser.add_argument("report", type=Path)
    parser.add_argument("--no-journal", action="store_true")
    options = parser.parse_args()

    import requests  # noqa: F401  # a start-up cost, and that is measured elsewhere

    import vaehub.transfer
    import vaehub.weights
    from vaehub import api, hosts, settings

    for package in (vaehub.transfer, vaehub.weights):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    from vaehub.transfer.fetch import fetch
    from vaehub.transfer.partial import Partial
    from vaehub.transfer.session import Session

    if options.no_journal:
        for method in ("record", "note"):
            setattr(Partial, method, lambda partial: None)
    loaded = settings.load()
    _, variant = api.find(options.name, settings=loaded)
    [artifact] = variant.artifacts
    sources = hosts.with_mirrors(artifact, loaded)
    for source in sources:
        hosts.get(source.host)
    begun = time.perf_counter()
    with Session(loaded) as session:
        fetch(artifact, options.partial, sources, session=session, settings=loaded)
    options.report.write_text(str(time.perf_counter() - begun))


if __name__ == "__main__":
    main()
