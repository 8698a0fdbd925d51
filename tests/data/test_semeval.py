from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.corpora.semeval import RELATIONS, TEST_FILE, TRAIN_FILE, read
from bench.errors import DataError
from methods.types import Span
from tests.shared import DATA, needs

OFFICIAL = DATA / "semeval2010"
needs_official = needs(OFFICIAL)

RECORD = '7\t"A <e1>dog</e1> ate the <e2>soup</e2>."\nCause-Effect(e1,e2)\nComment: none\n\n'

# A loaded machine is slow at times; that is no failure.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_text(tmp_path: Path, text: str | bytes):
    path = tmp_path / "FILE.TXT"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, "train")


def sentence(text: str) -> str:
    return f'7\t"{text}"\nOther\nComment:\n\n'


def test_one_record(tmp_path):
    (instance,) = read_text(tmp_path, RECORD)
    assert instance.id == "train-7"
    assert instance.tokens == ("A", "dog", "ate", "the", "soup", ".")
    assert (instance.head, instance.tail) == (Span(1, 2), Span(4, 5))
    assert instance.relation == "Cause-Effect(e1,e2)"
    assert (instance.head_type, instance.tail_type) == ("", "")


@pytest.mark.parametrize(
    ("text", "tokens", "head", "tail"),
    [
        ("<e1>soup</e1> is <e2>soup</e2> soup", "soup is soup soup", (0, 1), (2, 3)),
        ("the <e1> big  dog </e1><e2>house</e2>", "the big dog house", (1, 3), (3, 4)),
        ('(pre-<e1>war</e1>\'s "<e2>end (1945)</e2>").', '(pre- war \'s " end (1945) ").', (1, 2), (4, 6)),
        ('"<e1>Ö\u00a0ß</e1>" 数 <e2>学生</e2>。', '" Ö ß " 数 学生 。', (1, 3), (5, 6)),
        ("a < b <e1>x</e1> -> <y> <e2>z</e2>", "a < b x -> <y> z", (3, 4), (6, 7)),
        ("<e1>a\u2028b</e1> \x85 <e2>c</e2>", "a b c", (0, 2), (2, 3)),
    ],
)
def test_tokens_and_spans(tmp_path, text, tokens, head, tail):
    (instance,) = read_text(tmp_path, sentence(text))
    assert instance.tokens == tuple(tokens.split())
    assert (instance.head, instance.tail) == (Span(*head), Span(*tail))


