"""Other test sets and swapped datastores: what is scored, what is recorded, what is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.errors import ConfigError, DataError
from bench.records.store import Store
from bench.report import render
from bench.report.domain_table import domain_table
from bench.report.frames import cells_frame
from bench.report.report import Report
from bench.run.execute import execute
from bench.run.plan import plan
from bench.run.test_sets import Target, identity, score, targets
from bench.settings.config import build
from methods.types import Instance, RelationSchema, Span

WANTED = ("shifted", "shifted@other", "test@other")


@pytest.fixture
def dataset(mini: Path) -> Dataset:
    return load_dataset("mini", None, {})


def test_targets_are_ordered_and_restricted(dataset: Dataset) -> None:
    found = targets(dataset, ["test@other", "shifted@tiny", "shifted", "shifted@other", "shifted", "test"])
    assert [t.key for t in found] == ["test", "shifted", "test@other", "shifted@other", "shifted@tiny"]
    shifted = found[1]
    assert shifted.relations == ("born_in", "no_relation")  # `foreign` is not in the schema, `works_for` not in the set
    assert {i.relation for i in shifted.instances} == {"born_in", "no_relation"}
    assert shifted.note == (
        "scored on 2 relations, those of its 3 that are among the 3 trained ones: 8 of 12 instances."
    )
    assert found[0].note == found[2].note == ""
    assert found[2].database == dataset.datastores["other"]
    assert targets(dataset, []) == targets(dataset, ["test"]) == ()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("shift", r"--test-sets shift: mini has no test set 'shift'; it has test, shifted"),
        ("shifted@x", r"--test-sets shifted@x: mini has no datastore 'x'; it has other, tiny"),
        ("shifted@", r"has no datastore ''"),
        ("", r"has no test set ''"),
    ],
)
def test_unknown_names(dataset: Dataset, wanted: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        targets(dataset, [wanted])


def test_nothing_shared_and_leaks(dataset: Dataset) -> None:
    foreign = tuple(i for i in dataset.extra_tests["shifted"] if i.relation == "foreign")
    with pytest.raises(ConfigError, match="f shares no relation with mini"):
        targets(replace(dataset, extra_tests={"f": foreign}), ["f"])
    negative = tuple(i for i in dataset.extra_tests["shifted"] if i.relation == "no_relation")
    with pytest.raises(ConfigError, match="f shares no relation with mini"):
        targets(replace(dataset, extra_tests={"f": negative}), ["f"])
    with pytest.raises(DataError, match=r"mini: test set e and train share instance 'train-0'"):
        targets(replace(dataset, extra_tests={"e": dataset.train[:3]}), ["e"])
    with pytest.raises(DataError, match=r"mini: test set test and datastore d share instance 'test-4'"):
        targets(replace(dataset, datastores={"d": dataset.test[4:]}), ["test@d"])


SCHEMA = RelationSchema(("a", "b", "c", "none"), {n: f"is {n}" for n in ("a", "b", "c", "none", "z")}, "none")


def scored(metric: str, relations: tuple[str, ...], gold: str, predicted: str, schema: RelationSchema = SCHEMA):
    instances = tuple(Instance(f"{n}", ("x", "y"), Span(0, 1), Span(1, 2), r) for n, r in enumerate(gold.split()))
    dataset = Dataset("d", schema, metric, (), (), ())
    return score(Target("t", instances, relations), predicted.split(), dataset)


def test_only_shared_relations_count() -> None:
    """A prediction of b or c, which the test set does not have, is wrong but no relation's false positive."""
    found = scored("macro_f1_accuracy", ("a", "none"), "a a a none", "a b c none")
    assert found["per_relation"].keys() == {"a", "none"}
    assert (found["per_relation"]["a"]["precision"], found["per_relation"]["a"]["recall"]) == (1, 1 / 3)
    assert found["f1"] == (0.5 + 1) / 2
    assert found["accuracy"] == 0.5
    micro = scored("tacred_micro_f1", ("a", "none"), "a a none none", "a b c a")
    assert (micro["precision"], micro["recall"], micro["f1"]) == (0.5, 0.5, 0.5)
    names = ("A(e1,e2)", "A(e2,e1)", "B(e1,e2)", "B(e2,e1)", "Other")
    directed = RelationSchema(names, {name: name for name in names}, "Other")
    macro = scored(
        "semeval_macro_f1", names[:2] + names[4:], "A(e1,e2) A(e2,e1) Other", "A(e1,e2) B(e1,e2) B(e2,e1)", directed
    )
    assert macro["per_group"].keys() == {"A"}
    assert macro["f1"] == pytest.approx(2 / 3)  # precision 1, recall 1/2


def test_all_relations_give_the_ordinary_score(dataset: Dataset) -> None:
    gold = [i.relation for i in dataset.test]
    whole = score(Target("test", dataset.test, dataset.schema.names), gold, dataset)
    assert (whole["f1"], whole["accuracy"]) == (1, 1)


def test_identity_names_the_contents(mini_preset: Path, dataset: Dataset) -> None:
    plain = plan(build(str(mini_preset)), dataset)
    assert identity(dataset, ["test"]) == {}
    assert plan(build(str(mini_preset), test_sets="test"), dataset)[0].cell_id == plain[0].cell_id
    more = plan(build(str(mini_preset), test_sets=",".join(WANTED)), dataset)
    assert more[0].identity["test_sets"].keys() == set(WANTED)
    assert more[0].cell_id != plain[0].cell_id
    changed = replace(dataset, datastores=dataset.datastores | {"other": dataset.datastores["other"][1:]})
    assert changed.content_hash == dataset.content_hash
    now, then = (identity(d, WANTED) for d in (changed, dataset))
    assert [key for key in now if now[key] != then[key]] == ["shifted@other", "test@other"]
    with pytest.raises(ConfigError, match="has no test set"):
        plan(build(str(mini_preset), test_sets="none"), dataset)


