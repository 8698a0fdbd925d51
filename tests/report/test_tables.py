"""Frames and tables from hand-made records: golden strings, failures, gaps, escaping."""

import csv
import io

import pandas as pd
import pytest

from bench.report import tables, tabular
from bench.report.frames import cells_frame, summary_frame
from bench.report.tables import result_table
from tests.records.factory import FAILURE, changed, make_record


def record(method="etrag", ratio=0.1, draw=0, seed=0, f1=0.5, **changes):
    """A finished cell of 173 test instances; ratio 1 holds the same 17 training instances in every draw."""
    names = [f"i{n}" for n in range(17)] if ratio == 1 else [f"d{draw}-{n}" for n in range(round(17 * ratio))]
    fields = {
        "identity": {"metric": "semeval_official"},
        "n_train": len(names),
        "n_test": 173,
        "subset_ids": {"train": names, "dev": ["v0"]},
        "metrics": {"primary": "macro_f1", "f1": f1, "precision": f1, "recall": f1, "accuracy": f1, "dev_f1": f1},
        "cost": {
            "train_seconds": 12.5,
            "predict_seconds": 2.0,
            "total_seconds": 15.0,
            "peak_memory_bytes": 7 * 2**20,
            "parameters": 22_700_000,
            "trained_parameters": 1_300,
            "steps": 400,
            "instances_seen": 6400,
        },
    }
    return make_record(method=method, ratio=ratio, draw=draw, seed=seed, **fields | changes)


def failed(**changes):
    return record(**changes, status="failed", metrics={}, cost={}, error=FAILURE)


def grid():
    """etrag before no_retrieval; at 10% one of etrag's two runs failed, no_retrieval has not been run at 100%."""
    return [
        record("etrag", 0.1, draw=0, f1=0.25),
        failed(method="etrag", ratio=0.1, draw=1),
        record("no_retrieval", 0.1, draw=0, f1=0.40),
        record("no_retrieval", 0.1, draw=1, f1=0.41),
        record("etrag", 1.0, draw=0, seed=0, f1=0.7),
        record("etrag", 1.0, draw=0, seed=1, f1=0.7),
    ]


def table_of(records):
    return result_table(summary_frame(cells_frame(records)))


MARKDOWN = """\
| method | 10% (n = 1×1) | 100% (n = 1×2) | train s | predict s/1k | peak MiB | parameters | trained |
| :-- | --: | --: | --: | --: | --: | --: | --: |
| etrag | 25.0, failed (1 of 2) | 70.0 [70.0, 70.0] | 12.5 | 11.6 | 7 | 22.7M | 1.3k |
| no_retrieval | 40.5 [34.1, 46.9] (n = 2×1) | – | – | – | – | – | – |

macro-F1 × 100 on the test set: mean and 95% Student-t interval over draws of the training subset, seeds averaged \
first; n = draws×seeds; one run has no interval.

Where n has one draw (as at 100%, where all draws are equal), the interval is over seeds only.

Training instances: 10%: 2, 100%: 17.

Cost at 100%: seconds of training, of prediction per 1,000 instances and parameters are means, memory is the peak \
over runs.
"""

LATEX = r"""
\begin{tabular}{lrrrrrrr}
\toprule
method & 10\% (n = 1$\times$1) & 100\% (n = 1$\times$2) & train s & predict s/1k & peak MiB & parameters & trained \\
\midrule
\texttt{etrag} & 25.0, failed (1 of 2) & 70.0 [70.0, 70.0] & 12.5 & 11.6 & 7 & 22.7M & 1.3k \\
\texttt{no\_retrieval} & 40.5 [34.1, 46.9] (n = 2$\times$1) & -- & -- & -- & -- & -- & -- \\
\bottomrule
\end{tabular}
"""


def test_markdown():
    assert tabular.to_markdown(table_of(grid())) == MARKDOWN


