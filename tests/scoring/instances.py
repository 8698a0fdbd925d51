"""Instances for hand computation."""

from __future__ import annotations

from methods.types import Instance, Span


def instance(name: str, head: str, tail: str, *relations: str, document: str = "") -> Instance:
    """`head saw tail`, of PERSON and CITY."""
    first, *more = relations
    return Instance(
        name, (head, "saw", tail), Span(0, 1), Span(2, 3), first, "PERSON", "CITY", tuple(more), document=document
    )
