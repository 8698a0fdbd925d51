"""How ETRAG conditions the generator: the query is compared with instances by span vectors, k of them are selected
softly, and what is selected becomes a soft prefix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from methods.base import Context, Shown
from methods.etrag.options import EtragOptions
from methods.etrag.pools import Pool, Pools, enough
from methods.etrag.selection import Select
from methods.etrag.selection_report import describe, left_out
from methods.etrag.soft_prompt import SoftPrompt
from methods.parts.conditioning import Conditioning, Groups, Views
from methods.parts.optim import Group
from methods.parts.text_prompt import PromptBuilder
from methods.types import Instance, Neighbours

LEFT_OUT_SAMPLE = 32  # queries whose full selection tells what a shortlist leaves out


class SoftConditioning(Conditioning):
    """``temperature``: a rule (methods.etrag.temperature); ``select``: how k of a pool are chosen."""

    shows = frozenset({"instances", "none", "mean"})

    def __init__(
        self,
        prompts: PromptBuilder,
        train: Sequence[Instance],
        options: EtragOptions,
        context: Context,
        pools: Pools,
        soft_prompt: SoftPrompt,
        temperature: nn.Module,
        select: Select,
    ) -> None:
        super().__init__(prompts)
        self.k, self.options, self.context = options.k, options, context
        self.pools, self.retriever, self.soft_prompt = pools, pools.retriever, soft_prompt
        self.temperature, self.select = temperature, select
        self.steps = context.budget.steps(len(train))
        self.use(train)

    def forward(self, batch: Sequence[Instance], shown: Shown | None = None) -> Views:
        inputs = super().forward(batch).inputs
        queries = self.retriever(batch, labelled=False)
        with torch.autocast(queries.device.type, enabled=False):  # cosines differ in their third digit
            if shown is not None:
                return Views(replace(inputs, prefix=self._given(batch, queries, shown)))
            pool = self.pools(batch, queries)
            weights = self.weights(pool, queries)
            prefix = self.soft_prompt(queries, weights, pool.values)
            if self.pools.shortlists and not self.training:
                self._note_left_out(batch, queries, pool)
            return Views(
                replace(inputs, prefix=prefix),
                neighbours=self.pools.store.neighbours(weights.detach().sum(1), pool.mask, pool.rows, self.k),
                penalty=self.penalty(batch, pool),
                numbers=describe(pool.scores.detach(), pool.mask, weights.detach()),
            )

    def weights(self, pool: Pool, queries: Tensor) -> Tensor:
        """The selection [B, k, M] for queries [B, S, D]. Raises MethodError where one may select from fewer than k."""
        scores, mask = pool.choices()
        enough(mask, self.k)
        done = min(1.0, self.pools.step / max(1, self.steps - 1))
        temperature = self.temperature(scores, mask, queries, done)
        return pool.back(self.select(scores, self.k, temperature, mask))

    def penalty(self, batch: Sequence[Instance], pool: Pool) -> Tensor | None:
        """What a variant adds to the loss, a scalar."""
        return None

    def prepare(self, instances: Sequence[Instance], shown: Shown | None = None) -> list[int]:
        if shown is not None and not isinstance(shown, str):
            self._encode(shown)
        return super().prepare(instances)

    def groups(self) -> Groups:
        encoder = [p for p in self.retriever.parameters() if p.requires_grad]
        new = [*self.soft_prompt.parameters(), *self.temperature.parameters()]
        return [
            Group("retriever", "retriever", encoder, self.options.learning_rate),
            Group("prompt", "prompt", new, self.context.optimisation.new_learning_rate),
        ]

    def observe(self, step: int) -> Mapping[str, float]:
        """The gradient that reaches the retriever, and how far the database's keys have moved."""
        gradients = [p.grad for p in self.retriever.parameters() if p.grad is not None]
        numbers = {"retriever_gradient": float(nn.utils.get_total_norm(gradients))}
        numbers |= self.pools.staleness.observe(self.pools.step)
        self.pools.step = step
        self._shown.clear()
        return numbers

    def use(self, instances: Sequence[Instance]) -> bool:
        self.pools.use(instances)
        self.database = {i.id: i for i in self.pools.store.instances}
        self._left_out: list[float] = []
        self._shown: dict[tuple[str, tuple[str, ...]], Tensor] = {}
        return True

    def untrained(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...]:
        return self.pools.untrained(instances)

    def after_training(self) -> dict[str, float]:
        self._left_out.clear()  # of evaluations on dev
        self.pools.staleness.forget()  # the best weights may have been put back
        limited = {"searched_instances": float(len(self.database))} if self.options.database_limit else {}
        return super().after_training() | self.pools.staleness.summary() | limited

    def after_prediction(self) -> dict[str, float]:
        numbers = {"search_recall": self.pools.store.recall} if self.pools.store.indexed else {}
        if self._left_out:
            numbers["left_out_mass"] = float(np.mean(self._left_out))
            self._left_out.clear()  # the next prediction has queries of its own
        return numbers

    def _given(self, batch: Sequence[Instance], queries: Tensor, shown: Shown) -> Tensor:
        """The prefix of k selections of one given instance each, or of the mean of the database; without neighbours
        their places hold zeros, and the query's own keep theirs."""
        if isinstance(shown, str):
            _, database = self.pools.refresh()
            weights = self.pools.store.admitted(batch, torch.arange(len(database))).float()
            weights = (weights / weights.sum(1, keepdim=True)).unsqueeze(1).expand(-1, self.k, -1)
        else:
            names = [(i.id, i.relations) for near in shown for i in near]
            if not self._shown.keys() >= set(names):
                self._encode(shown)
            database = torch.stack([self._shown[name] for name in names])
            weights = torch.eye(len(names)).unflatten(0, (len(batch), -1))
        prefix = self.soft_prompt(queries, weights.to(queries.device), database)
        if shown == "none":
            prefix[:, queries.shape[1] :] = 0
        return prefix

    def _encode(self, shown: Sequence[Sequence[Instance]]) -> None:
        """Under the relations that they are shown with, which need not be their own."""
        found = {(i.id, i.relations): i for near in shown for i in near}
        values = self.retriever.encode_all(list(found.values()), labelled=True)
        self._shown = dict(zip(found, values, strict=True))

    def _note_left_out(self, batch: Sequence[Instance], queries: Tensor, pool: Pool) -> None:
        """Of the first queries, one at a time (k x N numbers each): what a full selection would give the others."""
        for b in range(min(len(batch), LEFT_OUT_SAMPLE - len(self._left_out))):
            query = queries[b : b + 1]
            full = self.pools(batch[b : b + 1], query, whole=True)
            kept = torch.isin(full.rows, pool.rows[pool.mask[b].cpu()]).unsqueeze(0).to(query.device)
            self._left_out.append(float(left_out(self.weights(full, query), kept)))
