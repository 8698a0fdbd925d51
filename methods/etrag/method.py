"""ETRAG: differentiable k-nearest-neighbour selection, neighbours as soft prompts (Makino, Miwa, Sasaki,
arXiv 2406.03790). The extraction loss trains the retriever too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import nn

from methods.etrag.conditioning import SoftConditioning
from methods.etrag.options import EtragOptions
from methods.etrag.pools import Pools
from methods.etrag.selection import SELECTIONS, Select
from methods.etrag.soft_prompt import SoftPrompt
from methods.etrag.span_encoder import SpanEncoder
from methods.etrag.temperature import RULES
from methods.parts.extractor import GenerativeMethod
from methods.parts.verbalize import INPUTS
from methods.settings import Between, OneOf, SearchSpace, Stage
from methods.types import Instance


class Etrag(GenerativeMethod):
    """End-to-end trainable retrieval: soft k-NN selection over instance vectors, soft prompt, one loss.

    A variant brings its own retriever, temperature or selection, or a subclass of ``Conditioning``.
    """

    Options = EtragOptions
    Conditioning: ClassVar[type[SoftConditioning]] = SoftConditioning
    search_space: ClassVar[SearchSpace] = {
        **GenerativeMethod.search_space,
        "k": Between(1, 10),
        "temperature": Between(1e-3, 1.0, log=True),
        "candidates": OneOf(("random", "shortlist", "mixed")),
        "candidate_count": OneOf((16, 32, 64)),
        "learning_rate": Between(1e-5, 1e-3, log=True),
    }

    def conditioning(self, train: Sequence[Instance]) -> SoftConditioning:
        pools = Pools(self.options, self.context.seed, partial(self.retriever, train))
        width = pools.retriever.width
        soft, t = SoftPrompt(width, self.generator.width), self.temperature(width)
        return self.Conditioning(self.prompts, train, self.options, self.context, pools, soft, t, self.selection())

    def stages(self) -> tuple[Stage, ...]:
        return self.options.first_stages

    def retriever(self, train: Sequence[Instance]) -> SpanEncoder:
        """A new one, always with the same weights, whatever was drawn at random before."""
        models, schema = self.context.models, self.context.schema
        texts = [" ".join(INPUTS[models.input](i, None)) for i in train] if models.instance_encoder == "tiny" else []
        with torch.random.fork_rng():
            torch.manual_seed(self.context.seed)
            return SpanEncoder(models, schema, [*texts, *schema.verbalisations.values()], self.autocast)

    def temperature(self, width: int) -> nn.Module:
        """A rule as methods.etrag.temperature has them, for span vectors of this width."""
        return RULES[self.options.temperature_rule](self.options.temperature, self.options.temperature_start)

    def selection(self) -> Select:
        """How k of N scored candidates are chosen."""
        return SELECTIONS[self.options.selection]