@pytest.mark.parametrize(
    "variant",
    [
        RECORD.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + RECORD.encode(),
        RECORD.rstrip("\n").encode(),
        (RECORD + "\n\n").encode(),
    ],
    ids=["crlf", "bom", "no final newline", "blank lines at the end"],
)
def test_harmless_variants_read_the_same(tmp_path, variant):
    assert read_text(tmp_path, variant) == read_text(tmp_path, RECORD)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "FILE.TXT:1: field id: the file is empty"),
        (RECORD.replace("7\t", "7 "), r"FILE.TXT:1: field sentence: expected ID<TAB>"),
        (RECORD.replace("7\t", "x\t"), r"FILE.TXT:1: field sentence"),
        (RECORD.replace('."\n', ".\n"), r"FILE.TXT:1: field sentence"),
        (RECORD.replace("</e1>", ""), r"FILE.TXT:1: field sentence: expected .* once.*found <e1> <e2>"),
        (RECORD.replace("</e1>", "<e1>"), r"found <e1> <e1>"),
        (RECORD.replace("<e1>", "< e1>"), r"found < e1>"),
        (RECORD.replace("the", "<e3>"), r"field sentence"),
        (sentence("<e2>a</e2> <e1>b</e1>"), r"in this order"),
        (sentence("<e1>a <e2>b</e2></e1>"), r"in this order"),
        (sentence("no tags"), r"found none"),
        (sentence("<e1> </e1> <e2>b</e2>"), r"entity e1 is empty"),
        (sentence("<e1>a</e1> <e2>\u200b</e2>"), r"entity e2 is empty"),
        (RECORD.replace("Cause-Effect", "Cause-Efect"), r"FILE.TXT:2: field relation.*mean 'Cause-Effect\(e1,e2\)'"),
        (RECORD.replace("Cause-Effect(e1,e2)", "zzz"), r"FILE.TXT:2: field relation: unknown relation 'zzz'; expected"),
        (RECORD.replace("Cause-Effect(e1,e2)", "Other "), r"did you mean 'Other'"),
        (RECORD.replace("Comment", "Remark"), r"FILE.TXT:3: field comment"),
        (RECORD + RECORD, r"FILE.TXT:5: field id: 7 was used on line 1"),
        (RECORD.rstrip("\n") + "\n" + RECORD, r"FILE.TXT:4: field blank line"),
        ("\n" + RECORD, r"FILE.TXT:1: field sentence"),
        (RECORD + RECORD.replace("7", "8", 1).split("Comment")[0], r"FILE.TXT:6: field comment.*cut off"),
        (RECORD.encode().replace(b"soup", b"s\xfcp"), r"FILE.TXT:1: field encoding: not UTF-8"),
    ],
)  # fmt: skip
def test_malformed_records(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_text(tmp_path, text)


word = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zs", "Zl", "Zp"]), min_size=1, max_size=6).filter(
    lambda text: text.isprintable() and text.split() == [text] and not set(text) & set("<>")
)
words = st.lists(word, max_size=4)
entity = st.lists(word, min_size=1, max_size=3)


def render(number: int, parts: tuple[list[str], ...], relation: str) -> str:
    before, head, between, tail, after = (" ".join(part) for part in parts)
    text = f"{before} <e1>{head}</e1> {between} <e2>{tail}</e2>{after}"
    return f'{number}\t"{text}"\n{relation}\nComment: {relation}\n\n'


record = st.tuples(st.tuples(words, entity, words, entity, words), st.sampled_from(RELATIONS))


@given(records=st.lists(record, min_size=1, max_size=3), crlf=st.booleans())
@settings(relaxed, max_examples=80)
def test_round_trip(tmp_path_factory, records, crlf):
    text = "".join(render(number, parts, relation) for number, (parts, relation) in enumerate(records))
    read_back = read_text(tmp_path_factory.getbasetemp(), text.replace("\n", "\r\n") if crlf else text)
    assert len(read_back) == len(records)
    for number, (instance, (parts, relation)) in enumerate(zip(read_back, records, strict=True)):
        before, head, between, tail, after = parts
        assert instance.id == f"train-{number}"
        assert instance.tokens == (*before, *head, *between, *tail, *after)
        assert instance.text(instance.head) == " ".join(head)
        assert instance.text(instance.tail) == " ".join(tail)
        assert instance.head.start == len(before)
        assert instance.relation == relation


@given(data=st.data())
@settings(relaxed, max_examples=200)
def test_corruption_is_refused_or_harmless(tmp_path_factory, data):
    """Bytes are cut, doubled or replaced: either a DataError, or every instance says what its lines say."""
    text = RECORD + RECORD.replace("7", "8", 1) + RECORD.replace("7", "9", 1)
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw) - 1))
        end = min(len(raw), start + data.draw(st.integers(1, 40)))
        raw[start:end] = data.draw(
            st.sampled_from([b"", bytes(raw[start:end]) * 2, b"\n", b"\t", b'"', b"<e1>", b"</e2>", b"\xff"])
        )
        if not raw:
            break
    try:
        instances, refusal = read_text(tmp_path_factory.getbasetemp(), bytes(raw)), None
    except DataError as error:
        instances, refusal = (), str(error)
    assert refusal is None or re.match(r"FILE\.TXT:\d+: field [a-z ]+: .+", refusal)
    if refusal:
        return
    lines = raw.decode().split("\n")
    for k, instance in enumerate(instances):
        number, quoted = lines[4 * k].split("\t", 1)
        pattern = r"(.*)<e1>(.*)</e1>(.*)<e2>(.*)</e2>(.*)"
        before, head, between, tail, after = (part.split() for part in re.fullmatch(pattern, quoted[1:-1]).groups())
        assert instance.id == f"train-{number}"
        assert instance.relation == lines[4 * k + 1]
        assert instance.tokens == (*before, *head, *between, *tail, *after)
        assert list(instance.tokens[instance.head.start : instance.head.end]) == head
        assert list(instance.tokens[instance.tail.start : instance.tail.end]) == tail


