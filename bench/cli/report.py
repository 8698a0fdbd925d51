"""`bench report RUN`: tables and figures from the records of a run, without running anything."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.flags import ConfigError
from bench.store import Store


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("report", help="tables and figures of a finished or unfinished run")
    parser.add_argument("folder", metavar="RUN", type=Path, help="folder of the run, such as results/default-synthetic")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError where the folder holds no run or no record yet, StoreError for broken files."""
    store = Store(args.folder)
    manifest = store.read_manifest()
    if manifest is None:
        raise ConfigError(f"{args.folder} holds no run (no run.json); `bench list runs` shows those under results/")
    publish(store, manifest)
    return 0


def publish(store: Store, manifest: Mapping[str, Any]) -> None:
    """Write tables and figures of the manifest's cells; print the table and what was written.

    Raises ConfigError where no cell has a record yet.
    """
    from bench.report import render_console, write_report  # pandas and matplotlib

    records = store.records(manifest["cells"])
    if not records:
        raise ConfigError(f"{store.out} has no finished cell yet")
    files = write_report(store.out, records, manifest)
    print(render_console(records))
    missing = len(manifest["cells"]) - len(records)
    if missing:
        print(f"{missing} of {len(manifest['cells'])} cells are not run yet")
    for warning in manifest.get("warnings", []):
        print(f"note: {warning}")
    print("\nwritten:")
    for file in files:
        print(f"  {file}")
