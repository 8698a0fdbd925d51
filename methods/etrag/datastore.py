"""The instances that a trainable retriever selects from: their vectors as of the last refresh, an index over them, and
the candidates of one step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from methods.etrag.distances import Nearness
from methods.etrag.draws import others, others_each, together
from methods.etrag.options import Candidates
from methods.parts.retrieval.vector_search import VectorIndex
from methods.types import Barred, Instance, Neighbours


class Datastore:
    """N instances. None is ever admitted for a query that bars it (`methods.types.bars`).

    ``keys`` [N, S, E] (prepared by ``nearness``) and ``values`` [N, S, D] are those of the last `refresh`; None
    before. Above ``exact_below`` instances nearest ones are searched approximately (vector_search).
    """

    def __init__(self, instances: Sequence[Instance], nearness: Nearness, exact_below: int, seed: int) -> None:
        self.instances, self.nearness, self.exact_below = list(instances), nearness, exact_below
        self.keys: Tensor | None = None
        self.values: Tensor | None = None
        self._indexes: list[VectorIndex] = []
        self._random = torch.Generator().manual_seed(seed)  # its own, so that nothing else disturbs the draws
        self._row, self._bars = {i.id: row for row, i in enumerate(instances)}, Barred(instances)

    def __len__(self) -> int:
        return len(self.instances)

    @property
    def indexed(self) -> bool:
        """Whether `nearest` has been prepared for."""
        return bool(self._indexes)

    @property
    def recall(self) -> float:
        """Of the exact ten nearest on a sample of queries; 1 while search is exact."""
        return min((index.measured_recall for index in self._indexes), default=1.0)

    def admitted(self, batch: Sequence[Instance], rows: Tensor) -> Tensor:
        """Boolean [B, M]: which of the ``rows`` [M] each instance of the batch may select."""
        return ~torch.stack([torch.isin(rows, barred) for barred in self._barred(batch)])

    def neighbours(self, weights: Tensor, mask: Tensor, rows: Tensor, k: int) -> tuple[Neighbours, ...]:
        """The k of ``rows`` [M] with most of the ``weights`` [B, M], of those that ``mask`` [B, M] admits; as many as
        it admits where a query has drawn fewer than k different candidates."""
        top = weights.masked_fill(~mask, float("-inf")).topk(min(k, len(rows)), dim=1)
        chosen, counts = rows[top.indices.cpu()].tolist(), mask.sum(1).tolist()
        return tuple(
            Neighbours(tuple(self.instances[row].id for row in near[:count]), tuple(values[:count]))
            for near, values, count in zip(chosen, top.values.tolist(), counts, strict=True)
        )

    def refresh(self, keys: Tensor, values: Tensor | None, *, indexed: bool) -> None:
        """Take new vectors; ``indexed`` where `nearest` will be asked."""
        self.keys, self.values = keys, values
        if not indexed:
            return
        spaces = self.nearness.search_spaces(keys)
        if len(self._indexes) != len(spaces):
            self._indexes = [VectorIndex(space, self.exact_below) for space in spaces]
        else:
            for index, space in zip(self._indexes, spaces, strict=True):
                index.replace(space)

    def nearest(self, queries: Tensor, batch: Sequence[Instance], count: int) -> Tensor:
        """Rows [B, count] of the nearest admitted instances by the refreshed vectors, nearest first; -1 where fewer
        are found. ``queries`` [B, S, D]."""
        asked = self.nearness.search_spaces(self.nearness.ask(queries.detach()))
        barred = self._barred(batch)
        reach = min(len(self), count + max(map(len, barred)))
        found = [index.search(space, reach) for index, space in zip(self._indexes, asked, strict=True)]
        values, rows = torch.cat([v for v, _ in found], 1).cpu(), torch.cat([r for _, r in found], 1).cpu()
        order = values.argsort(dim=1, descending=True, stable=True)
        rows = rows.gather(1, order)
        kept = torch.full((len(batch), count), -1)
        for b, row in enumerate(rows):
            good = row[(row >= 0) & ~torch.isin(row, barred[b])]
            good = good if len(found) == 1 else torch.tensor(list(dict.fromkeys(good.tolist())), dtype=torch.long)
            kept[b, : len(good[:count])] = good[:count]
        return kept

    def shortlist(self, queries: Tensor, batch: Sequence[Instance], count: int) -> tuple[Tensor, Tensor]:
        """Rows [M], ascending, of the ``count`` nearest of each instance, and which of them are its own [B, M]."""
        rows, _, mask = together(self.nearest(queries, batch, count))
        return rows, mask

    def draw(
        self, kind: Candidates, count: int, queries: Tensor, batch: Sequence[Instance], epsilon: float = 0.0
    ) -> Tensor:
        """Candidates of one training step, shared by its batch: ``count`` distinct rows, ascending.

        `random`: uniformly. `shortlist`: every query's nearest, then its second nearest, and so on; each of these
        places goes with probability ``epsilon`` to a random instance beside those that stay. `mixed`: half of each.
        ``queries`` [B, S, D].
        """
        count = min(count, len(self))
        chosen: list[int] = []
        if kind != "random":
            share = count if kind == "shortlist" else count // 2
            ranked = self.nearest(queries, batch, min(share, len(self))).T.flatten().tolist()
            chosen = [row for row in dict.fromkeys(ranked) if row >= 0][:share]
        if epsilon:
            stays = torch.rand(len(chosen), generator=self._random) >= epsilon
            chosen = [row for row, kept in zip(chosen, stays.tolist(), strict=True) if kept]
        return torch.tensor(sorted([*chosen, *others(set(chosen), count - len(chosen), len(self), self._random)]))

    def draw_each(
        self, kind: Candidates, count: int, queries: Tensor, batch: Sequence[Instance], epsilon: float = 0.0
    ) -> Tensor:
        """Candidates for each instance of the batch alone, none that it bars: rows [B, count or fewer], -1 behind them
        where it has not so many.

        `random`: with replacement, as ETRAG's authors do (arXiv 2406.03790), so that one drawn twice counts twice
        in a softmax over them; at most as many as are admitted. The other two are distinct. `shortlist`: its own
        nearest, with ``epsilon`` as in `draw`. `mixed`: half of each.
        """
        share = {"random": 0, "mixed": count // 2, "shortlist": count}[kind]
        kept = self.nearest(queries, batch, min(share, len(self))) if share else torch.empty(len(batch), 0).long()
        if epsilon:
            kept[torch.rand(kept.shape, generator=self._random) < epsilon] = -1
        taken = torch.cat([pad_sequence(self._barred(batch), batch_first=True, padding_value=-1), kept], 1)
        missing = count - (kept >= 0).sum(1)
        drawn = others_each(taken, missing, len(self), self._random, replacement=kind == "random")
        return torch.cat([kept, drawn], 1).sort(1, descending=True).values[:, :count]

    def _barred(self, batch: Sequence[Instance]) -> list[Tensor]:
        """The rows that each instance of the batch may not select."""
        known = ([self._row[name] for name in self._bars(query) if name in self._row] for query in batch)
        return [torch.tensor(rows, dtype=torch.long) for rows in known]
