"""ETRAG: differentiable k-nearest-neighbour selection, neighbours as soft prompts (Makino, Miwa, Sasaki,
arXiv 2406.03790). The extraction loss trains the retriever too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from methods.base import Settings
from methods.parts.candidates import CandidateSampler, Kind
from methods.parts.conditioning import EncoderInput
from methods.parts.extractor import GenerativeMethod
from methods.parts.relaxed_knn import cosine_scores, effective_number, select
from methods.parts.soft_prompt import SoftPrompt
from methods.parts.span_encoder import Role, SpanEncoder
from methods.parts.verbalize import marked_words
from methods.types import Instance, Neighbours

ENCODE_BATCH = 128


class EtragOptions(Settings):
    """Defaults keep the paper's structure; k, temperature and learning rate suit a MiniLM pair (docs/recipes.md)."""

    k: int = Field(5, ge=1, description="selection steps, soft neighbours in the prefix")
    temperature: float = Field(1.0, gt=0, description="t of the selection; 1 as published")
    temperature_rule: Literal["fixed", "annealed", "learned", "spread"] = Field(
        "fixed",
        description="annealed: geometrically from temperature_start; learned: trained from temperature; "
        "spread: temperature times the standard deviation of a query's scores",
    )
    temperature_start: float = Field(1.0, gt=0, description="where annealing starts")
    selection_dtype: Literal["float32", "float64"] = "float32"
    candidates: Kind = Field("random", description="what a training step selects from")
    candidate_count: int = Field(32, ge=2, description="candidates per training step")
    refresh_interval: int = Field(100, ge=1, description="steps between two encodings of the whole database")
    learning_rate: float = Field(1e-4, gt=0, description="of the retriever's encoder; 1e-3 as published")
    insert: int = Field(1, ge=0, description="input position of the soft prefix; 1 is after the first embedding")
    prefix_roles: tuple[Literal["query", "neighbours"], ...] = ("query", "neighbours")
    key_spans: tuple[Role, ...] = Field(("head", "tail", "label"), description="spans that are compared")
    value_spans: tuple[Role, ...] = Field(("head", "tail", "label"), description="spans that enter the prefix")
    projection: int = Field(0, ge=0, description="width of a trainable projection of the keys; 0 for none")

    @model_validator(mode="after")
    def _consistent(self) -> EtragOptions:
        for name in ("prefix_roles", "key_spans", "value_spans"):
            value = getattr(self, name)
            if not value or len(set(value)) != len(value):
                raise ValueError(f"{name} needs at least one entry and no duplicates")
        if self.candidate_count <= self.k:
            raise ValueError(f"candidate_count must be larger than k = {self.k}")
        return self


