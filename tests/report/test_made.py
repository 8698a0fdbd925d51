"""A report that would come out the same is not made again; whatever changed makes it anew."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.cli.report import publish
from bench.report import made, render
from tests.report.page.made_run import corpus, lines, made_run

FIRST, SECOND = f"{0:016x}", f"{1:016x}"


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """Drawings take most of the time and have tests of their own."""
    monkeypatch.setattr(render, "figure_bytes", lambda figure, form: f"a drawing as {form}".encode())


@pytest.fixture
def store(tmp_path, capsys):
    """A run with its report, as `bench run` leaves it."""
    found = made_run(tmp_path / "run", tmp_path / "data")
    publish(found, found.read_manifest())
    capsys.readouterr()
    return found


def publishes(store, capsys, *args, **manifest):
    """What publishing once more says of its files: 'written' or 'unchanged'."""
    publish(store, store.read_manifest() | manifest, *args)
    printed = capsys.readouterr().out
    (said,) = [word for word in ("written", "unchanged") if f"\n{word}:\n" in printed]
    return said


def bytes_of(store):
    return {path: path.read_bytes() for path in store.out.rglob("*") if path.is_file()}


def test_the_second_time_nothing_is_made_and_the_same_is_said(tmp_path, capsys):
    store = made_run(tmp_path / "run", tmp_path / "data")
    publish(store, store.read_manifest())
    first, before = capsys.readouterr().out, {path: path.stat().st_mtime_ns for path in store.out.rglob("*")}
    publish(store, store.read_manifest())
    assert capsys.readouterr().out == first.replace("\nwritten:\n", "\nunchanged:\n")
    assert {path: path.stat().st_mtime_ns for path in store.out.rglob("*")} == before


def test_another_date_or_place_changes_nothing(store, capsys):
    assert publishes(store, capsys, created="2026-01-01") == "unchanged"
    moved = store.out.rename(store.out.with_name("moved"))
    assert publishes(type(store)(moved), capsys) == "unchanged"


def test_wanted_anew_it_is_made_and_comes_out_the_same(store, capsys):
    before = bytes_of(store)
    publish(store, store.read_manifest(), anew=True)
    assert "\nwritten:\n" in capsys.readouterr().out
    assert bytes_of(store) == before


def edit_record(store):
    path = store.record_path(FIRST)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"diagnostics": {"seen": 3}}))


def edit_predictions(store):
    store.write(store.read(SECOND), lines("no_retrieval"))


def derive(store):
    (store.out / "derived").mkdir()
    (store.out / "derived" / f"{FIRST}.json").write_text("{}")


@pytest.mark.parametrize(
    "change",
    [
        edit_record,
        edit_predictions,
        derive,
        lambda store: store.predictions_path(SECOND).unlink(),
        lambda store: store.record_path(SECOND).unlink(),
        lambda store: next(store.out.glob("tables/*.tex")).unlink(),
        lambda store: next(store.out.glob("figures/*.png")).unlink(),
        lambda store: (store.out / "report.html").write_text("mine"),
        lambda store: (store.out / "tables" / ".made").unlink(),
        lambda store: (store.out / "tables" / ".made").write_text("[]"),
        lambda store: (store.out / "tables" / ".made").write_bytes(b"\xff"),
    ],
    ids=["record", "predictions", "derived", "no predictions", "no record", "table", "figure", "page", "no note",
         "no object", "no text"],
)  # fmt: skip
def test_a_changed_file_makes_it_anew(store, capsys, change):
    change(store)
    assert publishes(store, capsys) == "written"
    assert publishes(store, capsys) == "unchanged"


def test_other_words_of_the_manifest_make_it_anew(store, capsys):
    assert publishes(store, capsys, command="bench run again") == "written"
    assert publishes(store, capsys, warnings=["beware"]) == "written"
    assert publishes(store, capsys, cells=[SECOND, FIRST]) == "written"


def test_another_reference_makes_it_anew(store, capsys):
    assert publishes(store, capsys, None, (), "rag_text") == "written"
    assert publishes(store, capsys) == "written"


def test_another_corpus_makes_it_anew(store, capsys, tmp_path):
    dataset = corpus(tmp_path / "again")
    assert publishes(store, capsys, dataset) == "written"
    assert publishes(store, capsys, dataset) == "unchanged"
    assert publishes(store, capsys, replace(dataset, train=dataset.train[1:])) == "written"
    assert publishes(store, capsys, None, ["no texts"]) == "written"


def test_other_code_makes_it_anew(store, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(made, "ROOT", tmp_path)
    monkeypatch.setattr(made, "_code", lambda: [tmp_path / "new.py"])
    (tmp_path / "new.py").write_text("a = 1\n")
    assert publishes(store, capsys) == "written"
    assert publishes(store, capsys) == "unchanged"
    (tmp_path / "new.py").write_text("a = 2\n")
    assert publishes(store, capsys) == "written"


def test_the_code_is_that_of_the_rooms_behind_a_report():
    files = {path.relative_to(made.ROOT).as_posix() for path in made._code()}
    rooms = ("records/record", "scoring/metrics", "statistics/significance", "drawing/by_ratio", "report/report")
    assert {f"bench/{room}.py" for room in rooms} <= files
    assert {"bench/report/page/assets/page.css", "methods/types.py", "configs/published.yaml"} <= files
    assert not [name for name in files if name.endswith(".pyc")]


def test_no_name_leads_out_of_the_folder(store, capsys):
    path = store.out / "tables" / ".made"
    content = json.loads(path.read_text())
    outside = store.out.parent / "outside"
    outside.write_text("x")
    content["files"]["../outside"] = made._digest(outside)
    path.write_text(json.dumps(content))
    assert publishes(store, capsys) == "written"


def test_a_run_with_nothing_to_do_leaves_its_report(bench, mini_preset, mini, capsys):
    arguments = ("run", "--preset", str(mini_preset), "--ratios", "1", "--out", "out")
    said = []
    for _ in range(2):
        assert bench(*arguments) == 0
        said.append(capsys.readouterr().out)
    assert said[1] == said[0].replace("\nwritten:\n", "\nunchanged:\n") != said[0]
    assert bench("report", "out") == 0
    assert capsys.readouterr().out == said[0]
    (mini / "out" / "tables" / "mini.md").unlink()
    assert bench(*arguments) == 0
    assert capsys.readouterr().out == said[0]