def write_corpus(folder: Path, train: list[str], test: list[str]) -> None:
    for name, relations in ((TRAIN_FILE, train), (TEST_FILE, test)):
        parts = (["a"], ["b"], ["c"], ["d"], ["."])
        folder.joinpath(name).write_text("".join(render(n, parts, r) for n, r in enumerate(relations, 1)))


def test_dev_is_stratified_and_a_single_instance_stays_in_train(tmp_path):
    lonely = "Entity-Destination(e2,e1)"
    write_corpus(tmp_path, ["Other"] * 30 + ["Cause-Effect(e1,e2)"] * 10 + [lonely], ["Other", lonely])
    dataset = load_dataset("semeval", tmp_path, {"dev_share": 0.2})
    assert [sum(i.relation == r for i in dataset.dev) for r in ("Other", "Cause-Effect(e1,e2)", lonely)] == [6, 2, 0]
    assert lonely in {i.relation for i in dataset.train}
    assert not {i.id for i in dataset.train} & {i.id for i in dataset.dev}
    assert [i.id for i in dataset.test] == ["test-1", "test-2"]
    assert dataset.card["sizes"] == {"train": 33, "dev": 8, "test": 2}
    assert dataset.card["remarks"] == [
        f"{TRAIN_FILE} has 41 records, the official one 8000",
        f"{TEST_FILE} has 2 records, the official one 2717",
    ]
    assert {where: len(found) for where, found in dataset.repeats.items()} == {
        "dev_in_train": 8,
        "test_in_train": 2,
        "test_in_dev": 2,
    }


def test_missing_directory_and_files(tmp_path):
    with pytest.raises(DataError, match=rf"needs --data-dir.*{TRAIN_FILE} and {TEST_FILE}"):
        load_dataset("semeval", None, {})
    with pytest.raises(DataError, match=rf"nowhere is not a directory: --data-dir must hold {TRAIN_FILE}"):
        load_dataset("semeval", tmp_path / "nowhere", {})
    write_corpus(tmp_path, ["Other"], ["Other"])
    (tmp_path / TEST_FILE).unlink()
    with pytest.raises(DataError, match=rf"has no {TEST_FILE}: --data-dir"):
        load_dataset("semeval", tmp_path, {})


@needs_official
def test_the_official_corpus():
    dataset = load_dataset("semeval", OFFICIAL, {})
    assert (len(dataset.train), len(dataset.dev), len(dataset.test)) == (7201, 799, 2717)
    assert len(dataset.schema.names) == 19
    assert dataset.schema.negative == "Other"
    assert dataset.metric == "semeval_macro_f1"
    assert dataset.card["remarks"] == []
    counts = dataset.card["relations"]
    assert counts["train"]["Entity-Destination(e2,e1)"] == 1
    assert counts["dev"]["Entity-Destination(e2,e1)"] == 0
    assert counts["test"]["Other"] == 454
    for instance in (*dataset.train, *dataset.dev, *dataset.test):
        assert not any(tag in token for token in instance.tokens for tag in ("<e1>", "</e1>", "<e2>", "</e2>"))
        assert instance.head.end <= instance.tail.start
    first = min(dataset.test, key=lambda i: i.id)
    assert (first.id, first.text(first.head), first.text(first.tail)) == ("test-10000", "Scientists", "music")


def test_a_path_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path, "train")
