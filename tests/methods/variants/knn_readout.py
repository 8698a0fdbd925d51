"""kNN interpolation of relation scores (Khandelwal et al. 2020, arXiv 1911.00172): (1 - lambda) p + lambda p_knn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from methods.base import Shown
from methods.parts.conditioning import Views
from methods.parts.extractor import Gold
from methods.parts.options import TextRagOptions
from methods.rag_bm25 import RagBM25
from methods.types import Instance


class Options(TextRagOptions):
    knn_weight: float = Field(0.3, ge=0, lt=1, description="lambda; the model alone where no neighbour may vote")


class RagKnnReadout(RagBM25):
    """p_knn: softmax of the retrieval scores, given to the neighbours' relations. In prediction alone."""

    Options = Options

    def log_probs(
        self, batch: Sequence[Instance], shown: Shown | None = None, gold: Gold | None = None
    ) -> tuple[Tensor, Views]:
        scores, views = super().log_probs(batch, shown, gold)
        votes, index = torch.zeros_like(scores), self.context.schema.index
        for row, near in enumerate(views.neighbours or () if gold is None else ()):
            for name, weight in zip(near.ids, torch.tensor(near.weights).softmax(0), strict=True):
                for relation in self.conditioner.database[name].relations:
                    if relation in index and scores[row, index[relation]] > float("-inf"):
                        votes[row, index[relation]] += weight
        total = votes.sum(-1, keepdim=True)
        share = self.options.knn_weight * (total > 0)
        return torch.logaddexp(scores + torch.log1p(-share), (share * votes / total.clamp(min=1e-9)).log()), views
