"""Records and predictions of a run -> which differences between its methods are more than chance.

Only runs that both methods have enter a comparison: same ratio, draw, seed and training instances in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from bench.records.record import Record
from bench.scoring.metric import Counts, Metric
from bench.scoring.metrics import METRICS
from bench.statistics.comparison import Comparison, compare, holm, randomisation_p
from bench.statistics.intervals import probability_of_improvement
from bench.statistics.power import minimum_detectable_difference
from methods.types import RelationSchema

Load = Callable[[str], Sequence[Mapping[str, Any]] | None]  # predictions of a cell by its id; None: there are none
LEVEL = 0.05
BETTER, WORSE, BEST = "↑", "↓", "*"


class ComparisonError(Exception):
    """Why no test can be made of these runs, as the end of a sentence."""


@dataclass(frozen=True)
class Significance:
    """``differences``: one row per method and ratio, against ``reference`` (columns: see `_row`); ``marks``: what the
    table of scores shows, by (method, ratio); ``note``: why there is nothing, if so."""

    reference: str
    differences: pd.DataFrame = field(default_factory=pd.DataFrame)
    marks: Mapping[tuple[str, float], str] = field(default_factory=dict)
    note: str = ""


def default_reference(methods: Sequence[str]) -> str:
    """What the others are held against unless the user says otherwise."""
    return "no_retrieval" if "no_retrieval" in methods else methods[0]


def significance(cells: pd.DataFrame, records: Sequence[Record], load: Load, reference: str) -> Significance:
    """Every method against ``reference`` and against the best of its ratio, for one dataset's ``cells``
    (bench.report.frames.cells_frame of ``records``).

    A mark says: better or worse than the reference after Holm's correction over all comparisons with it; the best
    of its ratio, or not distinguishable from it, corrected likewise. A run without predictions gives a note alone.
    """
    runs = cells[cells["status"] == "ok"].drop_duplicates(["method", "ratio", "order", "seed"])
    methods = list(runs["method"].unique())
    if len(methods) < 2:
        return Significance(reference)
    try:
        counted = _counted([record for record in records if record.cell_id in set(runs["cell_id"])], load)
        others = [method for method in methods if method != reference]
        ratios = sorted(float(ratio) for ratio in runs["ratio"].unique())
        against = _compared(runs, counted, [(m, reference, ratio) for ratio in ratios for m in others])
        best = {ratio: _best(runs[runs["ratio"] == ratio]) for ratio in ratios}
        rivals = [(m, best[ratio], ratio) for ratio in ratios for m in methods if m != best[ratio]]
        behind = _holm_values(runs, counted, rivals, against)
    except ComparisonError as error:
        return Significance(reference, note=f"No test of significance: {error}.")
    marks = {(method, ratio): BEST for ratio, method in best.items()}
    marks |= {key: BEST for key, p in behind.items() if p >= LEVEL}
    for row in against.to_dict("records"):
        key = row["method"], row["ratio"]
        marks[key] = row["mark"] + marks.get(key, "")
    return Significance(reference, against, {key: mark for key, mark in marks.items() if mark})


def change_tests(
    pairs: Sequence[tuple[Record, Record]], load_before: Load, load_after: Load
) -> dict[tuple[str, float], tuple[float, float]]:
    """p and Holm's p of the difference between two runs, by method and ratio; ``pairs`` hold cells of one method,
    ratio, draw and seed, before and after. Raises ComparisonError where no test can be made."""
    counted = [_counted([pair[at] for pair in pairs], load) for at, load in enumerate((load_before, load_after))]
    found: dict[tuple[str, float], float] = {}
    for key in dict.fromkeys((old.method, old.ratio) for old, _ in pairs):
        own = [pair for pair in pairs if (pair[0].method, pair[0].ratio) == key]
        sides = [[counted[at][pair[at].cell_id] for pair in own] for at in (0, 1)]
        if len({cell.ids for side in sides for cell in side}) > 1:
            raise ComparisonError(f"the runs of {key[0]} have different test instances")
        draws = [old.draw for old, _ in own]
        found[key] = randomisation_p(_stacked(sides[1]), _stacked(sides[0]), draws)
    return {key: (p, adjusted) for (key, p), adjusted in zip(found.items(), holm(list(found.values())), strict=True)}


def _best(runs: pd.DataFrame) -> str:
    """The method with the highest mean, seeds averaged within draws; the first of equals."""
    draws = runs.groupby(["method", "subset"], sort=False)["f1"].mean()
    return str(draws.groupby("method", sort=False).mean().idxmax())


@dataclass(frozen=True)
class _Cell:
    ids: tuple[str, ...]
    right: np.ndarray  # [instances]: predicted exactly the gold labels
    counts: Counts  # of this one cell


def _counted(records: Sequence[Record], load: Load) -> dict[str, _Cell]:
    """Every cell's counts, by its id. Raises ComparisonError."""
    metrics = {str(record.identity.get("metric", "")) for record in records}
    if len(metrics) > 1:
        raise ComparisonError(f"the runs were scored with {' and '.join(sorted(metrics))}")
    metric = METRICS.get(metrics.pop())
    if metric is None:
        raise ComparisonError(f"metric {records[0].identity.get('metric')!r} is unknown; known: {', '.join(METRICS)}")
    # A record of schema 1 without a correct prediction does not tell how many facts were missed.
    unpaired = max(record.n_unpaired for record in records)
    cells = {}
    for record in records:
        found = load(record.cell_id)
        if found is None:
            raise ComparisonError(f"the predictions of {record.method} (cell {record.cell_id}) are missing")
        if not found:
            raise ComparisonError("there are no test instances")
        cells[record.cell_id] = _cell(metric, record, found, unpaired)
    return cells


