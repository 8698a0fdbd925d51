"""Which database instances a training step selects from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import faiss
import numpy as np
import torch
from torch import Tensor

Kind = Literal["random", "shortlist", "mixed"]


class CandidateSampler:
    """Draws ``count`` distinct rows of a database of ``size`` for one training step, shared by its batch.

    `random`: uniformly. `shortlist`: for each query its nearest by the cached vectors, filled up at random.
    `mixed`: half of each. Draws come from a generator of its own, so that nothing else disturbs them.
    """

    def __init__(self, kind: Kind, size: int, count: int, seed: int) -> None:
        self.kind, self.size, self.count = kind, size, min(count, size)
        self._random = torch.Generator().manual_seed(seed)
        self._index: faiss.Index | None = None

    def refresh(self, vectors: Tensor) -> None:
        """Take new keys [N, d] (normalised: inner product is the score)."""
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors.detach().float().cpu().numpy()))

    def draw(self, queries: Tensor | None, own: Sequence[int]) -> Tensor:
        """Row numbers [count], ascending. ``queries`` [B, d]: keys of the batch; ``own``: the batch's own rows,
        which the shortlist leaves out (the caller masks them besides)."""
        chosen: list[int] = []
        if self.kind != "random" and queries is not None and self._index is not None:
            share = self.count if self.kind == "shortlist" else self.count // 2
            reach = min(self.size, share + len(own))
            _, rows = self._index.search(np.ascontiguousarray(queries.detach().float().cpu().numpy()), reach)
            skip = set(own)
            ranked = (int(i) for rank in rows.T for i in rank if int(i) not in skip)  # every query's first, second...
            chosen = list(dict.fromkeys(ranked))[:share]
        known = set(chosen)
        rest = (i for i in torch.randperm(self.size, generator=self._random).tolist() if i not in known)
        chosen += [i for i, _ in zip(rest, range(self.count - len(chosen)), strict=False)]
        return torch.tensor(sorted(chosen))
