"""Files of relation texts: what is read from them, in which forms, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bench.data.mappings import read_mapping
from bench.data.texts import Texts, read_texts
from bench.errors import DataError

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "own.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_phrases_in_the_order_asked_for(write):
    found = read_texts(write("b: text b\na: text a\nspare: unused"), ["a", "b", "c"])
    assert list(found.by_relation.items()) == [("a", "text a"), ("b", "text b")]
    assert found.kind == "phrase"


@pytest.mark.parametrize("name", ["own.yaml", "own.yml", "own.json", "own.JSON"])
def test_extensions(write, name):
    assert read_texts(write('{"a": "x of tail"}', name), ["a"]).by_relation == {"a": "x of tail"}


def test_a_byte_order_mark_is_accepted(write):
    for name in ("own.yaml", "own.json"):
        assert read_texts(write('\ufeff{"a": "x"}', name), ["a"]).by_relation == {"a": "x"}


def test_one_place_makes_a_file_of_templates(write):
    found = read_texts(write("a: nothing\nb: '{head} eats'"), ["a", "b"])
    assert found == Texts({"a": "nothing", "b": "{head} eats"}, "template")
    assert found.remarks == ["1 of 2 templates have no place for an entity: a"]


def test_sures_names_of_places(write):
    found = read_texts(
        write('{"a": "{subj} eats {obj}", "b": "{head} and {tail}, {head}"}', "rel2temp.json"), ["a", "b"]
    )
    assert found.by_relation == {"a": "{head} eats {tail}", "b": "{head} and {tail}, {head}"}
    assert found.remarks == []


def test_a_text_in_a_list_of_its_own(write):
    assert read_texts(write('{"a": ["{obj} of {subj}"]}', "a.json"), ["a"]).by_relation == {"a": "{tail} of {head}"}


def test_a_single_brace_is_no_phrase_but_a_damaged_template(write):
    with pytest.raises(DataError, match=r"relation 'a': the template '\{head married' has a brace that belongs to no"):
        read_texts(write("a: '{head married'\nb: 'plain'"), ["a", "b"])


def test_phrases_have_no_remarks():
    assert Texts({"a": "x"}).remarks == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: '{foo} b'", "relation 'a': the template '{foo} b' has the unknown place '{foo}'; its places are {head}"),
        ("a: '{} b'", "has the unknown place '{}'"),
        ("a: '{ head } b'", "has the unknown place '{ head }'"),
        ("a: '{head!r} b'", "has the unknown place '{head!r}'"),
        ("a: '{Head} b'", "has the unknown place '{Head}'"),
        ("a: '{head} b}'", "relation 'a': the template '{head} b}' has a brace that belongs to no place"),
        ("a: '{{head}} b'", "has a brace that belongs to no place"),
        ("a: '{head'\nb: '{tail}'", "relation 'a': the template '{head' has a brace that belongs to no place"),
        ("a: '{head} b {obj}'", "relation 'a': the template '{head} b {obj}' mixes two names of places"),
        ("a: '{head} b'\nb: ' {HEAD} B'", "relation 'b': .* the unknown place '{HEAD}'"),
        ("a: '{head} b'\nb: ' {subj}  B'", "relations 'a' and 'b' share the text ' {head}  B'; give each its own"),
        ("a: Same text\nb: same  TEXT", r"relations 'a' and 'b' share the text 'same  TEXT'; give each"),
        ("a: [x, y]", "relation 'a' has 2 texts; keep one"),
        ("a: []", r"relation 'a' needs a text \(a quoted string\), got a value of type list"),
        ("a: [[x]]", "relation 'a' needs a text .* got a value of type list"),
        ("a: 3", r"relation 'a' needs a text .* got a value of type int"),
        ("a: no", "relation 'a' needs a text .* got False"),
        ("a:", "relation 'a' needs a text .* got None"),
        ("a: ' \u200b'", "relation 'a' needs a text"),
        ('a: "x\\ud800"', "relation 'a': .* holds half a character"),
        ("a: '", "not a YAML mapping of relation to text"),
        ("? [a]\n: b", "not a YAML"),
        ("a: x\na: y", "'a' is given twice"),
        ("a: !!python/object/apply:os.getcwd []", "not a YAML"),
        ("a: !!int ''", "not a YAML"),
        ("a: !!bool x", "not a YAML"),
        ("a: !!timestamp x", "not a YAML"),
        ("[" * 5000, "not a YAML"),
        ("- a", "expected a mapping of relation to text, got list"),
    ],
)  # fmt: skip
def test_unfit_files(write, text, message):
    with pytest.raises(DataError, match=rf"own.yaml: .*{message}|own.yaml: {message}") as caught:
        read_texts(write(text), ["a", "b"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": "x", "a": "y"}', "own.json: not valid JSON .*'a' is given twice"),
        ('{"a": "x"', "own.json: not valid JSON"),
        ("", "own.json: not valid JSON"),
        ("[" * 100_000, "own.json: nested too deeply|own.json: not valid JSON"),
        ('["a"]', "own.json: expected a mapping of relation to text, got list"),
        ('{"a": "\\ud800 {head}"}', "own.json: relation 'a': .* holds half a character"),
    ],
)
def test_unfit_json(write, text, message):
    with pytest.raises(DataError, match=message):
        read_texts(write(text, "own.json"), ["a"])


def test_a_list_of_billions_is_not_spelt_out(write):
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with pytest.raises(DataError, match="relation 'l11' has 9 texts"):
        read_texts(write(f"l0: &l0 [x, y]\n{levels}"), ["l11"])


def test_files_that_cannot_be_read(write, tmp_path):
    for name in ("none.yaml", "none.json"):
        with pytest.raises(DataError, match=f"{name}: cannot be read: No such file"):
            read_texts(tmp_path / name, ["a"])
    (tmp_path / "bytes.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(DataError, match=r"bytes.json: cannot be read as UTF-8"):
        read_texts(tmp_path / "bytes.json", ["a"])
    with pytest.raises(DataError, match=r"own.txt: the name of a mapping must end in .yaml, .yml, .json"):
        read_mapping(write("a: x", "own.txt"), "mapping")


@given(data=st.data())
@settings(relaxed, max_examples=200)
def test_a_file_is_refused_or_read_right(tmp_path_factory, data):
    """Whatever stands for the texts, and whatever happens to the file: one clear DataError, or what the file says."""
    piece = st.sampled_from(
        ["{head}", "{tail}", "{subj}", "{obj}", "{x}", "{", "}", " ", "a", "B", "\\", "'", '"', "\n", "é"]
    )
    value = st.lists(piece, min_size=1, max_size=5).map("".join)
    content = data.draw(st.dictionaries(st.sampled_from("abcd"), value | st.just(3) | value.map(lambda v: [v])))
    name = data.draw(st.sampled_from(["f.yaml", "f.json"]))
    text = json.dumps(content) if name == "f.json" else yaml.safe_dump(content, allow_unicode=True)
    for _ in range(data.draw(st.integers(0, 2))):
        at, cut = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 3))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", "{", "}", '"', ":", ",", "[", "\t", "&a", "!!int"]))
            + text[at + cut :]
        )
    path = tmp_path_factory.getbasetemp() / name
    path.write_text(text, encoding="utf-8")
    try:
        found, refusal = read_texts(path, list("abc")), ""
    except DataError as error:
        found, refusal = Texts({}), str(error)
    assert not refusal or re.match(rf".*{re.escape(name)}: .", refusal)
    if refusal:
        return
    said = json.loads(text) if name == "f.json" else yaml.safe_load(text)
    said = {key: v[0] if isinstance(v, list) else v for key, v in said.items() if key in ("a", "b", "c")}
    assert {key: said[key].replace("{subj}", "{head}").replace("{obj}", "{tail}") for key in said} == found.by_relation
    is_template = any(re.search(r"\{(head|tail)\}", text) for text in found.by_relation.values())
    assert found.kind == ("template" if is_template else "phrase")
    if is_template:  # nothing is left that would stand in a filled text
        assert not any(re.search("[{}]", re.sub(r"\{(head|tail)\}", "", t)) for t in found.by_relation.values())


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=6).filter(lambda t: "{" not in t), max_size=4))
@settings(relaxed)
def test_any_phrase_is_refused_or_kept(tmp_path_factory, content):
    for name, text in (("any.json", json.dumps(content)), ("any.yaml", yaml.safe_dump(content))):
        path = tmp_path_factory.getbasetemp() / name
        path.write_text(text, encoding="utf-8")
        try:
            found = read_texts(path, list(content))
        except DataError:
            assume(False)
        assert found.by_relation == content
