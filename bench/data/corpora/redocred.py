"""Re-DocRED (Tan et al. 2022, arXiv 2205.12696; MIT): document-level, multi-label relation extraction.

Every ordered pair of two different entities of a document is an instance, `FILE-DOCUMENT-HEAD-TAIL` (FILE: train, dev
or test; numbers from 0), whose tokens are the whole document. Its relations are the pair's labels in the order of
RELATIONS, or `no_relation` alone. Of an entity's mentions, ``head`` and ``tail`` are the two that the shortest stretch
of text holds (they may overlap: a mention within the other entity's is the nearest there is); the others follow in
``head_mentions`` and ``tail_mentions``.

Fewer than one pair in ten has a relation. For training and dev, ``negatives_per_positive`` no_relation pairs are kept
per pair with a relation, ranked by SHA-256 of their ids (bench.data.split), the same for everybody; the test set keeps
every pair. Without the training file, the documents of the dev file are split into train and dev.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from pydantic import Field

from bench.data.base import Dataset
from bench.data.corpora.docred_format import Document, read
from bench.data.split import first_ranked, relation_counts
from bench.data.verbalise import Verbalised, known_texts
from bench.errors import DataError
from methods.parts.verbalize import window
from methods.types import Instance, Span

TRAIN_FILE, DEV_FILE, TEST_FILE = "train_revised.json", "dev_revised.json", "test_revised.json"
OFFICIAL_DOCUMENTS = {TRAIN_FILE: 3053, DEV_FILE: 500, TEST_FILE: 500}
NEGATIVE = "no_relation"
GAP = "…"  # stands for the words left out between two entities that lie far apart
# The 96 Wikidata properties of DocRED; configs/verbalisations/redocred.yaml has their names.
_PROPERTIES = (
    6, 17, 19, 20, 22, 25, 26, 27, 30, 31, 35, 36, 37, 39, 40, 50, 54, 57, 58, 69, 86, 102, 108, 112, 118, 123, 127,
    131, 136, 137, 140, 150, 155, 156, 159, 161, 162, 166, 170, 171, 172, 175, 176, 178, 179, 190, 194, 205, 206, 241,
    264, 272, 276, 279, 355, 361, 364, 400, 403, 449, 463, 488, 495, 527, 551, 569, 570, 571, 576, 577, 580, 582, 585,
    607, 674, 676, 706, 710, 737, 740, 749, 800, 807, 840, 937, 1001, 1056, 1198, 1336, 1344, 1365, 1366, 1376, 1412,
    1441, 3373,
)  # fmt: skip
RELATIONS = tuple(f"P{number}" for number in _PROPERTIES)
NAMES = (*RELATIONS, NEGATIVE)


class Options(Verbalised):
    """Options of the dataset `redocred`."""

    negatives_per_positive: float | None = Field(
        3.0, gt=0, description="no_relation pairs kept per related pair in train and dev; null keeps all"
    )
    dev_share: float = Field(0.2, gt=0, lt=1, description="share of the dev file's documents that stay dev, where "
                             "there is no training file")  # fmt: skip
    split_seed: int = Field(0, ge=0, description="which documents these are")
    max_test_documents: int | None = Field(
        None, ge=1, description="keep so many test documents, for a cheap run; null keeps all"
    )
    context_words: int | None = Field(
        None, ge=1, description="cut each document to so many words around the pair; null keeps the whole document"
    )


def load(data_dir: Path | None, options: Options) -> Dataset:
    """Read dev_revised.json, test_revised.json and, where it is there, train_revised.json from ``data_dir``.

    Raises DataError for a missing directory or file, the first malformed document, and too few documents or pairs.
    """
    texts = known_texts(options, "redocred", NAMES)
    documents = {path.name: read(path, RELATIONS) for path in _files(data_dir)}
    test, remarks = documents[TEST_FILE], _oddities(documents) + texts.remarks
    train, dev, source = _train_and_dev(documents, options, remarks)
    kept = _first(test, options.max_test_documents or len(test), "redocred-test")
    if len(kept) < len(test):
        remarks.append(f"{len(kept)} of {len(test)} test documents (max_test_documents): scores are not official")
    chosen = {"train": train, "dev": dev, "test": kept}
    every = {name: pairs(found, source if name == "train" else name) for name, found in chosen.items()}
    parts = _reduced(every, options, remarks)
    if empty := [name for name in ("train", "test") if not parts[name]]:
        raise DataError(f"{data_dir}: the {empty[0]} documents give no instance; put the published files there")
    fewer = {f"{name} no_relation pairs": len(every[name]) - len(parts[name]) for name in ("train", "dev")}
    card: dict[str, object] = {
        "read": {name: len(found) for name, found in documents.items()},
        "documents": {name: len(found) for name, found in chosen.items()},
        "dropped": _repeated(documents) | fewer | {"test documents": len(test) - len(kept)},
        **_counted(parts),
        "options": options.model_dump(mode="json"),
        "remarks": remarks,
    }
    return Dataset(
        "redocred",
        texts.schema(NAMES, NEGATIVE),
        "docred_f1",
        parts["train"],
        parts["dev"],
        parts["test"],
        card,
        multi_label=True,
        known=in_training(train, {"dev": dev, "test": kept}),
        unpaired=_self_facts(kept),
    )


def _reduced(
    every: Mapping[str, tuple[Instance, ...]], options: Options, remarks: list[str]
) -> dict[str, tuple[Instance, ...]]:
    """Train and dev with fewer pairs without a relation, and every context cut to its length."""
    parts = {**every} | {name: thin(every[name], options.negatives_per_positive) for name in ("train", "dev")}
    if len(parts["dev"]) < len(every["dev"]):
        kept_pairs = f"train and dev keep {options.negatives_per_positive:g} no_relation pairs per related one"
        remarks.append(f"{kept_pairs}, test keeps all: dev_f1 and f1 do not compare")
    if options.context_words is not None:
        parts = {name: tuple(cut(i, options.context_words) for i in part) for name, part in parts.items()}
    return parts


def _train_and_dev(
    documents: Mapping[str, Sequence[Document]], options: Options, remarks: list[str]
) -> tuple[Sequence[Document], Sequence[Document], str]:
    """Both, and the prefix of the ids of train; without its file they are parts of the dev documents."""
    dev = documents[DEV_FILE]
    if TRAIN_FILE in documents:
        return documents[TRAIN_FILE], dev, "train"
    train, dev = _split(dev, options)
    remarks.append(
        f"{TRAIN_FILE} is absent: train and dev are {len(train)} and {len(dev)} documents of {DEV_FILE} "
        f"(split_seed {options.split_seed}); scores do not compare with published ones"
    )
    return train, dev, "dev"


def _repeated(documents: Mapping[str, Sequence[Document]]) -> dict[str, int]:
    total = sum((document.repeated for found in documents.values() for document in found), Counter[str]())
    return {f"repeated {what}": total[what] for what in ("mentions", "labels")}


def _counted(parts: Mapping[str, tuple[Instance, ...]]) -> dict[str, object]:
    return {
        "sizes": {name: len(part) for name, part in parts.items()},
        "several_relations": {name: sum(bool(i.more_relations) for i in part) for name, part in parts.items()},
        "relations": {name: relation_counts(part, NAMES) for name, part in parts.items()},
    }


def _files(data_dir: Path | None) -> list[Path]:
    wanted = f"{DEV_FILE} and {TEST_FILE}, better {TRAIN_FILE} too (Re-DocRED)"
    if data_dir is None:
        raise DataError(f"dataset 'redocred' needs --data-dir, a directory with {wanted}")
    missing = [name for name in (DEV_FILE, TEST_FILE) if not (data_dir / name).is_file()]
    if missing:
        reason = f"has no {' and no '.join(missing)}" if data_dir.is_dir() else "is not a directory"
        raise DataError(f"{data_dir} {reason}: --data-dir must hold {wanted}")
    return [data_dir / name for name in OFFICIAL_DOCUMENTS if (data_dir / name).is_file()]


def _oddities(documents: Mapping[str, Sequence[Document]]) -> list[str]:
    """Remarks on what the published files do not have: other sizes, equal titles or texts, facts of one entity."""
    remarks = []
    first: dict[tuple[str, ...], str] = {}
    for name, found in documents.items():
        if len(found) != OFFICIAL_DOCUMENTS[name]:
            remarks.append(f"{name} has {len(found)} documents, the official one {OFFICIAL_DOCUMENTS[name]}")
        if titles := len(found) - len({document.title for document in found}):
            remarks.append(f"{name}: {titles} titles stand there again; the official scorer knows documents by title")
        if facts := _self_facts(found):
            remarks.append(f"{name}: {facts} facts relate an entity to itself: no instance, but missed in the recall")
        texts = Counter(first.setdefault(document.tokens, name) for document in found)
        remarks += [
            f"{count} documents of {name} stand in {other} too" for other, count in texts.items() if other != name
        ]
    return remarks


def _self_facts(documents: Sequence[Document]) -> int:
    return sum(len(names) for d in documents for (head, tail), names in d.facts.items() if head == tail)


def _split(documents: Sequence[Document], options: Options) -> tuple[tuple[Document, ...], tuple[Document, ...]]:
    """(train, dev) of the dev file's documents, both in its order and neither empty."""
    if len(documents) < 2:
        raise DataError(f"{DEV_FILE} has one document, too few to split into train and dev; add {TRAIN_FILE}")
    count = min(len(documents) - 1, max(1, int(options.dev_share * len(documents) + 0.5)))
    dev = _first(documents, count, "redocred-dev", options.split_seed)
    held = {document.number for document in dev}
    return tuple(document for document in documents if document.number not in held), dev


