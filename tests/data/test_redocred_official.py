"""Re-DocRED's published files, counted anew from their JSON."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from bench.data.corpora.docred_format import read
from bench.data.corpora.redocred import DEV_FILE, NEGATIVE, RELATIONS, TEST_FILE, in_training, pairs, thin
from bench.data.split import subset
from tests.shared import DATA, needs

OFFICIAL = DATA / "redocred"
needs_official = needs(OFFICIAL)


@needs_official
@pytest.mark.parametrize("name", [DEV_FILE, TEST_FILE])
def test_the_official_files(name: str) -> None:
    """500 documents each (../shared/data/README.md); everything else counted here anew, from the JSON."""
    raw = json.loads((OFFICIAL / name).read_text(encoding="utf-8"))
    documents = read(OFFICIAL / name, RELATIONS)
    assert len(raw) == len(documents) == 500
    labels = Counter((n, f["h"], f["t"]) for n, document in enumerate(raw) for f in document["labels"])
    per_relation = Counter(f["r"] for document in raw for f in document["labels"])
    found = pairs(documents, "x")
    assert len(found) == sum(len(d["vertexSet"]) * (len(d["vertexSet"]) - 1) for d in raw)
    assert {tuple(map(int, i.id.split("-")[1:])): len(i.relations) for i in found if i.relation != NEGATIVE} == labels
    assert Counter(r for i in found for r in i.relations if r != NEGATIVE) == per_relation
    assert sum(d.repeated["labels"] for d in documents) == 0
    numbers = Counter(labels.values())
    expected = {DEV_FILE: (193_232, 9_711, 3_384, 263, 4), TEST_FILE: (198_670, 10_006, 3_423, 196, 2)}[name]
    assert (len(found), *(numbers[count] for count in range(1, 5))) == expected
    for document, original in zip(documents, raw, strict=True):
        for entity, mentions in zip(document.entities, original["vertexSet"], strict=True):
            texts = {tuple(original["sents"][m["sent_id"]][slice(*m["pos"])]) for m in mentions}
            assert {document.tokens[s.start : s.end] for s in entity.mentions} == texts
    thinned = thin(found, 3)
    assert len(thinned) == 4 * len(labels)
    assert {i.id for i in thinned if i.relation != NEGATIVE} == {i.id for i in found if i.relation != NEGATIVE}
    small = subset(thinned, 0.01, draw=0)
    assert {i.relation for i in small} == {i.relation for i in thinned}


@needs_official
def test_training_facts_of_the_official_files() -> None:
    """Against the official evaluation's own loops, dev taken as training documents."""
    raw = {name: json.loads((OFFICIAL / name).read_text(encoding="utf-8")) for name in (DEV_FILE, TEST_FILE)}
    stated = {
        (a["name"], b["name"], label["r"])
        for document in raw[DEV_FILE]
        for label in document["labels"]
        for a in document["vertexSet"][label["h"]]
        for b in document["vertexSet"][label["t"]]
    }
    expected: dict[str, set[str]] = {}
    for n, document in enumerate(raw[TEST_FILE]):
        for label in document["labels"]:
            names = [{m["name"] for m in document["vertexSet"][label[end]]} for end in "ht"]
            if any((a, b, label["r"]) in stated for a in names[0] for b in names[1]):
                expected.setdefault(f"test-{n}-{label['h']}-{label['t']}", set()).add(label["r"])
    documents = {name: read(OFFICIAL / name, RELATIONS) for name in raw}
    assert in_training(documents[DEV_FILE], {"test": documents[TEST_FILE]}) == expected
    assert len(expected) > 500