class Etrag(GenerativeMethod):
    """End-to-end trainable retrieval: soft k-NN selection over instance vectors, soft prompt, one loss."""

    Options = EtragOptions

    def prepare(self, train: Sequence[Instance]) -> None:
        options, context = self.options, self.context
        self._rows = {i.id: row for row, i in enumerate(train)}
        self._train = list(train)
        self._sampler = CandidateSampler(options.candidates, len(train), options.candidate_count, context.seed)
        self._step, self._fresh_at = 0, -1
        retriever = self._new_retriever()
        soft = SoftPrompt(
            retriever["encoder"].width,
            self.generator.width,
            query="query" in options.prefix_roles,
            neighbours="neighbours" in options.prefix_roles,
        )
        learned = options.temperature_rule == "learned"
        self.log_temperature = nn.Parameter(torch.tensor(options.temperature).log(), requires_grad=learned)
        self.body.update({"retriever": retriever, "soft_prompt": soft})
        self.body.register_parameter("log_temperature", self.log_temperature)
        self.body.to(context.device)
        self._keys: Tensor | None = None
        self._values: Tensor | None = None
        self._found: dict[str, tuple[Neighbours, dict[str, float]]] = {}

    def _new_retriever(self) -> nn.ModuleDict:
        """The untrained retriever: the same weights whenever it is built."""
        options, context = self.options, self.context
        models = context.models
        texts = [" ".join(marked_words(i)) for i in self._train] if models.instance_encoder == "tiny" else []
        texts += context.schema.verbalisations.values()
        with torch.random.fork_rng():
            torch.manual_seed(context.seed)
            self._roles = tuple(dict.fromkeys((*options.key_spans, *options.value_spans)))
            encoder = SpanEncoder(
                models.instance_encoder,
                context.schema,
                self._roles,
                models.max_input_tokens,
                models.dropout,
                texts,
                models.layers,
            )
            width = options.projection
            head = nn.Linear(encoder.width, width, bias=False) if width else nn.Identity()
        return nn.ModuleDict({"encoder": encoder, "projection": head})

    def extra_groups(self) -> list[tuple[list[nn.Parameter], float]]:
        new = [*self.body["retriever"]["projection"].parameters(), *self.body["soft_prompt"].parameters()]
        if self.options.temperature_rule == "learned":
            new.append(self.log_temperature)
        encoder = [p for p in self.body["retriever"]["encoder"].parameters() if p.requires_grad]
        return [(encoder, self.options.learning_rate), (new, self.context.optimisation.new_learning_rate)]

    def after_step(self, step: int) -> None:
        self._step = step

    def condition(self, batch: Sequence[Instance], inputs: EncoderInput) -> EncoderInput:
        keys, values = self._encode(self.body["retriever"], batch, labelled=False)
        own = [self._rows.get(i.id, -1) for i in batch]
        if self.body.training:
            rows = self._draw(keys, own)
            chosen = [self._train[r] for r in rows.tolist()]
            db_keys, db_values = self._encode(self.body["retriever"], chosen, labelled=True)
        else:
            self._refresh()
            assert self._keys is not None
            assert self._values is not None
            rows, db_keys, db_values = torch.arange(len(self._train)), self._keys, self._values
        mask = (rows.unsqueeze(0) != torch.tensor(own).unsqueeze(1)).to(keys.device)  # never itself
        scores = cosine_scores(keys, db_keys).to(getattr(torch, self.options.selection_dtype))
        weights = select(scores, self.options.k, self._temperature(scores, mask), mask)
        if not self.body.training:
            self._note(batch, scores, mask, weights)
        prefix = self.body["soft_prompt"](values, weights, db_values)
        return EncoderInput(inputs.ids, inputs.mask, prefix, self.options.insert)

    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        self.replace_database(instances)
        self._train, self._rows = list(instances), {i.id: row for row, i in enumerate(instances)}
        self._found.clear()
        self._keys = None  # encoded anew by the next prediction
        return True

    def collect(self, instances: Sequence[Instance]) -> dict[str, Any]:
        found = [self._found[i.id] for i in instances]
        names = found[0][1] if found else {}
        diagnostics = {name: float(np.mean([row[name] for _, row in found])) for name in names}
        return {"neighbours": tuple(n for n, _ in found), "diagnostics": diagnostics}

    def untrained_neighbours(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...]:
        """What the retriever would have selected before training, over the same database."""
        trained, self.body["retriever"] = self.body["retriever"], self._new_retriever().to(self.context.device).eval()
        try:
            with torch.inference_mode():
                database, _ = self._encode_all(self._train, labelled=True)
                queries, _ = self._encode_all(instances, labelled=False)
                found = []
                for start in range(0, len(instances), ENCODE_BATCH):
                    batch = instances[start : start + ENCODE_BATCH]
                    own = torch.tensor([self._rows.get(i.id, -1) for i in batch])
                    mask = (torch.arange(len(self._train)).unsqueeze(0) != own.unsqueeze(1)).to(database.device)
                    scores = cosine_scores(queries[start : start + ENCODE_BATCH], database).masked_fill(~mask, -2.0)
                    found += [self._neighbours(row) for row in scores]
        finally:
            self.body["retriever"] = trained
        return tuple(found)

    def _encode(self, retriever: Any, instances: Sequence[Instance], *, labelled: bool) -> tuple[Tensor, Tensor]:
        """Keys [B, S_key, d] and values [B, S_value, D]."""
        spans = retriever["encoder"](instances, labelled=labelled)
        keys = spans[:, [self._roles.index(r) for r in self.options.key_spans]]
        values = spans[:, [self._roles.index(r) for r in self.options.value_spans]]
        return retriever["projection"](keys), values

    def _encode_all(self, instances: Sequence[Instance], *, labelled: bool) -> tuple[Tensor, Tensor]:
        """As `_encode`, in batches of similar length, without gradient and dropout; in the given order."""
        retriever = self.body["retriever"].eval()
        order = sorted(range(len(instances)), key=lambda r: len(instances[r].tokens))
        with torch.no_grad():
            parts = [
                self._encode(retriever, [instances[r] for r in order[at : at + ENCODE_BATCH]], labelled=labelled)
                for at in range(0, len(order), ENCODE_BATCH)
            ]
        back = torch.tensor(order).argsort()
        return torch.cat([k for k, _ in parts])[back], torch.cat([v for _, v in parts])[back]

    def _refresh(self) -> None:
        """Encode the database again: always before evaluation, every ``refresh_interval`` steps while training."""
        age = self._step - self._fresh_at
        training = self.body.training
        if self._keys is None or age >= (self.options.refresh_interval if training else 1):
            self._keys, self._values = self._encode_all(self._train, labelled=True)
            self.body.train(training)
            self._sampler.refresh(torch.nn.functional.normalize(self._keys, dim=2).flatten(1))
            self._fresh_at = self._step

    def _draw(self, keys: Tensor, own: Sequence[int]) -> Tensor:
        if self.options.candidates == "random":
            return self._sampler.draw(None, own)
        self._refresh()
        return self._sampler.draw(torch.nn.functional.normalize(keys, dim=2).flatten(1), own)

    def _temperature(self, scores: Tensor, mask: Tensor) -> Tensor:
        """t as a number or [B, 1]."""
        options = self.options
        if options.temperature_rule == "learned":
            return self.log_temperature.exp()
        if options.temperature_rule == "spread":
            return options.temperature * _spread(scores.detach(), mask).clamp(min=1e-6)
        if options.temperature_rule == "annealed" and self.body.training:
            done = min(1.0, self._step / max(1, self.context.budget.steps(len(self._train)) - 1))
            return torch.tensor(options.temperature_start ** (1 - done) * options.temperature**done)
        return torch.tensor(options.temperature)

    def _note(self, batch: Sequence[Instance], scores: Tensor, mask: Tensor, weights: Tensor) -> None:
        """Neighbours (by weight summed over the steps) and how real the selection was, per query."""
        total = weights.sum(1)
        hard = scores.masked_fill(~mask, float("-inf")).topk(self.options.k).indices
        soft = total.topk(self.options.k).indices
        same = (hard.unsqueeze(2) == soft.unsqueeze(1)).any(2).float().mean(1)
        number = effective_number(weights)  # [B, k]
        spread = _spread(scores, mask)[:, 0]
        columns = {
            "effective_instances": number.mean(1),
            "effective_instances_first": number[:, 0],
            "score_spread": spread,
            "top_weight": weights[:, 0].max(1).values,
            "soft_hard_agreement": same,
        }
        numbers = {name: column.double().tolist() for name, column in columns.items()}
        for row, instance in enumerate(batch):
            note = {name: column[row] for name, column in numbers.items()}
            self._found[instance.id] = (self._neighbours(total[row]), note)

    def _neighbours(self, weight: Tensor) -> Neighbours:
        top = weight.topk(self.options.k)
        ids = tuple(self._train[r].id for r in top.indices.tolist())
        return Neighbours(ids, tuple(top.values.tolist()))


def _spread(scores: Tensor, mask: Tensor) -> Tensor:
    """Standard deviation of each query's admitted scores [B, 1]."""
    count = mask.sum(1, keepdim=True).clamp(min=1)
    mean = scores.masked_fill(~mask, 0).sum(1, keepdim=True) / count
    return ((scores - mean).masked_fill(~mask, 0).square().sum(1, keepdim=True) / count).sqrt()
