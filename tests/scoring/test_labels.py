"""From scores to labels, metrics and lines; and what a prediction must not be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.data.base import Dataset
from bench.errors import DataError
from bench.scoring.labels import check_corpus, choose, prediction_lines, report, score
from methods.types import Instance, Neighbours, Prediction, RelationSchema, Span
from tests.scoring.instances import instance

# The negative class stands in the middle: code that takes index 0 or the last for it fails.
SCHEMA = RelationSchema(
    ("a", "none", "b", "c"),
    {name: f"text {name}" for name in ("a", "none", "b", "c")},
    "none",
    {("X", "Y"): frozenset({"b"})},
)
NO = -np.inf


def made(name: str, *relations: str, kinds: tuple[str, str] = ("", "")) -> Instance:
    return Instance(name, ("x", "y"), Span(0, 1), Span(1, 2), relations[0], *kinds, relations[1:])


ONE = (made("i-1", "a"), made("i-2", "none", kinds=("X", "Y")))
SINGLE = Dataset("d", SCHEMA, "tacred_micro_f1", (), (), ONE)
RIGHT = [[-1.0, -2.0, -1.0, -3.0], [NO, -4.0, -5.0, NO]]

SEVERAL = (made("i-1", "a", "c"), made("i-2", "none"), made("i-3", "b", kinds=("X", "Y")), made("i-4", "none"))
MULTI = Dataset("d", SCHEMA, "docred_f1", (), (), SEVERAL, multi_label=True, known={"i-1": frozenset("c")}, unpaired=2)
SCORES = np.array([[-1.0, -2.0, -3.0, -1.5], [-3.0, -0.1, -4.0, -5.0], [NO, -2.0, -1.0, NO], [-2.0, -2.0, -1.0, -9.0]])


def test_the_best_admitted_relation_wins_and_the_first_of_equals() -> None:
    prediction = Prediction(np.array(RIGHT))
    assert choose(prediction, ONE, SINGLE, ()) == ["a", "none"]
    assert choose(Prediction(np.empty((0, 4))), (), SINGLE, ()) == []
    lines = prediction_lines(prediction, ONE, ["a", "none"], SCHEMA)
    assert lines[0]["scores"] == {"a": -1.0, "none": -2.0, "b": -1.0, "c": -3.0}
    assert lines[1] == {
        "id": "i-2", "gold": "none", "predicted": "none", "scores": {"none": -4.0, "b": -5.0}, "neighbours": None
    }  # fmt: skip


def test_what_scores_above_the_negative_class_is_predicted() -> None:
    chosen = choose(Prediction(SCORES), SEVERAL, MULTI, ())
    assert chosen == [("a", "c"), ("none",), ("b",), ("b",)]  # equal to the negative class is not above it
    assert choose(Prediction(np.empty((0, 4))), (), MULTI, ()) == []
    lines = prediction_lines(Prediction(SCORES), SEVERAL, chosen, SCHEMA)
    assert [line["gold"] for line in lines] == [["a", "c"], ["none"], ["b"], ["none"]]
    assert [line["predicted"] for line in lines] == [["a", "c"], ["none"], ["b"], ["b"]]
    assert lines[2]["scores"] == {"none": -2.0, "b": -1.0}


def test_the_metric_gets_what_the_dataset_knows() -> None:
    metrics, chosen = score(Prediction(SCORES), SEVERAL, MULTI, (), MULTI.unpaired)
    assert chosen[0] == ("a", "c")
    assert (metrics["precision"], metrics["recall"]) == (3 / 4, 3 / 5)  # a, c, b of 4 predicted; 3 gold and 2 missed
    assert metrics["ign_precision"] == 2 / (3 + 1e-5)
    assert score(Prediction(SCORES), SEVERAL, MULTI, ())[0]["recall"] == 1.0


def test_a_restricted_schema_leaves_relations_out() -> None:
    restricted = replace(SCHEMA, names=("a", "none"))
    found = report(["a", "b"], ONE, SINGLE, restricted)
    assert (found["f1"], found["accuracy"], list(found["per_relation"])) == (1.0, 0.5, ["a", "none"])


@pytest.mark.parametrize("dataset", [SINGLE, replace(MULTI, test=ONE)])
@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (RIGHT[:1], "scores have shape (1, 4), expected [instances, relations] = (2, 4)"),
        ([[-1.0, np.nan, -2.0, -3.0], RIGHT[1]], "instance i-1, relation none: score nan, expected a finite score"),
        ([[-1.0, NO, -2.0, -3.0], RIGHT[1]], "instance i-1, relation none: score -inf, expected a finite score"),
        ([RIGHT[0], [-9.0, -1.0, -1.0, NO]], "instance i-2, relation a: score -9.0, expected -inf"),
        ([RIGHT[0], [np.inf, -1.0, -1.0, NO]], "instance i-2, relation a: score inf, expected -inf"),
        ([RIGHT[0], [np.nan, -1.0, -1.0, NO]], "instance i-2, relation a: score nan, expected -inf"),
    ],
)
def test_broken_scores_are_refused(dataset: Dataset, scores: list[list[float]], expected: str) -> None:
    with pytest.raises(ValueError, match=r"instance|shape") as caught:
        choose(Prediction(np.array(scores)), ONE, dataset, ())
    assert expected in str(caught.value)


DATABASE = (
    instance("d0", "Ann", "Rome", "a", document="D"),
    instance("d1", "Ann", "Rome", "a", document="E"),
    instance("d2", "Ann", "Rome", "a"),
)


@pytest.mark.parametrize(
    ("near", "message"),
    [
        ([("d1",), ("d0",)], "instance q: neighbour d0 is of its own document 'D': its label leaks"),
        ([("d0",), ("d1", "d2", "d0")], "instance q: neighbour d0 is of its own document 'D': its label leaks"),
        ([("d2",), ("d1",)], "instance d2 is its own neighbour: its label leaks"),
        ([("d1",), ("q",)], "instance q is its own neighbour: its label leaks"),
        ([("d1",), ("d3",)], "instance q: neighbour d3 is not in the database"),
        ([("d1",)], "neighbours of 1 instances, expected 2"),
    ],
)
def test_neighbours_that_leak_a_label_are_refused(near: list[tuple[str, ...]], message: str) -> None:
    queries = (DATABASE[2], instance("q", "Bob", "Oslo", "b", document="D"))
    dataset = Dataset("d", replace(SCHEMA, type_constraints={}), "tacred_micro_f1", (), (), queries)
    prediction = Prediction(np.zeros((2, 4)), tuple(Neighbours(ids, (1.0,) * len(ids)) for ids in near))
    with pytest.raises(ValueError, match=message):
        choose(prediction, queries, dataset, DATABASE)


def test_other_neighbours_are_admitted() -> None:
    queries = (DATABASE[2], instance("q", "Bob", "Oslo", "b", document="D"))
    dataset = Dataset("d", replace(SCHEMA, type_constraints={}), "tacred_micro_f1", (), (), queries)
    near = (Neighbours(("d0", "d1"), (1.0, 0.5)), Neighbours(("d2", "d1"), (1.0, 0.5)))
    assert choose(Prediction(np.zeros((2, 4)), near), queries, dataset, DATABASE) == ["a", "a"]


def test_a_corpus_must_fit_its_metric() -> None:
    check_corpus(SINGLE)
    check_corpus(MULTI)
    for dataset, message in (
        (replace(MULTI, metric="tacred_micro_f1"), r"\(multi-label\) wants metric 'tacred_micro_f1'; known: docred_f1"),
        (replace(SINGLE, metric="docred_f1"), r"\(single-label\) wants metric 'docred_f1'; known: tacred_micro_f1"),
        (replace(MULTI, schema=replace(SCHEMA, negative=None)), "multi-label and needs a negative class"),
        (replace(SINGLE, test=SEVERAL), "instance i-1 has several relations; set multi_label=True"),
    ):
        with pytest.raises(DataError, match=message):
            check_corpus(dataset)
