"""One corpus as it is read: how its fields are to be understood, and what was found meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bench.data.corpora.names import Names
from bench.data.corpora.rows import (
    BLANK_ENTITY,
    Notes,
    check_unique,
    cut,
    error,
    instance,
    note_remarks,
    relations_of,
    shows,
    span_of,
    tokens_of,
)
from bench.data.corpora.unusable import Unusable
from methods.types import Instance, Span

Several = Literal["all", "first"]
Sentence = tuple[tuple[str, ...], Span, Span]  # tokens, head, tail


@dataclass
class Reading:
    """The same rules for lines and for rows of tables. ``inclusive``: a span's end is its last token or character;
    ``several``: which of several relations count. Every method raises RowError as the functions of
    bench.data.corpora.rows do."""

    inclusive: bool = False
    several: Several = "all"
    unusable: Unusable = field(default_factory=Unusable)
    notes: Notes = field(default_factory=Notes)
    names: Names = field(default_factory=Names)
    where_of: dict[str, str] = field(default_factory=dict)  # id -> the row that has it

    def of_tokens(
        self, value: object, spans: tuple[object, object], fields: tuple[str, str, str], where: str
    ) -> Sentence:
        """A list of tokens with spans that count them; ``fields``: names of tokens, head and tail."""
        tokens = tokens_of(value, where, fields[0])
        head, tail = (
            span_of(span, len(tokens), where, name, inclusive=self.inclusive)
            for span, name in zip(spans, fields[1:], strict=True)
        )
        return tokens, head, tail

    def of_text(
        self, text: str, spans: tuple[object, object], fields: tuple[str, str], where: str
    ) -> tuple[Span, Span]:
        """Spans that count the characters of a text."""
        head, tail = (
            span_of(span, len(text), where, name, "characters", inclusive=self.inclusive)
            for span, name in zip(spans, fields, strict=True)
        )
        for name, span in zip(fields, (head, tail), strict=True):
            if not shows(text[span.start : span.end]):
                message = f"the entity's text {cut(text[span.start : span.end])} shows nothing"
                raise error(where, name, message, BLANK_ENTITY)
        return head, tail

    def remarks(self, total: int) -> list[str]:
        """Sentences for the card and below the tables; ``total``: instances read."""
        return [*self.unusable.remarks(), *note_remarks(self.notes, total), *self.names.remarks(total)]

    def relations(self, value: object, where: str, name: str) -> tuple[str, ...]:
        names = relations_of(value, where, name, self.notes)
        if self.several == "first" and len(names) > 1:
            self.notes["several_relations"] += 1
            return names[:1]
        return names

    def made(
        self,
        name: str,
        sentence: Sentence,
        relations: tuple[str, ...],
        types: tuple[str, str],
        document: str,
        where: str,
    ) -> Instance:
        """The instance, with an id that no other has."""
        found = instance(name, *sentence, relations, types, where, self.notes, document)
        check_unique(self.where_of, name, where)
        return found


def split_text(text: str, head: Span, tail: Span) -> Sentence:
    """(tokens, head, tail in tokens): split at blanks and at the ends of both spans, which count characters.

    Both spans must hold something that is no blank.
    """
    ends = sorted({0, head.start, head.end, tail.start, tail.end, len(text)})
    tokens: list[str] = []
    before: dict[int, int] = {}  # characters -> tokens that begin earlier
    for start, end in zip(ends, [*ends[1:], len(text)], strict=True):
        before[start] = len(tokens)
        tokens += text[start:end].split()
    spans = [Span(before[span.start], before[span.end]) for span in (head, tail)]
    return tuple(tokens), spans[0], spans[1]
