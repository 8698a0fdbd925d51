"""`bench report RUN`: tables, figures and one HTML page from the records of a run, without running anything."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.data.base import Dataset
from bench.errors import ConfigError, DataError
from bench.records.run import Run
from bench.records.store import Store


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("report", help="tables, figures and HTML page of a finished or unfinished run")
    parser.add_argument("folder", metavar="RUN", type=Path, help="folder of the run, such as results/default-synthetic")
    parser.add_argument("--reference", metavar="METHOD", help="method that the others are tested against (default: "
        "no_retrieval, or the first)")  # fmt: skip
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data-dir", metavar="DIR", type=Path, help="where the corpus of the run lies by now")
    source.add_argument("--no-texts", action="store_true", help="ids instead of the corpus's sentences in the page")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError where the folder holds no run, no record yet or no such reference, StoreError for broken
    files, DataError where --data-dir holds no such corpus."""
    run = Run.open(args.folder)
    dataset, notes = None, ["The page shows ids instead of texts (--no-texts)."]
    if not args.no_texts:
        dataset, why = run.corpus(args.data_dir)
        if dataset is None and args.data_dir is not None:
            raise DataError(why)
        notes = (
            [f"The page shows ids instead of texts: {why} (--data-dir DIR names the corpus's folder)."] if why else []
        )
    publish(run.store, run.manifest.plain(), dataset, notes, args.reference)
    return 0


def publish(
    store: Store,
    manifest: Mapping[str, Any],
    dataset: Dataset | None = None,
    notes: Sequence[str] = (),
    reference: str | None = None,
) -> None:
    """Write tables, figures and the page of the manifest's cells; print the table and what was written.

    ``dataset``: the corpus, for the texts of the page; ``notes``: why it is not there. Raises ConfigError where no cell
    has a record yet, or none is of the method ``reference``.
    """
    from bench.report import render_console, significances, write_report  # pandas and matplotlib
    from bench.report.page.document import write_page

    records = store.records(manifest["cells"])
    if not records:
        raise ConfigError(f"{store.out} has no finished cell yet")
    if reference is not None and all(record.method != reference for record in records):
        methods = dict.fromkeys(record.method for record in records)
        raise ConfigError(f"--reference: the run has no method {reference!r}; it has {', '.join(methods)}")

    def load(cell_id: str) -> list[dict[str, Any]] | None:
        return store.predictions(cell_id) if store.predictions_path(cell_id).exists() else None

    found = significances(records, load, reference)
    files = write_report(store.out, records, manifest, found)
    page, left_out = write_page(store, records, manifest, dataset, notes, found)
    print(render_console(records, found))
    missing = len(manifest["cells"]) - len(records)
    if missing:
        print(f"{missing} of {len(manifest['cells'])} cells are not run yet")
    for note in [*manifest.get("warnings", []), *left_out]:
        print(f"note: {note}")
    print("\nwritten:")
    for file in [*files, page]:
        print(f"  {file}")
