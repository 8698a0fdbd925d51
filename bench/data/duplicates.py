"""Instances of one split that repeat those of another: exactly, up to spelling, or nearly.

Sentences are compared as *words*: Unicode NFKC, casefolded; every run of digits is the word `0`; punctuation and blanks
only separate. (Entities keep their digits: IL-2 is not IL-6.) Two sentences are near duplicates where the Jaccard
similarity of their word 3-shingles (Broder 1997, "On the resemblance and containment of documents") reaches a
threshold. One word replaced in the middle of a sentence of n words leaves (n - 5) / (n + 1). The search is exact: every
pair at or above the threshold is found (recall 1), and none below. Sentences written without blanks between words are
only as comparable as the corpus's own tokens make them.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

from bench.data import entries
from methods.types import Instance, Span

SHINGLE = 3
# On SemEval-2010 all 27 pairs of sentences above it are true repetitions, and the first one below 0.6 is not.
THRESHOLD = 0.6
CACHED_FROM = 1_000  # instances of both sides, from which the result is kept: a large corpus takes minutes
Words = tuple[str, ...]
_WORD = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two instances the same: the sentence, its head and tail, and where in ``words`` these stand."""

    words: Words
    pair: tuple[Words, Words]
    place: tuple[int, int, int, int]

    def same_pair(self, other: Key) -> bool:
        """Whether both ask for the relation of the same two entities.

        In equal sentences these must also stand in the same place (`from group to group` holds two groups).
        """
        return self.pair == other.pair and (self.words != other.words or self.place == other.place)


@dataclass(frozen=True, slots=True)
class Repeat:
    """An instance and the one that it repeats most: a leak with the same entity pair, else a shared context.

    ``exact``: equal words. ``similarity``: Jaccard of the shingles.
    """

    instance: str
    of: str
    same_pair: bool
    exact: bool
    similarity: float


@lru_cache(maxsize=1 << 18)
def token_words(token: str) -> Words:
    """The words of a token, none for punctuation: `Mid-1990s` -> mid, 1990, s."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", token).casefold()))


def key(instance: Instance) -> Key:
    """The instance as it is compared. A sentence without any word keeps its casefolded tokens."""
    parts = [token_words(token) for token in instance.tokens]
    if not any(parts):
        parts = [(token.casefold(),) for token in instance.tokens]
    offsets = [0]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    spelt = [word for part in parts for word in part]
    words = tuple("0" if word[:1].isdigit() else word for word in spelt)

    def place(span: Span) -> tuple[int, int]:
        return offsets[span.start], offsets[span.end]

    head, tail = place(instance.head), place(instance.tail)
    return Key(words, (tuple(spelt[slice(*head)]), tuple(spelt[slice(*tail)])), head + tail)


def shingles(words: Words) -> frozenset[Words]:
    """All runs of three words; a shorter sentence is one shingle."""
    return frozenset(zip(*(words[i:] for i in range(SHINGLE)), strict=False)) or frozenset((words,))


def similar(first: Sequence[Words], second: Sequence[Words], threshold: float) -> Iterator[tuple[int, int, float]]:
    """(i, j, similarity) of every pair with Jaccard(shingles(first[i]), shingles(second[j])) >= ``threshold``.

    By prefix filtering (Chaudhuri et al. 2006; Bayardo et al. 2007, "Scaling up all pairs similarity search"): with
    the shingles of a set in one global order, rarest first, two sets that are similar enough share one among the first
    n - ceil(threshold * n) + 1 of each. Only such pairs are compared. Raises ValueError for a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"a threshold of similarity lies in (0, 1], got {threshold}")
    numbers: dict[Words, int] = {}
    sets = [[numbers.setdefault(s, len(numbers)) for s in shingles(words)] for words in (*first, *second)]
    counts = [0] * len(numbers)
    for numbered in sets:
        for shingle in numbered:
            counts[shingle] += 1
    for numbered in sets:
        numbered.sort(key=lambda shingle: (counts[shingle], shingle))

    def prefix(numbered: list[int]) -> list[int]:  # the epsilon: 0.07 * 100 is above 7
        return numbered[: len(numbered) - math.ceil(threshold * len(numbered) - 1e-9) + 1]

    index: defaultdict[int, list[int]] = defaultdict(list)
    for i, left in enumerate(sets[: len(first)]):
        for shingle in prefix(left):
            index[shingle].append(i)
    for j, right in enumerate(sets[len(first) :]):
        whole = set(right)
        for i in sorted({i for shingle in prefix(right) for i in index.get(shingle, ())}):
            shared = len(whole.intersection(sets[i]))
            similarity = shared / (len(whole) + len(sets[i]) - shared)
            if similarity >= threshold:
                yield i, j, similarity


def repeats(
    queries: Sequence[Instance], database: Sequence[Instance], threshold: float = THRESHOLD, content: str = ""
) -> tuple[Repeat, ...]:
    """Every query whose sentence stands in the database, with the strongest repetition, in the order of the queries.

    Strongest: the same pair before another, equal words before similar ones, then the similarity, then the order of
    the database. So a query has a leak here exactly if some instance there has one with it. The result for a large
    corpus is kept in the cache folder (bench.data.entries). ``content``: what names these two parts and no others,
    where the caller knows it, such as a hash.
    """
    if len(queries) + len(database) < CACHED_FROM or entries.folder() is None:
        return _repeats(queries, database, threshold)
    content = content or _content(queries, database)
    name = hashlib.sha256(Path(__file__).read_bytes() + repr((threshold, content)).encode()).hexdigest()
    payload = entries.read(name)
    if payload is not None:
        return tuple(Repeat(*row) for row in json.loads(payload))
    found = _repeats(queries, database, threshold)
    entries.write(name, json.dumps([astuple(repeat) for repeat in found]).encode())
    return found


def _content(queries: Sequence[Instance], database: Sequence[Instance]) -> str:
    digest = hashlib.sha256(str(len(queries)).encode())
    for i in (*queries, *database):
        row = [i.id, i.tokens, i.head.start, i.head.end, i.tail.start, i.tail.end]
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()


def _repeats(queries: Sequence[Instance], database: Sequence[Instance], threshold: float) -> tuple[Repeat, ...]:
    known: dict[Words, dict[object, str]] = {}
    for instance in database:
        own = key(instance)
        mentions = known.setdefault(own.words, {})
        for handle in (own.pair, (own.pair, own.place)):  # enough for same_pair, however often a sentence occurs
            mentions.setdefault(handle, instance.id)
    keys = [key(instance) for instance in queries]
    texts, stored = list(dict.fromkeys(own.words for own in keys)), list(known)
    matches: defaultdict[Words, list[tuple[float, Words]]] = defaultdict(list)
    for i, j, similarity in similar(stored, texts, threshold):
        matches[texts[j]].append((similarity, stored[i]))
    found = []
    for instance, own in zip(queries, keys, strict=True):
        options = []
        for similarity, words in matches[own.words]:
            exact = words == own.words
            same = known[words].get((own.pair, own.place) if exact else own.pair)
            name = next(iter(known[words].values())) if same is None else same
            options.append(Repeat(instance.id, name, same is not None, exact, similarity))
        if options:
            found.append(max(options, key=lambda option: (option.same_pair, option.exact, option.similarity)))
    return tuple(found)


def leaks(found: Sequence[Repeat]) -> set[str]:
    """Ids of the instances that repeat another with its entity pair."""
    return {repeat.instance for repeat in found if repeat.same_pair}
