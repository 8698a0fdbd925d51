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
    parser.add_argument("--reference", metavar="METHOD", help="method that the others are tested against (default: "
        "no_retrieval, or the first)")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError where the folder holds no run, no record yet or no such reference, StoreError for broken
    files."""
    store = Store(args.folder)
    manifest = store.read_manifest()
    if manifest is None:
        raise ConfigError(f"{args.folder} holds no run (no run.json); `bench list runs` shows those under results/")
    publish(store, manifest, args.reference)
    return 0


def publish(store: Store, manifest: Mapping[str, Any], reference: str | None = None) -> None:
    """Write tables and figures of the manifest's cells; print the table and what was written.

    Raises ConfigError where no cell has a record yet, or none is of the method ``reference``.
    """
    from bench.report import render_console, significances, write_report  # pandas and matplotlib

    records = store.records(manifest["cells"])
    if not records:
        raise ConfigError(f"{store.out} has no finished cell yet")
    if reference is not None and all(record["method"] != reference for record in records):
        methods = dict.fromkeys(record["method"] for record in records)
        raise ConfigError(f"--reference: the run has no method {reference!r}; it has {', '.join(methods)}")

    def load(cell_id: str) -> list[dict[str, Any]] | None:
        return store.predictions(cell_id) if store.predictions_path(cell_id).exists() else None

    found = significances(records, load, reference)
    files = write_report(store.out, records, manifest, found)
    print(render_console(records, found))
    missing = len(manifest["cells"]) - len(records)
    if missing:
        print(f"{missing} of {len(manifest['cells'])} cells are not run yet")
    for warning in manifest.get("warnings", []):
        print(f"note: {warning}")
    print("\nwritten:")
    for file in files:
        print(f"  {file}")
