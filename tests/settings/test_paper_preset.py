"""The preset `paper` has the published value in every row of docs/published.md."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from bench.settings.config import RunConfig, build, method_options
from methods.parts.lora import T5
from methods.settings import Stage
from tests.shared import ROOT

ETRAG = "etrag."
ROWS: dict[str, object] = {
    "dataset.name": "tacred",
    "dataset.options.verbalisation": "template",
    "seeds": (100,),
    "models.input": "sure",
    "models.generator": "google/flan-t5-large",
    "models.instance_encoder": "FacebookAI/roberta-base",
    "models.max_input_tokens": 272,
    "models.max_target_tokens": 64,
    "models.lora.r": 32,
    "models.lora.alpha": 16,
    "models.lora.dropout": 0.1,
    "models.lora.target_modules": None,  # the family's
    "models.instance_encoder_lora": None,
    "scoring.train": "likelihood",
    "scoring.train_per_token": True,
    "scoring.predict": "constrained",
    "scoring.predict_per_token": None,
    "scoring.length_normalised": False,
    "optimisation.learning_rate": 5e-4,
    "optimisation.weight_decay": 5e-6,
    "optimisation.warmup": 0,
    "optimisation.decay": "linear",
    "optimisation.clip_norm": 0,
    "optimisation.groups.retriever.weight_decay": 0,
    "optimisation.groups.retriever.learning_rate": None,  # etrag.learning_rate
    "optimisation.new_learning_rate": 1e-3,
    "optimisation.groups.prompt.learning_rate": None,  # new_learning_rate
    "optimisation.groups.prompt.weight_decay": 0,
    "budget.batch_size": 64,
    "budget.max_epochs": 1000,
    "budget.evaluate_every": 100,
    "budget.patience": 4,
    "budget.patience_after": 300,
    "budget.restore_best": True,
    "etrag.k": 10,
    "etrag.temperature": 1,
    "etrag.temperature_rule": "fixed",
    "etrag.selection": "soft",
    "etrag.distance": "cosine",
    "etrag.reduction": "mean",
    "etrag.pairs": "aligned",
    "etrag.candidates": "random",
    "etrag.candidates_per": "query",
    "etrag.candidate_count": 32,
    "etrag.database_limit": 5000,
    "etrag.test_candidates": 0,
    "etrag.refresh_interval": 100,
    "etrag.refresh_drift": 0,
    "etrag.learning_rate": 1e-3,
    "etrag.first_stages": (Stage(steps=300, train=("retriever", "prompt"), warmup=1),),
}


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return build("paper")


def found(config: RunConfig, path: str) -> Any:
    """The value of a setting or option by its path."""
    start: Any = config
    if path.startswith(ETRAG):
        start, path = method_options(config)["etrag"], path.removeprefix(ETRAG)
    return reduce(lambda at, name: at[name] if isinstance(at, dict) else getattr(at, name), path.split("."), start)


@pytest.mark.parametrize("path", ROWS)
def test_row(config: RunConfig, path: str) -> None:
    assert found(config, path) == ROWS[path]


def test_the_thousand_epochs_are_not_cut_short(config: RunConfig) -> None:
    assert config.budget.steps(68_124) == 1000 * 1065  # TACRED's training instances


def test_the_gated_layers_of_flan_t5_are_adapted() -> None:
    assert {"q", "k", "v", "o", "wo", "wi_0", "wi_1"} <= set(T5)


def test_the_page_names_every_setting_of_the_preset() -> None:
    page = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
    said = {path for path, value in ROWS.items() if value is not None}
    silent = {"dataset.name", "seeds", "etrag.temperature_rule", "etrag.selection", "etrag.test_candidates",
              "etrag.refresh_drift", "scoring.length_normalised", "etrag.pairs"}  # fmt: skip
    names = {path.rsplit(".", 1)[1] for path in said - silent if "." in path} - {"first_stages"}
    written = {"generator": "Flan-T5-large", "instance_encoder": "RoBERTa-base", "r": "r 32", "alpha": "alpha 16"}
    assert not [name for name in names if written.get(name, name) not in page]
