"""Where a study is kept: a journal file or a database; opened, and checked to be of these settings."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.pruners import MedianPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import FrozenTrial

from bench.errors import ConfigError, StoreError
from bench.records.identity import completed, differences
from bench.run.examinations import EXAMINATIONS
from bench.run.plan import CellSpec
from bench.run.seeds import derive
from bench.settings.config import canonical_json
from bench.settings.flags import one_line
from bench.tuning.space import plain_space
from methods.settings import SearchSpace

IDENTITY = "identity"  # of a study: what its scores depend on
STARTUP_TRIALS = 4  # completed trials before one may be pruned
HEARTBEAT, GRACE = 60, 300  # seconds; of workers on other machines, in databases


class ByTrial(BaseSampler):
    """TPE, seeded by seed and trial number: processes that share a study never draw the same values, and one that
    continues it draws what it would have drawn."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def _sampler(self, trial: FrozenTrial, *parts: str) -> TPESampler:
        return TPESampler(seed=derive("tuning", self.seed, trial.number, *parts) % 2**32)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._sampler(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._sampler(trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any) -> Any:
        return self._sampler(trial, param_name).sample_independent(study, trial, param_name, param_distribution)


def identity(specs: Sequence[CellSpec], space: SearchSpace) -> dict[str, Any]:
    """What the scores of a study depend on, as JSON values: that of its cells (one per draw), and the space."""
    left_out = ("draw", "subset_hash", *(one.name for one in EXAMINATIONS))
    whole = completed(specs[0].identity, type(specs[0].options))
    shared = {key: value for key, value in whole.items() if key not in left_out}
    draws = {str(spec.draw): spec.identity["subset_hash"] for spec in specs}
    return json.loads(canonical_json(shared | {"draws": draws, "space": plain_space(space)}))


def open_study(storage: str | Path, name: str, identity: Mapping[str, Any], seed: int, warmup: int) -> Study:
    """The study ``name`` in a journal file or a database (by its URL), made where there is none. No trial is pruned
    before step ``warmup``.

    Raises ConfigError for a database that cannot be used and for a study of another ``identity``, StoreError for a
    journal file that cannot.
    """
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = _create(
        storage,
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        sampler=ByTrial(seed),
        pruner=MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=warmup),
    )
    stored = study.user_attrs.get(IDENTITY)
    if stored is None:
        study.set_user_attr(IDENTITY, dict(identity))
    elif changes := differences(stored, identity):
        raise ConfigError(
            f"the study {name} was made with other settings ({'; '.join(changes[:3])}); "
            "give another --out or --storage, or delete it"
        )
    return study


def _create(storage: str | Path, **settings: Any) -> Study:
    if isinstance(storage, Path):
        try:
            storage.parent.mkdir(parents=True, exist_ok=True)
            return optuna.create_study(storage=JournalStorage(JournalFileBackend(str(storage))), **settings)
        except OSError as error:
            raise StoreError(f"{storage} cannot be used: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise StoreError(
                f"{storage} is broken or no journal of Optuna ({error}); delete it or name another"
            ) from error
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return optuna.create_study(storage=_database(storage), **settings)
    except (SQLAlchemyError, StorageInternalError, ImportError, RuntimeError) as error:
        # Never the URL itself: it may hold a password.
        raise ConfigError(f"--storage: the database cannot be used: {one_line(error)}") from error


def _database(url: str) -> BaseStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RDBStorage(url, heartbeat_interval=HEARTBEAT, grace_period=GRACE)
