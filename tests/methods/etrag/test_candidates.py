"""What a training step selects from: random rows, shortlists, epsilon, a limited database; without any model."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from typing import get_args

import pytest
import torch
from pydantic import ValidationError

from methods.etrag.datastore import Datastore
from methods.etrag.distances import Nearness
from methods.etrag.draws import distinct, others_each, repeated, together
from methods.etrag.options import Candidates, EtragOptions
from methods.types import bars
from tests.methods.conftest import make_instances

KINDS = get_args(Candidates)
Draw = Callable[..., torch.Tensor]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def opened(size: int = 31, documents: str = "") -> tuple[Datastore, torch.Tensor]:
    """A datastore, and the span vectors [N, 2, 5] of all its instances."""
    instances = make_instances("t", size)
    instances = [dataclasses.replace(i, document=d) for i, d in zip(instances, documents or [""] * size, strict=True)]
    store = Datastore(instances, Nearness(), exact_below=1000, seed=7)
    spans = noise(size, 2, 5)
    store.refresh(store.nearness.prepare(spans), None, indexed=True)
    return store, spans


# --- numbers ------------------------------------------------------------------------------------------------------


def test_numbers_with_replacement_stay_below_and_reach_all() -> None:
    found = repeated(torch.tensor([3, 7]), torch.tensor([1009, 1013]), seeded())
    assert found.shape == (2, 1013)
    assert found[0].unique().tolist() == [-1, 0, 1, 2]
    assert found[1].unique().tolist() == list(range(7))
    assert (found[0] < 0).sum() == 4


def test_distinct_numbers_give_every_set_as_often() -> None:
    tries = 20_000
    found = distinct(torch.full((tries,), 5), torch.full((tries,), 2), seeded())
    counts = Counter(tuple(sorted(row)) for row in found.tolist())
    assert counts.keys() == set(combinations(range(5), 2))
    assert all(abs(count - tries / 10) < 5 * (tries * 0.09) ** 0.5 for count in counts.values())  # five deviations


def test_each_query_has_its_own_count_and_range() -> None:
    found = distinct(torch.tensor([2, 11, 1]), torch.tensor([2, 3, 0]), seeded())
    assert sorted(found[0].tolist()) == [-1, 0, 1]
    assert len(set(found[1].tolist()) & set(range(11))) == 3
    assert found[2].tolist() == [-1, -1, -1]


@pytest.mark.parametrize("replacement", [False, True])
def test_what_is_taken_is_never_drawn_and_all_else_is(replacement: bool) -> None:
    taken = torch.tensor([[0, 5, 12, -1], [11, 3, 4, 17], [-1, -1, -1, -1]])  # 17 is none of 13
    seen: list[set[int]] = [set(), set(), set()]
    random = seeded()
    for _ in range(97):
        found = others_each(taken, torch.tensor([2, 3, 5]), 13, random, replacement=replacement)
        assert (found >= 0).sum(1).tolist() == [2, 3, 5]
        for rows, own in zip(found.tolist(), seen, strict=True):
            own.update(row for row in rows if row >= 0)
    assert seen == [set(range(13)) - set(own) for own in taken.tolist()]


def test_no_more_than_are_left() -> None:
    found = others_each(torch.tensor([[1, 2], [0, -1]]), torch.tensor([5, 2]), 3, seeded(), replacement=False)
    assert [sorted(row) for row in found.tolist()] == [[-1, 0], [1, 2]]


def test_candidates_together_by_hand() -> None:
    rows, places, mask = together(torch.tensor([[7, 2, 7], [11, -1, 2]]))
    assert rows.tolist() == [2, 7, 11]
    assert places.tolist() == [[1, 0, 1], [2, -1, 0]]
    assert mask.tolist() == [[True, True, False], [True, False, True]]


# --- candidates of each query -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_has_so_many_of_its_own_and_none_that_it_bars(kind: Candidates) -> None:
    store, spans = opened(23, "aaabbbcccdddeeeeeffffff")
    for _ in range(11):
        own = store.draw_each(kind, 7, spans[:13], store.instances[:13])
        assert own.shape == (13, 7)
        assert (own >= 0).all()
        for query, rows in zip(store.instances, own.tolist(), strict=False):
            assert not any(bars(query, store.instances[row]) for row in rows)
            assert kind == "random" or len(set(rows)) == 7


def test_random_ones_are_drawn_with_replacement_and_for_each_query() -> None:
    store, spans = opened(11)
    own = store.draw_each("random", 7, spans[:5], store.instances[:5])
    assert any(len(set(rows)) < 7 for rows in own.tolist())
    assert len({tuple(rows) for rows in own.tolist()}) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_own_candidates_are_reproducible(kind: Candidates) -> None:
    draws = []
    for _ in range(2):
        store, spans = opened()
        draws.append([store.draw_each(kind, 11, spans[:3], store.instances[:3]).tolist() for _ in range(3)])
    assert draws[0] == draws[1]
    assert (draws[0][0] == draws[0][1]) == (kind == "shortlist")


def test_a_querys_shortlist_is_its_own_nearest_and_half_of_a_mixed_one() -> None:
    store, spans = opened()
    batch = store.instances[3:8]
    near = store.nearest(spans[3:8], batch, 10)
    short, mixed = (store.draw_each(kind, 10, spans[3:8], batch) for kind in ("shortlist", "mixed"))
    assert torch.equal(short.sort(1).values, near.sort(1).values)
    assert all(set(own) & set(row[:5]) == set(row[:5]) for own, row in zip(mixed.tolist(), near.tolist(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_with_few_others_has_no_more_than_those(kind: Candidates) -> None:
    store, spans = opened(13, "aaaaaaaaaaaab")
    own = store.draw_each(kind, 7, spans[[0, 12]], [store.instances[0], store.instances[12]])
    assert own[0].tolist() == [12, -1, -1, -1, -1, -1, -1]
    assert (own[1] >= 0).all()


# --- epsilon ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [Datastore.draw, Datastore.draw_each])
def test_with_epsilon_one_the_queries_make_no_difference(draw: Draw) -> None:
    found = []
    for seed in (1, 2):
        store, _ = opened()
        found.append(draw(store, "shortlist", 7, noise(3, 2, 5, seed=seed), store.instances[:3], 1.0))
    assert torch.equal(*found)


@pytest.mark.parametrize("draw", [Datastore.draw, Datastore.draw_each])
def test_with_epsilon_zero_nothing_is_drawn_at_random(draw: Draw) -> None:
    store, spans = opened()
    found = [draw(store, "shortlist", 7, spans[:3], store.instances[:3], 0.0) for _ in range(2)]
    assert torch.equal(*found)
    assert torch.equal(found[0], draw(store, "shortlist", 7, spans[:3], store.instances[:3]))


@pytest.mark.parametrize("epsilon", [0.3, 0.7, 1.0])
def test_epsilon_keeps_count_and_distinctness(epsilon: float) -> None:
    store, spans = opened(23, "aaabbbcccdddeeefffggghh")
    near = set(store.draw("shortlist", 7, spans[:5], store.instances[:5]).tolist())
    strangers = 0
    for _ in range(31):
        shared = store.draw("shortlist", 7, spans[:5], store.instances[:5], epsilon).tolist()
        own = store.draw_each("shortlist", 7, spans[:5], store.instances[:5], epsilon)
        assert len(set(shared)) == len(shared) == 7
        strangers += len(set(shared) - near)
        for query, rows in zip(store.instances, own.tolist(), strict=False):
            assert len(set(rows) - {-1}) == 7
            assert not any(bars(query, store.instances[row]) for row in rows)
    assert 0 < strangers < 31 * 7 * (epsilon + 0.1)


# --- options ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"database_limit": 5}, "database_limit must be larger than k = 5"),
        ({"epsilon": 0.1}, "epsilon is of a shortlist, but candidates = random"),
        ({"epsilon": 0.1, "candidates": "mixed"}, "epsilon is of a shortlist, but candidates = mixed"),
        ({"epsilon": 1.1, "candidates": "shortlist"}, "less than or equal to 1"),
    ],
    ids=str,
)
def test_contradictions_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EtragOptions(**options)  # type: ignore[arg-type]
