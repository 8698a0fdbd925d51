"""Log-probability of every relation under a generator, by its verbalisation's path through the label trie.

Two rules (docs/architecture.md): `constrained` normalises each step over the tokens that the trie allows there
(SuRE, Lu et al. 2022, arXiv 2205.09837), so that the admitted relations sum to one; `likelihood` is the ordinary
sequence log-likelihood. The training loss is minus the same score of the gold relation.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from methods.parts.generation.label_trie import LabelTrie
from methods.settings import Scoring

# decode(rows): rows [M, T] of trie tokens (-1 pads) -> logits [B, M, T + 1, V]; position p follows p tokens.
Decode = Callable[[Tensor], Tensor]


class LabelScorer(torch.nn.Module):
    """The trie as index tensors (buffers, so that they move with the model). V is the generator's row count."""

    edge_node: Tensor
    edge_token: Tensor
    edge_row: Tensor
    edge_position: Tensor
    edge_scored: Tensor
    edge_depth: Tensor
    child_edges: Tensor
    paths: Tensor
    through: Tensor
    rows: Tensor
    gold_rows: Tensor
    lengths: Tensor

    def __init__(self, trie: LabelTrie, scoring: Scoring) -> None:
        super().__init__()
        self.trie, self.scoring = trie, scoring
        self.every = scoring.rule == "likelihood"
        rows, where = trie.decode_plan(every=self.every)
        edges = len(trie.edge_node)
        needed = [trie.edge_node[e] in where for e in range(edges)]
        spot = [where.get(trie.edge_node[e], (0, 0)) for e in range(edges)]
        buffers = {
            "edge_node": trie.edge_node,
            "edge_token": trie.edge_token,
            "edge_row": [row for row, _ in spot],
            "edge_position": [position for _, position in spot],
            "edge_scored": needed,
            "child_edges": _pad([list(c) for c in trie.children]),
            "paths": _pad([list(p) for p in trie.paths]),
            "edge_depth": [len(trie.prefixes[n]) for n in trie.edge_node],
            "through": [[float(r in t) for r in range(len(trie.names))] for t in trie.through],
            "rows": _pad([list(r) for r in rows]),
            "gold_rows": _pad([[trie.edge_token[e] for e in p[:-1]] for p in trie.paths]),
            "lengths": [len(p) for p in trie.paths],
        }
        for name, value in buffers.items():
            self.register_buffer(name, torch.tensor(value), persistent=False)

    def scores(self, decode: Decode, admitted: Tensor) -> Tensor:
        """Score of every relation: [B, R], -inf where ``admitted`` [B, R] (bool) is False."""
        logits = decode(self.rows).float()
        token = logits[:, self.edge_row, self.edge_position, self.edge_token]  # [B, E]
        whole = logits.logsumexp(3)[:, self.edge_row, self.edge_position] if self.every else None
        total = self._edge_log_probs(token, whole, admitted)[:, self.paths.clamp(min=0)] * (self.paths >= 0)
        return self._per_token(total.sum(2), self.lengths).masked_fill(~admitted, float("-inf"))

    def gold(self, decode_each: Callable[[Tensor], Tensor], relations: Tensor, admitted: Tensor) -> Tensor:
        """Score of one relation per instance [B]; decodes only its own path.

        ``decode_each``: rows [B, T], one per instance -> logits [B, T + 1, V].
        """
        logits = decode_each(self.gold_rows[relations]).float()
        # Edges off the gold path read some other node's logits; they are left out of the sum below.
        depth = self.edge_depth.clamp(max=logits.shape[1] - 1)
        token = logits[:, depth, self.edge_token]
        whole = logits.logsumexp(2)[:, depth] if self.every else None
        edges = self.paths[relations]
        log_p = self._edge_log_probs(token, whole, admitted).gather(1, edges.clamp(min=0))
        return self._per_token((log_p * (edges >= 0)).sum(1), self.lengths[relations])

    def _edge_log_probs(self, token: Tensor, whole: Tensor | None, admitted: Tensor) -> Tensor:
        """Log-probability of every edge [B, E] from its token's logit [B, E] and, for the likelihood rule, the
        logsumexp over the whole vocabulary at its node [B, E]."""
        if whole is not None:
            return token - whole
        open_edge = (admitted.float() @ self.through.T) > 0  # some admitted relation passes
        siblings = self.child_edges[self.edge_node]  # [E, C]
        open_sibling = open_edge[:, siblings.clamp(min=0)] & (siblings >= 0)
        at_node = token[:, siblings.clamp(min=0)].masked_fill(~open_sibling, float("-inf"))
        # A node without any open edge is on no admitted path: keep it finite, the caller masks the relation.
        at_node = at_node.masked_fill(~open_sibling.any(2, keepdim=True), 0.0)
        # The only way onwards costs nothing.
        return (token - at_node.logsumexp(2)).masked_fill(~self.edge_scored, 0.0)

    def _per_token(self, total: Tensor, lengths: Tensor) -> Tensor:
        return total / lengths if self.scoring.length_normalised else total


def _pad(rows: list[list[int]]) -> list[list[int]]:
    width = max(1, *(len(row) for row in rows)) if rows else 1
    return [row + [-1] * (width - len(row)) for row in rows]
