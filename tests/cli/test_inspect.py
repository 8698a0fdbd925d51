"""`bench inspect`: one instance, lists, errors, and every mistake in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import ConfigError
from bench.records.run import Run, cells_of_one_setting
from bench.records.store import Store
from tests.records.factory import changed, following
from tests.report.stored import stored_run
from tests.scoring.instances import instance

Bench = Callable[..., int]
OUT = "results/mini-mini"


@pytest.fixture
def finished(bench: Bench, mini_preset: Path) -> Bench:
    stored_run(mini_preset, OUT, probes=True)
    return bench


def rewrite(method: str, change: Callable[[dict], dict], ratio: float = 1.0) -> None:
    """Change the prediction lines of the method's first cell at a ratio, and its scores with them."""
    store = Store(Path(OUT))
    record = next(r for r in store.records() if (r.method, r.ratio, r.draw) == (method, ratio, 0))
    lines = [change(line) for line in store.predictions(record.cell_id)]
    store.write(following(record, lines), lines)


def test_one_instance(finished: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    def change(line: dict) -> dict:
        scores = {"born_in": -0.25, "works_for": -1.5, "no_relation": -9.0}
        near = [["train-3", 0.75], ["train-1", 0.5]]
        return line | {"scores": scores, "neighbours": near, "predicted": "born_in", "probes": {"none": "works_for"}}

    rewrite("mini", change)
    assert finished("inspect", OUT, "--id", "test-1", "--method", "mini") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:3] == ["test-1", "  <e1> Ann </e1> works <e2> Org1 </e2>", "  gold: works_for"]
    assert out[4].startswith("mini  ratio 1  draw 0  seed 0  (")
    assert out[5:] == [
        "  predicted: born_in (wrong)",
        "  scores: born_in -0.25, works_for -1.50, no_relation -9.00",
        "  probes: none works_for",
        "  1. 0.75  train-3  born_in  shares head",
        "     <e1> Ann </e1> native <e2> Org3 </e2>",
        "  2. 0.5  train-1  works_for  shares relation, head, tail",
        "     <e1> Ann </e1> works <e2> Org1 </e2>",
    ]
    assert finished("inspect", OUT, "--id", "test-1", "--ratio", "0.5", "--draw", "1") == 0
    text = capsys.readouterr().out
    assert text.index("mini  ratio 0.5  draw 1") < text.index("mini_plain  ratio 0.5  draw 1")
    assert text.count("probes: ") == 1  # nothing to replace without neighbours


