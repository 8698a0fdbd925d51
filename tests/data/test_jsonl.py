from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.config import build
from bench.data import load_dataset, semeval
from bench.data.base import DataError, Dataset
from bench.data.jsonl import read, write
from bench.data.jsonl_line import split_text, write_line
from bench.execute import execute
from bench.plan import plan
from methods.types import Instance, Span

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
SEMEVAL = SHARED / "semeval2010"

NATIVE = {
    "id": "7",
    "tokens": ["A", "dog", "ate", "the", "soup", "."],
    "head": [1, 2],
    "tail": [4, 5],
    "relation": "ate",
    "head_type": "ANIMAL",
}
TOKENS = {
    "token": ["A", "dog", "ate", "the", "soup", "."],
    "h": {"name": "Dog", "id": "Q1", "pos": [1, 2]},
    "t": {"name": "the soup", "pos": [3, 5]},
    "relation": "ate",
    "source": "ignored",
}
TEXT = {
    "text": "A dog's soup.",
    "h": {"name": "dog", "pos": [2, 5]},
    "t": {"name": "soup", "pos": [8, 12], "type": "FOOD"},
    "relation": "ate",
}

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_rows(folder: Path, *rows: object) -> tuple[Instance, ...]:
    path = folder / "train.jsonl"
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return read(path)