def predicting(*predicted, **changes):
    """A run on 7 instances of A and 4 of B, of which it gives so many each of the two relations."""
    shares = dict.fromkeys(("precision", "recall", "f1"), 0.5)
    scores = {
        name: {**shares, "support": n, "predicted": p} for name, n, p in zip("AB", (7, 4), predicted, strict=True)
    }
    found = record(**changes, n_test=11)
    return changed(found, metrics=found.metrics | {"per_relation": scores})


def test_runs_that_know_one_relation_only_are_named():
    runs = [predicting(11, 0, draw=0), predicting(0, 11, draw=1), predicting(10, 1, draw=2), record("other")]
    notes = table_of(runs).notes
    assert "Runs that gave every test instance the same relation, in the means too: etrag at 10% 2 of 3." in notes
    assert list(cells_frame(runs)["one_relation"]) == ["A", "B", "", ""]
    assert not any("same relation" in note for note in table_of(runs[2:]).notes)
    few = predicting(3, 0)  # where an instance may have no relation, one of them for three is not the same for all
    assert list(cells_frame([few])["one_relation"]) == [""]


def test_costs_of_other_machines_are_named():
    def run(method, **environment):
        return record(method, environment=environment) if environment else record(method)

    one = {"device": "cpu", "cpu": "Q7", "threads": 1}
    runs = [run("a", **one), run("b", **one, cores=2), run("c", **one | {"threads": 2})]
    assert "machines" not in table_of(runs[:2]).notes[-1]
    assert (
        table_of(runs)
        .notes[-1]
        .endswith(" Seconds do not compare between machines: a, b on Q7 (1 thread); c on Q7 (2 threads).")
    )
    other = [runs[0], run("b", device="NVIDIA H200", threads=5), run("c")]
    assert (
        table_of(other).notes[-1].endswith(" machines: a on Q7 (1 thread); b on NVIDIA H200; c on a machine unknown.")
    )
    two = [runs[0], record("a", draw=1, environment=one | {"threads": 3}), runs[1]]
    assert "machines: a on Q7 (1 thread) and Q7 (3 threads); b on Q7 (1 thread)." in table_of(two).notes[-1]
    assert table_of(two[:2]).notes[-1].endswith(" machines: a on Q7 (1 thread) and Q7 (3 threads).")


def test_latex():
    found = tabular.to_latex(table_of(grid()))
    comments, body = found[: found.index("\n\\begin")], found[found.index("\n\\begin") :]
    assert body == LATEX
    assert all(line.startswith("% ") for line in comments.splitlines())


def test_split_costs_keeps_methods_and_every_note():
    table = table_of(grid())
    scores, costs = tables.split_costs(table)
    assert scores.header == ("method", "10% (n = 1×1)", "100% (n = 1×2)")
    assert costs.rows == (("etrag", "12.5", "11.6", "7", "22.7M", "1.3k"), ("no_retrieval", *"–––––"))
    assert scores.notes + costs.notes == table.notes


def test_all_runs_failed():
    assert table_of([failed(draw=draw) for draw in range(3)]).rows[0][1:] == ("failed (3 of 3)", *"–––––")


def test_equal_runs_at_ratio_one_count_once():
    # Draws 0 and 1 hold the same instances in the same order: under one seed they are one run, not two that agree.
    row = summary_frame(cells_frame([record(ratio=1.0, draw=0), record(ratio=1.0, draw=1)])).iloc[0]
    assert (row["n"], row["n_draws"], row["unit"], row["n_cells"]) == (1, 1, "run", 2)
    assert pd.isna(row["f1_low"])


def test_same_instances_in_another_order_are_replicates_of_one_draw():
    second = record(ratio=1.0, draw=1, f1=0.6)
    second = changed(second, subset_ids={"train": second.subset_ids.train[::-1], "dev": ["v0"]})
    row = summary_frame(cells_frame([record(ratio=1.0, draw=0), second])).iloc[0]
    assert (row["n"], row["n_draws"], row["unit"]) == (2, 1, "seeds")


