"""Instance and label -> text. Markers are tokens of their own, added to every generator's vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from methods.types import Instance, RelationSchema, filled

HEAD_OPEN, HEAD_CLOSE, TAIL_OPEN, TAIL_CLOSE = "<e1>", "</e1>", "<e2>", "</e2>"
NEIGHBOUR = "<nb>"
MARKERS = (HEAD_OPEN, HEAD_CLOSE, TAIL_OPEN, TAIL_CLOSE, NEIGHBOUR)
Item = TypeVar("Item", str, int)


def marked_words(instance: Instance, max_words: int | None = None) -> list[str]:
    """Words of the sentence with typed entity markers (`<e1> person Ada Lovelace </e1>`; Zhou and Chen 2021,
    arXiv 2102.01373), cut to a window of ``max_words`` words around both entities where it is longer. Every mention
    that lies in the window is marked; markers of nested entities nest: the longer mention opens first and closes last,
    of equal ones the head's."""
    lo, hi = window(instance, max_words)
    marked = [(span, 0) for span in instance.heads] + [(span, 1) for span in instance.tails]
    marked = [(span, role) for span, role in marked if lo <= span.start and span.end <= hi]
    opening = ([HEAD_OPEN, *type_words(instance.head_type)], [TAIL_OPEN, *type_words(instance.tail_type)])
    before: dict[int, list[str]] = {}
    after: dict[int, list[str]] = {}
    for span, role in sorted(marked, key=lambda pair: (-pair[0].end, pair[1])):
        before.setdefault(span.start, []).extend(opening[role])
    for span, role in sorted(marked, key=lambda pair: (-pair[0].start, -pair[1])):
        after.setdefault(span.end, []).append((HEAD_CLOSE, TAIL_CLOSE)[role])
    words: list[str] = []
    for position in range(lo, hi):
        words += after.get(position, [])
        words += before.get(position, [])
        words.append(escaped(instance.tokens[position]))
    return words + after.get(hi, [])


def window(instance: Instance, max_words: int | None) -> tuple[int, int]:
    """Token range [lo, hi) of at most ``max_words`` tokens (never fewer than both entities need)."""
    length = len(instance.tokens)
    if max_words is None or length <= max_words:
        return 0, length
    first = min(instance.head.start, instance.tail.start)
    last = max(instance.head.end, instance.tail.end)
    spare = max(0, max_words - (last - first))
    lo = max(0, min(first - spare // 2, length - max(max_words, last - first)))
    return lo, max(last, min(length, lo + max_words))


def type_words(kind: str) -> list[str]:
    """`STATE_OR_PROVINCE` -> ['state', 'or', 'province']; nothing for an untyped entity."""
    return kind.lower().replace("_", " ").split()


def sure_words(instance: Instance, max_words: int | None = None) -> list[str]:
    """The input of SuRE (arXiv 2205.09837) and ETRAG: `sure_lead`, then the sentence, cut as by `marked_words`; with
    entity markers only where the entities have no types."""
    if not (instance.head_type or instance.tail_type):
        return sure_lead(instance) + marked_words(instance, max_words)
    lo, hi = window(instance, max_words)
    return sure_lead(instance) + [escaped(token) for token in instance.tokens[lo:hi]]


def sure_lead(instance: Instance) -> list[str]:
    """`The head entity is H . The tail entity is T . The type of H is TYPE . The type of T is TYPE .` as words; an
    entity without a type has no such sentence."""
    head, tail = ([escaped(t) for t in instance.tokens[s.start : s.end]] for s in (instance.head, instance.tail))
    words = ["The", "head", "entity", "is", *head, ".", "The", "tail", "entity", "is", *tail, "."]
    for entity, kind in ((head, instance.head_type), (tail, instance.tail_type)):
        if kind:
            words += ["The", "type", "of", *entity, "is", *type_words(kind), "."]
    return words


INPUTS: Mapping[str, Callable[[Instance, int | None], list[str]]] = {"markers": marked_words, "sure": sure_words}


def neighbour_words(instance: Instance, schema: RelationSchema, max_words: int | None = None) -> list[str]:
    """A neighbour as text: its separator, its verbalised relations, then its sentence without markers. A phrase needs
    the entities beside it, a filled template names them.

    The label comes first, so that truncation never loses it.
    """
    lo, hi = window(instance, max_words)
    label = label_words(instance, schema)
    sentence = [escaped(token) for token in instance.tokens[lo:hi]]
    if schema.template:
        return [NEIGHBOUR, *label, ":", *sentence]
    head, tail = escaped(instance.text(instance.head)), escaped(instance.text(instance.tail))
    return [NEIGHBOUR, *label, ":", head, ",", tail, ":", *sentence]


def label_words(instance: Instance, schema: RelationSchema) -> list[str]:
    """The verbalised gold relations, templates filled, joined by `and` where there are several."""
    texts = [schema.verbalisations[name] for name in instance.relations]
    if schema.template:
        head, tail = escaped(instance.text(instance.head)), escaped(instance.text(instance.tail))
        texts = [filled(text, head, tail) for text in texts]
    return " and ".join(texts).split()


def entities_left(sequence: Sequence[Item], markers: Sequence[Item]) -> int:
    """How many of the two entities, 0 to 2, have a whole mention in a cut sequence of words, or of token ids.

    ``markers``: opening and closing marker of the head, then of the tail (`MARKERS` begins with them), as they
    stand in the sequence. A mention that lost its closing marker does not count.
    """
    left = 0
    for opening, closing in (markers[0:2], markers[2:4]):
        is_open = False
        for item in sequence:
            is_open = is_open or item == opening
            if is_open and item == closing:
                left += 1
                break
    return left


def escaped(text: str) -> str:
    """Text of a corpus, which is not trusted: a literal marker in it does not pass for a marker."""
    if "<" in text:
        for marker in MARKERS:
            text = text.replace(marker, f"{marker[0]} {marker[1:-1]} {marker[-1]}")
    return text