def _first(documents: Sequence[Document], count: int, salt: str, seed: int = 0) -> tuple[Document, ...]:
    """The ``count`` first documents by SHA-256 of salt, seed, number and title, in the order of the file."""

    def rank(document: Document) -> bytes:
        return hashlib.sha256(json.dumps([salt, seed, document.number, document.title]).encode()).digest()

    chosen = {document.number for document in sorted(documents, key=rank)[:count]}
    return tuple(document for document in documents if document.number in chosen)


def pairs(documents: Sequence[Document], prefix: str) -> tuple[Instance, ...]:
    """Every ordered pair of different entities, document by document, with ids `PREFIX-DOCUMENT-HEAD-TAIL`."""
    made = []
    for document in documents:
        entities = document.entities
        nearest = {
            (h, t): _nearest(entities[h].mentions, entities[t].mentions) for t in range(len(entities)) for h in range(t)
        }
        for h, t in product(range(len(entities)), repeat=2):
            if h == t:
                continue
            head, tail = nearest[h, t] if h < t else reversed(nearest[t, h])
            relations = document.facts.get((h, t), (NEGATIVE,))
            instance = Instance(
                f"{prefix}-{document.number}-{h}-{t}",
                document.tokens,
                head,
                tail,
                relations[0],
                entities[h].type,
                entities[t].type,
                relations[1:],
                tuple(span for span in entities[h].mentions if span != head),
                tuple(span for span in entities[t].mentions if span != tail),
                f"{prefix}-{document.number}",
            )
            made.append(instance)
    return tuple(made)


