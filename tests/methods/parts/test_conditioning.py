"""What the generator reads: views and their marginal, prompts, neighbours as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch

from methods.base import Shown
from methods.parts.conditioning import Conditioning, Views
from methods.parts.generation.generator import EncoderInput
from methods.parts.retrieval.retriever import Ranked, Retriever
from methods.parts.text_rag import TextConditioning
from methods.types import Instance, Neighbours, RelationSchema
from tests.methods.conftest import make_instances
from tests.methods.parts.test_text import prompts

NOTHING = EncoderInput(torch.empty(0), torch.empty(0))


class FirstRows(Retriever):
    """The first rows of the database; counts the queries that it is asked."""

    asked = 0

    def build(self, instances: Sequence[Instance]) -> None:
        pass

    def rank(self, queries: Sequence[Instance], reach: Sequence[int]) -> Iterator[Ranked]:
        self.asked += len(queries)
        return ((range(count), [1.0] * count) for count in reach)


def test_the_marginal_by_hand() -> None:
    weights = torch.tensor([[0.25, 0.75], [1.0, 0.0]]).log()
    scores = torch.tensor([[0.2, 0.0, 0.8], [0.6, 0.0, 0.4], [0.5, 0.5, 0.0], [0.1, 0.9, 0.0]]).log()
    views = Views(NOTHING, weights)
    expected = torch.tensor([[0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    assert views.count == 2
    assert torch.allclose(views.marginal(scores, slice(None)).exp(), expected)
    # Single scores of instances 1, 0 and 0, two views each.
    own = views.marginal(torch.tensor([0.3, 0.7, 0.2, 0.6, 1.0, 1.0]).log(), torch.tensor([1, 0, 0]))
    assert own.exp().tolist() == pytest.approx([0.3, 0.5, 1.0])


def test_one_view_is_left_as_it_is() -> None:
    scores = torch.tensor([[-0.5, -math.inf]])
    assert Views(NOTHING).marginal(scores, slice(None)) is scores
    assert torch.equal(Views(NOTHING, torch.zeros(1, 1)).marginal(scores, slice(None)), scores)


@pytest.mark.parametrize("shown", ["none", "mean", [[], [], []]])
def test_what_cannot_be_shown_is_refused(schema: RelationSchema, shown: Shown) -> None:
    with pytest.raises(ValueError, match="Conditioning reads no neighbours that it is shown"):
        Conditioning(prompts(schema, 200))(make_instances("q", 3), shown)


def test_without_retrieval_the_prompt_stands_alone(schema: RelationSchema) -> None:
    builder, queries = prompts(schema, 200), make_instances("q", 3)
    conditioning = Conditioning(builder)
    lengths = conditioning.prepare(queries)
    views = conditioning(queries)
    assert lengths == [len(builder.ids(q)) for q in queries] == views.inputs.mask.sum(1).tolist()
    assert (views.log_weights, views.neighbours, views.penalty, views.numbers) == (None, None, None, {})
    assert (conditioning.shows, conditioning.use(queries), conditioning.untrained(queries)) == (
        frozenset(),
        False,
        None,
    )


def test_retrieved_neighbours_stand_in_the_prompt_and_are_searched_once(schema: RelationSchema) -> None:
    builder, database, queries = prompts(schema, 200), make_instances("d", 5), make_instances("q", 3)
    retriever = FirstRows()
    conditioning = TextConditioning(builder, retriever, 2, database)
    conditioning.prepare(queries)
    views = conditioning([*queries, database[0]])
    assert views.inputs.ids[0].tolist()[: len(builder.ids(queries[0], database[:2]))] == builder.ids(
        queries[0], database[:2]
    )
    assert views.neighbours == (Neighbours(("d-0", "d-1"), (1.0, 1.0)),) * 3 + (Neighbours(("d-1", "d-2"), (1.0, 1.0)),)
    assert retriever.asked == 4


def test_another_database_makes_other_prompts(schema: RelationSchema) -> None:
    builder, query = prompts(schema, 200), make_instances("q", 1)
    old, new = make_instances("old", 2), make_instances("new", 3)[1:]
    conditioning = TextConditioning(builder, FirstRows(), 1, old)
    assert conditioning(query).inputs.ids.tolist() == [builder.ids(query[0], old[:1])]
    assert conditioning.use(new)
    assert conditioning(query).inputs.ids.tolist() == [builder.ids(query[0], new[:1])]
    assert list(conditioning.database) == ["new-1", "new-2"]


def test_what_is_shown_stands_in_place_of_what_is_retrieved(schema: RelationSchema) -> None:
    builder, database, query = prompts(schema, 200), make_instances("d", 5), make_instances("q", 1)
    conditioning = TextConditioning(builder, FirstRows(), 1, database)
    shown = replace(database[3], relation="none")
    for given, near in (([[shown]], [shown]), ("none", [])):
        views = conditioning(query, given)
        assert views.inputs.ids.tolist() == [builder.ids(query[0], near)]
        assert views.neighbours is None
