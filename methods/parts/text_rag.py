"""Retrieval-augmented methods whose neighbours enter the prompt as text; a variant only names its retriever."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from methods.base import Shown
from methods.parts.conditioning import Conditioning, Views
from methods.parts.extractor import GenerativeMethod
from methods.parts.options import TextRagOptions
from methods.parts.retrieval.retriever import Retriever
from methods.parts.text_prompt import PromptBuilder
from methods.settings import Between, SearchSpace
from methods.types import Instance, Neighbours


class TextConditioning(Conditioning):
    """Each prompt carries its k nearest instances of ``database`` with their verbalised relations."""

    shows = frozenset({"instances", "none"})

    def __init__(self, prompts: PromptBuilder, retriever: Retriever, k: int, database: Sequence[Instance]) -> None:
        super().__init__(prompts)
        self.retriever, self.k = retriever, k
        self.use(database)

    def forward(self, batch: Sequence[Instance], shown: Shown | None = None) -> Views:
        if shown is None:
            return replace(super().forward(batch), neighbours=tuple(self.retrieve(batch)))
        prompts = [self.prompts.ids(i, near) for i, near in zip(batch, self.near(batch, shown), strict=True)]
        return Views(self.prompts.batch(prompts))

    def retrieve(self, instances: Sequence[Instance]) -> list[Neighbours]:
        """The neighbours of each instance, which are looked for but once."""
        new = [i for i in instances if i.id not in self._found]
        self._found.update(zip((i.id for i in new), self.retriever.search(new, self.k), strict=True))
        return [self._found[i.id] for i in instances]

    def near(self, instances: Sequence[Instance], shown: Shown | None = None) -> Sequence[Sequence[Instance]]:
        if shown is None:
            return [[self.database[name] for name in found.ids] for found in self.retrieve(instances)]
        return super().near(instances) if isinstance(shown, str) else shown

    def use(self, instances: Sequence[Instance]) -> bool:
        self.database = {i.id: i for i in instances}
        self._found: dict[str, Neighbours] = {}
        self._ids.clear()
        self.retriever.index(instances)
        return True

    def after_prediction(self) -> dict[str, float]:
        return {} if self.retriever.recall is None else {"search_recall": self.retriever.recall}


class TextRag(GenerativeMethod):
    """Each prompt carries its k nearest training instances with their verbalised relations, in training as in test."""

    Options = TextRagOptions
    search_space: ClassVar[SearchSpace] = {**GenerativeMethod.search_space, "k": Between(1, 5)}

    def conditioning(self, train: Sequence[Instance]) -> TextConditioning:
        return TextConditioning(self.prompts, self.retriever(), self.options.k, train)

    @abstractmethod
    def retriever(self) -> Retriever:
        """The retriever under study, not yet indexed."""