def change(row: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {key: value for key, value in {**row, **changes}.items() if value != "absent"}


# --- lines ------------------------------------------------------------------------------------------------------------


def test_the_three_forms_of_a_line(tmp_path):
    native, tokens, text = read_rows(tmp_path, NATIVE, TOKENS, TEXT)
    sentence = ("A", "dog", "ate", "the", "soup", ".")
    assert native == Instance("7", sentence, Span(1, 2), Span(4, 5), "ate", "ANIMAL", "")
    assert tokens == Instance("train-2", sentence, Span(1, 2), Span(3, 5), "ate")
    assert text == Instance("train-3", ("A", "dog", "'s", "soup", "."), Span(1, 2), Span(3, 4), "ate", "", "FOOD")


@pytest.mark.parametrize(
    ("text", "head", "tail", "tokens", "spans"),
    [
        ("soup is soup soup", (8, 12), (0, 4), "soup is soup soup", ((2, 3), (0, 1))),
        ('("U.S." vs. A.B.)', (2, 6), (12, 16), '(" U.S. " vs. A.B. )', ((1, 2), (4, 5))),
        ("anti-Norman war", (5, 11), (12, 15), "anti- Norman war", ((1, 2), (2, 3))),
        ("ab", (0, 1), (1, 2), "a b", ((0, 1), (1, 2))),
        ("the  big dog x", (3, 12), (13, 14), "the big dog x", ((1, 3), (3, 4))),
        ("e\u0301a z", (0, 3), (4, 5), "e\u0301a z", ((0, 1), (1, 2))),
        ("e\u0301a z", (0, 1), (4, 5), "e \u0301a z", ((0, 1), (2, 3))),
        ("\U0001f600x y", (0, 1), (3, 4), "\U0001f600 x y", ((0, 1), (2, 3))),
        ("של ירושלים בירת", (3, 10), (11, 15), "של ירושלים בירת", ((1, 2), (2, 3))),
        ("University of Tokyo", (0, 19), (14, 19), "University of Tokyo", ((0, 3), (2, 3))),
        ("abcd", (0, 3), (2, 4), "ab c d", ((0, 2), (1, 3))),
        ("a\u00a0b\u2003c", (0, 3), (4, 5), "a b c", ((0, 2), (2, 3))),
    ],
)
def test_characters_to_tokens(text, head, tail, tokens, spans):
    assert split_text(text, Span(*head), Span(*tail)) == (tuple(tokens.split()), Span(*spans[0]), Span(*spans[1]))


@given(data=st.data())
@settings(relaxed, max_examples=200)
def test_characters_to_tokens_keep_exactly_the_entity(data):
    text = data.draw(st.text(st.sampled_from("ab \u0301\U0001f600ש.\t"), min_size=2, max_size=14))
    ends = st.integers(0, len(text)).flatmap(lambda a: st.tuples(st.just(a), st.integers(0, len(text))))
    head, tail = (data.draw(ends.map(sorted).filter(lambda s: text[s[0] : s[1]].strip())) for _ in "ht")
    tokens, *spans = split_text(text, Span(*head), Span(*tail))
    assert "".join(tokens) == "".join(text.split())
    for span, (start, end) in zip(spans, (head, tail), strict=True):
        assert "".join(tokens[span.start : span.end]) == "".join(text[start:end].split())
        assert "".join(tokens[: span.start]) == "".join(text[:start].split())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b'{"id": "7"', r"^train.jsonl:2: not valid JSON .*cut off"),
        (b'{"id": "\xff"}', r"^train.jsonl:2: field encoding: not UTF-8"),
        (b'{"id": "7", "id": "8"}', r"^train.jsonl:2: not valid JSON .*the key 'id' is given twice"),
        (b"[" * 100_000, r"^train.jsonl:2: "),
        (b"NaN", r"^train.jsonl:2: field line: expected an object"),
        ([1], r"^train.jsonl:2: field line: expected an object \{...\}, got \[1\]"),
        ({}, r"^train.jsonl:2: field id: missing; a line needs id, tokens, head, tail, relation, or token, h, t"),
        (NATIVE, r"^train.jsonl:2: field id: '7' was used at train.jsonl:1 already"),
        (change(NATIVE, relation="absent"), r"field relation: missing"),
        (change(NATIVE, relation=" "), r"field relation: expected a text, got ' '"),
        (change(NATIVE, relation=3), r"field relation: expected a text, got 3"),
        (change(NATIVE, head_typ="X"), r"field 'head_typ': unknown; the fields are id, tokens"),
        (change(NATIVE, head_type=1), r"field head_type: expected a text, got 1"),
        (change(NATIVE, id=7), r"field id: expected a text, got 7"),
        (change(NATIVE, tokens=[]), r"field tokens: expected a list of tokens, got \[\]"),
        (change(NATIVE, tokens="A dog"), r"field tokens: expected a list of tokens, got 'A dog'"),
        (change(NATIVE, tokens=["a", None]), r"field tokens: token 1 is None"),
        (change(NATIVE, tokens=["\udc00"] * 6), r"field tokens: .* is half a character"),
        (change(NATIVE, head=[1]), r"field head: expected \[start, end\), two numbers, got \[1\]"),
        (change(NATIVE, head=[1.0, 2]), r"field head: expected whole numbers, got \[1.0, 2\]"),
        (change(NATIVE, head=[False, True]), r"field head: expected whole numbers"),
        (change(NATIVE, head="12"), r"field head: expected \[start, end\)"),
        (change(NATIVE, head=[2, 1]), r"field head: \[2, 1\) is no span within 6 tokens"),
        (change(NATIVE, head=[2, 2]), r"field head: \[2, 2\) is no span within 6 tokens; the end is exclusive"),
        (change(NATIVE, head=[-1, 1]), r"field head: \[-1, 1\) is no span"),
        (change(NATIVE, tail=[5, 7]), r"field tail: \[5, 7\) is no span within 6 tokens"),
        (change(NATIVE, tail=[1, 2]), r"field tail: head and tail are the same span \[1, 2\)"),
        (change(NATIVE, tokens=["A", "\u200b", "c", "d", "e"]), r"field head: the entity's tokens .* show nothing"),
        (change(TOKENS, h="dog"), r'field h: expected \{"name": ..., "pos": \[start, end\]\}, got \'dog\''),
        (change(TOKENS, t={"name": "soup"}), r"field t: expected"),
        (change(TOKENS, t="absent"), r"field t: missing"),
        (change(TOKENS, relation="absent"), r"field relation: missing"),
        (change(TOKENS, text="A dog"), r"field token: give either `token` .* or `text`"),
        (change(TOKENS, token="absent"), r"field token: give either"),
        (change(TOKENS, h={"pos": [1, 9]}), r"field h.pos: \[1, 9\) is no span within 6 tokens"),
        (change(TEXT, h={"pos": [1, 19]}), r"field h.pos: \[1, 19\) is no span within 13 characters"),
        (change(TEXT, h={"pos": [1, 2]}), r"field h.pos: the entity's text ' ' shows nothing"),
        (change(TEXT, text=3), r"field text: expected a text, got 3"),
        (change(TEXT, h={"name": 3, "pos": [2, 5]}), r"field h.name: expected a text, got 3"),
        (change(TEXT, id=[1]), r"field id: expected a text, got \[1\]"),
    ],
)  # fmt: skip
def test_malformed_lines(tmp_path, row, message):
    with pytest.raises(DataError, match=message) as caught:
        read_rows(tmp_path, NATIVE, row)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_harmless_variants(tmp_path):
    plain = read_rows(tmp_path, NATIVE)
    line = json.dumps(NATIVE).encode()
    for variant in (b"\xef\xbb\xbf" + line, line + b"\r", b"\n  \n" + line + b"\n\n", b"  " + line):
        assert read_rows(tmp_path, variant) == plain
    assert read_rows(tmp_path, change(TOKENS, id=5))[0].id == "5"
    # Only \n ends a line: these stand inside a token.
    odd = change(NATIVE, tokens=["A", "d\u2028g", "\x85x", "the", "s\x0cp", "."])
    assert read_rows(tmp_path, json.dumps(odd, ensure_ascii=False).encode())[0].tokens == tuple(odd["tokens"])


