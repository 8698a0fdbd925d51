"""What a corpus is worth as a test bed: leaks, conflicts, oddities and plain counts, on one card with a digest."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from bench.data.base import Dataset
from bench.data.duplicates import THRESHOLD, Key, Repeat, Words, key, token_words
from bench.data.groups import group_names
from bench.data.split import relation_counts, subset
from bench.data.texts import Kind
from bench.settings.config import canonical_json
from methods.parts.verbalize import marked_words
from methods.types import Instance, RelationSchema, Span

EXAMPLES = 3
REPEATED = "instances that repeat one of their own split"
Instances = Sequence[Instance]
Severity = Literal["leak", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Example:
    """Ids and the shortened sentence of the first of them, safe to print (`visible`)."""

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


@dataclass(frozen=True)
class DataCard:
    """All that `inspect` found, and what the loader ``counted`` (Dataset.card)."""

    dataset: str
    content_hash: str
    metric: str
    negative: str | None
    verbalisation: Kind
    threshold: float
    splits: Mapping[str, Any]
    subsets: Mapping[str, Any]
    truncation: Mapping[str, int]
    findings: tuple[Finding, ...]
    counted: Mapping[str, Any]

    def plain(self) -> dict[str, Any]:
        """The card as JSON values. Raises TypeError where the loader counted what is none."""
        plain: dict[str, Any] = json.loads(canonical_json(asdict(self)))
        return plain

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(canonical_json(self.plain()).encode()).hexdigest()

    def summary(self) -> dict[str, Any]:
        """What a run keeps: the digest and the numbers, no text of the corpus."""
        return {"digest": self.digest, "findings": {finding.kind: finding.count for finding in self.findings}}

    @property
    def leaks(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "leak")


def inspect(
    dataset: Dataset,
    ratios: Sequence[float],
    max_tokens: int,
    count_tokens: Callable[[Sequence[str]], int] = len,
) -> DataCard:
    """The card of a dataset: pure, the same for the same content and arguments.

    ``ratios``: shares of the training data (draw 0) to look for missing relations at. ``max_tokens``: length of the
    input, special tokens not counted. ``count_tokens``: words, entity markers among them -> number of tokens; the
    number of words by default, of which a tokenizer makes more.
    """
    splits = {"train": dataset.train, "dev": dataset.dev, "test": dataset.test}
    everything = [instance for part in splits.values() for instance in part]
    truncation, cuts = _cuts(everything, max_tokens, count_tokens)
    subsets = {f"{ratio:g}": _subset_card(dataset, ratio) for ratio in sorted(ratios)}
    findings = [
        *_repeat_findings(dataset, splits),
        _conflicts(everything),
        *_pair_overlap(splits),
        *_absent(dataset, subsets),
        *_shared_sentences(dataset),
        _finding("repeats_within", "note", REPEATED, _repeated_within(splits), everything),
        *cuts,
        *_oddities(everything),
        _templates(dataset.schema),
    ]
    return DataCard(
        dataset=dataset.name,
        content_hash=dataset.content_hash,
        metric=dataset.metric,
        negative=dataset.schema.negative,
        verbalisation="template" if dataset.schema.template else "phrase",
        threshold=THRESHOLD,
        splits={name: _split_card(part, dataset) for name, part in splits.items()},
        subsets=subsets,
        truncation=truncation,
        findings=tuple(finding for finding in findings if finding.count),
        counted=dict(dataset.card),
    )


def _cuts(
    everything: Instances, max_tokens: int, count_tokens: Callable[[Sequence[str]], int]
) -> tuple[dict[str, int], list[Finding]]:
    shortened, lost = truncated(everything, max_tokens, count_tokens)
    at = f"at {max_tokens} {'words' if count_tokens is len else 'tokens'}"
    return {"max_tokens": max_tokens, "shortened": len(shortened), "entity_lost": len(lost)}, [
        _finding("entity_lost", "warning", f"instances that lose an entity {at}", lost, everything),
        _finding("shortened", "note", f"instances that are shortened {at}", shortened, everything),
    ]


def truncated(
    instances: Instances, max_tokens: int, count_tokens: Callable[[Sequence[str]], int] = len
) -> tuple[list[Instance], list[Instance]]:
    """(instances whose marked sentence exceeds ``max_tokens``, those of them that lose an entity).

    A prompt cuts the words around the entities first (methods.parts.verbalize.window), so an entity is lost only where
    the words from the first to the last one are too many.
    """
    shortened = [instance for instance in instances if count_tokens(marked_words(instance)) > max_tokens]
    return shortened, [instance for instance in shortened if count_tokens(marked_words(instance, 1)) > max_tokens]


def visible(text: str, width: int = 120) -> str:
    """Untrusted text on one line of at most ``width`` characters; what does not print is shown as its code point."""
    shown = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in " ".join(text.split()))
    return shown if len(shown) <= width else f"{shown[: width - 1]}…"


def _finding(kind: str, severity: Severity, message: str, found: Instances, total: Instances) -> Finding:
    examples = tuple(Example((visible(i.id),), visible(i.text())) for i in found[:EXAMPLES])
    return Finding(kind, severity, message, len(found), len(total), examples)


def _repeat_findings(dataset: Dataset, splits: Mapping[str, Instances]) -> list[Finding]:
    """Four kinds per pair of splits: exact or near, with the same entity pair (a leak) or another."""
    findings = []
    for where, found in dataset.repeats.items():
        split, _, other = where.partition("_in_")
        texts = {instance.id: instance.text() for instance in splits[split]}
        for same_pair, exact in ((True, True), (True, False), (False, True), (False, False)):
            some = [repeat for repeat in found if (repeat.same_pair, repeat.exact) == (same_pair, exact)]
            kind = f"{'leak' if same_pair else 'context'}_{'exact' if exact else 'near'}_{where}"
            message = (
                f"{split} instances that {'repeat' if exact else 'nearly repeat'} a {other} sentence "
                f"with {'its' if same_pair else 'another'} entity pair"
            )
            examples = tuple(_repeat_example(repeat, texts[repeat.instance]) for repeat in some[:EXAMPLES])
            findings.append(
                Finding(kind, "leak" if same_pair else "note", message, len(some), len(splits[split]), examples)
            )
    return findings


def _repeat_example(repeat: Repeat, text: str) -> Example:
    shown = visible(text) if repeat.exact else f"{repeat.similarity:.2f}: {visible(text)}"
    return Example((visible(repeat.instance), visible(repeat.of)), shown)


def _conflicts(instances: Instances) -> Finding:
    """Equal words, the same entities in the same place, but different relations: one example per group."""
    groups: defaultdict[Key, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[key(instance)].append(instance)
    torn = [group for group in groups.values() if len({instance.relation for instance in group}) > 1]
    examples = tuple(
        Example(
            tuple(visible(instance.id) for instance in group[:EXAMPLES]),
            visible(f"{' / '.join(sorted({i.relation for i in group}))}: {group[0].text()}"),
        )
        for group in torn[:EXAMPLES]
    )
    message = "instances with a twin (equal words and entities) of another relation"
    return Finding("label_conflict", "warning", message, sum(map(len, torn)), len(instances), examples)


def _pair_overlap(splits: Mapping[str, Instances]) -> list[Finding]:
    """Dev and test instances whose head and tail texts are a pair of train, in any sentence."""
    relations: defaultdict[tuple[Words, Words], set[str]] = defaultdict(set)
    for instance in splits["train"]:
        relations[key(instance).pair].add(instance.relation)
    findings = []
    for name in ("dev", "test"):
        found = [instance for instance in splits[name] if key(instance).pair in relations]
        same = sum(instance.relation in relations[key(instance).pair] for instance in found)
        message = f"{name} instances with head and tail text of a train instance ({same} with its relation)"
        findings.append(_finding(f"pair_{name}_in_train", "note", message, found, splits[name]))
    return findings


def _subset_card(dataset: Dataset, ratio: float) -> dict[str, Any]:
    """Sizes at a ratio (draw 0); relations of test that the subset's train or dev lacks, or has once in train."""
    wanted = {instance.relation for instance in dataset.test}
    counts = {
        name: Counter(instance.relation for instance in subset(part, ratio, 0, salt=name))
        for name, part in (("train", dataset.train), ("dev", dataset.dev))
    }
    return {
        "train": counts["train"].total(),
        "dev": counts["dev"].total(),
        "absent_in_train": [name for name in dataset.schema.names if name in wanted and not counts["train"][name]],
        "absent_in_dev": [name for name in dataset.schema.names if name in wanted and not counts["dev"][name]],
        "once_in_train": [name for name in dataset.schema.names if counts["train"][name] == 1],
    }


