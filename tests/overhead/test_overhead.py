"""`bench profile`: its transcriptions are right, its verdicts follow the floors, its files are written. No clock
decides anything here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch

from bench.cli import main
from bench.drawing.cost import cost_by_database
from bench.overhead import kernels, measure, parts, plain, steps
from bench.overhead.measure import Row
from bench.overhead.report import cost_line, line, write
from bench.overhead.steps import Cost
from methods.etrag.distances import Nearness
from methods.etrag.relaxed_knn import select
from methods.settings import Models


def row(**changes: object) -> Row:
    return Row(**({"path": "a", "against": "b", "baseline_seconds": 8.0, "our_seconds": 2.0, "floor": 4.0} | changes))  # type: ignore[arg-type]


def test_the_transcriptions_compute_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(5, 31, generator=generator, requires_grad=True)
    upstream = torch.randn(5, 3, 31, generator=generator)
    mine, theirs = select(scores, 3, 0.5), plain.select(scores, 3, 0.5)
    assert torch.allclose(mine, theirs, atol=1e-6)
    gradients = [torch.autograd.grad((w * upstream).sum(), scores)[0] for w in (mine, theirs)]
    assert torch.allclose(*gradients, atol=1e-4)
    queries, instances = torch.randn(5, 3, 7, generator=generator), torch.randn(11, 3, 7, generator=generator)
    assert torch.allclose(Nearness().compare(queries, instances), plain.cosine(queries, instances), atol=1e-6)


def test_a_floor_decides() -> None:
    assert (row().ratio, row().problems) == (4.0, ())
    assert row(floor=4.1).problems == ("4.00x, at least 4.1x is wanted",)
    assert row(floor=None).problems == ()
    cost = row(baseline_seconds=2.0, our_seconds=5.0, floor=3.0, higher_is_better=False)
    assert (cost.ratio, cost.problems) == (2.5, ())
    assert row(baseline_seconds=1.0, our_seconds=5.0, floor=3.0, higher_is_better=False).problems == (
        "5.00x, at most 3x is wanted",
    )
    assert row(memory_ratio=4.0, memory_floor=5.0).problems == ("memory ratio 4.0, at least 5 is wanted",)
    assert row(failures=("another result",)).problems == ("another result",)
    assert "FAILS" in line(row(floor=9.0))
    assert "| ok" in line(row())


def test_medians_and_peaks() -> None:
    calls: list[str] = []
    found = measure.medians(lambda: calls.append("a"), lambda: calls.append("b"), repeats=2, rounds=2)
    assert calls == ["a"] * 3 + ["b"] * 3 + ["a"] * 3 + ["b"] * 3
    assert all(seconds >= 0 for seconds in found)
    assert measure.peak_bytes(lambda: torch.ones(5_000_000).sum(), repeats=1) > 15_000_000


def test_clustered_vectors_are_unit_and_share_their_centres() -> None:
    one, other = kernels.clustered(211, 17, seed=0), kernels.clustered(211, 17, seed=1)
    assert torch.allclose(one.norm(dim=1), torch.ones(211))
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("name", "options"), [("no_retrieval", None), ("rag_text", None), ("etrag", steps.SHORTLIST)])
def test_a_method_is_measured_over_copies(name: str, options: dict[str, object] | None) -> None:
    models = Models(layers=1, max_input_tokens=64)
    found = steps.cost(name, 2503, models, steps=2, options=options, tokens=23)
    assert found.database == 2503
    assert found.step_seconds > 0
    assert found.predict_seconds > 0
    assert (found.refresh_seconds is not None) == (name == "etrag")


def test_candidates_for_each_query_against_shared_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    def cost(name: str, size: int, models: Models, *, options: dict[str, object], **_: object) -> Cost:
        own = options["candidates_per"] == "query"
        return Cost(name, size, 7.0 if own else 2.0, 0.1, 1.0, (5 if own else 3) << 20)

    monkeypatch.setattr(steps, "cost", cost)
    (found,) = steps.candidates_per_query()
    assert (found.ratio, found.problems) == (3.5, ())
    assert found.note == "peak 5 against 3 MiB"


def test_every_part_has_pieces() -> None:
    names = {piece.part for piece in parts.pieces(("selection", "methods"), quick=True, device="cpu")}
    assert names == {"selection", "methods"}
    everything = parts.pieces(
        ("selection", "distances", "bm25", "labels", "search", "step", "database", "methods"), quick=False, device="cpu"
    )
    assert [p.title for p in everything if p.part == "search"] == [
        "search in 100,000 vectors",
        "search in 1,000,000 vectors",
    ]
    assert sum(p.part == "methods" for p in everything) == 4 * len(parts.WAYS) - 1


def _two_rows() -> Iterator[Row]:
    yield row()
    yield row(path="slow", floor=99.0)


def test_a_piece_runs_in_a_process_of_its_own() -> None:
    assert parts.measure(parts.Piece("p", "title", _two_rows)) == list(_two_rows())


def test_the_command_writes_its_record_and_fails_with_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cost = Cost("etrag", 1000, 0.5, 0.01, 2.0, 3 << 20, refresh_seconds=4.0)
    monkeypatch.setattr(parts, "measure", lambda piece: [*_two_rows(), cost])
    assert main(["profile", "--only", "bm25", "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "1 of 2 rows hold" in printed
    assert cost_line(cost) in printed
    record = json.loads((tmp_path / "profile.json").read_text())
    assert [r["ratio"] for r in record["rows"]] == [4.0, 4.0]
    assert record["costs"][0]["database"] == 1000
    assert "**4.00x, at least 99x is wanted**" in (tmp_path / "profile.md").read_text()
    assert (tmp_path / "overhead.png").stat().st_size > 10_000
    monkeypatch.setattr(parts, "measure", lambda piece: [row()])
    assert main(["profile", "--only", "bm25", "--out", str(tmp_path)]) == 0
    assert main(["profile", "--only", "bm52", "--out", str(tmp_path)]) == 2
    assert "unknown part 'bm52'" in capsys.readouterr().err
    assert main(["profile", "--out", str(tmp_path / "profile.md")]) == 2


def test_a_plot_needs_costs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no costs"):
        cost_by_database(pd.DataFrame())
    about = {"command": "c", "created": "now", "machine": "m"}
    assert [p.name for p in write(tmp_path, [row()], [], about)] == ["profile.json", "profile.md"]