def test_a_line_of_ten_megabytes(tmp_path):
    tokens = ["word"] * 1_500_000
    (instance,) = read_rows(tmp_path, change(NATIVE, tokens=tokens, tail=[1_499_999, 1_500_000]))
    assert (tmp_path / "train.jsonl").stat().st_size > 10_000_000
    assert instance.tail == Span(1_499_999, 1_500_000)
    with pytest.raises(DataError, match=r"train.jsonl:1: field tokens: expected a list of tokens") as caught:
        read_rows(tmp_path, change(NATIVE, tokens="x" * 10_000_000))
    assert len(str(caught.value)) < 200


text = st.text(min_size=1, max_size=5).filter(lambda t: any(c.isprintable() and not c.isspace() for c in t))


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    tokens = draw(st.lists(text, min_size=2, max_size=6))
    starts = draw(st.lists(st.integers(0, len(tokens) - 1), min_size=2, max_size=2, unique=True))
    head, tail = (Span(start, draw(st.integers(start + 1, len(tokens)))) for start in starts)
    types = draw(st.lists(st.sampled_from(["", "PERSON", "Ö ß"]), min_size=2, max_size=2))
    return Instance(draw(text), tuple(tokens), head, tail, draw(text), *types)


@given(found=st.lists(instances(), min_size=1, max_size=3, unique_by=lambda i: i.id))
@settings(relaxed, max_examples=100)
def test_round_trip(tmp_path_factory, found):
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    path.write_text("".join(map(write_line, found)), encoding="utf-8", newline="\n")
    assert read(path) == tuple(found)


