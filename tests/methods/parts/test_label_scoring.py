"""Trie and scores: the oracle's answers, distributions, gold scores equal to full scores, refusals."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.parts.generation.label_scoring import LabelScorer
from methods.parts.generation.label_trie import build_trie
from methods.settings import Scoring
from tests.shared import ORACLES, needs

ORACLE = ORACLES / "label_scoring.json"


def table_decoder(logits: dict[tuple[int, ...], list[float]], vocabulary: int):  # type: ignore[no-untyped-def]
    """decode(rows [M, T]) -> [1, M, T + 1, V] from a table of next-token logits; unknown prefixes are NaN."""

    def decode(rows: torch.Tensor) -> torch.Tensor:
        unknown = [math.nan] * vocabulary
        table = []
        for row in rows.tolist():
            table.append([logits.get(tuple(row[:p]), unknown) for p in range(len(row) + 1)])
        return torch.tensor(table).unsqueeze(0)

    return decode


@needs(ORACLE)
@pytest.mark.parametrize("rule", ["constrained", "likelihood"])
def test_equals_the_oracle(rule: str) -> None:
    cases = json.loads(ORACLE.read_text(encoding="utf-8"))["cases"]
    assert len(cases) == 4
    for case in cases:
        trie = build_trie(case["label_tokens"])
        table = {tuple(row["prefix"]): row["logits"] for row in case["next_token_logits"]}
        decode = table_decoder(table, case["vocabulary"])
        everything = torch.ones(1, len(trie.names), dtype=torch.bool)
        expected = torch.tensor([case["scores"][name][rule] for name in trie.names])
        scorer = LabelScorer(trie, Scoring(rule=rule))
        found = scorer.scores(decode, everything)[0]
        assert torch.allclose(found, expected, atol=1e-5)
        if rule == "constrained":
            assert math.isclose(float(found.exp().sum()), 1, abs_tol=1e-5)
        lengths = torch.tensor([case["scores"][name]["length"] for name in trie.names])
        normalised = LabelScorer(trie, Scoring(rule=rule, length_normalised=True))
        assert torch.allclose(normalised.scores(decode, everything)[0], expected / lengths, atol=1e-5)
        for relation in range(len(trie.names)):
            gold = scorer.gold(lambda rows, d=decode: d(rows)[0], torch.tensor([relation]), everything)
            assert torch.allclose(gold, expected[relation : relation + 1], atol=1e-5)


def test_only_branching_prefixes_are_decoded() -> None:
    trie = build_trie({"a": [1, 2, 3, 0], "b": [1, 2, 4, 0], "c": [5, 6, 0]})
    rows, where = trie.decode_plan(every=False)
    assert rows == [(1, 2)]  # the root is its beginning
    assert {trie.prefixes[n]: spot for n, spot in where.items()} == {(): (0, 0), (1, 2): (0, 2)}
    assert trie.tokens == (0, 1, 2, 3, 4, 5, 6)
    rows, _ = trie.decode_plan(every=True)
    assert rows == [(1, 2, 3), (1, 2, 4), (5, 6)]


def test_equal_and_empty_verbalisations_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="relations 'a' and 'c' have the same"):
        build_trie({"a": [1, 0], "b": [2, 0], "c": [1, 0]})
    with pytest.raises(ValueError, match="'b' has an empty"):
        build_trie({"a": [1, 0], "b": []})


labels = st.lists(st.lists(st.integers(1, 4), max_size=4).map(tuple), min_size=1, max_size=9, unique=True)


@settings(max_examples=80, deadline=None)
@given(labels=labels, seed=st.integers(0, 9), data=st.data())
def test_admitted_relations_share_one_distribution(
    labels: list[tuple[int, ...]], seed: int, data: st.DataObject
) -> None:
    trie = build_trie({f"r{i}": [*ids, 0] for i, ids in enumerate(labels)})
    count = len(labels)
    admitted = torch.tensor([data.draw(st.lists(st.booleans(), min_size=count, max_size=count)) for _ in range(3)])
    admitted[:, data.draw(st.integers(0, count - 1))] = True
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(3, 5**5, 5, generator=generator)  # next-token logits by instance and prefix

    def prefix_key(tokens: list[int]) -> int:
        return sum((t + 1) * 5**p for p, t in enumerate(tokens)) % 5**5

    def decode(rows: torch.Tensor) -> torch.Tensor:
        keys = [[prefix_key([t for t in row[:p] if t >= 0]) for p in range(len(row) + 1)] for row in rows.tolist()]
        return table[:, torch.tensor(keys)]

    scorer = LabelScorer(trie, Scoring())
    scores = scorer.scores(decode, admitted)
    assert (scores.isfinite() == admitted).all()
    assert torch.allclose(scores.exp().sum(1), torch.ones(3), atol=1e-5)
    for relation in range(count):
        wide = admitted.clone()
        wide[:, relation] = True

        def each(rows: torch.Tensor) -> torch.Tensor:
            full = decode(rows)
            return full[torch.arange(3), torch.arange(3)]

        gold = scorer.gold(each, torch.full((3,), relation), wide)
        assert torch.allclose(gold, scorer.scores(decode, wide)[:, relation], atol=1e-5)
