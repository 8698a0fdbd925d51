"""What a corpus is worth as a test bed: leaks, conflicts, oddities and plain counts, on one card with a digest."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bench.data.base import Dataset
from bench.data.duplicates import THRESHOLD, Repeat, Words, key
from bench.data.findings import (
    EXAMPLES,
    UP_TO,
    Example,
    Finding,
    Instances,
    Severity,
    conflicts,
    finding,
    misplaced,
    oddities,
    shown,
    templates,
    within,
)
from bench.data.split import relation_counts, subset
from bench.data.texts import Kind
from bench.settings.config import canonical_json
from methods.parts.verbalize import marked_words
from methods.types import Instance


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
        conflicts(everything),
        *_pair_overlap(splits),
        *_absent(dataset, subsets),
        *misplaced(dataset),
        *within(dataset, splits, everything),
        *cuts,
        *oddities(everything),
        templates(dataset.schema),
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
        finding("entity_lost", "warning", f"instances that lose an entity {at}", lost, everything),
        finding("shortened", "note", f"instances that are shortened {at}", shortened, everything),
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
                f"with {'its' if same_pair else 'another'} entity pair ({UP_TO})"
            )
            examples = tuple(_repeat_example(repeat, texts[repeat.instance]) for repeat in some[:EXAMPLES])
            findings.append(
                Finding(kind, "leak" if same_pair else "note", message, len(some), len(splits[split]), examples)
            )
    return findings


def _repeat_example(repeat: Repeat, text: str) -> Example:
    told = shown(text) if repeat.exact else f"{repeat.similarity:.2f}: {shown(text)}"
    return Example((shown(repeat.instance), shown(repeat.of)), told)


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
        findings.append(finding(f"pair_{name}_in_train", "note", message, found, splits[name]))
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
            Example((), f"{shown(name)} at {', '.join(at)}") for name, at in list(ratios.items())[:EXAMPLES]
        )
        message = f"relations of test that {part} lacks"
        yield Finding(f"absent_in_{part}", severity, message, len(ratios), len(dataset.schema.names), examples)


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
