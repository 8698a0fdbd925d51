"""What the generator is to write for every relation of an instance: its verbalisations as token ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from methods.base import MethodError
from methods.parts.verbalize import escaped
from methods.types import Instance, RelationSchema, filled

Tokens = tuple[int, ...]
SHORTER = 0.9  # what a cut leaves of the longer entity of a too long target


class Targets:
    """``targets(instance)[r]``: token ids of relation r's verbalisation, closed by the end token.

    ``tokenise``: texts -> such ids. A template is filled with the instance's entities, which are cut where a target
    would exceed ``limit`` tokens, and at last the target itself. Raises MethodError for a verbalisation that is too
    long for two short words, and for two verbalisations that the tokenizer cannot tell apart.
    """

    def __init__(
        self, tokenise: Callable[[Sequence[str]], list[Tokens]], schema: RelationSchema, limit: int, generator: str
    ) -> None:
        self.tokenise, self.schema, self.limit = tokenise, schema, limit
        self.texts = [schema.verbalisations[name] for name in schema.names]
        self._short: set[tuple[str, str]] = set()
        # Two short words that every tokenizer has seen: it learned them, or it is a large one.
        self._fixed = self._tokens("head", "tail") if schema.template else self._tokens("", "")
        self._check(generator)

    def key(self, instance: Instance) -> tuple[str, str] | None:
        """What the targets of an instance depend on: its two entities, or nothing."""
        return _entities(instance) if self.schema.template else None

    def __call__(self, instance: Instance) -> list[Tokens]:
        if not self.schema.template:
            return self._fixed
        return self._fitting(*_entities(instance))

    def shortened(self) -> int:
        """Pairs of entities that were cut since this was last asked."""
        count = len(self._short)
        self._short.clear()
        return count

    def _fitting(self, head: str, tail: str) -> list[Tokens]:
        whole, ids = (head, tail), self._tokens(head, tail)
        while max(map(len, ids)) > self.limit:
            self._short.add(whole)
            if len(head) + len(tail) <= 2:
                return [row if len(row) <= self.limit else (*row[: self.limit - 1], row[-1]) for row in ids]
            kept = max(1, int(max(len(head), len(tail)) * SHORTER))  # the longer one first
            head, tail = head[:kept], tail[:kept]
            ids = self._tokens(head, tail)
        return ids

    def _tokens(self, head: str, tail: str) -> list[Tokens]:
        texts = self.texts
        return self.tokenise([filled(text, head, tail) for text in texts] if self.schema.template else texts)

    def _check(self, generator: str) -> None:
        owner: dict[Tokens, int] = {}
        for row, ids in enumerate(self._fixed):
            if len(ids) > self.limit:
                raise MethodError(self._too_long(row, len(ids)))
            first = owner.setdefault(ids, row)
            if first != row:
                one, other = self.schema.names[first], self.schema.names[row]
                raise MethodError(
                    f"the generator cannot tell two verbalisations apart: {self.texts[first]!r} of {one!r} and "
                    f"{self.texts[row]!r} of {other!r} are the same tokens to {generator}; give other texts with "
                    "dataset.verbalisations=FILE, or another models.generator"
                )

    def _too_long(self, row: int, length: int) -> str:
        return (
            f"the verbalisation of {self.schema.names[row]!r} has {length} tokens, more than "
            f"models.max_target_tokens = {self.limit}; shorten it or raise the limit"
        )


def _entities(instance: Instance) -> tuple[str, str]:
    return escaped(instance.text(instance.head)), escaped(instance.text(instance.tail))