def test_records_and_predictions(mini_preset: Path, dataset: Dataset, tmp_path: Path) -> None:
    config = build(str(mini_preset), test_sets=",".join(WANTED), ratios="1")
    with_database, without = plan(config, dataset)
    record, lines, more = execute(with_database, dataset)
    assert record.status == "ok", record.error
    parts = record.test_sets
    assert list(parts) == ["test", "shifted", "shifted@other", "test@other"]
    assert parts["test"]["metrics"] == record.metrics
    assert parts["shifted"]["n"] == 8
    assert parts["shifted"]["relations"] == ["born_in", "no_relation"]
    assert 0 < parts["shifted"]["diagnostics"]["same_relation"] < 1
    assert parts["shifted@other"]["datastore"] == "other"
    assert parts["shifted@other"]["diagnostics"]["same_relation"] == 0  # no relation in common
    # The counts of the miniature method are its training, which a swap leaves alone.
    assert parts["test@other"]["metrics"]["f1"] == record.metrics["f1"]
    store = Store(tmp_path / "run")
    store.write(record, lines, more)
    assert store.finished(with_database.cell_id)
    assert [line["id"] for line in store.predictions(with_database.cell_id)] == [i.id for i in dataset.test]
    elsewhere = store.predictions(with_database.cell_id, "test_sets")
    assert len(elsewhere) == 8 + 8 + 30
    database = {i.id for i in dataset.datastores["other"]}
    for line in elsewhere:
        assert (line["datastore"] is not None) == ({name for name, _ in line["neighbours"]} <= database)
    assert store.records() == [record]
    assert record.prediction_files == ("test_sets",)
    store.predictions_path(with_database.cell_id, "test_sets").unlink()
    assert not store.finished(with_database.cell_id)

    record, lines, more = execute(without, dataset)
    assert list(record.test_sets) == ["test", "shifted"]
    store.write(record, lines, more)
    assert len(store.predictions(without.cell_id, "test_sets")) == 8
    plain, lines, more = execute(plan(build(str(mini_preset)), dataset)[0], dataset)
    assert plain.test_sets is None
    assert (plain.prediction_files, more) == ((), {})


def test_a_method_without_a_database_is_finished(mini_preset: Path, dataset: Dataset, tmp_path: Path) -> None:
    spec = plan(build(str(mini_preset), test_sets="test@other", methods="mini_plain"), dataset)[0]
    record, lines, more = execute(spec, dataset)
    assert list(record.test_sets) == ["test"]
    store = Store(tmp_path / "run")
    store.write(record, lines, more)
    assert store.finished(spec.cell_id)


def test_a_datastore_that_is_too_small_fails_the_cell(mini_preset: Path, dataset: Dataset) -> None:
    record, lines, _ = execute(plan(build(str(mini_preset), test_sets="test@tiny"), dataset)[0], dataset)
    assert (record.status, lines) == ("failed", None)
    assert record.error.message == "k = 2 is more than the 1 instances of the datastore"


def test_tables(bench: Callable[..., int], mini_preset: Path, mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "--preset", str(mini_preset), "--test-sets", ",".join(WANTED), "--out", "out")
    assert bench(*arguments) == 0
    records = Store(mini / "out").records()
    table = domain_table(cells_frame(records), records)
    assert table is not None
    assert table.header == ("method", "ratio", "test", "shifted", "shifted@other", "test@other")
    by_name = {row[:2]: row[2:] for row in table.rows}
    assert len(by_name) == 4
    assert by_name["mini_plain", "50%"][2:] == ("–", "–")
    assert by_name["mini", "50%"][0] == by_name["mini", "50%"][3]
    assert "[" in by_name["mini", "50%"][1]  # two draws
    assert "[" not in by_name["mini", "100%"][1]  # one
    assert any(note.startswith("shifted, shifted@other: scored on 2 relations") for note in table.notes)
    assert "shifted@other" in capsys.readouterr().out
    text = (mini / "out" / "tables" / "mini.md").read_text()
    assert "## Test sets\n\n| method | ratio | test | shifted |" in text
    assert (mini / "out" / "tables" / "mini-test-sets.tex").exists()
    assert "test_sets.shifted" in (mini / "out" / "tables" / "mini-cells.csv").read_text().splitlines()[0]
    assert bench(*arguments, "--dry-run") == 0
    assert "to run" not in capsys.readouterr().out


def test_no_table_without_other_test_sets(mini_preset: Path, dataset: Dataset, tmp_path: Path) -> None:
    records = [execute(spec, dataset)[0] for spec in plan(build(str(mini_preset), ratios="1"), dataset)]
    cells = cells_frame(records)
    assert domain_table(cells, records) is None
    assert not [name for name in cells if name.startswith("test_sets.")]
    report = Report.of(records, {})
    assert "test set" in render.console(report)  # the ordinary note alone
    assert not [path for path in render.write_report(tmp_path / "out", report) if "test-sets" in path.name]


def test_configuration(mini_preset: Path) -> None:
    assert build(str(mini_preset), test_sets="a, b@c").dataset.test_sets == ("a", "b@c")
    with pytest.raises(ConfigError, match=r"--test-sets: empty value in 'a,'"):
        build(str(mini_preset), test_sets="a,")
    with pytest.raises(ConfigError, match=r"use the flag --test-sets"):
        build(str(mini_preset), ["dataset.test_sets=[a]"])
