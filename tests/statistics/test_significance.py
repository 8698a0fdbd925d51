"""From records and predictions to marks and tables: what is matched, what is refused, what is said."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.report import render
from bench.report.frames import cells_frame
from bench.report.report import Report
from bench.report.significance_table import marks_note, points, significance_table
from bench.report.tabular import to_latex, to_markdown
from bench.scoring.metrics import METRICS
from bench.statistics import comparison
from bench.statistics import significance as module_of_tests
from bench.statistics.comparison import bootstrap, compare, randomisation_p
from bench.statistics.significance import significance
from methods.types import RelationSchema
from tests.records.factory import changed, make_record

NAMES = ("a", "none", "b")


def schema(negative):
    return RelationSchema(NAMES, {name: f"text {name}" for name in NAMES}, negative)


SCHEMA = schema("none")
GOLD = [NAMES[i % 3] for i in range(101)]


def cell(method, right, ratio=0.1, draw=0, seed=0, metric="tacred_micro_f1", n_unpaired=0):
    """A record and its predictions: the first ``right`` of 101 instances are right, the others say the next label."""
    pairs = [(gold, gold if i < right else NAMES[(NAMES.index(gold) + 1) % 3]) for i, gold in enumerate(GOLD)]
    return made(method, pairs, metric, ratio=ratio, draw=draw, seed=seed, n_unpaired=n_unpaired)


def made(method, pairs, metric="tacred_micro_f1", **fields):
    """A record and its predictions, from pairs (gold, predicted); of lists under a metric of sets."""
    if METRICS[metric].multi_label:
        pairs = [([gold], [predicted]) for gold, predicted in pairs]
    lines = [{"id": f"t{i}", "gold": gold, "predicted": predicted} for i, (gold, predicted) in enumerate(pairs)]
    gold, predicted = zip(*pairs, strict=True)
    record = make_record(
        method=method,
        identity={"metric": metric},
        negative="none",
        metrics=METRICS[metric].report(gold, predicted, SCHEMA, unpaired=fields.get("n_unpaired", 0)),
        cost={"train_seconds": 3.0, "predict_seconds": 1.0},
        **fields,
    )
    return record, lines


def run_of(*cells):
    predictions = {record.cell_id: lines for record, lines in cells}
    return [record for record, _ in cells], predictions.get


def significance_of(cells):
    records, load = run_of(*cells)
    return significance(cells_frame(records), records, load, "no_retrieval")


@pytest.mark.parametrize("metric", METRICS)
def test_marks_and_rows(metric):
    found = significance_of(
        [cell(m, n, metric=metric) for m, n in (("no_retrieval", 53), ("good", 89), ("like", 87), ("bad", 23))]
    )
    assert found.marks == {("good", 0.1): "↑*", ("like", 0.1): "↑*", ("bad", 0.1): "↓"}
    good, like, bad = found.differences.to_dict("records")
    assert (good["method"], good["reference"], good["mark"]) == ("good", "no_retrieval", "↑")
    assert (good["n_cells"], good["n_draws"], good["n_seeds"], good["n_instances"]) == (1, 1, 1, 101)
    assert good["discordance"] == pytest.approx(36 / 101)
    assert bad["difference"] < 0 < like["difference"] < good["difference"]
    assert good["p_holm"] == pytest.approx(3 * good["p"])
    assert (good["better"], bad["better"]) == (1.0, 0.0)


def test_holm_is_over_the_whole_table():
    found = significance_of(
        [cell(m, n, ratio=r) for r in (0.1, 1.0) for m, n in (("no_retrieval", 53), ("one", 89), ("two", 20))]
    )
    least = min(row["p"] for row in found.differences.to_dict("records"))
    assert found.differences["p_holm"].min() == pytest.approx(4 * least)


def test_no_pair_is_resampled_twice(monkeypatch):
    tested, bootstrapped = [], []
    for module in (comparison, module_of_tests):
        monkeypatch.setattr(module, "randomisation_p", lambda *args: tested.append(args) or randomisation_p(*args))
    monkeypatch.setattr(comparison, "bootstrap", lambda *args: bootstrapped.append(args) or bootstrap(*args))
    found = significance_of([cell(m, n) for m, n in (("no_retrieval", 53), ("good", 89), ("like", 87), ("bad", 23))])
    # Three against no_retrieval; good is the best, and beside no_retrieval it has two rivals, of which only p counts.
    assert (len(tested), len(bootstrapped)) == (5, 3)
    assert found.marks == {("good", 0.1): "↑*", ("like", 0.1): "↑*", ("bad", 0.1): "↓"}


def test_only_runs_of_both_methods_are_compared():
    cells = [cell("no_retrieval", 53, draw=draw) for draw in (0, 1, 2)]
    cells += [cell("etrag", 60, draw=0), cell("etrag", 60, draw=1), cell("etrag", 90, draw=3), cell("new", 60, draw=5)]
    found = significance_of(cells).differences
    assert list(found["method"]) == ["etrag"]
    assert (found.iloc[0]["n_cells"], found.iloc[0]["n_draws"]) == (2, 2)
    record, lines = cell("shuffled", 60)
    other_order = changed(record, subset_ids={"train": record.subset_ids.train, "dev": ["v1"]}), lines
    assert significance_of([cell("no_retrieval", 53), other_order]).differences.empty


def test_equal_predictions_are_a_tie():
    found = significance_of([cell("no_retrieval", 53), cell("copy", 53)])
    row = found.differences.iloc[0]
    assert (row["difference"], row["low"], row["high"], row["p"], row["better"]) == (0.0, 0.0, 0.0, 1.0, 0.5)
    assert found.marks == {("no_retrieval", 0.1): "*", ("copy", 0.1): "*"}
    assert significance_table(found).rows[0][2] == "0.0 [0.0, 0.0]"


def test_the_negative_class_is_that_of_the_record():
    # All scores are the same whether `a` or `none` is left out, but not the instances that they come from.
    swapped = {"a": "none", "none": "a", "b": "b"}
    pairs = [(gold, swapped[gold] if i < 36 else gold) for i, gold in enumerate(GOLD[:99])]
    first, second = made("no_retrieval", pairs), made("etrag", [(gold, gold) for gold, _ in pairs])
    row = significance_of([first, second]).differences.iloc[0]
    bounds = {}
    for negative in ("a", "none"):
        counts = [
            METRICS["tacred_micro_f1"].count(GOLD[:99], [[line["predicted"] for line in lines]], schema(negative))
            for _, lines in (second, first)
        ]
        assert counts[1].scores()[0] == pytest.approx(first[0].metrics["f1"], abs=1e-12)
        found = compare(*counts, [0])
        bounds[negative] = found.low, found.high
    assert bounds["none"] != bounds["a"]
    assert (row["low"], row["high"]) == bounds["none"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": {"f1": 0.123}}, "the recorded scores do not follow from the predictions beside them"),
        ({"negative": "a"}, "the recorded scores do not follow from the predictions beside them"),
        ({"identity": {"metric": "ndcg"}}, "scored with ndcg and tacred_micro_f1"),
    ],
)
def test_records_that_cannot_be_compared_are_named(changes, message):
    record, lines = cell("etrag", 60)
    changes = {name: getattr(record, name) | new if name != "negative" else new for name, new in changes.items()}
    refused([cell("no_retrieval", 53), (changed(record, changes), lines)], message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[0].update(id="other"), "etrag and no_retrieval have different test instances"),
        (lambda lines: lines[0].update(predicted="x"), "unknown predicted label 'x'"),
        (lambda lines: lines[0].update(gold=["a"]), "metric 'tacred_micro_f1' scores single labels, not sets"),
        (lambda lines: lines.clear(), "there are no test instances"),
    ],
)
def test_predictions_that_cannot_be_compared_are_named(change, message):
    record, lines = cell("etrag", 60)
    change(lines)
    refused([cell("no_retrieval", 53), (record, lines)], message)


def refused(cells, message):
    found = significance_of(cells)
    assert message in found.note
    assert (found.differences.empty, found.marks, significance_table(found)) == (True, {}, None)
    assert marks_note(found) == found.note


def test_an_unknown_metric_is_refused_by_name():
    cells = [cell(method, 53) for method in ("no_retrieval", "etrag")]
    for record, _ in cells:
        record.identity["metric"] = "ndcg"
    assert "metric 'ndcg' is unknown; known: tacred_micro_f1" in significance_of(cells).note


def test_facts_that_no_instance_stands_for_are_missed():
    cells = [cell(m, n, metric="docred_f1", n_unpaired=13) for m, n in (("no_retrieval", 53), ("etrag", 89))]
    gap = cells[1][0].metrics["f1"] - cells[0][0].metrics["f1"]
    assert significance_of(cells).differences.iloc[0]["difference"] == pytest.approx(gap)
    forgotten = [(changed(record, n_unpaired=0), lines) for record, lines in cells]
    refused(forgotten, "the recorded scores do not follow from the predictions beside them")


def test_without_predictions_there_is_one_note_and_no_mark(tmp_path):
    records, _ = run_of(cell("no_retrieval", 53), cell("etrag", 89))
    (path, *_) = render.write_report(tmp_path, Report.of(records, {}, {}.get))
    text = path.read_text(encoding="utf-8")
    assert text.count("the predictions of no\\_retrieval") + text.count("the predictions of no_retrieval") == 1
    assert "↑" not in text
    assert "Against" not in text


def test_the_report_shows_marks_and_comparisons_the_same_twice(tmp_path):
    records, load = run_of(*(cell(m, n, ratio=r) for r in (0.1, 1.0) for m, n in (("no_retrieval", 53), ("etrag", 89))))
    report = Report.of(records, {}, load)
    paths = render.write_report(tmp_path / "a", report)
    again = render.write_report(tmp_path / "b", Report.of(records, {}, load))
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    text = paths[0].read_text(encoding="utf-8")
    assert "## Against no_retrieval\n" in text
    assert "(../figures/toy-quality-by-cost.png)" in text
    assert "↑\\*" in text
    assert {"toy-comparison.csv", "toy-comparison.tex", "toy-data-equivalence.csv"} <= {path.name for path in paths}
    csv = pd.read_csv(next(path for path in paths if path.name == "toy-comparison.csv"))
    assert list(csv["mark"]) == ["↑", "↑"]
    assert "↑*" in render.console(report)


def test_the_reference_is_a_choice():
    records, load = run_of(cell("first", 53), cell("etrag", 89))
    (default,), (chosen,) = (Report.of(records, {}, load, name).parts for name in (None, "etrag"))
    assert default.tests.reference == "first"
    assert chosen.tests.differences["method"].tolist() == ["first"]


def test_one_method_has_nothing_to_compare():
    found = significance_of([cell("no_retrieval", 53)])
    assert (found.note, found.marks, marks_note(found)) == ("", {}, "")


def test_table_cells_by_hand():
    cells = [cell("no_retrieval", 50 + draw, draw=draw) for draw in (0, 1)]
    cells += [cell("etrag", 50 + 3 * draw, draw=draw) for draw in (0, 1)]
    table = significance_table(significance_of(cells))
    (row,) = table.rows
    assert row[:2] == ("etrag", "10%")
    assert row[2].startswith("+")
    assert row[3].startswith("[−")  # two draws: the interval over draws is wide
    assert row[-1] == "2×1×101"
    assert "\\$" not in to_latex(table)
    assert to_markdown(table).count("\n| ") == 2


def test_a_missing_run_is_counted():
    runs = [
        cell(method, 53, draw=d, seed=s) for method in ("no_retrieval", "etrag") for d, s in ((0, 0), (0, 1), (1, 0))
    ]
    assert significance_table(significance_of(runs)).rows[0][-1] == "3 of 2×2×101"


@pytest.mark.parametrize(("value", "text"), [(0.0123, "+1.2"), (-0.0123, "−1.2"), (0.0001, "0.0"), (-0.0001, "0.0")])
def test_points(value, text):
    assert points(value) == text