@given(data=st.data(), row=st.sampled_from([NATIVE, TOKENS, TEXT]))
@settings(relaxed, max_examples=300)
def test_corruption_is_refused_or_harmless(tmp_path_factory, data, row):
    """Bytes are cut, doubled or replaced: one clear DataError, or the instance that the JSON now says."""
    raw = bytearray(json.dumps(row).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw)))
        end = start + data.draw(st.integers(0, 12))
        raw[start:end] = data.draw(st.sampled_from([b"", b"1", b"9", b"[", b"]", b'"', b",", b"null", b"\xff", b"\n"]))
    path = tmp_path_factory.getbasetemp() / "corrupt.jsonl"
    path.write_bytes(bytes(raw))
    try:
        found, refusal = read(path), None
    except DataError as error:
        found, refusal = (), str(error)
    assert refusal is None or re.match(r"corrupt\.jsonl:\d+: .+", refusal)
    lines = [line for line in raw.split(b"\n") if line.strip()] if refusal is None else []
    for instance, line in zip(found, lines, strict=True):
        said = json.loads(line)
        assert instance.relation == said["relation"]
        positions = [said["h"]["pos"], said["t"]["pos"]] if "h" in said else [said["head"], said["tail"]]
        for span, (start, end) in zip((instance.head, instance.tail), positions, strict=True):
            if "text" in said:
                assert "".join(instance.tokens[span.start : span.end]) == "".join(said["text"][start:end].split())
            else:
                assert list(instance.tokens) == said.get("tokens", said.get("token"))
                assert [span.start, span.end] == [start, end]


# --- folders ----------------------------------------------------------------------------------------------------------


def rows(prefix: str, relations: str) -> list[dict[str, Any]]:
    return [change(NATIVE, id=f"{prefix}{n}", relation=r) for n, r in enumerate(relations.split())]


