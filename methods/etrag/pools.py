"""What ETRAG selects from: a batch's pool of instances, encoded by the retriever that is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from methods.etrag.datastore import Datastore
from methods.etrag.distances import Nearness
from methods.etrag.options import EtragOptions
from methods.etrag.span_encoder import ENCODE_BATCH, SpanEncoder
from methods.etrag.staleness import Staleness, sample
from methods.types import Instance, Neighbours


class Pool(NamedTuple):
    """``rows`` [M] of the datastore, how near they are to each query (``scores`` [B, M]), which of them it may select
    (``mask`` [B, M]), and what they bring (``values`` [M, S, D])."""

    rows: Tensor
    scores: Tensor
    mask: Tensor
    values: Tensor


class Pools(nn.Module):
    """In training candidates that are encoded with gradient, else the database as of its last encoding.

    ``new_retriever`` builds one with the weights from before training. ``step``: how many have been trained.
    """

    def __init__(self, options: EtragOptions, seed: int, new_retriever: Callable[[], SpanEncoder]) -> None:
        super().__init__()
        self.options, self.seed, self.new_retriever = options, seed, new_retriever
        self.nearness = Nearness(options.distance, options.reduction, options.pairs)
        self.retriever = new_retriever()
        self.staleness = Staleness(options.refresh_interval, options.refresh_drift, self._sample_keys)
        self.step = 0

    def use(self, instances: Sequence[Instance]) -> None:
        """Select from these from now on."""
        self.store = Datastore(instances, self.nearness, self.options.exact_below, self.seed)
        self.shortlists = 0 < self.options.test_candidates < len(instances)

    def forward(self, batch: Sequence[Instance], queries: Tensor, *, whole: bool = False) -> Pool:
        """The pool of a batch with the span vectors ``queries`` [B, S, D]; ``whole``: whatever `test_candidates`."""
        options, store = self.options, self.store
        if self.training:
            if options.candidates != "random":
                self.refresh()
            rows = store.draw(options.candidates, options.candidate_count, queries, batch)
            values = self.retriever([store.instances[r] for r in rows.tolist()], labelled=True)
            scores, mask = self.nearness.compare(queries, values), store.admitted(batch, rows)
            return Pool(rows, scores, mask.to(scores.device), values)
        keys, values = self.refresh()
        if self.shortlists and not whole:
            rows, mask = store.shortlist(queries, batch, options.test_candidates)
            keys, values = keys[rows], values[rows]
        else:
            rows = torch.arange(len(store))
            mask = store.admitted(batch, rows)
        return Pool(rows, self.nearness.scores(queries, keys), mask.to(keys.device), values)

    def refresh(self) -> tuple[Tensor, Tensor]:
        """Keys (as `Nearness.prepare` has them) and values of the database, encoded again where they are too old."""
        store = self.store
        known = None if store.keys is None else store.keys[sample(len(store))]
        if self.staleness.due(self.step, known, self.training):
            values = self.retriever.encode_all(store.instances, labelled=True)
            indexed = self.shortlists or self.options.candidates != "random"
            store.refresh(self.nearness.prepare(values), values, indexed=indexed)
        assert store.keys is not None
        assert store.values is not None
        return store.keys, store.values

    def untrained(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...]:
        """The nearest of each instance before training."""
        store, retriever = self.store, self.new_retriever().to(next(self.parameters()).device)
        database = self.nearness.prepare(retriever.encode_all(store.instances, labelled=True))
        queries = retriever.encode_all(instances, labelled=False)
        found: list[Neighbours] = []
        rows = torch.arange(len(store))
        for start in range(0, len(instances), ENCODE_BATCH):
            batch = slice(start, start + ENCODE_BATCH)
            mask = store.admitted(instances[batch], rows).to(database.device)
            scores = self.nearness.scores(queries[batch], database)
            found += store.neighbours(scores, mask, rows, self.options.k)
        return tuple(found)

    def _sample_keys(self) -> Tensor:
        few = self.store.instances[sample(len(self.store))]
        return self.nearness.prepare(self.retriever.encode_all(few, labelled=True))
