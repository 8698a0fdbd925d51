"""What a metric is: labels -> counts per instance and group of relations -> score, or the report of a cell.

Labels are names, so that the negative class is found by name and never by index. A quotient without a denominator is
0 and raises no warning. Only the relations in ``schema.names`` count: under a schema that was restricted to some of
them (bench.run.test_sets) a prediction of another one that has a verbalisation is wrong, and counts for no relation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypedDict

import numpy as np

from methods.types import RelationSchema

# One relation per instance, or, for a multi-label corpus, several.
Labels = Sequence[str] | Sequence[Sequence[str]]
# Of summed counts: correct, predicted and gold [..., groups] -> [...].
Score = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Sums = tuple[int, int, int]  # correct, gold, predicted


class RelationScore(TypedDict):
    """One relation's scores with its number of gold (``support``) and of predicted instances."""

    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


class More(TypedDict, total=False):
    """For directed relations the undirected ones of the official score; for documents the score without facts of the
    training annotations."""

    per_group: dict[str, RelationScore]
    ign_precision: float
    ign_f1: float


class Metrics(More):
    """Fractions. ``primary`` says what ``f1``, ``precision`` and ``recall`` are; ``per_relation`` has every relation of
    the schema, the negative one too."""

    primary: Literal["micro_f1", "macro_f1"]
    f1: float
    precision: float
    recall: float
    accuracy: float
    per_relation: dict[str, RelationScore]


@dataclass(frozen=True)
class Counts:
    """What a metric needs to know of every instance: ``correct`` and ``predicted`` [cells, instances, groups], ``gold``
    [instances, groups], and the ``score`` of their sums over instances. A cell is one trained model."""

    correct: np.ndarray
    predicted: np.ndarray
    gold: np.ndarray
    score: Score

    def scores(self) -> np.ndarray:
        """The metric of every cell, [cells]."""
        sums = (self.correct.sum(axis=1, dtype=float), self.predicted.sum(axis=1, dtype=float))
        return self.score(*sums, self.gold.sum(axis=0, dtype=float))