def folder_of(path: Path, **files: object) -> Path:
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        if isinstance(content, list):
            path.joinpath(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
        else:
            path.joinpath(name.replace("_", ".")).write_text(str(content))
    return path


def test_a_folder_without_a_dev_set(tmp_path):
    folder = folder_of(tmp_path / "c", train=rows("a", "r " * 10 + "per:s " * 10 + "NA"), test=rows("b", "r t"))
    dataset = load_dataset("jsonl", folder, {"dev_share": 0.2, "negative": "NA"})
    assert dataset.card["sizes"] == {"train": 17, "dev": 4, "test": 2}
    assert dataset.card["read"] == {"train.jsonl": 21, "test.jsonl": 2}
    assert dataset.card["held_out"] == ["dev: 0.2 of train, stratified by relation, fixed by the salt 'jsonl-dev'"]
    assert (dataset.name, dataset.metric, dataset.schema.negative) == ("jsonl", "tacred_micro_f1", "NA")
    assert dataset.schema.names == ("NA", "per:s", "r", "t")
    assert dataset.schema.verbalisations["per:s"] == "s of head"
    made, untrained = dataset.card["remarks"]
    assert made.startswith("4 of 4 verbalisations were generated from relation names (such as 'NA': 'no relation of")
    assert untrained == "1 relations have no training instance: t"
    assert load_dataset("jsonl", folder, {"dev_salt": "other", "dev_share": 0.2}).dev != dataset.dev
    assert load_dataset("jsonl", folder, {}).metric == "macro_f1_accuracy"


def test_files_by_other_names(tmp_path):
    folder = folder_of(tmp_path / "c", train_txt=json.dumps(TOKENS), val=rows("v", "ate"), test=rows("t", "ate"))
    dataset = load_dataset("jsonl", folder, {"train": "train.txt", "dev": "val.jsonl"})
    assert dataset.card["sizes"] == {"train": 1, "dev": 1, "test": 1}
    with pytest.raises(DataError, match=r"has no train.jsonl \(there: test.jsonl, train.txt, val.jsonl\)"):
        load_dataset("jsonl", folder, {})
    for name in ("../train.jsonl", "/etc/passwd", ".hidden", "a/b"):
        with pytest.raises(DataError, match="is no plain file name"):
            load_dataset("jsonl", folder, {"train": name})


def test_what_is_missing_or_contradicts(tmp_path):
    with pytest.raises(DataError, match=r"'jsonl' needs --data-dir"):
        load_dataset("jsonl", None, {})
    with pytest.raises(DataError, match="is not a directory"):
        load_dataset("jsonl", tmp_path / "nowhere", {})
    folder = folder_of(tmp_path / "c", train=rows("a", "r " * 10))
    with pytest.raises(DataError, match=r"has no test set: put test.jsonl there, or set test_share to hold out"):
        load_dataset("jsonl", folder, {})
    dataset = load_dataset("jsonl", folder, {"test_share": 0.3})
    assert dataset.card["sizes"] == {"train": 6, "dev": 1, "test": 3}
    assert len({i.id for i in (*dataset.train, *dataset.dev, *dataset.test)}) == 10
    with pytest.raises(DataError, match=r"test_share = 0.01 holds out no instance"):
        load_dataset("jsonl", folder, {"test_share": 0.01})
    folder_of(folder, test=rows("b", "r"), dev=rows("d", "r"))
    with pytest.raises(DataError, match=r"option test_share = 0.3 has no effect: there is a test set"):
        load_dataset("jsonl", folder, {"test_share": 0.3})
    with pytest.raises(DataError, match=r"option dev_share = 0.2 has no effect: there is a dev set"):
        load_dataset("jsonl", folder, {"dev_share": 0.2})
    with pytest.raises(DataError, match=r"the negative class 'no' is no relation of the corpus; it has r"):
        load_dataset("jsonl", folder, {"negative": "no"})
    folder_of(folder, test=rows("a", "r"))
    with pytest.raises(DataError, match=r"test.jsonl:1: field id: 'a0' was used at train.jsonl:1 already"):
        load_dataset("jsonl", folder, {})
    folder_of(folder, test=[])
    with pytest.raises(DataError, match="the split 'test' is empty"):
        load_dataset("jsonl", folder, {})


def test_what_a_reader_should_know(tmp_path):
    odd = change(TOKENS, id="odd", h={"name": "cat", "pos": [1, 3]}, t={"pos": [2, 5]}, token=["A", " ", "b", "c", "d"])
    folder = folder_of(tmp_path / "c", train=[odd, NATIVE], test=rows("b", "ate"))
    dataset = load_dataset("jsonl", folder, {"verbalisations": "semeval"})
    assert dataset.card["remarks"][0] == "1 of 3 instances have a head and a tail that share tokens (kept)"
    assert dataset.card["remarks"][1].startswith("1 of 3 instances have an entity whose name is not the words")
    assert dataset.card["blank_tokens"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"r": 0, "r": 1}', r"rel2id.json: not valid JSON"),
        ('["r"]', r"rel2id.json: expected an object \{relation: number\}"),
        ('{"r": true}', r"rel2id.json: expected an object"),
        ('{"r": 0, "s": 0}', r"rel2id.json: two relations have the same number"),
        ('{"s": 0}', r"rel2id.json: relation 'r' occurs in the corpus but is not listed"),
        ("\xff", r"rel2id.json: "),
    ],
)
def test_relation_files(tmp_path, content, message):
    folder = folder_of(tmp_path / "c", train=rows("a", "r"), test=rows("b", "r"))
    (folder / "rel2id.json").write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=message):
        load_dataset("jsonl", folder, {})
    (folder / "rel2id.json").write_text('{"z": 7, "r": 3}')
    assert load_dataset("jsonl", folder, {}).schema.names == ("r", "z")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nam: x", r"dataset.yaml: field nam: Extra inputs are not permitted"),
        ("name: ../x", r"dataset.yaml: field name: String should match"),
        ("extra_tests: [../x]", r"option extra_tests: '../x.jsonl' is no plain file name"),
        ("extra_tests: [none]", r"has no none.jsonl"),
        ("type_constraints: [[A, B, [none]]]", r"dataset.yaml: field type_constraints: 'none' is no relation"),
        ("[", r"dataset.yaml: not a YAML mapping"),
    ],
)
def test_description_files(tmp_path, content, message):
    folder = folder_of(tmp_path / "c", train=rows("a", "r"), test=rows("b", "r"), dataset_yaml=content)
    with pytest.raises(DataError, match=message):
        load_dataset("jsonl", folder, {})


