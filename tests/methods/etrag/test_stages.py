"""ETRAG in stages: in each of them the other parts' weights stay what they are, to the last bit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from methods.base import Context, MethodError, Progress
from methods.etrag.method import Etrag
from methods.etrag.options import EtragOptions
from methods.parts import trainer
from methods.settings import Budget, Models, Stage
from methods.types import Instance

Corpus = tuple[list[Instance], list[Instance], list[Instance]]
MakeContext = Callable[..., Context]
TINY = Models(generator="tiny", instance_encoder="tiny", max_input_tokens=96)
PARTS = ("generator", "retriever", "prompt")


def digest(parameters: Iterable[torch.nn.Parameter]) -> str:
    """SHA-256 over the weights."""
    found = hashlib.sha256()
    for parameter in parameters:
        found.update(parameter.detach().numpy().tobytes())
    return found.hexdigest()


class Watched:
    """Trains ETRAG and looks at it after each step."""

    def __init__(self, context: MakeContext, monkeypatch: pytest.MonkeyPatch, corpus: Corpus, **options: Any) -> None:
        self.steps: list[dict[str, dict[str, object]]] = []
        build, self.made = trainer.build_optimiser, []
        monkeypatch.setattr(trainer, "build_optimiser", lambda *given: self.made.append(build(*given)) or self.made[-1])
        budget = Budget(max_steps=9, batch_size=7, max_epochs=99)
        settings = context(models=TINY, budget=budget, progress=self.look)
        self.method = Etrag(EtragOptions(candidate_count=13, temperature=0.1, **options), settings)
        self.report = self.method.fit(corpus[0], corpus[1])

    def of(self, part: str) -> list[torch.nn.Parameter]:
        return [p for group in self.method.groups() if group.part == part for p in group.parameters]

    def look(self, progress: Progress) -> None:
        if progress.phase != "train":
            return
        state = self.made[0][0].state
        parts = {"generator": self.method.generator, "retriever": self.method.conditioner.retriever,
                 "prompt": self.method.conditioner.soft_prompt}  # fmt: skip
        self.steps.append({
            name: {"digest": digest(part.parameters()),
                   "state": any(p in state for p in part.parameters()),
                   "gradient": any(p.grad is not None for p in part.parameters()),
                   "requires": any(p.requires_grad for p in part.parameters())}
            for name, part in parts.items()
        })  # fmt: skip


def moved(watched: Watched, part: str, first: int, last: int) -> bool:
    """Whether its weights changed between two steps."""
    return watched.steps[first - 1][part]["digest"] != watched.steps[last - 1][part]["digest"]


@pytest.mark.parametrize(
    ("options", "still", "trained"),
    [
        ({"retriever_steps": 4}, ["generator"], ["retriever", "prompt"]),
        ({"stages": [{"steps": 4, "train": ["generator"]}]}, ["retriever", "prompt"], ["generator"]),
        ({"stages": [{"steps": 4, "train": ["prompt"]}]}, ["generator", "retriever"], ["prompt"]),
    ],
    ids=["retriever", "generator", "prompt"],
)
def test_what_a_stage_does_not_train_stands_still(
    options: dict[str, Any], still: list[str], trained: list[str], context: MakeContext, corpus: Corpus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    watched = Watched(context, monkeypatch, corpus, **options)
    for part in still:
        assert not moved(watched, part, 1, 4)
        assert not any(
            watched.steps[step][part][what] for step in range(4) for what in ("state", "gradient", "requires")
        )
        assert watched.steps[8][part]["state"]
    assert all(moved(watched, part, 1, 4) for part in trained)
    assert all(moved(watched, part, 4, 5) and moved(watched, part, 5, 9) for part in PARTS)
    assert [row["stage"] for row in watched.report.history] == [0, 1]
    assert all(p.requires_grad for part in PARTS for p in watched.of(part))


def test_the_first_weights_are_those_without_stages(
    context: MakeContext, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does decay of weights move what stands still: after the stage it is as it was built."""
    watched = Watched(context, monkeypatch, corpus, retriever_steps=4)
    fresh = Etrag(EtragOptions(candidate_count=13), context(models=TINY))
    fresh.start(corpus[0])
    assert watched.steps[3]["generator"]["digest"] == digest(fresh.generator.parameters())


def test_retriever_steps_is_short_for_a_stage(
    context: MakeContext, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = {"steps": 4, "train": ["retriever", "prompt"], "warmup": 1}
    short, long = (Watched(context, monkeypatch, corpus, **o) for o in ({"retriever_steps": 4}, {"stages": [stage]}))
    assert short.steps == long.steps


def test_stages_and_their_short_form_are_not_given_together() -> None:
    with pytest.raises(ValidationError, match="retriever_steps is short for one of the stages"):
        EtragOptions(retriever_steps=3, stages=(Stage(steps=3, train=("generator",)),))


def test_stages_that_do_not_fit_are_one_clear_error(
    context: MakeContext, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = r"9 steps are asked for \(option stages or retriever_steps\).* has 9 steps"
    with pytest.raises(MethodError, match=message):
        Watched(context, monkeypatch, corpus, retriever_steps=9)


def test_a_stage_of_an_unknown_part_is_no_option() -> None:
    with pytest.raises(ValidationError, match="Input should be 'generator', 'retriever' or 'prompt'"):
        Stage(steps=2, train=("encoder",))  # type: ignore[arg-type]


def test_a_learned_temperature_is_trained_with_the_prompt(context: MakeContext, corpus: Corpus) -> None:
    method = Etrag(EtragOptions(candidate_count=13, temperature_rule="learned"), context(models=TINY))
    method.start(corpus[0])
    (prompt,) = [group for group in method.groups() if group.part == "prompt"]
    assert any(p is method.conditioner.temperature.log for p in prompt.parameters)
