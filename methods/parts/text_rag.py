"""Retrieval-augmented methods whose neighbours enter the prompt as text; a variant only names its retriever."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
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
        self._index(train)

    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        self.replace_database(instances)
        self._found.clear()
        self._index(instances)
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

    def _index(self, instances: Sequence[Instance]) -> None:
        self.retriever.index(instances)
        self._documents: defaultdict[str, set[str]] = defaultdict(set)
        for i in instances:
            if i.document:
                self._documents[i.document].add(i.id)

    def text_neighbours(self, instances: Sequence[Instance]) -> list[Neighbours]:
        new = [i for i in instances if i.id not in self._found]
        excluded = [{i.id} | self._documents.get(i.document, set()) for i in new]
        found = self.retriever.search(new, self.options.k, excluded)
        self._found.update(zip((i.id for i in new), found, strict=True))
        return [self._found[i.id] for i in instances]
