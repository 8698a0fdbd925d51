"""Instances for hand computation."""

from __future__ import annotations

from methods.types import Instance, Span


def sentence(name: str, text: str, head: str, tail: str, *relations: str, document: str = "") -> Instance:
    """A sentence whose entities, of one word or several, are where they first stand in it."""
    tokens = text.split(" ")

    def span(entity: str) -> Span:
        words = entity.split(" ")
        start = next(n for n in range(len(tokens)) if tokens[n : n + len(words)] == words)
        return Span(start, start + len(words))

    first, *more = relations
    return Instance(name, tuple(tokens), span(head), span(tail), first, "", "", tuple(more), document=document)


def instance(name: str, head: str, tail: str, *relations: str, document: str = "") -> Instance:
    """`head saw tail`, of PERSON and CITY."""
    first, *more = relations
    return Instance(
        name, (head, "saw", tail), Span(0, 1), Span(2, 3), first, "PERSON", "CITY", tuple(more), document=document
    )
