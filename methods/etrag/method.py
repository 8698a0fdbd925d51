"""ETRAG: differentiable k-nearest-neighbour selection, neighbours as soft prompts (Makino, Miwa, Sasaki,
arXiv 2406.03790). The extraction loss trains the retriever too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from methods.base import MethodError, Shown
from methods.etrag import selection_report
from methods.etrag.datastore import Datastore
from methods.etrag.distances import Nearness
from methods.etrag.options import EtragOptions
from methods.etrag.retriever import ENCODE_BATCH, TrainedRetriever
from methods.etrag.selection import SELECTIONS
from methods.etrag.soft_prompt import SoftPrompt
from methods.parts.conditioning import EncoderInput, checked
from methods.parts.extractor import GenerativeMethod
from methods.settings import Between, OneOf, SearchSpace
from methods.types import Instance, Neighbours, Prediction

DRIFT_SAMPLE = 32  # instances on which the drift of the vectors is measured, every DRIFT_EVERY steps
DRIFT_EVERY = 10
LEFT_OUT_SAMPLE = 32  # queries whose full selection tells what a shortlist leaves out


class Etrag(GenerativeMethod):
    """End-to-end trainable retrieval: soft k-NN selection over instance vectors, soft prompt, one loss."""

    Options = EtragOptions
    search_space: ClassVar[SearchSpace] = {
        **GenerativeMethod.search_space,
        "k": Between(1, 10),
        "temperature": Between(1e-3, 1.0, log=True),
        "candidates": OneOf(("random", "shortlist", "mixed")),
        "candidate_count": OneOf((16, 32, 64)),
        "learning_rate": Between(1e-5, 1e-3, log=True),
    }

    def prepare(self, train: Sequence[Instance]) -> None:
        options, context = self.options, self.context
        self._nearness = Nearness(options.distance, options.reduction)
        self._open(train)
        self._step, self._fresh_at = 0, -1
        self._drifts: list[float] = []
        self._observed: dict[str, float] = {}
        self._sampled: Tensor | None = None
        self._movements: list[float] = []
        retriever = self._new_retriever()
        soft = SoftPrompt(
            retriever.encoder.width,
            self.generator.width,
            query="query" in options.prefix_roles,
            neighbours="neighbours" in options.prefix_roles,
        )
        learned = options.temperature_rule == "learned"
        self.log_temperature = nn.Parameter(torch.tensor(options.temperature).log(), requires_grad=learned)
        self.body.update({"retriever": retriever, "soft_prompt": soft})
        self.body.register_parameter("log_temperature", self.log_temperature)
        self.body.to(context.device)

    def _open(self, instances: Sequence[Instance]) -> None:
        """Select from these instances from now on."""
        self.store = Datastore(instances, self._nearness, self.options.exact_below, self.context.seed)
        self._found: dict[str, tuple[Neighbours, dict[str, float]]] = {}
        self._left_out: list[float] = []

    def _new_retriever(self) -> TrainedRetriever:
        return TrainedRetriever(self.options, self.context, self.store.instances, self.autocast)

    @property
    def _retriever(self) -> TrainedRetriever:
        return self.body["retriever"]

    def extra_groups(self) -> list[tuple[list[nn.Parameter], float]]:
        new = [*self._retriever.projection.parameters(), *self.body["soft_prompt"].parameters()]
        if self.options.temperature_rule == "learned":
            new.append(self.log_temperature)
        encoder = [p for p in self._retriever.encoder.parameters() if p.requires_grad]
        return [(encoder, self.options.learning_rate), (new, self.context.optimisation.new_learning_rate)]

    def after_step(self, step: int) -> None:
        self._step = step

    def condition(self, batch: Sequence[Instance], inputs: EncoderInput) -> EncoderInput:
        store, options = self.store, self.options
        keys, values = self._retriever(batch, labelled=False)
        with torch.autocast(keys.device.type, enabled=False):  # cosines differ in their third digit
            if self.body.training:
                if options.candidates != "random":
                    self._refresh()
                rows = store.draw(options.candidates, options.candidate_count, keys, batch)
                chosen, db_values = self._retriever([store.instances[r] for r in rows.tolist()], labelled=True)
                scores, mask = self._nearness.compare(keys, chosen), store.admitted(batch, rows)
            else:
                self._refresh()
                assert store.keys is not None
                assert store.values is not None
                rows, mask = self._shortlist(batch, keys)
                whole = len(rows) == len(store)
                db_keys, db_values = (store.keys, store.values) if whole else (store.keys[rows], store.values[rows])
                scores = self._nearness.scores(keys, db_keys)
            mask, scores = mask.to(keys.device), scores.to(getattr(torch, options.selection_dtype))
            weights = self._select(scores, mask)
            report = selection_report.describe(scores.detach(), mask, weights.detach())
            if self.body.training:
                self._observed = {name: float(column.mean()) for name, column in report.items()}
            else:
                self._note(batch, rows, mask, weights, report)
            prefix = self.body["soft_prompt"](values, weights, db_values)
        return EncoderInput(inputs.ids, inputs.mask, prefix, options.insert)

    def _select(self, scores: Tensor, mask: Tensor) -> Tensor:
        """Weights [B, k, N]."""
        k, fewest = self.options.k, int(mask.sum(1).min())
        if fewest < k:
            raise MethodError(
                f"an instance may select from only {fewest} candidates (neither itself nor its document), fewer than "
                f"k = {k}; raise candidate_count or the ratio, or lower k"
            )
        return SELECTIONS[self.options.selection](scores, k, self._temperature(scores, mask), mask)

    def _shortlist(self, batch: Sequence[Instance], keys: Tensor) -> tuple[Tensor, Tensor]:
        """Rows [M] that a batch selects from at test time, and which of them each instance admits [B, M]."""
        store, count = self.store, self.options.test_candidates
        everything = torch.arange(len(store))
        if not 0 < count < len(store):
            return everything, store.admitted(batch, everything)
        near = store.nearest(keys, batch, count)
        rows = near[near >= 0].unique()
        kept = torch.zeros(len(batch), len(store), dtype=torch.bool)
        for row, found in zip(kept, near, strict=True):
            row[found[found >= 0]] = True
        for b in range(min(len(batch), LEFT_OUT_SAMPLE - len(self._left_out))):  # one at a time: k x N numbers each
            scores = self._nearness.scores(keys[b : b + 1], store.keys)
            full = self._select(scores, store.admitted(batch[b : b + 1], everything).to(keys.device))
            self._left_out.append(float(selection_report.left_out(full, kept[b : b + 1].to(keys.device))))
        return rows, kept[:, rows]

    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        self.replace_database(instances)
        self._open(instances)
        return True

    def predict_with(self, instances: Sequence[Instance], shown: Shown) -> Prediction:
        """Given neighbours enter the prefix as k selections of one instance each; without any, their places hold zeros
        and the query's own keep theirs."""
        self.body.eval()
        with torch.inference_mode():
            self._refresh()  # nothing to do after `predict`
        assert self.store.values is not None
        database, columns = self.store.values, None
        everything = torch.arange(len(self.store))
        if not isinstance(shown, str):
            near = checked(shown, instances, self.options.k)
            found = {(i.id, i.relations): i for row in near for i in row}
            database = self._retriever.encode_all(list(found.values()), labelled=True)[1]
            place = {key: at for at, key in enumerate(found)}
            columns = torch.tensor([[place[i.id, i.relations] for i in row] for row in near])

        def prefixed(rows: Sequence[int]) -> EncoderInput:
            batch = [instances[r] for r in rows]
            inputs, (_, values) = self.inputs(batch), self._retriever(batch, labelled=False)
            if columns is None:
                weights = self.store.admitted(batch, everything).float()
                weights = (weights / weights.sum(1, keepdim=True)).unsqueeze(1).expand(-1, self.options.k, -1)
            else:
                weights = nn.functional.one_hot(columns[rows], len(database)).float()
            with torch.autocast(values.device.type, enabled=False):
                prefix = self.body["soft_prompt"](values, weights.to(values.device), database)
            if shown == "none":
                prefix[:, values.shape[1] if "query" in self.options.prefix_roles else 0 :] = 0
            return EncoderInput(inputs.ids, inputs.mask, prefix, self.options.insert)

        return Prediction(self.scores(instances, prefixed))

    def observe(self) -> dict[str, float]:
        """The gradient that reaches the retriever, the selection of this step (from its candidates: not comparable
        with one from the whole database), and every `refresh_interval` steps how far keys have moved in them: the
        staleness of vectors that are encoded so often."""
        gradients = [p.grad for p in self._retriever.parameters() if p.grad is not None]
        numbers = {"retriever_gradient": float(nn.utils.get_total_norm(gradients)), **self._observed}
        if self._step % self.options.refresh_interval == 0:
            before, self._sampled = self._sampled, self._sample_keys()
            if before is not None:
                self._movements.append(_distance(before, self._sampled))
                numbers["key_drift"] = self._movements[-1]
        return numbers

    def fit_numbers(self) -> dict[str, float]:
        """How far keys move in `refresh_interval` steps, how often the database was encoded while training, and how
        far its keys had moved by then."""
        numbers = {"key_drift": float(np.mean(self._movements))} if self._movements else {}
        if self._drifts:
            numbers |= {"refreshes": float(len(self._drifts)), "drift_at_refresh": float(np.mean(self._drifts))}
        return numbers

    def collect(self, instances: Sequence[Instance]) -> dict[str, Any]:
        found = [self._found[i.id] for i in instances]
        names = found[0][1] if found else {}
        diagnostics = {name: float(np.mean([row[name] for _, row in found])) for name in names}
        if self._indexed:
            diagnostics["search_recall"] = self.store.recall
        if self._left_out:
            diagnostics["left_out_mass"] = float(np.mean(self._left_out))
        return {"neighbours": tuple(n for n, _ in found), "diagnostics": diagnostics}

    def untrained_neighbours(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...]:
        """What the retriever would have selected before training, over the same database."""
        trained, self.body["retriever"] = self._retriever, self._new_retriever().to(self.context.device).eval()
        try:
            with torch.inference_mode():
                database = self._nearness.prepare(self._retriever.encode_all(self.store.instances, labelled=True)[0])
                queries, _ = self._retriever.encode_all(instances, labelled=False)
                found, everything = [], torch.arange(len(self.store))
                for start in range(0, len(instances), ENCODE_BATCH):
                    batch = slice(start, start + ENCODE_BATCH)
                    mask = self.store.admitted(instances[batch], everything).to(database.device)
                    scores = self._nearness.scores(queries[batch], database).masked_fill(~mask, float("-inf"))
                    found += [self._neighbours(row, everything) for row in scores]
        finally:
            self.body["retriever"] = trained
        return tuple(found)

    def _temperature(self, scores: Tensor, mask: Tensor) -> Tensor:
        """t as a number or [B, 1]."""
        options = self.options
        if options.temperature_rule == "learned":
            return self.log_temperature.exp()
        if options.temperature_rule == "spread":
            return options.temperature * selection_report.spread(scores.detach(), mask).clamp(min=1e-6)
        if options.temperature_rule == "annealed" and self.body.training:
            done = min(1.0, self._step / max(1, self.context.budget.steps(len(self.store)) - 1))
            return torch.tensor(options.temperature_start ** (1 - done) * options.temperature**done)
        return torch.tensor(options.temperature)

    def _refresh(self) -> None:
        """Encode the database again: always before evaluation; while training every ``refresh_interval`` steps, and
        earlier where the keys have drifted."""
        store, training = self.store, self.body.training
        age = self._step - self._fresh_at
        due = store.keys is None or age >= (self.options.refresh_interval if training else 1)
        limit = self.options.refresh_drift
        if not due and not (training and limit and age % DRIFT_EVERY == 0 and self._drift() > limit):
            return
        if training and store.keys is not None:
            self._drifts.append(self._drift())
        self.restock(*self._retriever.encode_all(store.instances, labelled=True))
        self.body.train(training)

    @property
    def _indexed(self) -> bool:
        """Whether nearest instances are searched, in training or at test time."""
        return self.options.candidates != "random" or 0 < self.options.test_candidates < len(self.store)

    def restock(self, keys: Tensor, values: Tensor) -> None:
        """Take these vectors [N, S, d], [N, S', D] as the database's, as if just encoded."""
        self.store.refresh(self._nearness.prepare(keys), values, indexed=self._indexed)
        self._fresh_at = self._step

    def _drift(self) -> float:
        """How far the keys of a few instances have moved since the database was encoded."""
        assert self.store.keys is not None
        return _distance(self.store.keys[self._sample()], self._sample_keys())

    def _sample_keys(self) -> Tensor:
        """The prepared keys of a few instances now."""
        keys = self._nearness.prepare(
            self._retriever.encode_all(self.store.instances[self._sample()], labelled=True)[0]
        )
        self.body.train()
        return keys

    def _sample(self) -> slice:
        step = max(1, len(self.store) // DRIFT_SAMPLE)
        return slice(0, step * DRIFT_SAMPLE, step)

    def _note(
        self, batch: Sequence[Instance], rows: Tensor, mask: Tensor, weights: Tensor, report: dict[str, Tensor]
    ) -> None:
        """Neighbours (by weight summed over the steps) and how real the selection was, per query."""
        numbers = {name: column.double().tolist() for name, column in report.items()}
        for b, (instance, total) in enumerate(zip(batch, weights.sum(1).masked_fill(~mask, -1.0), strict=True)):
            note = {name: column[b] for name, column in numbers.items()}
            self._found[instance.id] = (self._neighbours(total, rows), note)

    def _neighbours(self, weight: Tensor, rows: Tensor) -> Neighbours:
        top = weight.topk(self.options.k)
        ids = tuple(self.store.instances[int(rows[i])].id for i in top.indices.tolist())
        return Neighbours(ids, tuple(top.values.tolist()))


def _distance(before: Tensor, now: Tensor) -> float:
    """Mean cosine distance between two encodings of the same spans."""
    return float(1 - nn.functional.cosine_similarity(before, now, dim=2).mean())
