"""What a study leaves: the tuned settings (YAML), the table of trials (CSV), Optuna's plots."""

from __future__ import annotations

import csv
import hashlib
import io
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import yaml
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import matplotlib as plots

from bench.drawing.style import figure_bytes, paper_style
from bench.records.files import write_file
from bench.settings.config import RunConfig, canonical_json
from bench.settings.variants import Source, Variant, file_name
from bench.tuning.space import divided
from bench.tuning.storage import IDENTITY
from bench.tuning.study import DEFAULT, ERROR, SCORES, completed, default_trial, finished
from methods.settings import SearchSpace

TARGET = "dev F1"
STATES = {TrialState.COMPLETE: "completed", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
HEADER = "# Written by `bench tune`. Use: bench run --methods {0},{0}_tuned --tuned {1}\n"


def tuned_variant(study: Study, config: RunConfig, method: str) -> Variant:
    """The best trial's settings: the method's configured options with what was tuned, and the optimisation's.

    Needs a completed trial.
    """
    best, default, identity = completed(study)[0], default_trial(study), study.user_attrs[IDENTITY]
    options, optimisation = divided(best.params)
    states = Counter(trial.state for trial in finished(study))
    return Variant(
        method=method,
        options=config.options.get(method, {}) | options,
        optimisation=optimisation,
        source=Source(
            preset=config.preset,
            dataset=identity["dataset"],
            dataset_hash=identity["dataset_hash"],
            metric=identity["metric"],
            method_version=identity["method_version"],
            ratio=identity["ratio"],
            draws=tuple(int(draw) for draw in identity["draws"]),
            seed=identity["seed"],
            trials=sum(states.values()),
            completed=states[TrialState.COMPLETE],
            pruned=states[TrialState.PRUNED],
            failed=states[TrialState.FAIL],
            best_trial=best.number,
            dev_score=best.values[0],
            dev_score_default=None if default is None else default.values[0],
            study=_digest(study),
        ),
    )


def write_variant(folder: Path, variant: Variant) -> Path:
    """Write FOLDER/METHOD.yaml."""
    path = folder / f"{file_name(variant.method)}.yaml"
    content = yaml.safe_dump(variant.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_file(path, (HEADER.format(variant.method, folder.as_posix()) + content).encode())
    return path


def write_trials(path: Path, study: Study, space: SearchSpace) -> Path:
    """One row per finished trial; scores are fractions."""
    columns = ["trial", "state", "default", "dev_score", "draw_scores", "seconds", *space, "error"]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(trial) for trial in finished(study))
    write_file(path, buffer.getvalue().encode())
    return path


def _row(trial: FrozenTrial) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "state": STATES[trial.state],
        "default": str(bool(trial.user_attrs.get(DEFAULT))).lower(),
        "dev_score": trial.values[0] if trial.state == TrialState.COMPLETE else "",
        "draw_scores": " ".join(map(str, trial.user_attrs.get(SCORES, ()))),
        "seconds": "" if trial.duration is None else trial.duration.total_seconds(),
        **trial.params,
        "error": trial.user_attrs.get(ERROR, ""),
    }


def write_plots(folder: Path, study: Study, space: SearchSpace) -> tuple[list[Path], list[str]]:
    """Optuna's plots as PNG and PDF: history, importance of each setting, and k against temperature where both are
    tuned; the paths, and why a plot is missing."""
    wanted: dict[str, Any] = {
        "history": lambda: plots.plot_optimization_history(study, target_name=TARGET),
        "importance": lambda: plots.plot_param_importances(study, target_name=TARGET),
    }
    if {"k", "temperature"} <= space.keys():
        wanted["k-temperature"] = lambda: plots.plot_contour(study, params=["k", "temperature"], target_name=TARGET)
    written, missing = [], []
    if len(completed(study)) < 2:
        return [], ["no plots: fewer than two completed trials"]
    for name, plot in wanted.items():
        try:
            contents = _drawn(plot)
        except (ValueError, RuntimeError, ImportError) as error:  # such as scores that are all the same
            missing.append(f"no plot of the {name}: {error}")
            continue
        for form, content in contents.items():
            write_file(folder / f"{name}.{form}", content)
            written.append(folder / f"{name}.{form}")
    return written, missing


def _drawn(plot: Any) -> Mapping[str, bytes]:
    """Optuna draws with pyplot and sets a style for good; here neither outlives the call."""
    open_before = plt.get_fignums()
    with warnings.catch_warnings(), paper_style(), plt.ioff():
        warnings.simplefilter("ignore")  # its plots are called experimental, and warn of few points
        try:
            figure = plot().figure
            figure.set_layout_engine("tight")  # else long names are cut off
            return {"png": figure_bytes(figure, "png"), "pdf": figure_bytes(figure, "pdf")}
        finally:
            for number in set(plt.get_fignums()) - set(open_before):
                plt.close(number)


def _digest(study: Study) -> str:
    """16 hex digits of the SHA-256 of the study's identity and its finished trials."""
    trials = [[t.number, t.state.name, t.values, t.params] for t in finished(study)]
    content = canonical_json([study.user_attrs[IDENTITY], trials])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
