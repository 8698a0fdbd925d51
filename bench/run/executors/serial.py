"""One cell after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from bench.data.base import Dataset
from bench.records.record import Record
from bench.records.store import Store
from bench.run.execute import execute, failed
from bench.run.executors import Observer
from bench.run.plan import CellSpec


def run(specs: Sequence[CellSpec], dataset: Dataset, store: Store, observer: Observer) -> Iterator[Record]:
    """Run, store and yield each cell: an interruption loses at most the one in progress.

    Raises StoreError where a result cannot be written.
    """
    for spec in specs:
        observer.started(spec)
        record, lines, more = execute(spec, dataset, partial(observer.step, spec))
        try:
            store.write(record, lines, more)
        except (ValueError, TypeError, RecursionError) as error:  # of a method: JSON has nothing of the kind
            record = failed(record, error)
            store.write(record, None)
        observer.finished(spec, record)
        yield record