def _cell(metric: Metric, record: Record, lines: Sequence[Mapping[str, Any]], unpaired: int) -> _Cell:
    ids, gold, predicted = ([line[name] for line in lines] for name in ("id", "gold", "predicted"))
    names = tuple(record.metrics.get("per_relation", ()))
    try:
        schema = RelationSchema(names, {name: name for name in names}, record.negative)
        counts = metric.count(gold, [predicted], schema, unpaired)
    except ValueError as error:
        raise ComparisonError(str(error)) from error
    if abs(counts.scores()[0] - record.metrics["f1"]) > 1e-9:
        raise ComparisonError("the recorded scores do not follow from the predictions beside them")
    right = np.array([g == p for g, p in zip(gold, predicted, strict=True)])
    return _Cell(tuple(ids), right, counts)


Pair = tuple[str, str, float]  # method, other, ratio


def _matched(
    runs: pd.DataFrame, counted: Mapping[str, _Cell], pair: Pair
) -> tuple[pd.DataFrame, list[_Cell], list[_Cell], list[int]] | None:
    """The runs that both methods have, their cells, and the draw of each; None for none. Raises ComparisonError."""
    method, other, ratio = pair
    parts = [runs[(runs["method"] == name) & (runs["ratio"] == ratio)] for name in (method, other)]
    both = parts[0].merge(parts[1], on=["subset", "order", "seed"], suffixes=("", "_other"))
    if both.empty:
        return None
    own, others = ([counted[name] for name in both[column]] for column in ("cell_id", "cell_id_other"))
    if len({cell.ids for cell in (*own, *others)}) > 1:
        raise ComparisonError(f"the runs of {method} and {other} have different test instances")
    return both, own, others, list(pd.factorize(both["subset"])[0])


def _holm_values(
    runs: pd.DataFrame, counted: Mapping[str, _Cell], pairs: Iterable[Pair], known: pd.DataFrame
) -> dict[tuple[str, float], float]:
    """Holm's p of the pairs with matched runs, by method and ratio. The test is the same either way round, so that
    the p of pairs that are ``known`` (rows of `_compared`) need no resamples again."""
    tested = {(frozenset((r["method"], r["reference"])), r["ratio"]): r["p"] for r in known.to_dict("records")}
    found: dict[tuple[str, float], float] = {}
    for method, other, ratio in pairs:
        p = tested.get((frozenset((method, other)), ratio))
        if p is None and (matched := _matched(runs, counted, (method, other, ratio))):
            _, own, others, draws = matched
            p = randomisation_p(_stacked(own), _stacked(others), draws)
        if p is not None:
            found[method, ratio] = p
    return dict(zip(found, holm(list(found.values())), strict=True))


def _compared(runs: pd.DataFrame, counted: Mapping[str, _Cell], pairs: Iterable[Pair]) -> pd.DataFrame:
    """One row per pair with matched runs, Holm's correction over all rows."""
    rows = []
    for method, other, ratio in pairs:
        matched = _matched(runs, counted, (method, other, ratio))
        if matched is None:
            continue
        both, own, others, draws = matched
        found = compare(_stacked(own), _stacked(others), draws)
        discordance = float(np.mean([a.right != b.right for a, b in zip(own, others, strict=True)]))
        better = probability_of_improvement(both["f1"].to_numpy(), both["f1_other"].to_numpy())
        rows.append({"method": method, "reference": other, "ratio": ratio, **_row(found, discordance, better)})
    for row, adjusted in zip(rows, holm([row["p"] for row in rows]), strict=True):
        sign = (row["difference"] > 0) - (row["difference"] < 0)
        row |= {"p_holm": adjusted, "mark": ("", BETTER, WORSE)[sign] if adjusted < LEVEL else ""}
    return pd.DataFrame(rows)


def _row(found: Comparison, discordance: float, better: float) -> dict[str, Any]:
    """Fractions. ``draws_low``, ``draws_high``: Student's t over draws, None with one draw; ``better``: probability of
    improvement; ``discordance``: share of instances that exactly one method gets right, and with it
    ``detectable``, the minimum detectable difference in accuracy."""
    plain = asdict(found)
    draws, reduction = plain.pop("draws"), plain.pop("reduction") or (None, None, None)
    over_draws = draws["unit"] == "draws"
    return {
        **plain,
        **dict(zip(("reduction", "reduction_low", "reduction_high"), reduction, strict=True)),
        "draws_low": draws["low"] if over_draws else None,
        "draws_high": draws["high"] if over_draws else None,
        "n_draws": draws["n_draws"],
        "n_seeds": draws["n_seeds"],
        "better": better,
        "discordance": discordance,
        "detectable": minimum_detectable_difference(found.n_instances, discordance) if discordance else None,
    }


def _stacked(cells: Sequence[_Cell]) -> Counts:
    counts = [cell.counts for cell in cells]
    correct, predicted = (np.concatenate([getattr(c, name) for c in counts]) for name in ("correct", "predicted"))
    return replace(counts[0], correct=correct, predicted=predicted)
