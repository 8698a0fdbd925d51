"""Errors and moves (bench.scoring.answers), and differences between runs, as tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.names import MISSING, metric_name, ratio_name
from bench.records.record import Record
from bench.report.significance_table import p_text
from bench.report.tabular import Table
from bench.scoring.answers import (
    KINDS,
    Line,
    Move,
    accuracy_by,
    error_pairs,
    kind,
    largest,
    length_bin,
    moved_relations,
    neighbour_agreement,
    type_pair,
)
from bench.statistics.intervals import mean_interval
from methods.types import Instance

Titled = tuple[str, Table]


def error_tables(
    lines: Sequence[Line], negative: str | None, instances: Mapping[str, Instance] | None, count: int = 10
) -> list[Titled]:
    """Answers by kind with what neighbours say, the ``count`` most frequent confusions, accuracy by length and types.

    ``instances``: all of the corpus, by id; None where it is not at hand, which leaves out what needs it (without it
    ``negative`` is not known either, and every error is a wrong relation).
    """
    tables = [("Answers", _kind_table(lines, negative, instances))]
    pairs = error_pairs(lines, negative)[:count]
    if pairs:
        confused = tuple((gold, predicted, str(name), str(n)) for name, gold, predicted, n in pairs)
        tables.append(("Most frequent errors", Table(("gold", "predicted", "error", "n"), confused)))
    if instances is not None:
        for title, name, group in (("By length", "words", length_bin), ("By entity types", "types", type_pair)):
            known = [line for line in lines if line["id"] in instances]
            by = accuracy_by(known, lambda line, group=group: group(instances[line["id"]]))  # type: ignore[misc]
            rows = tuple((label, str(n), _percent(correct / n)) for label, (n, correct) in by.items())
            tables.append((title, Table((name, "n", "right %"), rows)))
    return tables


def move_tables(found: Sequence[Move], count: int = 10) -> list[Titled]:
    """Relations that gained or lost most right answers, and instances whose gold relation gained or lost most
    probability; ``count`` of each."""
    relations = tuple(
        (name, str(n), str(fixed), str(broke)) for name, n, fixed, broke in moved_relations(found)[:count]
    )
    instances = tuple(
        (move.id, move.gold, move.before, move.after, move.turned, f"{move.gain:+.2f}")
        for move in largest(found, count)
        if move.gain
    )
    tables = []
    if relations:
        tables.append(("Relations that moved most", Table(("gold", "n", "fixed", "broke"), relations)))
    if instances:
        header = ("instance", "gold", "before", "after", "", "log-probability of gold")
        tables.append(("Instances that moved most", Table(header, instances)))
    return tables


def difference_table(
    pairs: Sequence[tuple[Record, Record]], tests: Mapping[tuple[str, float], tuple[float, float]] | None = None
) -> Table:
    """F1 (percent) before and after, and the mean of the paired differences with the interval of `mean_interval`, by
    method and ratio; ``pairs`` hold cells of one draw and seed (bench.records.run.paired_cells), ``tests`` are
    those of bench.statistics.significance.change_tests."""
    groups: dict[tuple[str, float], dict[int, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for old, new in pairs:
        by_draw = groups[old.method, old.ratio]
        by_draw[old.draw].append((100 * old.metrics["f1"], 100 * new.metrics["f1"]))
    rows = []
    for (method, ratio), by_draw in groups.items():
        before, after = ([[pair[side] for pair in runs] for runs in by_draw.values()] for side in (0, 1))
        gain = mean_interval([[new - old for old, new in runs] for runs in by_draw.values()])
        interval = MISSING if gain.low is None else f"[{gain.low:+.1f}, {gain.high:+.1f}]"
        means = (f"{mean_interval(scores).mean:.1f}" for scores in (before, after))
        tested = [p_text(p) for p in tests[method, ratio]] if tests else []
        rows.append((method, ratio_name(ratio), *means, f"{gain.mean:+.1f}", interval, f"{gain.n}", *tested))
    metric = metric_name(str(pairs[0][0].metrics.get("primary", "")))
    notes: tuple[str, ...] = (
        f"{metric} × 100 and the 95% Student-t interval of the paired differences over draws, seeds averaged first "
        "(over seeds where there is one draw); n runs in common.",
    )
    header: tuple[str, ...] = ("method", "ratio", "before", "after", "difference", "interval", "n")
    if tests:
        header += ("p", "Holm p")
        notes += ("p: approximate randomisation over the test instances; it speaks of the trained models.",)
    return Table(header, tuple(rows), notes)


def _kind_table(lines: Sequence[Line], negative: str | None, instances: Mapping[str, Instance] | None) -> Table:
    counts = {name: sum(kind(line, negative) == name for line in lines) for name in KINDS}
    relations = {name: i.relations for name, i in instances.items()} if instances is not None else {}
    agreed = neighbour_agreement(lines, relations, negative) if instances is not None else {}
    rows = []
    for name, n in counts.items():
        if n:
            found = agreed.get(name)
            shares = (MISSING, MISSING) if found is None else (_percent(found.gold), _percent(found.predicted))
            rows.append((name, str(n), _percent(n / len(lines)), *shares))
    notes = ("The last two: % of an instance's neighbours that have the gold and the predicted relation.",)
    header = ("answer", "n", "%", "near gold %", "near predicted %")
    return Table(header, tuple(rows), notes) if agreed else Table(header[:3], tuple(row[:3] for row in rows))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