def _nearest(heads: Sequence[Span], tails: Sequence[Span]) -> tuple[Span, Span]:
    """The mentions that the shortest stretch of tokens holds; of equals, those that stand first."""
    return min(
        product(heads, tails),
        key=lambda p: (max(p[0].end, p[1].end) - min(p[0].start, p[1].start), p[0].start, p[1].start),
    )


def cut(instance: Instance, words: int) -> Instance:
    """The same pair in a window of ``words`` tokens around its nearest mentions, or, where these lie further apart, in
    half as many around each of the two with GAP between. Mentions outside are left out, the nearest never."""
    lo, hi = window(instance, words)
    kept = set(range(lo, hi))
    if len(kept) > words:
        bare = replace(instance, head_mentions=(), tail_mentions=())
        around = (window(replace(bare, head=span, tail=span), words // 2) for span in (instance.head, instance.tail))
        kept = {position for stretch in around for position in range(*stretch)}
    tokens: list[str] = []
    place: dict[int, int] = {}
    for position in sorted(kept):
        if tokens and position - 1 not in kept:
            tokens.append(GAP)
        place[position] = len(tokens)
        tokens.append(instance.tokens[position])

    def moved(spans: Sequence[Span]) -> Iterator[Span]:
        whole = (s for s in spans if kept.issuperset(range(s.start, s.end)))
        return (Span(place[s.start], place[s.end - 1] + 1) for s in whole)

    head, *heads = moved(instance.heads)
    tail, *tails = moved(instance.tails)
    return replace(
        instance,
        tokens=tuple(tokens),
        head=head,
        tail=tail,
        head_mentions=tuple(heads),
        tail_mentions=tuple(tails),
    )


def thin(instances: Sequence[Instance], per_positive: float | None) -> tuple[Instance, ...]:
    """All related pairs and ``per_positive`` times as many no_relation ones, in corpus order; all of them for None."""
    if per_positive is None:
        return tuple(instances)
    negatives = [i for i in instances if i.relation == NEGATIVE]
    quota = int(per_positive * (len(instances) - len(negatives)) + 0.5)
    kept = first_ranked(negatives, lambda count: min(count, quota), draw=0, salt="redocred-negatives")
    ids = {i.id for i in kept}
    return tuple(i for i in instances if i.relation != NEGATIVE or i.id in ids)


def in_training(train: Sequence[Document], others: Mapping[str, Sequence[Document]]) -> dict[str, frozenset[str]]:
    """Instance id -> those of its gold relations that some training document states between a name of the head and
    a name of the tail, for the documents of ``others`` (id prefix -> documents). The official evaluation's rule."""
    facts: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for document in train:
        for (head, tail), relations in document.facts.items():
            for pair in product(document.entities[head].names, document.entities[tail].names):
                facts[pair].update(relations)
    known = {}
    for prefix, documents in others.items():
        for document in documents:
            for (head, tail), relations in document.facts.items():
                names = product(document.entities[head].names, document.entities[tail].names)
                stated = {relation for pair in names for relation in facts.get(pair, set())}.intersection(relations)
                if stated:
                    known[f"{prefix}-{document.number}-{head}-{tail}"] = frozenset(stated)
    return known