def test_ids_alone_without_the_corpus(finished: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert finished("inspect", OUT, "--id", "test-1", "--method", "mini", "--data-dir", "absent") == 0
    out = capsys.readouterr().out
    assert out.startswith("ids alone, the corpus is not at hand: absent is no directory\n")
    assert "gold: works_for" in out
    assert "Ann" not in out
    assert "1. 1  train-" in out
    manifest = json.loads(Path(OUT, "run.json").read_text())
    manifest["config"]["dataset"]["options"] = {"size": 90}
    Path(OUT, "run.json").write_text(json.dumps(manifest))
    assert finished("inspect", OUT) == 0
    out = capsys.readouterr().out
    assert out.startswith("ids alone, the corpus is not at hand: the corpus mini is another than the one of the run\n")
    assert "Answers" in out
    assert "By length" not in out
    manifest["config"]["colour"] = "red"
    Path(OUT, "run.json").write_text(json.dumps(manifest))
    assert finished("inspect", OUT) == 0
    assert "its configuration is of another version" in capsys.readouterr().out


def test_lists(finished: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    def predicted(**labels: str) -> Callable[[dict], dict]:
        return lambda line: line | {"predicted": labels.get(line["id"].replace("-", "_"), line["gold"])}

    rewrite("mini", predicted(test_0="works_for", test_2="born_in"))
    rewrite("mini_plain", predicted(test_1="no_relation", test_2="works_for"))
    for which, expected in (
        ("broken", ["test-0  mini  gold born_in: born_in -> works_for"]),
        ("fixed", ["test-1  mini  gold works_for: no_relation -> works_for"]),
    ):
        assert finished("inspect", OUT, "--list", which, "--against", "mini_plain") == 0
        assert capsys.readouterr().out.splitlines() == expected
        assert finished("inspect", OUT, "--list", which, "--against", "mini_plain", "--method", "mini") == 0
        assert capsys.readouterr().out.splitlines() == expected
    assert finished("inspect", OUT, "--list", "wrong", "--method", "mini") == 0
    assert capsys.readouterr().out.splitlines() == [
        "test-0  mini  gold born_in: works_for",
        "test-2  mini  gold no_relation: born_in",
    ]


def test_errors_in_numbers(finished: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    flipped = {"born_in": "no_relation", "no_relation": "works_for", "works_for": "works_for"}
    rewrite("mini", lambda line: line | {"predicted": flipped[line["gold"]], "neighbours": [["train-1", 1.0]]})
    rewrite("mini_plain", lambda line: line | {"predicted": line["gold"]})
    assert finished("inspect", OUT, "--method", "mini", "mini_plain", "--against", "mini_plain") == 0
    rows = [line.split() for line in capsys.readouterr().out.split("\nmini_plain ")[0].splitlines()]
    # Ten instances of each relation, whose one neighbour has works_for.
    assert ["right", "10", "33.3", "100.0", "100.0"] in rows
    assert ["false", "positive", "10", "33.3", "0.0", "100.0"] in rows
    assert ["false", "negative", "10", "33.3", "0.0", "0.0"] in rows
    assert ["born_in", "no_relation", "false", "negative", "10"] in rows
    assert ["01-10", "30", "33.3"] in rows
    assert ["?,", "?", "30", "33.3"] in rows
    assert ["born_in", "10", "0", "10"] in rows  # moved: none fixed, ten broke


def test_ids_that_the_corpus_does_not_have(finished: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    def change(line: dict) -> dict:
        return line | {"id": f"other-{line['id']}", "neighbours": [["nobody", 1.0]]}

    rewrite("mini", change)
    assert finished("inspect", OUT, "--method", "mini") == 0
    assert finished("inspect", OUT, "--method", "mini", "--id", "other-test-1") == 0
    assert "1. 1  nobody" in capsys.readouterr().out


def test_another_test_set(bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its predictions lie in a file of their own; what the corpus's own test set has stays with it."""
    stored_run(mini_preset, OUT, test_sets="shifted,shifted@other", ratios="1")
    records = {record.method: record for record in Store(Path(OUT)).records()}
    f1 = {name: part["metrics"]["f1"] for name, part in records["mini"].test_sets.items()}
    for key in f1:
        assert bench("inspect", OUT, "--test-set", key, "--method", "mini") == 0
        assert f", {key}, F1 {100 * f1[key]:.1f})\n" in capsys.readouterr().out
    assert bench("inspect", OUT, "--test-set", "shifted", "--id", "shifted-0") == 0
    out = capsys.readouterr().out
    assert out.startswith("shifted-0\n  <e1> Ann </e1> born <e2> Org0 </e2>\n  gold: born_in\n")
    assert out.count("predicted: ") == 2
    assert "1. 1  train-" in out
    assert bench("inspect", OUT, "--test-set", "shifted@other", "--id", "shifted-0") == 0
    out = capsys.readouterr().out
    assert out.count("predicted: ") == 1  # without a database there is none to swap
    assert "1. 1  other-" in out
    assert bench("inspect", OUT, "--test-set", "shifted", "--list", "wrong", "--method", "mini") == 0
    assert all(line.startswith("shifted-") for line in capsys.readouterr().out.splitlines())


def test_a_test_set_that_is_not_there(bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored_run(mini_preset, OUT, test_sets="shifted", ratios="1")
    assert bench("inspect", OUT, "--test-set", "far") == 2
    assert "--test-set far: no test set of these cells of results/mini-mini; they have test, shifted" in (
        capsys.readouterr().err
    )
    stored_run(mini_preset, "plain", ratios="1")
    assert bench("inspect", "plain", "--test-set", "shifted") == 2
    assert "they have none but its own" in capsys.readouterr().err


def test_mistakes(finished: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (("absent",), "absent holds no run (no run.json)"),
        ((OUT, "--id", "test-99"), "--id test-99: no test instance of this run; ids look like test-0"),
        ((OUT, "--method", "minni"), "has no finished cell of method 'minni'; it has mini, mini_plain"),
        ((OUT, "--ratio", "0.3"), "no finished cells with ratio 0.3; its ratios are 0.5, 1"),
        ((OUT, "--method", "mini", "--draw", "7"), "no finished cells of mini with draw 7"),
        ((OUT, "--list", "broken"), "no finished cell of no_retrieval beside mini, mini_plain; see --against"),
        ((OUT, "--list", "fixed", "--id", "x"), "not allowed with argument"),
        ((OUT, "--list", "odd"), "invalid choice: 'odd'"),
    ):
        assert finished("inspect", *arguments) == 2
        err = capsys.readouterr().err
        assert message in err
        assert len(err.splitlines()) == 1


def test_one_setting_for_all_methods(finished: Bench) -> None:
    run = Run.open(Path(OUT))

    def where(**asked: float) -> list[tuple]:
        cells = cells_of_one_setting(run, **asked)
        return [(name, r.ratio, r.draw) for name, r in cells.items()]

    assert where() == [("mini", 1.0, 0), ("mini_plain", 1.0, 0)]
    assert where(draw=1) == [("mini", 0.5, 1), ("mini_plain", 0.5, 1)]  # ratio 1 has one draw
    store = Store(Path(OUT))
    failed = next(r for r in store.records() if (r.method, r.ratio) == ("mini", 1.0))
    store.write(changed(failed, status="failed"), None)
    run = Run.open(Path(OUT))
    assert where() == [("mini", 0.5, 0), ("mini_plain", 0.5, 0)]  # where most methods are
    assert where(ratio=1.0) == [("mini_plain", 1.0, 0)]
    with pytest.raises(ConfigError, match="no finished cells of mini, mini_plain with ratio 1"):
        cells_of_one_setting(run, ["mini", "mini_plain"], ratio=1.0)
    for record in store.records():
        store.write(changed(record, status="failed"), None)
    with pytest.raises(ConfigError, match="has no finished cell yet"):
        cells_of_one_setting(Run.open(Path(OUT)))


def test_a_terminal_gets_no_commands() -> None:
    from bench.cli.inspect import _text

    assert _text(instance("i", "\x1b[2J", "b", "r")) == "<e1> person \\u{1b}[2J </e1> saw <e2> city b </e2>"
