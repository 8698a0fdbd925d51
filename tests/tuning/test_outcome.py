"""The files of a study."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import optuna
import pytest

from bench.errors import ConfigError
from bench.settings.variants import Variant, read_variant
from bench.tuning.outcome import write_plots, write_trials, write_variant
from methods.settings import Between


def study(scores: list[float]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    made = optuna.create_study(direction="maximize")
    for number, score in enumerate(scores):
        trial = made.ask()
        trial.suggest_int("k", number + 2, number + 2)
        trial.set_user_attr("scores", [score, score])
        made.tell(trial, score)
    return made


def test_plots_leave_matplotlib_as_it_was(tmp_path: Path) -> None:
    before, mine = dict(matplotlib.rcParams), plt.figure()
    written, missing = write_plots(tmp_path, study([0.2, 0.5, 0.3]), {"k": Between(1, 5)})
    assert [path.name for path in written] == ["history.png", "history.pdf", "importance.png", "importance.pdf"]
    assert missing == []
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)
    first = {path: path.read_bytes() for path in written}
    write_plots(tmp_path, study([0.2, 0.5, 0.3]), {"k": Between(1, 5)})
    assert {path: path.read_bytes() for path in written} == first


def test_too_few_trials_to_plot(tmp_path: Path) -> None:
    assert write_plots(tmp_path, study([0.2]), {}) == ([], ["no plots: fewer than two completed trials"])


def test_a_plot_that_optuna_refuses_is_skipped_with_its_reason(tmp_path: Path) -> None:
    _, missing = write_plots(tmp_path, study([0.2, 0.4]), {"k": Between(1, 5), "temperature": Between(0.1, 1.0)})
    assert len(missing) == 1
    assert missing[0].startswith("no plot of the k-temperature: ")


def test_the_table_of_trials(tmp_path: Path) -> None:
    path = write_trials(tmp_path / "t.csv", study([0.2]), {"k": Between(1, 5)})
    header, row = path.read_text().splitlines()
    assert header == "trial,state,default,dev_score,draw_scores,seconds,k,error"
    cells = row.split(",")
    assert (cells[:5], cells[6:]) == (["0", "completed", "false", "0.2", "0.2 0.2"], ["2", ""])


def test_a_variant_is_read_as_it_was_written(tmp_path: Path) -> None:
    variant = Variant(
        method="etrag", options={"k": 3, "temperature": 1e-5, "candidates": "mixed"}, optimisation={"warmup": 0.0}
    )
    path = write_variant(tmp_path, variant)
    assert read_variant(tmp_path, "etrag") == variant
    assert path.read_text().startswith("# Written by `bench tune`. Use: bench run --methods etrag,etrag_tuned --tuned ")
    with pytest.raises(ConfigError, match="cannot name a file"):
        write_variant(tmp_path, Variant(method="../etrag"))
