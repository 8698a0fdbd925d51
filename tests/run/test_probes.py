"""Probes: what is shown, what is counted, what is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.errors import ConfigError
from bench.records.store import Store
from bench.run.execute import execute
from bench.run.plan import plan
from bench.run.probes import PROBES, examine, probe, replaced
from bench.settings.config import build
from methods.base import Context, FitReport, Method, Shown
from methods.settings import Settings
from methods.types import Instance, Neighbours, Prediction, RelationSchema
from tests.scoring.instances import instance

DATABASE = [
    instance("d0", "a", "b", "r"),
    instance("d1", "c", "d", "r"),
    instance("d2", "e", "f", "s"),
    instance("d3", "g", "h", "none"),
    instance("d4", "i", "j", "none"),
    instance("d5", "k", "l", "s", "r"),
]
QUERIES = [
    instance("q0", "m", "n", "r"),
    instance("q1", "o", "p", "none"),
    instance("q2", "q", "r", "t"),
    instance("d0", "a", "b", "r"),
]
FOUND = [
    Neighbours(("d3", "d0", "d2"), (3, 2, 1)),
    Neighbours(("d3", "d4", "d2"), (3, 2, 1)),
    Neighbours(("d0", "d1", "d5"), (3, 2, 1)),
    Neighbours(("d1", "d5", "d2"), (3, 2, 1)),
]


def shown(name: str, seed: int = 7, queries: Sequence[Instance] = QUERIES) -> tuple[list[list[Instance]], int]:
    near, unavailable = replaced(name, queries, FOUND, DATABASE, seed)
    assert not isinstance(near, str)
    return [list(row) for row in near], unavailable


@pytest.mark.parametrize("name", ["random", "shuffled", "gold", "wrong"])
def test_as_many_as_found_and_the_same_for_the_same_seed(name: str) -> None:
    near, unavailable = shown(name)
    assert [len(row) for row in near] == [3, 3, 3, 3]
    assert shown(name) == (near, unavailable)
    assert any(shown(name, seed)[0] != near for seed in range(5))
    assert "d0" not in {i.id for i in near[3]}  # never the query itself


def test_gold_wrong_and_random_neighbours() -> None:
    gold, unavailable = shown("gold")
    assert unavailable == 1  # nothing has the relation t
    assert [i.id for i in gold[2]] == list(FOUND[2].ids)
    assert {i.id for i in gold[0]} == {"d0", "d1", "d5"}  # all there are, one relation in common is enough
    assert Counter(i.id for i in gold[1]) in (Counter(d3=2, d4=1), Counter(d3=1, d4=2))  # too few: repeated
    assert all(
        set(q.relations).isdisjoint(i.relations) for q, row in zip(QUERIES, shown("wrong")[0], strict=True) for i in row
    )
    assert shown("wrong")[1] == shown("random")[1] == 0
    assert all(len({i.id for i in row}) == 3 for row in shown("random")[0])


def test_a_document_is_never_shown_to_its_own_instances() -> None:
    database = [instance("d0", "a", "b", "r", document="D"), instance("d1", "a", "b", "r", document="E")]
    query = instance("q", "a", "b", "r", document="D")
    for seed in range(5):
        near, _ = replaced("random", [query], [Neighbours(("d1",), (1,))], database, seed)
        assert near == [[database[1]]]


def test_shuffled_labels_are_the_retrieved_ones() -> None:
    near, _ = shown("shuffled")
    by_id = {i.id: i for i in DATABASE}
    assert [tuple(i.id for i in row) for row in near] == [found.ids for found in FOUND]
    assert all(i.tokens == by_id[i.id].tokens for row in near for i in row)
    labels = Counter(i.relations for row in near for i in row)
    assert labels == Counter(by_id[name].relations for found in FOUND for name in found.ids)
    assert any(i.relations != by_id[i.id].relations for row in near for i in row)


@given(seed=st.integers(0, 10**6), names=st.permutations(range(4)))
@settings(deadline=None, max_examples=25)
def test_what_a_query_is_shown_depends_on_no_other(seed: int, names: list[int]) -> None:
    queries, found = [QUERIES[n] for n in names], [FOUND[n] for n in names]
    for name in ("random", "gold", "wrong"):
        whole, parts = shown(name, seed)[0], replaced(name, queries, found, DATABASE, seed)[0]
        assert list(parts) == [whole[n] for n in names]


class Voter(Method):
    """Predicts the relation of most of its neighbours, the first of equals; `none` without any."""

    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        raise AssertionError("probes train nothing")

    def predict(self, instances: Sequence[Instance]) -> Prediction:
        raise AssertionError("probes take the predictions that they are given")

    def predict_with(self, instances: Sequence[Instance], shown: Shown) -> Prediction | None:
        if shown == "mean":
            return None
        names = self.context.schema.names
        votes = np.zeros((len(instances), len(names)))
        votes[:, names.index("none")] = 0.5
        for row, near in enumerate([] if isinstance(shown, str) else shown):
            for one in near:
                votes[row, names.index(one.relation)] += 1
        return Prediction(np.log((votes + 0.01) / (votes + 0.01).sum(1, keepdims=True)))


def test_probes_by_hand() -> None:
    schema = RelationSchema(("r", "s", "t", "none"), {name: f"is {name}" for name in ("r", "s", "t", "none")}, "none")
    database = DATABASE[:5]
    found = [Neighbours(("d0", "d1"), (1, 1)), Neighbours(("d2", "d3"), (1, 1)), Neighbours(("d3", "d4"), (1, 1))]
    queries = (
        QUERIES[0],
        QUERIES[1],
        instance("q3", "x", "y", "s"),
    )
    dataset = Dataset("d", schema, "tacred_micro_f1", (), (), queries)
    # With the retrieved ones: r (right), none (right: 1.5 votes against 1), none (gold s: wrong).
    predicted = ["r", "none", "none"]
    results, answers = probe(Voter(Settings(), Context(schema, 0)), dataset, database, found, predicted, seed=3)
    assert list(results) == list(answers) == [name for name in PROBES if name != "mean"]
    assert answers["same"] == predicted
    assert results["same"]["unchanged"] == 3
    assert answers["none"] == ["none"] * 3
    assert results["none"] == {
        "f1": 0.0, "precision": 0.0, "recall": 0.0, "accuracy": 1 / 3,
        "fixed": 1, "broke": 0, "irrelevant": 2, "unchanged": 2, "unavailable": 0, "looks_at_gold": False,
    }  # fmt: skip
    assert answers["gold"] == ["r", "none", "s"]
    assert results["gold"] == {
        "f1": 1.0, "precision": 1.0, "recall": 1.0, "accuracy": 1.0,
        "fixed": 0, "broke": 1, "irrelevant": 2, "unchanged": 2, "unavailable": 0, "looks_at_gold": True,
    }  # fmt: skip
    assert results["wrong"]["accuracy"] == 0
    assert (results["wrong"]["fixed"], results["wrong"]["broke"]) == (2, 0)


def test_several_relations_are_lists() -> None:
    schema = RelationSchema(("r", "none", "s"), {name: f"is {name}" for name in ("r", "none", "s")}, "none")
    queries = (instance("q0", "x", "y", "r", "s"), instance("q1", "x", "y", "none"))
    dataset = Dataset("d", schema, "docred_f1", (), (), queries, multi_label=True)
    found = [Neighbours(("d0", "d2"), (1, 1)), Neighbours(("d3", "d4"), (1, 1))]
    predicted = [("r", "s"), ("none",)]
    about, lines = examine(Voter(Settings(), Context(schema, 0)), dataset, DATABASE[:5], found, predicted, seed=1)
    assert [line["probes"]["same"] for line in lines] == [["r", "s"], ["none"]]
    assert [line["probes"]["none"] for line in lines] == [["none"], ["none"]]
    assert about["probes"]["same"]["f1"] == 1
    assert about["probes"]["none"] | {"f1": 0, "accuracy": 0} == {
        "f1": 0, "precision": 0, "recall": 0, "accuracy": 0,
        "fixed": 1, "broke": 0, "irrelevant": 1, "unchanged": 1, "unavailable": 0, "looks_at_gold": False,
    }  # fmt: skip


@pytest.fixture
def dataset(mini: Path) -> Dataset:
    return load_dataset("mini", None, {})


def test_a_cell_with_probes(mini_preset: Path, dataset: Dataset, tmp_path: Path) -> None:
    plain = plan(build(str(mini_preset)), dataset)
    with_database, without, *_ = specs = plan(build(str(mini_preset), probes=True), dataset)
    assert with_database.identity == plain[0].identity | {"probes": True}
    assert len({spec.cell_id for spec in (*plain, *specs)}) == 2 * len(plain)
    record, lines, _ = execute(with_database, dataset)
    assert record.status == "ok", record.error
    assert lines is not None
    assert list(record.probes) == ["same", "random", "shuffled", "gold", "wrong", "none"]
    assert record.probes["gold"]["accuracy"] == 1  # a shown relation decides
    assert record.probes["wrong"]["accuracy"] == 0
    assert record.probes["none"] == {
        **{key: record.metrics[key] for key in ("f1", "precision", "recall", "accuracy")},
        "fixed": 0, "broke": 0, "irrelevant": 30, "unchanged": 30, "unavailable": 0, "looks_at_gold": False,
    }  # fmt: skip
    for name, found in record.probes.items():
        assert found["fixed"] + found["broke"] + found["irrelevant"] == 30
        assert sum(line["probes"][name] == line["gold"] for line in lines) == found["accuracy"] * 30
    quality = record.neighbours
    assert quality["all"]["at_2"]["relation"] == pytest.approx(record.diagnostics["same_relation"])
    assert quality["all"]["chance"]["relation"] == pytest.approx(1 / 3)  # ten of each relation
    store = Store(tmp_path / "run")
    store.write(record, lines)
    assert store.predictions(record.cell_id) == lines
    assert execute(with_database, dataset)[1] == lines

    ordinary, ordinary_lines, _ = execute(plain[0], dataset)
    assert ordinary.probes is None
    assert ordinary.neighbours == record.neighbours  # with or without probes
    assert ordinary.metrics == record.metrics
    assert ordinary_lines == [{key: v for key, v in line.items() if key != "probes"} for line in lines]
    record, lines, _ = execute(without, dataset)  # nothing to replace
    assert record.status == "ok"
    assert record.probes is record.neighbours is None
    assert lines is not None
    assert "probes" not in lines[0]


def test_configuration(mini_preset: Path) -> None:
    assert build(str(mini_preset)).probes is False
    assert build(str(mini_preset), probes=True).probes is True
    with pytest.raises(ConfigError, match="--set probes: use the flag --probes"):
        build(str(mini_preset), ["probes=true"])
    mini_preset.write_text(mini_preset.read_text() + "probes: true\n")
    assert build(str(mini_preset)).probes is True
