"""Re-DocRED: documents to instances, what is kept, and the published files."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.corpora.docred_format import read
from bench.data.corpora.redocred import (
    DEV_FILE,
    GAP,
    NEGATIVE,
    RELATIONS,
    TEST_FILE,
    TRAIN_FILE,
    cut,
    pairs,
)
from bench.data.verbalise import load_verbalisations
from bench.errors import DataError
from methods.parts.verbalize import marked_words, window
from methods.types import Instance, Span
from tests.data.documents import ada, mention, write, zoe

# A loaded machine is slow at times; that is no failure.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def instances(folder: Path, *documents: dict[str, Any]) -> dict[str, Instance]:
    return {i.id: i for i in pairs(read(write(folder / "F.json", documents), RELATIONS), "dev")}


def test_pairs_by_hand(tmp_path: Path) -> None:
    found = instances(tmp_path, zoe(), ada())
    assert list(found)[6:] == ["dev-1-0-1", "dev-1-0-2", "dev-1-1-0", "dev-1-1-2", "dev-1-2-0", "dev-1-2-1"]
    one = found["dev-1-0-1"]  # Ada [0, 1) [6, 8) [19, 20); London [10, 11) [17, 18)
    assert (one.head, one.tail) == (Span(19, 20), Span(17, 18))  # 3 tokens hold both; [6, 11) has 5
    assert (one.head_mentions, one.tail_mentions) == ((Span(0, 1), Span(6, 8)), (Span(10, 11),))
    assert one.relations == ("P20", "P551")
    assert (one.head_type, one.tail_type) == ("PER", "LOC")
    assert len(one.tokens) == 24
    back = found["dev-1-1-0"]
    assert (back.head, back.tail, back.relations) == (one.tail, one.head, (NEGATIVE,))
    nested = found["dev-1-2-1"]  # London within University of London
    assert (nested.head, nested.tail) == (Span(15, 18), Span(17, 18))
    assert " ".join(marked_words(nested, 5)) == ("the <e1> org University of <e2> loc London </e2> </e1> ;")
    assert found["dev-0-1-2"].relations == ("P19", "P20")


def test_equally_near_mentions_and_equal_ones(tmp_path: Path) -> None:
    document = zoe()
    document["vertexSet"] = [
        [mention("a", 0, 4, 5), mention("a", 0, 0, 1)],
        [mention("b", 0, 2, 3)],
        [mention("c", 0, 2, 3)],
    ]
    found = instances(tmp_path, document)
    assert (found["dev-0-0-1"].head, found["dev-0-1-0"].tail) == (Span(0, 1), Span(0, 1))  # the first of equals
    assert (found["dev-0-1-2"].head, found["dev-0-1-2"].tail) == (Span(2, 3), Span(2, 3))
    assert " ".join(marked_words(found["dev-0-1-2"], 1)) == "<e1> per <e2> per Ada </e2> </e1>"


def test_a_window_of_words(tmp_path: Path) -> None:
    one = instances(tmp_path, zoe(), ada())["dev-1-0-1"]
    small = cut(one, 9)
    assert small.tokens == ("the", "University", "of", "London", ";", "Ada", "died", "in", "it")
    assert (small.head, small.tail) == (Span(5, 6), Span(3, 4))
    assert (small.head_mentions, small.tail_mentions) == ((), ())
    assert (small.id, small.relations) == (one.id, one.relations)
    assert cut(one, 24) == one
    assert cut(one, 3).tokens == ("London", ";", "Ada")
    apart = cut(one, 2)
    assert apart.tokens == ("London", GAP, "Ada")
    assert (apart.head, apart.tail, apart.heads, apart.tails) == (Span(2, 3), Span(0, 1), (Span(2, 3),), (Span(0, 1),))
    assert cut(one, 1) == apart
    middle = cut(one, 14)
    assert [one.text(s) for s in one.tails] == [middle.text(s) for s in middle.tails]
    assert middle.tail_mentions == (Span(0, 1),)


def corpus(folder: Path, **options: Any) -> Dataset:
    """Five documents in dev, two in test; the dev file's all alike but in title."""
    write(folder / DEV_FILE, [ada() | {"title": f"dev {n}"} for n in range(5)])
    write(folder / TEST_FILE, [zoe(), ada()])
    return load_dataset("redocred", folder, options)


