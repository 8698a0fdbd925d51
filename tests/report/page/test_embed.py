"""Blocks: numbering, what goes in first, what is left out and said so."""

import gzip
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report.page import embed as module
from bench.report.page.embed import embed
from methods.types import Instance, Span
from tests.report.page.made_run import NEAR, NO, TEST, A, B, corpus, instance, lines, made_run, record, run, unpack


def test_every_number_leads_back_to_its_name(tmp_path):
    store = made_run(tmp_path / "run", tmp_path / "data")
    dataset = corpus(tmp_path / "again")
    found = embed(store, store.records(), dataset)
    blocks = {name: unpack(block) for name, block in found.blocks.items()}
    labels = blocks["index"]["labels"]
    assert [labels[number] for number in blocks["index"]["gold"]] == [[i.relation] for i in TEST]
    (group,) = blocks["index"]["groups"]
    assert group["name"] == "100%, draw 0, seed 0"
    assert [cell["method"] for cell in group["cells"]] == ["no_retrieval", "rag_text"]
    plain, retrieving = (blocks[cell["block"]] for cell in group["cells"])
    assert plain["near"] is None
    train = blocks[group["near"]]
    flat = retrieving["near"][2]
    assert [[train[flat[at]][0], flat[at + 1]] for at in (0, 3, 6)] == NEAR
    shares = [blocks["index"]["shares"][flat[at + 2]] for at in (0, 3, 6)]
    assert shares == [["head", "tail"], ["relation", "tail"], ["tail"]]
    assert [labels[number] for number in retrieving["predicted"]] == [[A], [B], [B], ["no_relation"], [A]]
    best, *_, last = [retrieving["scores"][2][at : at + 2] for at in (0, 2, 4)]
    assert (labels[best[0]], best[1], last[1]) == ([B], -0.125, -3.5)
    assert [row[0] for row in blocks["test"]] == ["t0", "t1", "t2", "t3", "t4"]
    pieces = [1, "Bob", 0, " ", 0, "owns", 0, " ", 2, "iron", 0, " ", 0, "."]
    assert blocks["test"][1] == ["t1", pieces, blocks["index"]["gold"][1]]
    assert found.notes == []


def test_an_entity_in_the_other_role_is_named_as_such(tmp_path):
    dataset = corpus(tmp_path / "data")
    swapped = instance("d0", "CLAY", "holds", "ann", NO)
    dataset = replace(dataset, train=(swapped, *dataset.train[1:]))
    store = run(tmp_path / "run", [(record(dataset, "rag_text", 0), lines("rag_text"))])
    blocks = {name: unpack(block) for name, block in embed(store, store.records(), dataset).blocks.items()}
    shares = [blocks["index"]["shares"][flat[5]] for flat in blocks[f"cell-{0:016x}"]["near"]]  # of d0, by query
    assert shares == [["entity"], [], ["entity"], ["relation"], []]


def test_ids_alone_without_a_corpus(tmp_path):
    store = made_run(tmp_path / "run", tmp_path / "data")
    blocks = embed(store, store.records(), None).blocks
    assert unpack(blocks["test"])[3] == ["t3"]
    assert unpack(blocks["near-0"]) == [["d2"], ["d0"], ["d1"]]
    assert unpack(blocks["index"])["shares"] == [[]]


def grid(tmp_path, dataset):
    """Two ratios x two draws of one method, in an order that is not the page's."""
    keys = [(1.0, 1), (1.0, 0), (0.5, 1), (0.5, 0)]
    cells = [(record(dataset, "rag_text", n, ratio=r, draw=d), lines("rag_text")) for n, (r, d) in enumerate(keys)]
    return run(tmp_path / "run", cells)


def test_first_draws_go_in_first_and_the_limit_is_kept_and_told(tmp_path):
    dataset = corpus(tmp_path / "data")
    store = grid(tmp_path, dataset)
    whole = embed(store, store.records(), dataset)
    names = ["50%, draw 0, seed 0", "100%, draw 0, seed 0", "50%, draw 1, seed 0", "100%, draw 1, seed 0"]
    assert [group["name"] for group in unpack(whole.blocks["index"])["groups"]] == names
    size = sum(len(block) for name, block in whole.blocks.items() if name != "index")
    part = embed(store, store.records(), dataset, limit=size - 1)
    assert [group["name"] for group in unpack(part.blocks["index"])["groups"]] == names[:3]
    assert part.notes == [f"Left out of the inspector, which holds {(size - 1) / 1e6:g} MB at most: {names[3]}."]
    assert sum(len(block) for name, block in part.blocks.items() if name != "index") < size
    none = embed(store, store.records(), dataset, limit=7)
    assert none.blocks == {}
    assert all(name in none.notes[0] for name in names)


def test_training_instances_stand_in_the_first_group_that_needs_them(tmp_path):
    dataset = corpus(tmp_path / "data")
    second = [line | {"neighbours": [["d0", 1.0], ["d5", 0.5]]} for line in lines("rag_text")]
    cells = [(record(dataset, "rag_text", 0, ratio=0.5), lines("rag_text")), (record(dataset, "rag_text", 1), second)]
    store = run(tmp_path / "run", cells)
    blocks = embed(store, store.records(), dataset).blocks
    assert [row[0] for row in unpack(blocks["near-0"])] == ["d2", "d0", "d1"]
    assert [row[0] for row in unpack(blocks["near-1"])] == ["d5"]
    assert unpack(blocks[f"cell-{1:016x}"])["near"][0][:2] == [1, 1.0]
    assert unpack(blocks[f"cell-{1:016x}"])["near"][0][3:5] == [3, 0.5]


