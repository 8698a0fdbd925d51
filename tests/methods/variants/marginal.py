"""RAG-sequence (Lewis et al. 2020, arXiv 2005.11401): each neighbour in a prompt of its own, marginalised over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from methods.base import Shown
from methods.parts.conditioning import Groups, Views
from methods.parts.optim import Group
from methods.parts.text_rag import TextConditioning
from methods.rag_bm25 import RagBM25
from methods.types import Instance


class OneByOne(TextConditioning):
    """p(z) = softmax of the retrieval scores times a trained scale; uniform over what is shown."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, batch: Sequence[Instance], shown: Shown | None = None) -> Views:
        if isinstance(shown, str):
            return super().forward(batch, shown)
        near, found = self.near(batch, shown), None if shown else tuple(self.retrieve(batch))
        scores = torch.tensor([n.weights for n in found] if found else [[0.0] * len(row) for row in near])
        prompts = [self.prompts.ids(i, [one]) for i, row in zip(batch, near, strict=True) for one in row]
        weights = (self.scale * scores.to(self.scale.device)).log_softmax(1)
        return Views(self.prompts.batch(prompts), weights, found)

    def groups(self) -> Groups:
        return [Group("retriever", "retriever", [self.scale], 1e-2)]


class RagMarginal(RagBM25):
    def conditioning(self, train: Sequence[Instance]) -> OneByOne:
        return OneByOne(self.prompts, self.retriever(), self.options.k, train)
