"""The shared body of every generative method: generator, label scorer, training loop, batched prediction.

A method overrides the few hooks below; what it does not override is the same for all compared methods.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from methods.base import FitReport, Method, MethodError, Progress
from methods.parts.conditioning import EncoderInput
from methods.parts.generation.generator import build_generator
from methods.parts.generation.label_scoring import LabelScorer
from methods.parts.generation.label_trie import build_trie
from methods.parts.text_prompt import PromptBuilder
from methods.parts.trainer import train as run_training
from methods.parts.verbalize import marked_words, neighbour_words
from methods.settings import Between, SearchSpace
from methods.types import Instance, Neighbours, Prediction

PREDICT_BATCH = 64


class GenerativeMethod(Method):
    """Fine-tunes the generator to produce the verbalised relation (SuRE, arXiv 2205.09837) from its input."""

    search_space: ClassVar[SearchSpace] = {
        "optimisation.learning_rate": Between(5e-5, 8e-4, log=True),
        "optimisation.new_learning_rate": Between(1e-4, 2e-3, log=True),
    }

    # --- hooks -----------------------------------------------------------------------------------------------

    def prepare(self, train: Sequence[Instance]) -> None:
        """Build what depends on the training subset (index, retriever) before the generator is trained."""

    def text_neighbours(self, instances: Sequence[Instance]) -> list[Neighbours] | None:
        """Neighbours that enter the prompt as text; an instance is never its own neighbour."""
        return None

    def condition(self, batch: Sequence[Instance], inputs: EncoderInput) -> EncoderInput:
        """Add a soft prefix to the padded prompts."""
        return inputs

    def extra_groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """(parameters, learning rate) beyond the generator's."""
        return []

    def after_step(self, step: int) -> None:
        """Called after each optimiser step, counted from 1."""

    def observe(self) -> dict[str, float]:
        """Called after each backward pass of training: numbers whose means enter the history."""
        return {}

    def fit_numbers(self) -> dict[str, float]:
        """Called once after training: more diagnostics of `FitReport`."""
        return {}

    def collect(self, instances: Sequence[Instance]) -> dict[str, Any]:
        """Called once after prediction: more fields of `Prediction` (neighbours, diagnostics, ...)."""
        return {}

    # --- the contract ----------------------------------------------------------------------------------------

    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        context, started = self.context, time.perf_counter()
        self.start(train)
        self.remember([*train, *dev])
        prepared = time.perf_counter()
        groups = self.groups()
        log = run_training(
            self.body,
            groups,
            self.loss,
            train,
            (lambda: self.mean_loss(dev)) if dev else None,
            context,
            self.after_step,
            self.observe,
        )
        trained = time.perf_counter()
        return FitReport(
            steps=log.steps,
            instances_seen=log.instances_seen,
            parameters={
                "total": sum(p.numel() for p in self.body.parameters()),
                "trained": sum(p.numel() for parameters, _ in groups for p in parameters),
            },
            history=log.history,
            timings={"prepare": prepared - started, "train": trained - prepared},
            diagnostics=self._lengths() | self.fit_numbers(),
        )

    def start(self, train: Sequence[Instance]) -> None:
        """Everything before the first step: generator, prompts, index or retriever over ``train``. Raises MethodError
        for an empty training subset, one too small for k, and ids that are not unique."""
        if not train:
            raise MethodError("the training subset is empty")
        k = getattr(self.options, "k", 0)
        if k > len(train) - 1:
            raise MethodError(
                f"k = {k} neighbours need a database of at least {k + 1} instances (an instance is never its own "
                f"neighbour), but the training subset has {len(train)}; lower k or raise the ratio"
            )
        torch.manual_seed(self.context.seed)
        self.database = {i.id: i for i in train}
        if len(self.database) != len(train):
            raise MethodError("instance ids of the training subset are not unique")
        self.build(train)
        self.prepare(train)

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """(parameters, learning rate) of all that is trained."""
        parts, rates = self.generator.parameter_groups(), self.context.optimisation
        return [
            (parts["pretrained"], rates.learning_rate),
            (parts["new"], rates.new_learning_rate),
            *self.extra_groups(),
        ]

    def predict(self, instances: Sequence[Instance]) -> Prediction:
        def retrieved(rows: Sequence[int]) -> EncoderInput:
            batch = [instances[r] for r in rows]
            return self.condition(batch, self.inputs(batch))

        scores = self.scores(instances, retrieved)
        with torch.inference_mode():
            extra = self.collect(instances)
        neighbours = self.text_neighbours(instances)
        if neighbours is not None:
            extra["neighbours"] = tuple(neighbours)
        return Prediction(scores=scores, **extra)

    def scores(self, instances: Sequence[Instance], build: Callable[[Sequence[int]], EncoderInput]) -> np.ndarray:
        """Scores [instances, relations] under the inputs that ``build`` makes of a batch of their rows."""
        self.body.eval()
        self.remember(instances)
        scores = np.empty((len(instances), len(self.context.schema.names)), dtype=np.float32)
        done = 0
        with torch.inference_mode():
            for rows in self._by_length(instances):
                with self.autocast():
                    memory = self.generator.encode(build(rows))
                    admitted = self._admitted([instances[r] for r in rows])
                    scored = self.scorer.scores(partial(self.generator.decode, memory), admitted)
                scores[rows] = scored.cpu().numpy()
                done += len(rows)
                self.context.progress(Progress("predict", done, len(instances)))
        return scores

    def replace_database(self, instances: Sequence[Instance]) -> None:
        """For `swap_datastore`: prompts are built anew, from neighbours among ``instances``."""
        k = getattr(self.options, "k", 0)
        if k > len(instances):
            raise MethodError(f"k = {k} neighbours need a datastore of as many instances; it has {len(instances)}")
        self.database = {i.id: i for i in instances}
        self._prompts.clear()

    # --- the shared body -------------------------------------------------------------------------------------

    def build(self, train_set: Sequence[Instance]) -> None:
        """Generator, prompts and label scorer; ``self.body`` holds every module of the method."""
        context = self.context
        schema, models = context.schema, context.models
        texts: list[str] = []
        if models.generator == "tiny":
            for i in train_set:
                texts += [" ".join(marked_words(i)), " ".join(neighbour_words(i, schema))]
        self.generator = build_generator(
            models,
            {name: schema.verbalisations[name] for name in schema.names},
            texts,
            whole_vocabulary=context.scoring.rule == "likelihood",
        )
        self._prompts: dict[str, list[int]] = {}
        self.prompts = PromptBuilder(self.generator.tokenizer, schema, models.max_input_tokens)
        try:
            trie = build_trie(self.generator.labels)
        except ValueError as error:
            raise MethodError(f"the generator cannot tell two verbalisations apart: {error}") from error
        self.scorer = LabelScorer(trie, context.scoring)
        self.body = nn.ModuleDict({"generator": self.generator, "scorer": self.scorer}).to(context.device)

    def loss(self, batch: Sequence[Instance]) -> Tensor:
        """Mean negative score of the gold relations, under the rule that also predicts; an instance with several
        counts by their mean."""
        with self.autocast():
            memory = self.generator.encode(self.condition(batch, self.inputs(batch)))
        index, device = self.context.schema.index, self.context.device
        gold = torch.tensor([index[name] for i in batch for name in i.relations], device=device)
        admitted = self._admitted(batch)
        counts = torch.tensor([len(i.relations) for i in batch], device=device)
        several = len(gold) > len(batch)
        if several:  # one row per gold relation, encoded once
            counts = counts.repeat_interleave(counts)
            rows = torch.tensor([row for row, i in enumerate(batch) for _ in i.relations], device=device)
            memory, admitted = memory.rows(rows), admitted[rows]
        # A gold relation that the types exclude (label noise) must still have a finite loss.
        admitted = admitted.scatter(1, gold.unsqueeze(1), True)
        with self.autocast():
            scores = self.scorer.gold(partial(self.generator.decode_each, memory), gold, admitted)
        return -(scores / counts).sum() / len(batch) if several else -scores.mean()

    def autocast(self) -> torch.autocast:
        """Matrix products in bfloat16 where `models.precision` says so; selection, scores and loss stay in float32."""
        device, wanted = self.context.device.partition(":")[0], self.context.models.precision
        return torch.autocast(
            device, torch.bfloat16, enabled=wanted == "bfloat16" or (wanted, device) == ("auto", "cuda")
        )

    def mean_loss(self, instances: Sequence[Instance]) -> float:
        """Loss over a set, without dropout."""
        with torch.inference_mode():
            parts = [self.loss([instances[r] for r in rows]) * len(rows) for rows in self._by_length(instances)]
        return float(sum(parts)) / len(instances)

    def inputs(self, batch: Sequence[Instance]) -> EncoderInput:
        """Padded prompts of a batch."""
        return self.prompts.batch([self._prompts[i.id] for i in batch], self.context.device)

    def remember(self, instances: Sequence[Instance]) -> None:
        new = [i for i in instances if i.id not in self._prompts]
        self.prompts.remember(new)
        found = self.text_neighbours(new)
        for row, instance in enumerate(new):
            near = [self.database[n] for n in found[row].ids] if found else []
            self._prompts[instance.id] = self.prompts.ids(instance, near)

    def _by_length(self, instances: Sequence[Instance]) -> Iterator[list[int]]:
        """Rows in batches of similar length: little padding."""
        self.remember(instances)
        order = sorted(range(len(instances)), key=lambda r: len(self._prompts[instances[r].id]))
        for start in range(0, len(order), PREDICT_BATCH):
            yield order[start : start + PREDICT_BATCH]

    def _lengths(self) -> dict[str, float]:
        """How often an input was too long; the second number only where an entity was lost."""
        lost = {"lost_entities": float(self.prompts.lost_entities)} if self.prompts.lost_entities else {}
        return {"shortened_inputs": float(self.prompts.shortened), **lost}

    def _admitted(self, batch: Sequence[Instance]) -> Tensor:
        return torch.from_numpy(self.context.schema.admitted(batch)).to(self.context.device)