def test_unreadable_predictions_are_a_note_and_the_other_cells_stay(tmp_path):
    dataset = corpus(tmp_path / "data")
    other = [line | {"id": f"x{n}"} for n, line in enumerate(lines("rag_text"))]
    cells = [
        (record(dataset, "etrag", 0), None),
        (record(dataset, "rag_bm25", 1), lines("rag_text")),
        (record(dataset, "mine", 2), [{"id": "t0"}]),
        (record(dataset, "broken", 3), lines("rag_text")),
        (record(dataset, "rag_text", 4), lines("rag_text")),
        (record(dataset, "foreign", 5), other),
        (record(dataset, "failed", 6, status="failed"), None),
    ]
    store = run(tmp_path / "run", cells)
    path = store.predictions_path(f"{3:016x}")
    path.write_bytes(path.read_bytes()[:40] + b"?" * 40)
    found = embed(store, store.records(), dataset)
    (group,) = unpack(found.blocks["index"])["groups"]
    assert [cell["method"] for cell in group["cells"]] == ["rag_bm25", "rag_text"]
    assert [note.split(",")[0] for note in found.notes] == ["etrag", "foreign"]
    assert "is missing" in found.notes[0]
    mine, broken = (store.broken[f"{place:016x}"] for place in (2, 3))
    assert "line 1 is no prediction" in mine
    assert "is broken" in broken


def test_numbers_stay_right_after_a_group_that_breaks_off(tmp_path):
    dataset = corpus(tmp_path / "data")
    broken = [lines("rag_text")[0] | {"neighbours": [["d5", 1.0], ["d6", 0.5]]}, {"id": "t1"}]
    cells = [(record(dataset, "rag_text", 0, ratio=0.5), broken), (record(dataset, "rag_text", 1), lines("rag_text"))]
    store = run(tmp_path / "run", cells)
    blocks = {name: unpack(block) for name, block in embed(store, store.records(), dataset).blocks.items()}
    (group,) = blocks["index"]["groups"]
    flat, train = blocks[group["cells"][0]["block"]]["near"][0], blocks[group["near"]]
    assert [train[number][0] for number in flat[::3]] == ["d2", "d0", "d1"]


def test_a_long_test_set_is_cut_and_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_INSTANCES", 3)
    store = made_run(tmp_path / "run", tmp_path / "data")
    found = embed(store, store.records(), None)
    assert [row[0] for row in unpack(found.blocks["test"])] == ["t0", "t1", "t2"]
    assert found.notes == ["The inspector has the first 3 test instances at most."]


def test_labels_of_several_relations_are_sets_and_the_gold_ones_keep_their_scores(tmp_path):
    dataset = corpus(tmp_path / "data")
    names = [f"r{n}" for n in range(7)]
    line = {
        "id": "t0", "gold": ["r6", "r0"], "predicted": ["r0", "r6"],
        "scores": {name: -float(n) for n, name in enumerate(names)}, "neighbours": [], "probes": {"none": ["r1"]},
    }  # fmt: skip
    store = run(tmp_path / "run", [(record(dataset, "rag_text", 0, n_test=1), [line])])
    blocks = {name: unpack(block) for name, block in embed(store, store.records(), None).blocks.items()}
    cell, labels = blocks[f"cell-{0:016x}"], blocks["index"]["labels"]
    assert blocks["index"]["gold"] == cell["predicted"]
    assert labels[cell["predicted"][0]] == ["r0", "r6"]
    assert [labels[number] for number in cell["scores"][0][::2]] == [["r0"], ["r1"], ["r2"], ["r3"], ["r4"], ["r6"]]
    assert labels[cell["probes"]["none"][0]] == ["r1"]


def test_equal_runs_give_equal_blocks_without_a_date(tmp_path):
    stores = [made_run(tmp_path / f"run{n}", tmp_path / f"data{n}") for n in range(2)]
    first, second = (embed(store, store.records(), None).blocks for store in stores)
    assert first == second
    assert gzip.decompress(module.base64.b64decode(first["test"]))[:2] == b"[["


@given(st.data())
def test_the_pieces_of_a_row_are_the_sentence_and_mark_the_entities(data):
    words = data.draw(st.lists(st.text(min_size=1, max_size=3), min_size=2, max_size=11))
    at = st.integers(0, len(words) - 1)
    spans = [Span(min(pair), max(pair) + 1) for pair in data.draw(st.tuples(st.tuples(at, at), st.tuples(at, at)))]
    made = Instance("q", tuple(words), *spans, "r")
    name, pieces, label = module._text_row("q", made, module._Numbers(None))
    assert (name, label) == ("q", 0)
    assert "".join(pieces[1::2]) == made.text()
    for bit, span in ((1, spans[0]), (2, spans[1])):
        marked = [piece for kind, piece in zip(pieces[::2], pieces[1::2], strict=True) if kind & bit]
        assert " ".join(marked) == made.text(span)


@pytest.mark.parametrize(("weight", "short"), [(0.123456, 0.1235), (51234.0, 51230.0), (0.0, 0.0)])
def test_weights_keep_four_digits(weight, short):
    assert module._Numbers(None).near("q", [("d", weight)]) == [0, short, 0]
