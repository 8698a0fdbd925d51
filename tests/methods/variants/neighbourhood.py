"""ETRAG with a neighbourhood loss (Goldberger et al. 2004, NCA): candidates of the query's relation are drawn near."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from methods.etrag.conditioning import SoftConditioning
from methods.etrag.method import Etrag
from methods.etrag.pools import Pool
from methods.types import Instance


class Taught(SoftConditioning):
    """-log of the mass that softmax(score / 0.1) puts on them, mean over the queries that have such candidates."""

    def penalty(self, batch: Sequence[Instance], pool: Pool) -> Tensor:
        candidates = [self.pools.store.instances[row] for row in pool.rows.tolist()]
        same = torch.tensor([[not {*i.relations}.isdisjoint(c.relations) for c in candidates] for i in batch])
        good = same.to(pool.mask.device) & pool.mask
        asked = good.any(1)
        near = (pool.scores / 0.1).masked_fill(~pool.mask, float("-inf")).log_softmax(1)
        mass = near[asked].masked_fill(~good[asked], float("-inf")).logsumexp(1)
        return -mass.sum() / max(1, len(mass))


class EtragTaught(Etrag):
    Conditioning = Taught
