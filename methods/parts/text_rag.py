"""Retrieval-augmented methods whose neighbours enter the prompt as text; a variant only names its retriever."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from pydantic import Field

from methods.base import Settings
from methods.parts.extractor import GenerativeMethod
from methods.parts.retriever import Retriever
from methods.types import Instance, Neighbours


class TextRagOptions(Settings):
    """Options of every method with text prompts."""

    k: int = Field(3, ge=1, description="retrieved instances in the prompt")


class TextRag(GenerativeMethod):
    """Each prompt carries its k nearest training instances with their verbalised relations, in training as in test."""

    Options = TextRagOptions

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

    def text_neighbours(self, instances: Sequence[Instance]) -> list[Neighbours]:
        new = [i for i in instances if i.id not in self._found]
        found = self.retriever.search(new, self.options.k, [{i.id} for i in new])
        self._found.update(zip((i.id for i in new), found, strict=True))
        return [self._found[i.id] for i in instances]
