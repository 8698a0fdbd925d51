"""Plans and scores: the oracle's answers, distributions, gold scores equal to full scores, chunks, equal paths."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.parts.generation import label_scoring
from methods.parts.generation.generator import Memory
from methods.parts.generation.label_scoring import LabelScorer
from methods.parts.generation.label_trie import joined, plan
from methods.settings import Scoring
from methods.types import Instance, Span
from tests.shared import ORACLES, needs

ORACLE = ORACLES / "label_scoring.json"
Path = tuple[int, ...]


class Table:
    """A generator whose next-token logits are looked up: by the row of the memory and the prefix."""

    def __init__(self, logits: Callable[[int, Path], Sequence[float]], vocabulary_size: int) -> None:
        self.look_up, self.vocabulary_size = logits, vocabulary_size
        self.decoded: list[Path] = []

    def memory(self, rows: int) -> Memory:
        return Memory(torch.arange(rows).reshape(rows, 1, 1).float(), torch.ones(rows, 1, dtype=torch.bool))

    def decode(self, memory: Memory, prefixes: torch.Tensor) -> torch.Tensor:
        rows = [tuple(t for t in row if t >= 0) for row in prefixes.tolist()]
        self.decoded += rows
        width = prefixes.shape[1] + 1
        owners = memory.states[:, 0, 0].long().tolist()
        unknown = [math.nan] * self.vocabulary_size
        return torch.tensor(
            [
                [list(self.look_up(who, row[:p])) if p <= len(row) else unknown for p in range(width)]
                for who, row in zip(owners, rows, strict=True)
            ]
        )

    def logits(self, hidden: torch.Tensor, tokens: torch.Tensor | None = None) -> torch.Tensor:
        return hidden if tokens is None else hidden[:, tokens]


class Fixed:
    """Targets that are the same for every instance."""

    def __init__(self, labels: Sequence[Path]) -> None:
        self.labels = list(labels)

    def key(self, instance: Instance) -> None:
        return None

    def __call__(self, instance: Instance) -> list[Path]:
        return self.labels


def scorer(table: Table, labels: Sequence[Sequence[int]], **scoring: object) -> LabelScorer:
    targets = Fixed([tuple(ids) for ids in labels])
    return LabelScorer(table, targets, Scoring(**scoring))  # type: ignore[arg-type]


BATCH = [Instance(f"i{n}", ("a", "b"), Span(0, 1), Span(1, 2), "r") for n in range(3)]


def cases() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(ORACLE.read_text(encoding="utf-8"))["cases"]
    assert len(found) == 4
    return found


@needs(ORACLE)
@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("rule", ["constrained", "likelihood"])
@pytest.mark.parametrize("number", range(4))
def test_equals_the_oracle(number: int, rule: str, normalised: bool) -> None:
    case: dict = cases()[number]  # type: ignore[type-arg]
    logits = {tuple(row["prefix"]): row["logits"] for row in case["next_token_logits"]}
    table = Table(lambda _, prefix: logits[prefix], case["vocabulary"])
    names = list(case["label_tokens"])
    tried = scorer(table, list(case["label_tokens"].values()), rule=rule, length_normalised=normalised)
    admitted = np.ones((1, len(names)), dtype=bool)
    found = tried.scores(table.memory(1), BATCH[:1], admitted)[0]
    lengths = torch.tensor([case["scores"][name]["length"] if normalised else 1 for name in names])
    expected = torch.tensor([case["scores"][name][rule] for name in names]) / lengths
    assert torch.allclose(found, expected, atol=1e-5)
    gold = [tried.gold(table.memory(1), BATCH[:1], [[r]], admitted) for r in range(len(names))]
    assert torch.allclose(torch.cat(gold), expected, atol=1e-5)


def test_only_branching_prefixes_are_decoded() -> None:
    found = plan({0: (1, 2, 3, 0), 1: (1, 2, 4, 0), 2: (5, 6, 0)}, [0, 1, 2], every=False)
    assert found.rows.tolist() == [[1, 2]]  # the root is its beginning
    assert list(zip(found.node_row.tolist(), found.node_position.tolist(), strict=True)) == [(0, 0), (0, 2)]
    assert found.edge_token.tolist() == [1, 5, 3, 4]


def test_likelihood_decodes_every_prefix_once() -> None:
    found = plan({0: (1, 2, 3, 0), 1: (1, 2, 4, 0), 2: (5, 6, 0)}, [0, 1, 2], every=True)
    assert found.rows.tolist() == [[1, 2, 3], [1, 2, 4], [5, 6, -1]]
    assert len(found.node_row) == 7  # root, 1, 12, 123, 124, 5, 56


def test_only_the_wanted_path_is_decoded() -> None:
    found = plan({0: (1, 2, 3, 0), 1: (1, 2, 4, 0), 2: (5, 6, 7, 0), 3: (5, 6, 8, 0)}, [2], every=False)
    assert found.rows.tolist() == [[5, 6]]
    assert found.edge_token.tolist() == [1, 5, 7, 8]
    assert found.paths.tolist() == [[1, 2]]


def test_a_choice_of_one_is_certain_and_decodes_nothing() -> None:
    table = Table(lambda *_: [0.0] * 3, 3)
    tried = scorer(table, [(1, 0), (2, 0)])
    scores = tried.scores(table.memory(1), BATCH[:1], np.array([[False, True]]))
    assert scores.tolist() == [[-math.inf, 0.0]]
    assert table.decoded == []


def test_an_empty_verbalisation_is_refused() -> None:
    with pytest.raises(ValueError, match="relation 1 has an empty verbalisation"):
        plan({0: (1, 0), 1: ()}, [0], every=False)


def test_relations_with_equal_tokens_share_their_probability() -> None:
    table = Table(lambda *_: [0.0, 0.0, math.log(3), 0.0], 4)
    tried = scorer(table, [(2, 0), (1, 0), (2, 0)])
    scores = tried.scores(table.memory(1), BATCH[:1], np.ones((1, 3), dtype=bool))
    assert torch.allclose(scores[0].exp(), torch.tensor([3 / 8, 1 / 4, 3 / 8]))


def test_rules_of_training_and_prediction_differ_where_asked() -> None:
    table = Table(lambda *_: [0.0] * 5, 5)
    labels = [(1, 2, 0), (3, 0)]
    tried = scorer(table, labels, train="likelihood", train_per_token=True)
    admitted = np.ones((1, 2), dtype=bool)
    gold = tried.gold(table.memory(1), BATCH[:1], [[0]], admitted)
    assert gold.tolist() == pytest.approx([-math.log(5)])  # the mean of three tokens among five
    assert tried.scores(table.memory(1), BATCH[:1], admitted)[0].tolist() == pytest.approx([-math.log(2)] * 2)


def test_plans_of_instances_are_joined() -> None:
    one, two = plan({0: (1, 0), 1: (2, 0)}, [0, 1], every=False), plan({1: (3, 4, 0), 4: (3, 5, 0)}, [4], every=False)
    whole = joined([one, two])
    assert whole.rows.tolist() == [[-1], [3]]
    assert whole.owners.tolist() == [0, 1]
    assert whole.edge_node.tolist() == [0, 0, 1, 1]
    assert whole.paths.tolist() == [[0], [1], [3]]
    assert whole.relations.tolist() == [0, 1, 4]


labels = st.lists(st.lists(st.integers(1, 4), max_size=4).map(tuple), min_size=1, max_size=9)


def random_table(seed: int) -> Table:
    numbers = torch.randn(3, 5**5, 5, generator=torch.Generator().manual_seed(seed))

    def logits(who: int, prefix: Path) -> list[float]:
        return numbers[who, sum((t + 1) * 5**p for p, t in enumerate(prefix)) % 5**5].tolist()

    return Table(logits, 5)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[Path], np.ndarray, Table]:
    """Labels (some equal, some the beginning of others), what each of three instances admits, a generator."""
    ids = [(*row, 0) for row in draw(labels)]
    rows = st.lists(st.booleans(), min_size=len(ids), max_size=len(ids))
    admitted = np.array([draw(rows) for _ in range(3)])
    admitted[:, draw(st.integers(0, len(ids) - 1))] = True
    return ids, admitted, random_table(draw(st.integers(0, 9)))


@settings(max_examples=80, deadline=None)
@given(problem=problems())
def test_admitted_relations_share_one_distribution(problem: tuple[list[Path], np.ndarray, Table]) -> None:
    ids, admitted, table = problem
    scores = scorer(table, ids).scores(table.memory(3), BATCH, admitted)
    assert (scores.isfinite().numpy() == admitted).all()
    assert torch.allclose(scores.exp().sum(1), torch.ones(3), atol=1e-5)


@settings(max_examples=80, deadline=None)
@given(problem=problems(), rule=st.sampled_from(["constrained", "likelihood"]))
def test_gold_scores_are_the_full_ones(problem: tuple[list[Path], np.ndarray, Table], rule: str) -> None:
    ids, admitted, table = problem
    tried = scorer(table, ids, rule=rule)
    for relation in range(len(ids)):
        wide = admitted.copy()
        wide[:, relation] = True  # a gold relation that the types exclude has a finite score
        gold = tried.gold(table.memory(3), BATCH, [[relation]] * 3, admitted)
        assert torch.allclose(gold, tried.scores(table.memory(3), BATCH, wide)[:, relation], atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(problem=problems(), rule=st.sampled_from(["constrained", "likelihood"]))
def test_chunks_change_nothing(problem: tuple[list[Path], np.ndarray, Table], rule: str) -> None:
    ids, admitted, table = problem
    tried = scorer(table, ids, rule=rule)
    whole = tried.scores(table.memory(3), BATCH, admitted)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(label_scoring, "CHUNK", 1)  # a row at a time
        one_by_one = tried.scores(table.memory(3), BATCH, admitted)
    assert torch.equal(whole, one_by_one)


@settings(max_examples=40, deadline=None)
@given(problem=problems())
def test_views_are_scored_one_by_one(problem: tuple[list[Path], np.ndarray, Table]) -> None:
    ids, admitted, table = problem
    tried = scorer(table, ids)
    single = tried.scores(table.memory(3), BATCH, admitted)
    # Three views of one instance, each with a row of the memory.
    views = tried.scores(table.memory(3), BATCH[:1], admitted[:1], views=3)
    assert torch.allclose(views[0], tried.scores(table.memory(1), BATCH[:1], admitted[:1])[0])
    assert torch.equal(single[0], views[0])
    gold = tried.gold(table.memory(3), BATCH[:1], [[0]], np.ones_like(admitted[:1]), views=3)
    whole = tried.scores(table.memory(3), BATCH[:1], np.ones_like(admitted[:1]), views=3)
    assert torch.allclose(gold, whole[:, 0], atol=1e-5)