def _absent(dataset: Dataset, subsets: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Relations of test that can never be learnt (absent from train) or chosen by (absent from dev)."""
    severities: Mapping[str, Severity] = {"train": "warning", "dev": "note"}
    for part, severity in severities.items():
        ratios: defaultdict[str, list[str]] = defaultdict(list)
        for ratio, card in subsets.items():
            for name in card[f"absent_in_{part}"]:
                ratios[name].append(ratio)
        examples = tuple(
            Example((), f"{visible(name)} at {', '.join(at)}") for name, at in list(ratios.items())[:EXAMPLES]
        )
        message = f"relations of test that {part} lacks"
        yield Finding(f"absent_in_{part}", severity, message, len(ratios), len(dataset.schema.names), examples)


def _templates(schema: RelationSchema) -> Finding:
    """Relations told by sentences about the instance's entities; none where they are told by phrases."""
    names = schema.names if schema.template else ()
    examples = tuple(Example((), visible(f"{name}: {schema.verbalisations[name]}")) for name in names[:EXAMPLES])
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


def _shared_sentences(dataset: Dataset) -> list[Finding]:
    """Training instances in groups of several, which are nobody's neighbours in training."""
    if dataset.one_pair:
        return []
    names = group_names(dataset.train)
    size = Counter(names)
    found = [instance for name, instance in zip(names, dataset.train, strict=True) if size[name] > 1]
    groups = sum(count > 1 for count in size.values())
    message = f"train instances that share their sentence or document with others ({groups} of them)"
    return [_finding("shared_sentences", "note", message, found, dataset.train)]


def _oddities(instances: Instances) -> list[Finding]:
    def blank(instance: Instance, span: Span) -> bool:
        return not any(token_words(token) for token in instance.tokens[span.start : span.end])

    wordless = [i for i in instances if not any(map(token_words, i.tokens))]
    marks = [i for i in instances if blank(i, i.head) or blank(i, i.tail)]
    overlapping = [i for i in instances if i.head.start < i.tail.end and i.tail.start < i.head.end]
    equal = sum(i.head == i.tail for i in overlapping)
    return [
        _finding("wordless", "warning", "instances without a letter or a digit", wordless, instances),
        _finding("entity_without_word", "warning", "instances with an entity of punctuation only", marks, instances),
        _finding(
            "entities_overlap",
            "warning",
            f"instances with overlapping entities ({equal} with equal ones)",
            overlapping,
            instances,
        ),
    ]


def _split_card(part: Instances, dataset: Dataset) -> dict[str, Any]:
    """Number of instances, percentiles of the length in tokens, share of the negative class, relation histogram."""
    counts = relation_counts(part, dataset.schema.names)
    lengths = [len(instance.tokens) for instance in part]
    ranks = (5, 50, 95, 99)
    at = np.percentile(lengths or [0], ranks, method="inverted_cdf")
    return {
        "instances": len(part),
        "tokens": {f"p{p}": int(n) for p, n in zip(ranks, at, strict=True)} | {"max": max(lengths, default=0)},
        "negative_share": round(counts.get(dataset.schema.negative or "", 0) / len(part), 6) if part else 0.0,
        "relations": counts,
    }
