"""Predictions and texts -> compressed blocks that the page's inspector decodes one by one.

A block is JSON, gzip, base64. Labels, what neighbours share with their query, and training instances are numbered once
and named by number:

    index       {"labels": [[relation, ...], ...], "shares": [[kind, ...], ...],
                 "groups": [{"name", "near", "cells": [{"method", "block"}]}], "gold"}
    test        one row per test instance (`_text_row`)
    near-G      the same for the training instances that occur as neighbours in group G and in no group before
    cell-ID     {"predicted": [label], "scores": [[label, score, ...]], "near": [[training, weight, share, ...]] | null,
                 "probes": {name: [label]}}, by test instance

A label is the sorted set of an instance's relations (one, unless the corpus is multi-label). A group is one ratio, draw
and seed: what methods are compared within.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from bench.data.base import Dataset
from bench.errors import StoreError
from bench.names import ratio_name
from bench.records.record import Record
from bench.records.store import Store
from bench.scoring.neighbours import NOTHING, Shares, named, shared, traits
from methods.types import Instance

LIMIT = 25_000_000  # bytes of all blocks together
MOST_INSTANCES = 20_000
TOP_SCORES = 5
_LEVEL = 5  # of gzip; 9 takes six times as long for 5% less
Group = tuple[float, int, int]


@dataclass(frozen=True)
class Embedded:
    """Block name -> base64, and one sentence for everything that was left out."""

    blocks: dict[str, str]
    notes: list[str]


def embed(store: Store, records: Sequence[Record], dataset: Dataset | None, limit: int = LIMIT) -> Embedded:
    """The blocks of the finished cells among ``records``, at most ``limit`` bytes; no blocks where no cell fits.

    Groups go in whole, the first draw and seed of every ratio before the others; the first ``MOST_INSTANCES`` test
    instances of each. Prediction files are read one at a time, line by line. Missing ones become notes, unsound ones
    are in ``store.broken``. ``dataset``: None gives ids instead of texts.
    """
    numbers, notes = _Numbers(dataset), list[str]()
    train = {} if dataset is None else {i.id: i for i in dataset.train}
    test = {} if dataset is None else {i.id: i for i in dataset.test}
    blocks: dict[str, str] = {}
    first, groups, size, written = None, list[dict[str, Any]](), 0, 0
    waiting = _by_group([record for record in records if record.status == "ok"])
    for place, (group, members) in enumerate(waiting.items()):
        cells = list(_cells(store, members, numbers, notes))
        if first is None and cells:
            first = cells[0]
            blocks["test"] = pack([_text_row(name, test.get(name), numbers) for name in first.ids])
            size = len(blocks["test"])
        ids = first.ids if first else []
        notes += [f"{cell.name}: other test instances than the first cell's" for cell in cells if cell.ids != ids]
        cells = [cell for cell in cells if cell.ids == ids]
        new = list(islice(numbers.train, written, None))
        added = {f"near-{place}": pack([_text_row(name, train.get(name), numbers) for name in new])}
        added |= {cell.block: cell.packed for cell in cells}
        size += sum(map(len, added.values()))
        if size > limit:
            notes.append(_left_out(list(waiting)[place:], limit))
            break
        if cells:
            shown = [{"method": cell.method, "block": cell.block} for cell in cells]
            groups.append({"name": _group_name(group), "near": f"near-{place}", "cells": shown})
            blocks |= added
            written += len(new)
    if first is None or not groups:
        return Embedded({}, notes)
    if len(first.ids) == MOST_INSTANCES:
        notes.append(f"The inspector has the first {MOST_INSTANCES} test instances at most.")
    index = {**numbers.meanings(), "groups": groups, "gold": first.gold}
    return Embedded({"index": pack(index), **blocks}, notes)


def pack(content: object) -> str:
    """JSON, gzip, base64: the same text for the same content, and no character that HTML could read as markup."""
    plain = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(gzip.compress(plain, _LEVEL, mtime=0)).decode()


class _Numbers:
    """Labels, what neighbours share with their query, and training ids, each with its place in order of first use."""

    def __init__(self, dataset: Dataset | None) -> None:
        self.labels: dict[tuple[str, ...], int] = {}
        self.shares: dict[Shares, int] = {}
        self.train: dict[str, int] = {}
        self.single: dict[str, int] = {}  # labels of one relation again, for speed
        self._test_traits = {} if dataset is None else {i.id: traits(i) for i in dataset.test}
        self._train_traits = {} if dataset is None else {i.id: traits(i) for i in dataset.train}

    def meanings(self) -> dict[str, Any]:
        """What the numbers of labels and of shares stand for."""
        return {"labels": list(self.labels), "shares": list(map(named, self.shares))}

    def label(self, relations: str | Iterable[str]) -> int:
        if not isinstance(relations, str):
            return self.labels.setdefault(tuple(sorted(relations)), len(self.labels))
        number = self.single.get(relations)
        if number is None:
            number = self.single[relations] = self.labels.setdefault((relations,), len(self.labels))
        return number

    def near(self, query: str, found: Iterable[tuple[str, float]]) -> list[float]:
        """Every neighbour, its weight, what it shares with its query: nothing without the corpus."""
        asked, flat = self._test_traits.get(query), list[float]()
        for name, weight in found:
            other = self._train_traits.get(name)
            share = shared(asked, other) if asked and other else NOTHING
            flat += (
                self.train.setdefault(name, len(self.train)),
                float(f"{weight:.4g}"),
                self.shares.setdefault(share, len(self.shares)),
            )
        return flat


def _by_group(records: Sequence[Record]) -> dict[Group, list[Record]]:
    groups: dict[Group, list[Record]] = {}
    for record in records:
        groups.setdefault((record.ratio, record.draw, record.seed), []).append(record)
    ordered = []
    for _, keys in groupby(sorted(groups), key=lambda key: key[0]):
        ordered += list(enumerate(keys))
    return {key: groups[key] for _, key in sorted(ordered)}


def _group_name(group: Group) -> str:
    return f"{ratio_name(group[0])}, draw {group[1]}, seed {group[2]}"


def _left_out(groups: Sequence[Group], limit: int) -> str:
    names = "; ".join(map(_group_name, groups))
    return f"Left out of the inspector, which holds {limit / 1e6:g} MB at most: {names}."


@dataclass(frozen=True)
class _Cell:
    name: str
    method: str
    block: str
    ids: list[str]
    gold: list[int]
    packed: str


def _cells(store: Store, members: Iterable[Record], numbers: _Numbers, notes: list[str]) -> Iterator[_Cell]:
    """The cells of a group whose predictions can be read; the others leave a note."""
    for record in members:
        name = f"{record.method}, {_group_name((record.ratio, record.draw, record.seed))}"
        try:
            ids, gold, content = _cell(_lines(store, record), numbers)
            store.check(record)
        except StoreError as error:
            if store.predictions_path(record.cell_id).exists():
                store.broken[record.cell_id] = str(error)
            else:
                notes.append(f"{name}: no predictions to inspect ({error})")
        else:
            yield _Cell(name, record.method, f"cell-{record.cell_id}", ids, gold, pack(content))


def _lines(store: Store, record: Record) -> Iterator[dict[str, Any]]:
    """The first ``MOST_INSTANCES`` lines; the file is read to its end (bench.report.read_once)."""
    for number, line in enumerate(store.each_prediction(record.cell_id), 1):
        if number <= MOST_INSTANCES:
            yield line


def _cell(lines: Iterable[Mapping[str, Any]], numbers: _Numbers) -> tuple[list[str], list[int], dict[str, Any]]:
    """Ids and gold labels of the test instances, and what the cell predicted of them."""
    ids, gold = list[str](), list[int]()
    predicted, scores, near = list[int](), list[list[float]](), list[list[float] | None]()
    probes: dict[str, list[int]] = {}
    for line in lines:
        ids.append(line["id"])
        gold.append(numbers.label(line["gold"]))
        predicted.append(numbers.label(line["predicted"]))
        scores.append(_top(line["scores"], line["gold"], numbers))
        found = line.get("neighbours")
        near.append(None if found is None else numbers.near(line["id"], found))
        for probe, relations in (line.get("probes") or {}).items():
            probes.setdefault(probe, []).append(numbers.label(relations))
    whole = {name: labels for name, labels in probes.items() if len(labels) == len(ids)}
    neighbours = None if all(row is None for row in near) else near
    return ids, gold, {"predicted": predicted, "scores": scores, "near": neighbours, "probes": whole}


def _top(scores: Mapping[str, float], gold: str | Sequence[str], numbers: _Numbers) -> list[float]:
    """Label and score, best first: the ``TOP_SCORES`` best and those of the gold relations."""
    ranked = sorted(scores.items(), key=itemgetter(1), reverse=True)
    wanted = {gold} if isinstance(gold, str) else set(gold)
    kept = ranked[:TOP_SCORES] + [item for item in ranked[TOP_SCORES:] if item[0] in wanted]
    row: list[float] = []
    for name, score in kept:
        row += (numbers.label(name), round(score, 3))
    return row


def _text_row(name: str, instance: Instance | None, numbers: _Numbers) -> list[Any]:
    """[id, [kind, text, kind, text, ...], label], kind 0 outside the entities, 1 in the head, 2 in the
    tail, 3 in both; [id] without the instance. The texts of a row, put together, are its sentence."""
    if instance is None:
        return [name]
    kinds = [0] * len(instance.tokens)
    for bit, spans in ((1, instance.heads), (2, instance.tails)):
        for at in {at for span in spans for at in range(span.start, span.end)}:
            kinds[at] |= bit
    pieces: list[Any] = []
    for kind, run in groupby(zip(kinds, instance.tokens, strict=True), key=lambda pair: pair[0]):
        blank = [0, " "] if pieces else []
        pieces += [*blank, kind, " ".join(token for _, token in run)]
    return [name, pieces, numbers.label(instance.relations)]