def test_an_unfinished_draw_is_not_weighted_by_its_runs():
    runs = [record(draw=0, seed=0, f1=0.2), record(draw=0, seed=1, f1=0.4), record(draw=1, seed=0, f1=0.5)]
    table = table_of(runs)
    assert table.header[1] == "10% (n = 3 in 2 draws)"
    assert table.rows[0][1].startswith("40.0 [")


def test_records_without_subset_ids_fall_back_to_the_hash_then_the_draw():
    bare = [record(draw=draw, subset_ids={}) for draw in (0, 1)]
    assert summary_frame(cells_frame(bare)).iloc[0]["n_draws"] == 2
    hashed = [changed(run, identity={"subset_hash": "abc"}) for run in bare]
    assert summary_frame(cells_frame(hashed)).iloc[0]["n"] == 1


def test_methods_keep_their_order_and_ratios_ascend():
    runs = [record("zeta", 1.0), record("alpha", 0.1), record("zeta", 0.1)]
    summary = summary_frame(cells_frame(runs))
    assert list(zip(summary["method"], summary["ratio"], strict=True)) == [("zeta", 0.1), ("zeta", 1.0), ("alpha", 0.1)]


def test_two_records_of_one_cell_are_refused():
    with pytest.raises(ValueError, match=r"1{16} and 2{16} are both toy, etrag, ratio 0\.1, draw 0, seed 0"):
        cells_frame([record(cell_id="1" * 16), record(cell_id="2" * 16)])


def test_two_metrics_in_one_dataset_are_refused():
    other = record(draw=1, metrics={"primary": "micro_f1", "f1": 0.5})
    with pytest.raises(ValueError, match="macro_f1 and micro_f1"):
        summary_frame(cells_frame([record(), other]))


def test_numbers_survive_csv_unrounded():
    runs = [record(draw=0, f1=1 / 3), record(draw=1, f1=1 / 7)]
    summary = summary_frame(cells_frame(runs))
    (row,) = csv.DictReader(io.StringIO(summary.to_csv(index=False)))
    assert float(row["f1_mean"]) == summary["f1_mean"][0] == pytest.approx((1 / 3 + 1 / 7) / 2)
    assert float(row["peak_memory_bytes"]) == 7 * 2**20


def test_peak_memory_is_the_maximum_and_time_the_mean():
    slow = record(draw=1)
    slow = changed(slow, cost=slow.cost | {"train_seconds": 500.5, "peak_memory_bytes": 11 * 2**20})
    assert table_of([record(draw=0), slow]).rows[0][2:5] == ("256", "11.6", "11")


def test_unmeasured_costs_are_gaps():
    assert table_of([record(cost={})]).rows[0][2:] == tuple("–––––")


def test_marks_follow_the_score_of_their_cell():
    marked = result_table(summary_frame(cells_frame(grid())), {("etrag", 1.0): "↑*", ("no_retrieval", 0.1): "↓"})
    assert [row[1:3] for row in marked.rows] == [
        ("25.0, failed (1 of 2)", "70.0 [70.0, 70.0] ↑*"),
        ("40.5 [34.1, 46.9] (n = 2×1) ↓", "–"),
    ]
    assert r"[70.0, 70.0] $\uparrow$* &" in tabular.to_latex(marked)


def test_diagnostics_of_any_name():
    runs = [
        record(draw=0, diagnostics={"effective_instances": 3.0, "score_spread": 0.0625}),
        record(draw=1, diagnostics={"effective_instances": 4.0}),
        record("no_retrieval"),
    ]
    found = tables.diagnostics_table(cells_frame(runs))
    assert found.header == ("method", "ratio", "effective_instances", "score_spread")
    assert found.rows == (("etrag", "10%", "3.5", "0.0625"),)


def test_no_diagnostics_no_table():
    assert tables.diagnostics_table(cells_frame([record()])) is None


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (999, "999"), (1300, "1.3k"), (783e6, "783.0M"), (3e9, "3.0B")])
def test_counts(count, text):
    assert tables._count_text(count) == text
