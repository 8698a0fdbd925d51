"""`bench report RUN`: tables, figures and one HTML page from the records of a run, without running anything."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cli import a_path, say_broken, show
from bench.data.base import Dataset
from bench.errors import ConfigError, DataError, StoreError
from bench.records.record import Record
from bench.records.run import Run, planned_records
from bench.records.store import Store


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("report", help="tables, figures and HTML page of a finished or unfinished run")
    parser.add_argument(
        "folder", metavar="RUN", type=a_path, help="folder of the run, such as results/default-synthetic"
    )
    parser.add_argument("--reference", metavar="METHOD", help="method that the others are tested against (default: "
        "no_retrieval, or the first)")  # fmt: skip
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data-dir", metavar="DIR", type=a_path, help="where the corpus of the run lies by now")
    source.add_argument("--as-run", action="store_true", help="open the corpus's folder, files or hub id that the run "
        "names (a run from elsewhere may name anything)")  # fmt: skip
    source.add_argument("--no-texts", action="store_true", help="ids instead of the corpus's sentences in the page")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError where the folder holds no run, no record yet or no such reference, StoreError for broken
    files, DataError where --data-dir holds no such corpus."""
    run = Run.open(args.folder)
    if not run.records and run.store.broken:
        raise StoreError("; ".join(run.store.broken.values()))
    dataset, notes = None, ["The page shows ids instead of texts (--no-texts)."]
    if not args.no_texts:
        dataset, why = run.corpus(args.data_dir, as_run=args.as_run)
        if dataset is None and args.data_dir is not None:
            raise DataError(why)
        notes = (
            [f"The page shows ids instead of texts: {why} (--data-dir DIR names the corpus's folder)."] if why else []
        )
    publish(run.store, run.manifest.plain(), dataset, notes, args.reference, anew=True)
    return say_broken(run.store)


def publish(
    store: Store,
    manifest: Mapping[str, Any],
    dataset: Dataset | None = None,
    notes: Sequence[str] = (),
    reference: str | None = None,
    *,
    anew: bool = False,
) -> None:
    """Write tables, figures and the page of the manifest's cells; print the table and what was written. Unless it is
    wanted ``anew``, a report that would come out the same is printed and left as it is.

    ``dataset``: the corpus, for the texts of the page; ``notes``: why it is not there. Raises ConfigError where no cell
    has a record yet, or none is of the method ``reference``.
    """
    from bench.report import made

    sources = made.sources(store, manifest, dataset, notes, reference)
    if not anew and (found := made.stored(store.out, sources)):
        text, files = found
        show(f"{text}\nunchanged:")
    else:
        text, write = _prepared(store, manifest, dataset, notes, reference)
        try:
            files = write()
        except OSError as error:
            show(text)  # which needs no disk
            where = error.filename or store.out
            raise StoreError(f"{where} cannot be written: {error.strerror}; make room and report again") from error
        text += "".join(f"note: {line}\n" for line in made.remove_stale(store.out, files))
        made.remember(store.out, sources, text, files)
        show(f"{text}\nwritten:")
    for file in files:
        show(f"  {file}")


def _without(manifest: Mapping[str, Any], broken: Mapping[str, str]) -> dict[str, Any]:
    """The plan without broken cells, of which the report warns."""
    cells = [cell_id for cell_id in manifest["cells"] if cell_id not in broken]
    warnings = [f"left out: {why}" for why in broken.values()]
    return {**manifest, "cells": cells, "warnings": [*manifest.get("warnings", ()), *warnings]}


def _prepared(
    store: Store, manifest: Mapping[str, Any], dataset: Dataset | None, notes: Sequence[str], reference: str | None
) -> tuple[str, Callable[[], list[Path]]]:
    """What the report says on the terminal, and what writes its files and names them. Raises as `publish`."""
    from bench.report.page.document import inspector, write_page  # pandas and matplotlib
    from bench.report.read_once import ReadOnce
    from bench.report.render import console, write_report
    from bench.report.report import Report

    read = ReadOnce(store.out)
    records: Sequence[Record] = planned_records(read, manifest["cells"])
    embedded = inspector(read, records, dataset, notes)  # first, as it wants all of a prediction
    store.broken |= read.broken
    records = [record for record in records if record.cell_id not in store.broken]
    if not records:
        raise ConfigError(f"{store.out} has no finished cell yet{''.join(f'; {why}' for why in store.broken.values())}")
    methods = dict.fromkeys(record.method for record in records if record.ok)
    if reference is not None and reference not in methods:
        raise ConfigError(f"--reference: the run has no method {reference!r}; it has {', '.join(methods)}")
    report = Report.of(records, _without(manifest, store.broken), read.labelled, reference)
    said = [f"note: {note}\n" for note in (*report.warnings, *embedded.notes)]
    text = f"{console(report)}\n{''.join(said)}"
    return text, lambda: [*write_report(store.out, report), write_page(store.out, report, embedded)]
