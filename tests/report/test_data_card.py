"""`bench data check`, the files of a card, and what a run says and keeps of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.data import load_dataset
from bench.data.corpora.jsonl import write
from bench.data.quality import inspect
from bench.drawing.histogram import relation_histogram
from bench.drawing.style import figure_bytes
from bench.errors import DataError
from bench.records.store import Store
from bench.report.data_card import render_card, write_card
from methods.types import Instance, Span
from tests.data.test_duplicates import BASE, make
from tests.data.test_leaks import corpus

Bench = Callable[..., int]
OUT = Path("results/data")
FILES = ["card.json", "card.md", "relations.pdf", "relations.png"]
LEAK = (
    "leak: test instances that repeat a train sentence with its entity pair "
    "(up to case, punctuation and, outside entities, numbers): 30 of 30"
)


def test_check_prints_and_writes_the_card(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("data", "check", "mini", "--ratios", "0.5,1") == 0
    out = capsys.readouterr().out
    assert LEAK in out
    assert "    test-0, train-0  Ann born Org0\n" in out
    assert "\n70 leaks\n" in out  # instances 0-19 of dev and 0-29 of test stand in train, 0-19 of test in dev
    files = [Path(line.strip()) for line in out.split("written:\n")[1].splitlines()]
    assert sorted(file.name for file in files) == FILES
    assert all(file.parent == OUT / "mini" and file.stat().st_size for file in files)
    card = json.loads((OUT / "mini" / "card.json").read_text(encoding="utf-8"))
    assert card["dataset"] == "mini"
    assert card["digest"][:16] in out
    assert list(card["subsets"]) == ["0.5", "1"]
    assert LEAK.removeprefix("leak: ") in (OUT / "mini" / "card.md").read_text(encoding="utf-8")
    before = {name: (OUT / "mini" / name).read_bytes() for name in FILES}
    assert bench("data", "check", "mini", "--ratios", "0.5,1", "--out", "other") == 0
    assert {name: Path("other", name).read_bytes() for name in FILES} == before


def test_strict_fails_for_a_leak_and_not_without_one(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("data", "check", "mini", "--strict") == 1
    assert (OUT / "mini" / "card.json").is_file()
    assert bench("data", "check", "mini", "--strict", "--set", "dataset.size=240", "--drop-leaks") == 0
    out = capsys.readouterr().out
    assert "0 leaks" in out
    assert "remark: " in out
    assert "left out that repeat dev or test (--drop-leaks)" in out
    small = [f"dataset.{name}" for name in ("train=60", "dev=30", "test=30")]
    settings = [word for setting in small for word in ("--set", setting)]
    assert bench("data", "check", "synthetic", "--strict", *settings) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["check", "minni"], "unknown dataset 'minni'. Did you mean 'mini'?"),
        (["check", "../mini"], "unknown dataset '../mini'"),
        (["check", "mini", "--data-dir", "nowhere"], "nowhere is no directory"),
        (["check", "mini", "--set", "dataset.sise=3"], "sise"),
        (["check", "mini", "--set", "dataset.drop_leaks=true"], "use the flag --drop-leaks"),
        (["check", "mini", "--ratios", "2"], "ratios: 2 is no share"),
        (["check", "mini", "--out", "file"], "--out file is a file"),
        (["check", "mini", "--drop-leaks"], "every dev instance repeats one of test"),
        (["check"], "NAME"),
        ([], "ACTION"),
        (["mend"], "invalid choice"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(
    bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    Path("file").touch()
    assert bench("data", *arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("bench: error: ")
    assert expected in captured.err
    assert captured.err.count("\n") == 1
    assert not OUT.exists()


def test_a_hostile_corpus_cannot_write_on_the_terminal_or_in_the_markdown(tmp_path: Path) -> None:
    text = ("Ann", "\x1b[2J", "met", "[red]Bob[/]", "<script>", "`$x$`", "\u202e")
    twins = [Instance(name, text, Span(0, 1), Span(3, 4), "r") for name in ("\x07bell", "x")]
    card = inspect(corpus(twins[:1], [], twins[1:], remarks=["\x1b[31mred"]), (1.0,), 64)
    shown = render_card(card)
    assert "\\u{1b}[2J met [red]Bob[/] <script> `$x$` \\u{202e}" in shown
    assert "x, \\u{7}bell" in shown
    assert "remark: \\u{1b}[31mred" in shown
    assert shown.replace("\n", "").isprintable()
    write_card(card, tmp_path)
    page = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert page.replace("\n", "").isprintable()
    assert "\\<script\\>" in page
    assert json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))["findings"][0]["severity"] == "leak"


def test_an_empty_split_has_a_card(tmp_path: Path) -> None:
    card = inspect(corpus([make("t", BASE, "Ann", "Bob")], [], []), (1.0,), 64)
    assert "dev            0" in render_card(card)
    assert len(write_card(card, tmp_path)) == 4


def test_the_histogram_shows_shares_in_percent() -> None:
    counts = {"train": {"r": 3, "s": 1, "$n": 0}, "test": {"r": 1, "s": 0, "$n": 1}}
    figure = relation_histogram("to$y", counts)
    train, test = figure.axes[0].lines
    assert list(train.get_xdata()) == [75, 25]
    assert [round(y) for y in train.get_ydata()] == [0, 1]
    assert list(test.get_xdata()) == [50, 50]
    assert [round(y) for y in test.get_ydata()] == [0, 2]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["r", "s", r"\$n"]
    assert figure_bytes(figure, "pdf") == figure_bytes(relation_histogram("to$y", counts), "pdf")
    with pytest.raises(ValueError, match="at least one relation"):
        relation_histogram("toy", {"train": {}})


def test_a_run_warns_of_leaks_records_the_digest_and_drops_them(
    bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--preset", str(mini_preset), "--set", "dataset.size=240")
    assert bench("run", *arguments) == 0
    warning = "mini: 30 test instances repeat a train instance with its entity pair"
    assert warning in capsys.readouterr().out
    out = Path("results/mini-mini")
    leaking = Store(out).read_manifest()
    assert leaking is not None
    assert any(line.startswith(warning) for line in leaking["warnings"])
    assert warning in (out / "tables" / "mini.md").read_text(encoding="utf-8")
    assert bench("data", "check", "mini", *arguments) == 0
    assert leaking["dataset"]["quality"]["digest"][:16] in capsys.readouterr().out
    assert leaking["dataset"]["quality"]["findings"]["leak_exact_test_in_train"] == 30

    assert bench("run", *arguments, "--drop-leaks") == 0
    told = capsys.readouterr().out
    clean = Store(out).read_manifest()
    assert clean is not None
    assert clean["config"]["dataset"]["drop_leaks"] is True
    dropped = clean["dataset"]["card"]["dropped_leaks"]
    assert min(dropped.values()) >= 30  # those that the corpus makes alike in every split
    assert f"{dropped['train']} train and {dropped['dev']} dev instances left out" in told
    assert clean["dataset"]["hash"] != leaking["dataset"]["hash"]
    assert not set(clean["cells"]) & set(leaking["cells"])
    assert not [kind for kind in clean["dataset"]["quality"]["findings"] if kind.startswith("leak")]


def test_export_writes_a_corpus_that_jsonl_reads(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("data", "export", "mini", "--out", "copy") == 0
    assert "copy/train.jsonl" in capsys.readouterr().out
    assert load_dataset("jsonl", Path("copy"), {}).content_hash == load_dataset("mini", None, {}).content_hash
    assert bench("data", "export", "mini", "--out", "copy") == 2
    assert "is not empty" in capsys.readouterr().err


def test_further_mentions_are_not_exported(tmp_path: Path) -> None:
    one = dataclasses.replace(make("t", BASE, "Ann", "Bob"), head_mentions=(Span(0, 3),))
    with pytest.raises(DataError, match="has several mentions of an entity"):
        write(corpus([one], [], []), tmp_path / "copy")


def test_facts_beside_the_instances_are_not_exported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="facts beside its instances"):
        write(dataclasses.replace(corpus([], [], []), multi_label=True, unpaired=3), tmp_path / "copy")


def test_the_card_says_what_the_loader_read(tmp_path: Path) -> None:
    counted = {"read": {"a.json": 7, "b.json": 2}, "dropped": 0}
    card = inspect(corpus([make("t", BASE, "Ann", "Bob")], [], [], **counted), (1.0,), 64)
    assert render_card(card).splitlines()[1:3] == ["read: a.json 7, b.json 2", "dropped: 0"]
    write_card(card, tmp_path)
    assert "- read: a.json 7, b.json 2" in (tmp_path / "card.md").read_text(encoding="utf-8")
