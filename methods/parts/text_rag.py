"""Retrieval-augmented methods whose neighbours enter the prompt as text; a variant only names its retriever."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from methods.base import Shown
from methods.parts.conditioning import EncoderInput, checked
from methods.parts.extractor import GenerativeMethod
from methods.parts.options import TextRagOptions
from methods.parts.retrieval.retriever import Retriever
from methods.settings import Between, SearchSpace
from methods.types import Instance, Neighbours, Prediction


class TextRag(GenerativeMethod):
    """Each prompt carries its k nearest training instances with their verbalised relations, in training as in test."""

    Options = TextRagOptions
    search_space: ClassVar[SearchSpace] = {**GenerativeMethod.search_space, "k": Between(1, 5)}

    @abstractmethod
    def build_retriever(self) -> Retriever:
        """The retriever under study, not yet indexed."""

    def prepare(self, train: Sequence[Instance]) -> None:
        self._found: dict[str, Neighbours] = {}
        self.retriever = self.build_retriever()
        self.retriever.index(train)

    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        self.replace_database(instances)
        self._found.clear()
        self.retriever.index(instances)
        return True

    def predict_with(self, instances: Sequence[Instance], shown: Shown) -> Prediction | None:
        if shown == "mean":
            return None
        near = [()] * len(instances) if isinstance(shown, str) else checked(shown, instances, self.options.k)

        def prompts(rows: Sequence[int]) -> EncoderInput:
            return self.prompts.batch([self.prompts.ids(instances[r], near[r]) for r in rows], self.context.device)

        return Prediction(self.scores(instances, prompts))

    def collect(self, instances: Sequence[Instance]) -> dict[str, Any]:
        recall = self.retriever.recall
        return {} if recall is None else {"diagnostics": {"search_recall": recall}}

    def text_neighbours(self, instances: Sequence[Instance]) -> list[Neighbours]:
        new = [i for i in instances if i.id not in self._found]
        self._found.update(zip((i.id for i in new), self.retriever.search(new, self.options.k), strict=True))
        return [self._found[i.id] for i in instances]
