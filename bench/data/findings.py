"""Findings about a corpus: what is odd, with ids and shortened sentences that are safe to print."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.data.base import Dataset
from bench.data.duplicates import Key, key, token_words
from bench.data.groups import group_names
from bench.names import visible
from methods.types import Instance, RelationSchema, Span

EXAMPLES = 3
UP_TO = "up to case, punctuation and, outside entities, numbers"
REPEATED = "instances that repeat one of their own split"
Instances = Sequence[Instance]
Severity = Literal["leak", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Example:
    """Ids and the shortened sentence of the first of them, safe to print (`shown`)."""

    ids: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """``count`` of ``total`` instances are concerned. A leak inflates scores, a warning may, a note is to be known."""

    kind: str
    severity: Severity
    message: str
    count: int
    total: int
    examples: tuple[Example, ...] = ()


def shown(text: str) -> str:
    """Untrusted text of an example, on one line."""
    return visible(text, 120)


def finding(kind: str, severity: Severity, message: str, found: Instances, total: Instances) -> Finding:
    examples = tuple(Example((shown(i.id),), shown(i.text())) for i in found[:EXAMPLES])
    return Finding(kind, severity, message, len(found), len(total), examples)


def conflicts(instances: Instances) -> Finding:
    """Equal words, the same entities in the same place, but different relations: one example per group."""
    groups: defaultdict[Key, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[key(instance)].append(instance)
    torn = [group for group in groups.values() if len({instance.relation for instance in group}) > 1]
    examples = tuple(
        Example(
            tuple(shown(instance.id) for instance in group[:EXAMPLES]),
            shown(f"{' / '.join(sorted({i.relation for i in group}))}: {group[0].text()}"),
        )
        for group in torn[:EXAMPLES]
    )
    message = f"instances with a twin of another relation (entities and sentences equal {UP_TO})"
    return Finding("label_conflict", "warning", message, sum(map(len, torn)), len(instances), examples)


def templates(schema: RelationSchema) -> Finding:
    """Relations told by sentences about the instance's entities; none where they are told by phrases."""
    names = schema.names if schema.template else ()
    examples = tuple(Example((), shown(f"{name}: {schema.verbalisations[name]}")) for name in names[:EXAMPLES])
    return Finding("templates", "note", "relations told by templates", len(names), len(schema.names), examples)


def _repeated_within(splits: Mapping[str, Instances]) -> list[Instance]:
    found = []
    for part in splits.values():
        seen: set[Key] = set()
        for instance in part:
            own = key(instance)
            if own in seen:
                found.append(instance)
            seen.add(own)
    return found


def misplaced(dataset: Dataset) -> list[Finding]:
    """Instances with an entity whose name is not the words at its position, as the loader counted them."""
    found: Any = dataset.card.get("misplaced_names")
    if not isinstance(found, Mapping):
        return []
    examples = tuple(
        Example((shown(name),), f"name {shown(given)!r} against {shown(words)!r}")
        for name, given, words in dataset.misplaced
    )
    message = "instances with an entity whose name is not the words at its position"
    return [Finding("misplaced_names", "warning", message, found["instances"], found["of"], examples)]


def within(dataset: Dataset, splits: Mapping[str, Instances], everything: Instances) -> list[Finding]:
    """Instances that repeat one of their own split, and training instances in groups of several, which are no
    neighbours of each other."""
    repeated = finding("repeats_within", "note", REPEATED, _repeated_within(splits), everything)
    if dataset.one_pair:
        return [repeated]
    names = group_names(dataset.train)
    size = Counter(names)
    found = [instance for name, instance in zip(names, dataset.train, strict=True) if size[name] > 1]
    groups = sum(count > 1 for count in size.values())
    message = f"train instances that share their sentence or document with others ({groups} of them)"
    return [finding("shared_sentences", "note", message, found, dataset.train), repeated]


def oddities(instances: Instances) -> list[Finding]:
    def blank(instance: Instance, span: Span) -> bool:
        return not any(token_words(token) for token in instance.tokens[span.start : span.end])

    wordless = [i for i in instances if not any(map(token_words, i.tokens))]
    marks = [i for i in instances if blank(i, i.head) or blank(i, i.tail)]
    overlapping = [i for i in instances if i.head.start < i.tail.end and i.tail.start < i.head.end]
    equal = sum(i.head == i.tail for i in overlapping)
    return [
        finding("wordless", "warning", "instances without a letter or a digit", wordless, instances),
        finding("entity_without_word", "warning", "instances with an entity of punctuation only", marks, instances),
        finding(
            "entities_overlap",
            "warning",
            f"instances with overlapping entities ({equal} with equal ones)",
            overlapping,
            instances,
        ),
    ]
