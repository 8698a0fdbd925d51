"""The document: policy, escaping, what it says, the command that writes it."""

import base64
import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bench.report.page import document
from bench.report.page.document import leading_number, table_html
from bench.report.page.embed import Embedded
from bench.report.report import Report, Section
from bench.report.tabular import Table
from tests.report.page.made_run import EVIL, corpus, lines, made_run, record, run, unpack, write


class Reader(HTMLParser):
    """Every tag with its attributes, and the text inside each script and style."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.inside = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.cdata_elem:  # inside script or style
            self.inside.append((*self.tags[-1], data))


@pytest.fixture
def page(tmp_path):
    store = made_run(tmp_path / "run", tmp_path / "data")
    path, notes = write(store, store.read_manifest(), corpus(tmp_path / "again"), "a <note>")
    assert (path, notes) == (tmp_path / "run" / "report.html", ["a <note>"])
    return path.read_text(encoding="utf-8")


def test_the_policy_names_the_hashes_of_script_and_style_and_nothing_is_inline(page):
    read = Reader(page)
    policy = next(attrs["content"] for _, attrs in read.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    expected = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
    for tag, attrs, content in read.inside:
        if tag == "style" or attrs.get("type") == "module":
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            expected[f"{tag}-src"] = f"'sha256-{digest}'"
    assert dict(part.strip().split(" ", 1) for part in policy.split(";")) == expected
    for _, attrs in read.tags:
        assert not [name for name in attrs if name.startswith("on") or name in ("style", "src")]
    assert all(attrs.get("href", "#").startswith("#") for _, attrs in read.tags)


def test_blocks_hold_no_markup_and_decode(page):
    blocks = {attrs["id"]: text for _, attrs, text in Reader(page).inside if "octet-stream" in attrs.get("type", "")}
    assert set(blocks) == {"index", "test", "near-0", f"cell-{0:016x}", f"cell-{1:016x}"}
    assert EVIL in "".join(unpack(blocks["test"])[2][1][1::2])
    assert EVIL not in page


def test_names_are_escaped(page):
    assert "bench run &lt;here&gt; &amp; there" in page
    assert "<li>a &lt;note&gt;</li>" in page


def test_the_same_bytes_twice(tmp_path):
    stores = [made_run(tmp_path / f"run{n}", tmp_path / f"data{n}") for n in range(2)]
    dataset = corpus(tmp_path / "again")
    manifest = stores[0].read_manifest()
    first, second = (write(store, manifest, dataset)[0].read_bytes() for store in stores)
    assert first == second


def test_another_corpus_is_not_shown(tmp_path):
    dataset = corpus(tmp_path / "data")
    cell = record(dataset, "rag_text", 0, identity={"dataset_hash": "another"})
    store = run(tmp_path / "run", [(cell, lines("rag_text"))])
    path, notes = write(store, {}, dataset)
    assert notes == ["The page shows ids instead of texts: the corpus at hand is not the one of these records."]
    text = path.read_text(encoding="utf-8")
    assert notes[0] in text
    blocks = {attrs["id"]: data for _, attrs, data in Reader(text).inside if "id" in attrs}
    assert unpack(blocks["test"])[0] == ["t0"]


def test_failures_and_gaps_are_named(tmp_path):
    dataset = corpus(tmp_path / "data")
    error = {"type": "MethodError", "message": "k > 3", "traceback": "…"}
    store = run(tmp_path / "run", [(record(dataset, "etrag", 0, status="failed", metrics={}, error=error), None)])
    manifest = store.read_manifest() | {"warnings": ["beware"]}
    manifest["cells"].append("not yet run")
    text = write(store, manifest, dataset)[0].read_text(encoding="utf-8")
    assert "<li>beware</li><li>1 of 2 planned runs have no record yet.</li>" in text
    assert "<li>failed: etrag at 100%, 1 run: MethodError: k &gt; 3</li>" in text
    assert "There is nothing to inspect" in text


def test_other_test_sets_have_their_section(tmp_path):
    dataset = corpus(tmp_path / "data")
    own = {"test_set": "test", "datastore": None, "metrics": {"f1": 0.5}, "n": 5, "note": ""}
    sets = {"test": own, "far": own | {"test_set": "far", "metrics": {"f1": 0.23}}}
    store = run(tmp_path / "run", [(record(dataset, "rag_text", 0, test_sets=sets), lines("rag_text"))])
    text = write(store, {}, dataset)[0].read_text(encoding="utf-8")
    (section,) = [part for part in text.split("<section>") if part.startswith("<h2>Test sets</h2>")]
    assert '<td data-value="23.0">23.0</td>' in section


def test_a_skipped_cell_is_named_with_its_reason(tmp_path):
    dataset = corpus(tmp_path / "data")
    error = {"type": "Unfit", "message": "one relation < two", "traceback": ""}
    cells = [(record(dataset, "mine", 0, status="skipped", metrics={}, error=error), None)]
    cells.append((record(dataset, "rag_text", 1), lines("rag_text")))
    text = write(run(tmp_path / "run", cells), {}, dataset)[0].read_text(encoding="utf-8")
    assert "<li>skipped: mine at 100%, 1 run: one relation &lt; two</li>" in text
    assert "failed" not in text.partition("<script")[0].partition("<body>")[2]


def test_names_in_headings_are_escaped(tmp_path):
    dataset = corpus(tmp_path / "data")
    (part,) = Report.of([record(dataset, "mine", 0)], {}).parts
    section = Section("comparison", "Against a<b>", Table(("method",), (("mine",),)))
    report = Report((replace(part, sections=(section,)),), "", ())
    assert "<h2>Against a&lt;b&gt;</h2>" in document.render(report, Embedded({}, []))


def test_a_lone_surrogate_does_not_stop_the_page(tmp_path):
    store = made_run(tmp_path / "run", tmp_path / "data")
    path, _ = write(store, {"command": "bench \udcff"}, None)
    assert b"bench &#56575;" in path.read_bytes()


@pytest.mark.parametrize(
    ("text", "number"),
    [("71.3 [70.0, 72.6]", 71.3), ("24.4M", 24.4e6), ("1.3k", 1300), ("-2.5", -2.5), ("–", None),
     ("failed (1 of 2)", None), ("1.6e-05", 1.6e-5), ("+0.4 (p = 0.03)", 0.4), ("10%", 10), ("−3", -3),
     ("3x", None), ("", None)],
)  # fmt: skip
def test_leading_numbers(text, number):
    assert leading_number(text) == (None if number is None else pytest.approx(number))


def test_a_table_escapes_and_keeps_values_for_sorting():
    text = table_html(Table(("method", "F<1>"), (("a&b", "2.0M"), ("c", "–")), ("n < 2",)), "x")
    assert '<th scope="row">a&amp;b</th><td data-value="2000000.0">2.0M</td>' in text
    assert "F&lt;1&gt;" in text
    assert "<td>–</td>" in text
    assert "<p>n &lt; 2</p>" in text


def test_the_command_finds_the_corpus_and_says_where_it_did_not(tmp_path, bench, capsys):
    made_run(tmp_path / "run", tmp_path / "data")
    out, page = str(tmp_path / "run"), tmp_path / "run" / "report.html"
    assert bench("report", out) == 0
    assert "which is opened with --as-run alone" in capsys.readouterr().out
    assert bench("report", out, "--as-run") == 0
    printed = capsys.readouterr().out
    assert f"  {page}\n" in printed
    assert "note" not in printed
    with_texts = page.read_bytes()

    (tmp_path / "data").rename(tmp_path / "moved")
    assert bench("report", out, "--as-run") == 0
    assert "note: The page shows ids instead of texts: " in capsys.readouterr().out
    assert page.read_bytes() != with_texts
    assert bench("report", out, "--data-dir", str(tmp_path / "moved")) == 0
    assert page.read_bytes() == with_texts
    assert bench("report", out, "--no-texts") == 0
    assert "note: The page shows ids instead of texts (--no-texts)." in capsys.readouterr().out
    assert bench("report", out, "--data-dir", str(tmp_path / "nowhere")) == 2
    assert capsys.readouterr().err.count("\n") == 1

    manifest = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest | {"config": {}}), encoding="utf-8")
    assert bench("report", out) == 0
    assert "its configuration is of another version" in capsys.readouterr().out


def test_the_assets_are_part_of_the_package():
    names = {path.name for path in document._ASSETS.iterdir()}
    assert names == {"page.html", "inspector.html", "page.css", *document._SCRIPTS}
