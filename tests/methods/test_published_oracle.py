"""What the authors' own modules give on a tiny random T5 (`etrag_published`, see its README), through our classes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from methods.etrag.distances import Nearness
from methods.etrag.relaxed_knn import select
from methods.etrag.soft_prompt import SoftPrompt
from methods.parts.generation.generator import Generator, build_generator
from methods.parts.generation.label_scoring import LabelScorer
from methods.parts.generation.targets import Targets
from methods.parts.text_prompt import PromptBuilder
from methods.settings import Models, Scoring
from methods.types import Instance, RelationSchema, Span
from tests.shared import ORACLES, needs

FOLDER = ORACLES / "etrag_published"
CASES = range(5)
SCORING = Scoring(train="likelihood", train_per_token=True, predict="constrained")

pytestmark = needs(FOLDER)


@pytest.fixture(scope="module")
def oracle() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))
    assert len(content["cases"]) == len(CASES)
    return content


@pytest.fixture(scope="module")
def schema(oracle: dict[str, Any]) -> RelationSchema:
    texts = {
        name: text.replace("{subj}", "{head}").replace("{obj}", "{tail}") for name, text in oracle["templates"].items()
    }
    return RelationSchema(tuple(texts), texts, "no_relation", template=True)


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(generator=str(FOLDER / "t5"), input="sure", dropout=0.0)


@pytest.fixture(scope="module")
def generator(models: Models) -> Generator:
    return build_generator(models, [], [], open_vocabulary=True).eval()


def instance(case: dict[str, Any]) -> Instance:
    tokens = case["sentence"].split()

    def span(entity: str) -> Span:
        words = entity.split()
        start = next(at for at in range(len(tokens)) if tokens[at : at + len(words)] == words)
        return Span(start, start + len(words))

    where = span(case["head"]), span(case["tail"])
    return Instance("case", tuple(tokens), *where, case["relation"], case["head_type"], case["tail_type"])


def prefix(oracle: dict[str, Any], case: dict[str, Any]) -> torch.Tensor:
    """The soft prompt from the given span vectors: nearness, selection, projection."""
    query, database = torch.tensor([case["query"]]), torch.tensor(case["database"])
    weights = select(Nearness().compare(query, database), case["k"], case["temperature"])
    soft = SoftPrompt(query.shape[2], len(oracle["projection_bias"]))
    with torch.no_grad():
        soft.projection.weight.copy_(torch.tensor(oracle["projection_weight"]))
        soft.projection.bias.copy_(torch.tensor(oracle["projection_bias"]))
        prompt: torch.Tensor = soft(query, weights, database)
    return prompt


def scored(
    oracle: dict[str, Any], case: dict[str, Any], generator: Generator, schema: RelationSchema, prompted: bool
) -> tuple[float, dict[str, float]]:
    """Training loss and the probability of every relation of one case."""
    one = instance(case)
    prompts = PromptBuilder(generator.tokenizer, schema, 272, kind="sure")
    inputs = prompts.batch([prompts.ids(one)])
    if prompted:
        inputs = replace(inputs, prefix=prefix(oracle, case))
    scorer = LabelScorer(generator, Targets(generator.tokenise, schema, 64, "t5"), SCORING)
    admitted = np.array([[name in case["probabilities_etrag"] for name in schema.names]])
    with torch.inference_mode():
        memory = generator.encode(inputs)
        loss = -scorer.gold(memory, [one], [[schema.index[one.relation]]], admitted)
        scores = scorer.scores(memory, [one], admitted)[0].exp()
    return float(loss), dict(zip(schema.names, scores.tolist(), strict=True))


@pytest.mark.parametrize("number", CASES)
def test_input_is_theirs(oracle: dict[str, Any], generator: Generator, schema: RelationSchema, number: int) -> None:
    case = oracle["cases"][number]
    assert PromptBuilder(generator.tokenizer, schema, 272, kind="sure").ids(instance(case)) == case["input_ids"]


@pytest.mark.parametrize("number", CASES)
def test_target_is_theirs(oracle: dict[str, Any], generator: Generator, schema: RelationSchema, number: int) -> None:
    case = oracle["cases"][number]
    targets = Targets(generator.tokenise, schema, 64, "t5")(instance(case))
    assert list(targets[schema.index[case["relation"]]]) == case["target_ids"]


@pytest.mark.parametrize("number", CASES)
def test_distances(oracle: dict[str, Any], number: int) -> None:
    case = oracle["cases"][number]
    nearness = Nearness().compare(torch.tensor([case["query"]]), torch.tensor(case["database"]))
    assert torch.allclose(1 - nearness[0], torch.tensor(case["distances"]), atol=1e-5)


@pytest.mark.parametrize("number", CASES)
def test_selection(oracle: dict[str, Any], number: int) -> None:
    case = oracle["cases"][number]
    nearness = Nearness().compare(torch.tensor([case["query"]]), torch.tensor(case["database"]))
    weights = select(nearness, case["k"], case["temperature"])
    assert torch.allclose(weights[0], torch.tensor(case["weights"]), atol=1e-5)


@pytest.mark.parametrize("number", CASES)
def test_soft_prompt(oracle: dict[str, Any], number: int) -> None:
    case = oracle["cases"][number]
    assert torch.allclose(prefix(oracle, case)[0], torch.tensor(case["prompt"]), atol=1e-5)


@pytest.mark.parametrize(("prompted", "name"), [(False, "no_retrieval"), (True, "etrag")])
@pytest.mark.parametrize("number", CASES)
def test_loss(
    oracle: dict[str, Any], generator: Generator, schema: RelationSchema, number: int, prompted: bool, name: str
) -> None:
    case = oracle["cases"][number]
    assert scored(oracle, case, generator, schema, prompted)[0] == pytest.approx(case[f"loss_{name}"], abs=1e-5)


@pytest.mark.parametrize(("prompted", "name"), [(False, "no_retrieval"), (True, "etrag")])
@pytest.mark.parametrize("number", CASES)
def test_relation_probabilities(
    oracle: dict[str, Any], generator: Generator, schema: RelationSchema, number: int, prompted: bool, name: str
) -> None:
    case = oracle["cases"][number]
    expected = {**dict.fromkeys(schema.names, 0.0), **case[f"probabilities_{name}"]}
    assert scored(oracle, case, generator, schema, prompted)[1] == pytest.approx(expected, abs=1e-5)