def test_dev_documents_are_split_without_a_training_file(tmp_path: Path) -> None:
    data = corpus(tmp_path, negatives_per_positive=None)
    assert data.card["documents"] == {"train": 4, "dev": 1, "test": 2}
    assert data.card["sizes"] == {"train": 24, "dev": 6, "test": 12}
    assert not {i.id for i in data.train} & {i.id for i in data.dev}
    assert {i.id.rpartition("-")[0].rpartition("-")[0] for i in (*data.train, *data.dev)} == {
        f"dev-{n}" for n in range(5)
    }
    assert data.card["remarks"][-1].startswith(
        f"{TRAIN_FILE} is absent: train and dev are 4 and 1 documents of {DEV_FILE} (split_seed 0)"
    )
    assert data.card["several_relations"] == {"train": 4, "dev": 1, "test": 2}
    assert data.card["relations"]["test"]["P20"] == 2
    assert data.card["relations"]["test"][NEGATIVE] == 9
    assert (data.metric, data.multi_label, data.schema.negative, len(data.schema.names)) == (
        "docred_f1", True, NEGATIVE, 97
    )  # fmt: skip
    held = {corpus(tmp_path, split_seed=seed).dev[0].id.split("-")[1] for seed in range(12)}
    assert len(held) > 1
    assert len({i.id for i in corpus(tmp_path, dev_share=0.999).train}) > 0  # never empty
    assert corpus(tmp_path, dev_share=0.001).dev


def test_a_training_file_is_read_where_it_is_there(tmp_path: Path) -> None:
    write(tmp_path / TRAIN_FILE, [zoe() | {"title": "train 0"}])
    data = corpus(tmp_path, negatives_per_positive=None)
    assert data.card["documents"] == {"train": 1, "dev": 5, "test": 2}
    assert [i.id for i in data.train[:2]] == ["train-0-0-1", "train-0-0-2"]
    assert data.card["read"] == {TRAIN_FILE: 1, DEV_FILE: 5, TEST_FILE: 2}
    remarks = list(data.card["remarks"])
    assert f"{TRAIN_FILE} has 1 documents, the official one 3053" in remarks
    assert f"1 documents of {TEST_FILE} stand in {TRAIN_FILE} too" in remarks
    assert f"1 documents of {TEST_FILE} stand in {DEV_FILE} too" in remarks
    assert not any("absent" in remark for remark in remarks)
    # Ada died in London, and nothing else that the test documents state, stands in the training document.
    assert data.known == {
        **{f"dev-{n}-0-1": {"P20"} for n in range(5)}, "test-0-1-2": {"P19", "P20"}, "test-1-0-1": {"P20"}
    }  # fmt: skip


def test_negatives_are_thinned_but_never_in_the_test_set(tmp_path: Path) -> None:
    data = corpus(tmp_path, negatives_per_positive=0.5)
    assert Counter(i.relation == NEGATIVE for i in data.train) == {False: 8, True: 4}
    assert Counter(i.relation == NEGATIVE for i in data.dev) == {False: 2, True: 1}
    assert sum(i.relation == NEGATIVE for i in data.test) == 9
    assert data.card["dropped"]["train no_relation pairs"] == 12
    assert "keep 0.5 no_relation pairs per related one" in data.card["remarks"][-1]
    more = {i.id for i in corpus(tmp_path, negatives_per_positive=1).train}
    assert {i.id for i in data.train} < more  # nested
    assert len(corpus(tmp_path, negatives_per_positive=99).train) == 24


def test_fewer_test_documents(tmp_path: Path) -> None:
    data = corpus(tmp_path, max_test_documents=1)
    assert data.card["sizes"]["test"] == 6
    assert data.card["dropped"]["test documents"] == 1
    assert "1 of 2 test documents (max_test_documents): scores are not official" in data.card["remarks"]
    assert data.content_hash != corpus(tmp_path).content_hash
    assert corpus(tmp_path, max_test_documents=2).content_hash == corpus(tmp_path).content_hash


def test_facts_of_one_entity_are_no_instance_but_count(tmp_path: Path) -> None:
    document = ada()
    document["labels"] += [{"h": 0, "t": 0, "r": "P26"}, {"h": 0, "t": 0, "r": "P40"}]
    write(tmp_path / DEV_FILE, [ada(), zoe()])
    write(tmp_path / TEST_FILE, [document])
    data = load_dataset("redocred", tmp_path, {})
    assert data.unpaired == 2
    assert len(data.test) == 6
    assert any("2 facts relate an entity to itself" in remark for remark in data.card["remarks"])


def test_equal_titles_are_remarked(tmp_path: Path) -> None:
    write(tmp_path / DEV_FILE, [ada(), zoe(), zoe()])
    write(tmp_path / TEST_FILE, [ada()])
    remarks = list(load_dataset("redocred", tmp_path, {}).card["remarks"])
    assert f"{DEV_FILE}: 1 titles stand there again; the official scorer knows documents by title" in remarks


