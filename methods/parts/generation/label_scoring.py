"""Log-probability of every relation under a generator, by the path of its verbalisation through the label trie.

Two rules (docs/architecture.md): `constrained` normalises each step over the tokens that the trie allows there
(SuRE, Lu et al. 2022, arXiv 2205.09837), so that the admitted relations sum to one; `likelihood` is the ordinary
sequence log-likelihood. The training loss is minus the score of the gold relation under the rule that trains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from methods.parts.generation.generator import Generator, Memory
from methods.parts.generation.label_trie import Plan, joined, plan
from methods.parts.generation.targets import Targets
from methods.settings import Scoring
from methods.types import Instance

CHUNK = 1 << 25  # numbers that one decoder call may take in (states of the encoder) or give (scores of the vocabulary)
KEPT = 1 << 12  # plans that are remembered: of gold relations, small ones, and of what is the same for all instances


class LabelScorer:
    """Scores relations of instances from what the generator encoded of them.

    ``views``: how many rows of the memory an instance has; row b * views + v is view v of instance b.
    """

    def __init__(self, generator: Generator, targets: Targets, scoring: Scoring) -> None:
        self.generator, self.targets = generator, targets
        whole, per_token = scoring.rule, scoring.length_normalised
        self.predicts = (scoring.predict or whole, _first(scoring.predict_per_token, per_token))
        self.trains = (scoring.train or whole, _first(scoring.train_per_token, per_token))
        self._plans: dict[tuple[object, ...], Plan] = {}

    def scores(self, memory: Memory, batch: Sequence[Instance], admitted: np.ndarray, views: int = 1) -> Tensor:
        """Score of every relation under the rule that predicts: [B * views, R], -inf where ``admitted`` [B, R] (bool)
        is False."""
        whole = self._plan(batch, [np.flatnonzero(row) for row in admitted], admitted, self.predicts[0], views)
        values = self._score(memory, whole, whole.owners, *self.predicts)
        scores = values.new_full((len(batch) * views, admitted.shape[1]), float("-inf"))
        return scores.index_put((_indices(whole.relation_owners, values), _indices(whole.relations, values)), values)

    def gold(
        self,
        memory: Memory,
        batch: Sequence[Instance],
        gold: Sequence[Sequence[int]],
        admitted: np.ndarray,
        views: int = 1,
    ) -> Tensor:
        """Score under the rule that trains of the relations ``gold`` [B lists] alone, one after the other, each with
        its views: [G * views]. Finite whatever the types exclude (label noise)."""
        each = [(row, relation) for row, relations in enumerate(gold) for relation in relations]
        wide = admitted[[row for row, _ in each]]
        wide[np.arange(len(each)), [relation for _, relation in each]] = True
        wanted = [np.array([relation]) for _, relation in each]
        whole = self._plan([batch[row] for row, _ in each], wanted, wide, self.trains[0], views)
        rows = np.array([row * views + view for row, _ in each for view in range(views)])
        return self._score(memory, whole, rows[whole.owners], *self.trains)

    def _plan(
        self, batch: Sequence[Instance], wanted: Sequence[np.ndarray], admitted: np.ndarray, rule: str, views: int
    ) -> Plan:
        if len(self._plans) > KEPT:
            self._plans.clear()
        every, found = rule == "likelihood", []
        for instance, relations, row in zip(batch, wanted, admitted, strict=True):
            key = (self.targets.key(instance), relations.tobytes(), row.tobytes(), every)
            made = self._plans.get(key)
            if made is None:
                labels = self.targets(instance)
                among = {int(r): labels[r] for r in np.flatnonzero(row)}
                made = plan(among, map(int, relations), every=every)
                if len(relations) == 1 or key[0] is None:
                    self._plans[key] = made
            found += [made] * views
        return joined(found)

    def _score(self, memory: Memory, whole: Plan, rows: np.ndarray, rule: str, per_token: bool) -> Tensor:
        """Score of each of the plan's relations [P]; its row m is decoded with row ``rows[m]`` of the memory."""
        parts = [
            self._edges(memory.rows(_indices(rows[chunk], memory.states)), whole, chunk, rule == "likelihood")
            for chunk in self._chunks(memory, whole, rule == "likelihood")
        ]
        paths = _indices(whole.paths, memory.states)
        if parts:
            steps = torch.cat(parts)[paths.clamp(min=0)].masked_fill(paths < 0, 0.0)
        else:  # nothing to choose from; the loss still leads back to the model
            steps = memory.states[:1, :1, :1].float().sum() * torch.zeros_like(paths)
        total = steps.sum(1)
        if per_token:
            total = total / _indices(whole.lengths, total)
        return total - _indices(whole.sharers, total).log()

    def _edges(self, memory: Memory, whole: Plan, chunk: slice, every: bool) -> Tensor:
        """Log-probability of the edges at the nodes of some rows of the plan, whose memory is given."""
        rows, device = whole.rows[chunk], memory.states
        width = int((rows >= 0).sum(1).max())
        first, last = np.searchsorted(whole.node_row, (chunk.start, chunk.start + len(rows)))
        edges = slice(*np.searchsorted(whole.edge_node, (first, last)))
        hidden = self.generator.decode(memory, _indices(rows[:, :width], device))
        row, position = whole.node_row[first:last] - chunk.start, whole.node_position[first:last]
        at_node = hidden[_indices(row, device), _indices(position, device)]
        node = _indices(whole.edge_node[edges] - first, device)
        if every:
            logits = self.generator.logits(at_node).float()
            return logits[node, _indices(whole.edge_token[edges], device)] - logits.logsumexp(1)[node]
        tokens, column = np.unique(whole.edge_token[edges], return_inverse=True)
        token = self.generator.logits(at_node, _indices(tokens, device)).float()[node, _indices(column, device)]
        slot = whole.edge_slot[edges]
        siblings = token.new_full((len(at_node), int(slot.max()) + 1), float("-inf"))
        return token - siblings.index_put((node, _indices(slot, device)), token).logsumexp(1)[node]

    def _chunks(self, memory: Memory, whole: Plan, every: bool) -> Iterator[slice]:
        """Slices of the plan's rows such that no decoder call exceeds `CHUNK`."""
        cost = memory.states[0].numel()
        if every:
            cost = max(cost, (whole.rows.shape[1] + 1) * self.generator.vocabulary_size)
        size = max(1, CHUNK // cost)
        return (slice(at, at + size) for at in range(0, len(whole.rows), size))


def _first(own: bool | None, shared: bool) -> bool:
    return shared if own is None else own


def _indices(numbers: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(numbers).to(like.device)
