"""Instances (and, for text prompts, their neighbours) -> token ids of the generator's input. Tokenised once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from methods.parts.generation.generator import EncoderInput
from methods.parts.verbalize import INPUTS, MARKERS, entities_left, neighbour_words, sure_lead, window
from methods.types import Instance, RelationSchema


class PromptBuilder:
    """Builds ``[start] query [neighbour 1] ... [neighbour k] [end]`` and pads batches. ``kind``: of the query, one of
    `methods.parts.verbalize.INPUTS`.

    The query keeps its place whatever the neighbours need: they share what is left of ``max_tokens`` equally,
    nearest first, and lose their ends: the sentence, which stands last, before the label.
    """

    def __init__(
        self, tokenizer: Any, schema: RelationSchema, max_tokens: int, device: str = "cpu", kind: str = "markers"
    ) -> None:
        self.kind, self._words = kind, INPUTS[kind]
        self.tokenizer, self.schema, self.max_tokens, self.device = tokenizer, schema, max_tokens, device
        empty = tokenizer("").input_ids
        # BERT and BART open and close an input, T5 only closes it.
        self.head: list[int] = empty[:-1]
        self.tail: list[int] = empty[-1:]
        self.pad = tokenizer.pad_token_id
        self._queries: dict[str, list[int]] = {}
        # By relations too: a neighbour may be shown under others than its own.
        self._neighbours: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        self.shortened = 0  # queries whose sentence did not fit
        self.lost_entities = 0  # entities, two per query, of which no whole mention fitted
        self._markers: list[int] = tokenizer.convert_tokens_to_ids(list(MARKERS))

    def remember(self, instances: Sequence[Instance]) -> None:
        """Tokenise in one batch what will be needed; anything else is tokenised when first seen."""
        new = [i for i in instances if i.id not in self._queries]
        for instance, ids in zip(new, self._tokenise([self._words(i, None) for i in new]), strict=True):
            self._queries[instance.id] = self._fit(instance, ids)

    def ids(self, instance: Instance, neighbours: Sequence[Instance] = ()) -> list[int]:
        """Token ids of one prompt, at most ``max_tokens``."""
        if instance.id not in self._queries:
            self.remember([instance])
        ids = list(self._queries[instance.id])
        room = self.max_tokens - len(self.head) - len(self.tail) - len(ids)
        for left, neighbour in zip(range(len(neighbours), 0, -1), neighbours, strict=True):
            taken = self._neighbour(neighbour)[: room // left]
            ids += taken
            room -= len(taken)
        return self.head + ids + self.tail

    def batch(self, prompts: Sequence[Sequence[int]]) -> EncoderInput:
        """Pad to the longest: ids and mask [B, L]."""
        width = max(len(p) for p in prompts)
        ids = torch.tensor([[*p, *[self.pad] * (width - len(p))] for p in prompts], device=self.device)
        lengths = torch.tensor([len(p) for p in prompts], device=self.device)
        mask: Tensor = torch.arange(width, device=self.device) < lengths.unsqueeze(1)
        return EncoderInput(ids, mask)

    def _neighbour(self, instance: Instance) -> list[int]:
        key = (instance.id, instance.relations)
        if key not in self._neighbours:
            self._neighbours[key] = self._tokenise([neighbour_words(instance, self.schema)])[0]
        return self._neighbours[key]

    def _tokenise(self, words: Sequence[Sequence[str]]) -> list[list[int]]:
        if not words:
            return []
        texts = [" ".join(w) for w in words]
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=False, verbose=False).input_ids
        return ids

    def _fit(self, instance: Instance, ids: list[int]) -> list[int]:
        """Cut words around the entities until the query fits; as a last resort cut its end."""
        room = self.max_tokens - len(self.head) - len(self.tail)
        words = len(instance.tokens)
        self.shortened += len(ids) > room
        while len(ids) > room and words > 1:
            words = max(1, min(words - 1, words * room // len(ids)))
            ids = self._tokenise([self._words(instance, words)])[0]
            lo, hi = window(instance, words)
            if hi - lo > words:
                break  # nothing left but the entities themselves
        if len(ids) > room:
            self.lost_entities += 2 - self._left(instance, ids[:room])
        return ids[:room]

    def _left(self, instance: Instance, ids: Sequence[int]) -> int:
        """How many of the two entities a cut query still names."""
        if self.kind == "markers":
            return entities_left(ids, self._markers)
        lead, head = sure_lead(instance), 5 + instance.head.end - instance.head.start
        parts = lead[:head], lead[: head + 5 + instance.tail.end - instance.tail.start]
        return sum(len(part) <= len(ids) for part in self._tokenise(parts))