def test_the_hash_sees_mentions_relations_and_training_facts(tmp_path: Path) -> None:
    plain = corpus(tmp_path).content_hash
    assert corpus(tmp_path).content_hash == plain
    assert corpus(tmp_path, context_words=12).content_hash != plain
    for step in ("mention", "label", "name"):
        document = ada()
        if step == "mention":
            document["vertexSet"][0][0]["pos"] = [9, 10]
        elif step == "label":
            document["labels"][1]["r"] = "P19"
        else:
            document["vertexSet"][0][0]["name"] = document["vertexSet"][0][2]["name"] = "Nobody"
            document["vertexSet"][0][1]["name"] = "Nobody"
        write(tmp_path / TEST_FILE, [zoe(), document])
        assert load_dataset("redocred", tmp_path, {}).content_hash != plain, step


def test_missing_files_and_unfit_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"needs --data-dir.*{DEV_FILE} and {TEST_FILE}, better {TRAIN_FILE} too"):
        load_dataset("redocred", None, {})
    with pytest.raises(DataError, match="nowhere is not a directory"):
        load_dataset("redocred", tmp_path / "nowhere", {})
    write(tmp_path / DEV_FILE, [ada()])
    with pytest.raises(DataError, match=f"has no {TEST_FILE}: --data-dir must hold"):
        load_dataset("redocred", tmp_path, {})
    write(tmp_path / TEST_FILE, [ada()])
    with pytest.raises(DataError, match=f"has one document, too few to split into train and dev; add {TRAIN_FILE}"):
        load_dataset("redocred", tmp_path, {})
    lonely = ada() | {"vertexSet": ada()["vertexSet"][:1], "labels": []}
    write(tmp_path / TRAIN_FILE, [lonely])
    with pytest.raises(DataError, match="the train documents give no instance"):
        load_dataset("redocred", tmp_path, {})
    with pytest.raises(DataError, match="'negatives_per_positive' = 0: Input should be greater than 0"):
        load_dataset("redocred", tmp_path, {"negatives_per_positive": 0})


def test_verbalisations_tell_the_relations_apart() -> None:
    texts = load_verbalisations("redocred", (*RELATIONS, NEGATIVE))
    assert len(RELATIONS) == len(set(RELATIONS)) == 96
    assert list(RELATIONS) == sorted(RELATIONS, key=lambda name: int(name[1:]))
    assert len({text.split()[0] for text in texts.values()}) == 97
    assert all(text == text.lower() and text.replace(" ", "").isalpha() for text in texts.values())
    assert all(text.split()[-1] == "tail" for text in texts.values())  # every one says which way it is read


spans = st.tuples(st.integers(0, 20), st.integers(1, 4)).map(lambda pair: [pair[0], min(24, sum(pair))])


@given(st.lists(st.lists(spans, min_size=1, max_size=4), min_size=2, max_size=4), st.integers(1, 30))
@settings(relaxed, max_examples=60)
def test_every_pair_once_with_all_its_mentions(
    tmp_path_factory: pytest.TempPathFactory, entities: list[list[list[int]]], words: int
) -> None:
    document = {
        "title": "t",
        "sents": [[f"w{n}" for n in range(24)]],
        "vertexSet": [[mention("x", 0, *span) for span in entity] for entity in entities],
        "labels": [],
    }
    found = instances(tmp_path_factory.getbasetemp(), document)
    assert set(found) == {f"dev-0-{h}-{t}" for h, t in permutations(range(len(entities)), 2)}
    for h, t in permutations(range(len(entities)), 2):
        one, back = found[f"dev-0-{h}-{t}"], found[f"dev-0-{t}-{h}"]
        assert {(s.start, s.end) for s in one.heads} == {tuple(s) for s in entities[h]}
        assert {(s.start, s.end) for s in one.tails} == {tuple(s) for s in entities[t]}
        assert (one.head, one.tail) == (back.tail, back.head)
        held = max(one.head.end, one.tail.end) - min(one.head.start, one.tail.start)
        assert held == min(max(a[1], b[1]) - min(a[0], b[0]) for a in entities[h] for b in entities[t])
        small = cut(one, words)
        lo, hi = window(one, words)
        assert (small.text(small.head), small.text(small.tail)) == (one.text(one.head), one.text(one.tail))
        if hi - lo <= words:
            assert small.tokens == one.tokens[lo:hi]
            assert marked_words(small) == marked_words(one, words)
        else:
            lengths = [s.end - s.start for s in (one.head, one.tail)]
            assert len(small.tokens) <= sum(max(words // 2, length) for length in lengths) + 1
            assert {t for t in small.tokens if t != GAP} <= set(one.tokens)
            assert small.tokens.count(GAP) <= 1