def assert_same(found: Dataset, expected: Dataset) -> None:
    for part in ("name", "metric", "schema", "train", "dev", "test", "test_name", "extra_tests", "datastores"):
        assert getattr(found, part) == getattr(expected, part), part
    assert found.content_hash == expected.content_hash


def miniature_semeval(folder: Path) -> Path:
    folder.mkdir()
    for file, count in ((semeval.TRAIN_FILE, 60), (semeval.TEST_FILE, 9)):
        relations = [semeval.RELATIONS[n * n % 19] for n in range(count)]
        records = (
            f'{n}\t"Der <e1>Öl-dog</e1>, ({n}) <e2>"soup"</e2>."\n{r}\nComment:\n\n' for n, r in enumerate(relations)
        )
        (folder / file).write_text("".join(records), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "corpus",
    [
        "miniature",
        pytest.param("semeval", marks=pytest.mark.skipif(not SEMEVAL.is_dir(), reason="needs ../shared/data")),
        pytest.param("fewrel", marks=pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")),
        "synthetic",
    ],
)
def test_a_written_corpus_is_the_same_corpus(tmp_path, corpus):
    if corpus == "miniature":
        original = load_dataset("semeval", miniature_semeval(tmp_path / "m"), {})
    elif corpus == "synthetic":
        original = load_dataset("synthetic", None, {"train": 100, "dev": 50, "test": 50})
    else:
        original = load_dataset(corpus, SEMEVAL if corpus == "semeval" else SHARED / "fewrel", {})
    write(original, tmp_path / "out")
    assert_same(load_dataset("jsonl", tmp_path / "out", {}), original)


def test_a_conversion_by_hand_with_options_is_the_same_corpus(tmp_path):
    """No dev file, no description: the options name the negative class, the metric, the texts and the salt."""
    original = load_dataset("semeval", miniature_semeval(tmp_path / "m"), {})
    folder = tmp_path / "own"
    folder.mkdir()
    for split, file in (("train", semeval.TRAIN_FILE), ("test", semeval.TEST_FILE)):
        lines = map(write_line, semeval.read(tmp_path / "m" / file, split))
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "rel2id.json").write_text(json.dumps({name: n for n, name in enumerate(semeval.RELATIONS)}))
    options = {"corpus": "semeval", "negative": "Other", "metric": "semeval_macro_f1", "verbalisations": "semeval"}
    assert_same(load_dataset("jsonl", folder, options | {"dev_salt": "semeval-dev"}), original)


def test_results_agree(mini, mini_preset):
    """The same cells with the same results, whichever way the corpus was read."""
    original = load_dataset("semeval", miniature_semeval(mini / "m"), {})
    write(original, mini / "out")
    config = build(str(mini_preset), ratios="0.5,1", draws="0")
    results = []
    for dataset in (original, load_dataset("jsonl", mini / "out", {})):
        records = [(spec.cell_id, *execute(spec, dataset)) for spec in plan(config, dataset)]
        results.append([(cell_id, record["metrics"], lines) for cell_id, record, lines in records])
    assert results[0] == results[1]
    assert len(results[0]) == 4


def test_writing(tmp_path):
    dataset = load_dataset("jsonl", folder_of(tmp_path / "c", train=rows("a", "r s"), test=rows("b", "r")), {})
    paths = write(dataset, tmp_path / "out")
    assert [path.name for path in paths] == [
        "train.jsonl", "dev.jsonl", "test.jsonl", "rel2id.json", "verbalisations.yaml", "dataset.yaml"
    ]  # fmt: skip
    assert yaml.safe_load((tmp_path / "out" / "dataset.yaml").read_text()) == {"metric": "macro_f1_accuracy"}
    assert dataset.card["remarks"][1] == "the dev set is empty"
    assert_same(load_dataset("jsonl", tmp_path / "out", {}), dataset)
    with pytest.raises(DataError, match="is not empty: name a new folder"):
        write(dataset, tmp_path / "out")
    with pytest.raises(DataError, match="cannot be written"):
        write(dataset, paths[0] / "below")