@dataclass(frozen=True)
class Metric:
    """The mean over groups of relations of F1 = 2 correct / (predicted + gold); with one group that is micro-F1.

    ``groups``: relation -> its group; one without a group, as the negative class, counts nowhere. Groups without gold
    instances are left out of the mean, or, with ``either``, those that occur nowhere. ``multi_label``: a label is a set
    of relations, and the negative class is in it only alone. ``more`` gets the sums of every group and the number of
    correct facts that are known from the training annotations: what the report says besides.
    """

    name: str
    primary: Literal["micro_f1", "macro_f1"]
    groups: Callable[[RelationSchema], Mapping[str, str]]
    multi_label: bool = False
    either: bool = False
    more: Callable[[Mapping[str, Sums], int], More] = lambda sums, known: {}

    def count(self, gold: Labels, cells: Sequence[Labels], schema: RelationSchema, unpaired: int = 0) -> Counts:
        """Counts of the predictions of some cells. ``unpaired``: gold facts of the (single) group that no instance
        stands for. Raises ValueError as `report`."""
        codes, wanted, found = self._coded(gold, cells, schema)
        groups = self.groups(schema)
        places = {group: place for place, group in enumerate(dict.fromkeys(groups.values()))}
        place_of = np.array([places[groups[name]] if name in groups else -1 for name in codes])

        def tally(facts: np.ndarray) -> np.ndarray:
            rows, place = facts // len(codes), place_of[facts % len(codes)]
            counts = np.bincount((rows * len(places) + place)[place >= 0], minlength=len(gold) * len(places))
            return counts.reshape(len(gold), len(places)).astype(np.int8)  # no instance has more than 127 relations

        correct = np.stack([tally(_both(wanted, facts)) for facts in found])
        predicted = np.stack([tally(facts) for facts in found])
        return Counts(correct, predicted, tally(wanted), partial(mean_f1, either=self.either, unpaired=unpaired))

    def report(
        self,
        gold: Labels,
        predicted: Labels,
        schema: RelationSchema,
        known: Sequence[Iterable[str]] = (),
        unpaired: int = 0,
    ) -> Metrics:
        """All that a record says of one cell. ``known``: for every instance (or for none) the relations that the
        training annotations hold of its two names; ``unpaired`` as in `count`. ``accuracy`` is the share of instances
        whose label is exactly right.

        Raises ValueError for unequal lengths, a label that the schema does not have, and sets where a label is one.
        """
        codes, wanted, (found,) = self._coded(gold, [predicted], schema)
        if known and len(known) != len(gold):
            raise ValueError(f"{len(gold)} gold labels but {len(known)} known ones")
        right = _both(wanted, found)
        columns = [np.bincount(facts % len(codes), minlength=len(codes)).tolist() for facts in (right, wanted, found)]
        sums: dict[str, Sums] = dict(zip(codes, zip(*columns, strict=True), strict=True))
        groups, parts = self.groups(schema), dict[str, Sums]()
        for name, group in groups.items():
            correct, support, guessed = parts.get(group, (0, unpaired, 0))
            parts[group] = (correct + sums[name][0], support + sums[name][1], guessed + sums[name][2])
        scores = [score_counts(*part) for part in parts.values()]
        counted = [score for score in scores if score["support"] or (self.either and score["predicted"])]
        stated = [row * len(codes) + codes[r] for row, names in enumerate(known) for r in names if r in groups]
        wrong = len(np.unique(np.setxor1d(wanted, found, assume_unique=True) // len(codes)))
        return {
            "primary": self.primary,
            "f1": _mean([score["f1"] for score in counted]),
            "precision": _mean([score["precision"] for score in counted]),
            "recall": _mean([score["recall"] for score in counted]),
            "accuracy": (len(gold) - wrong) / len(gold) if len(gold) else 0.0,
            "per_relation": {name: score_counts(*sums[name]) for name in schema.names},
            **self.more(parts, int(np.isin(right, stated).sum())),
        }

    def _coded(
        self, gold: Labels, cells: Sequence[Labels], schema: RelationSchema
    ) -> tuple[dict[str, int], np.ndarray, list[np.ndarray]]:
        """A code of every relation, then the facts of ``gold`` and of each cell: row * len(codes) + code, ascending,
        each fact once."""
        codes = {name: code for code, name in enumerate(dict.fromkeys([*schema.names, *schema.verbalisations]))}
        width = len(codes)

        def facts(what: str, labels: Labels, known: Mapping[str, int]) -> np.ndarray:
            if len(labels) != len(gold):
                raise ValueError(f"{len(gold)} gold labels but {len(labels)} predictions")
            sets: Sequence[Any] = _sets(labels, schema.negative) if self.multi_label else [(one,) for one in labels]
            try:
                found = [row * width + known[name] for row, names in enumerate(sets) for name in names]
            except KeyError as error:
                has = ", ".join(schema.names)
                raise ValueError(f"unknown {what} label {error.args[0]!r}; the schema has {has}") from None
            except TypeError:
                raise ValueError(f"metric {self.name!r} scores single labels, not sets") from None
            return np.sort(np.array(found, dtype=np.int64))

        return codes, facts("gold", gold, schema.index), [facts("predicted", labels, codes) for labels in cells]


def mean_f1(
    correct: np.ndarray, predicted: np.ndarray, gold: np.ndarray, either: bool = False, unpaired: int = 0
) -> np.ndarray:
    """The score of a `Metric` from summed counts [..., groups]; no group: 0."""
    total = predicted + gold + unpaired
    f1 = np.divide(2 * correct, total, out=np.zeros(np.broadcast(correct, total).shape), where=total > 0)
    counted = np.broadcast_to(total > 0 if either else gold + unpaired > 0, f1.shape)
    return (f1 * counted).sum(axis=-1) / np.maximum(counted.sum(axis=-1), 1)


def score_counts(correct: int, support: int, predicted: int) -> RelationScore:
    precision = correct / predicted if predicted else 0.0
    recall = correct / support if support else 0.0
    f1 = 2 * precision * recall / (precision + recall) if correct else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "support": support, "predicted": predicted}


def _sets(labels: Labels, negative: str | None) -> list[set[str]]:
    """The relations of each label, the negative class only where it stands alone."""
    alone = set() if negative is None else {negative}
    return [set(names) - alone or alone for names in labels]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / (len(values) or 1)


def _both(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one[np.isin(one, other, assume_unique=True)]
