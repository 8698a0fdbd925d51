"""Configuration -> cells: dataset x ratio x draw x seed x method, each with the identity of its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.data.base import Dataset
from bench.data.groups import treatment
from bench.data.split import ids_hash, subset
from bench.errors import ConfigError
from bench.names import visible
from bench.records.identity import MODEL_FILES, cell_id
from bench.records.record import SCHEMA_VERSION
from bench.run.environment import resolve_device
from bench.run.examinations import EXAMINATIONS
from bench.run.weights import kept_hash
from bench.scoring.labels import check_corpus
from bench.settings.config import RunConfig, TypeConstraints, canonical_json, method_optimisation, method_options
from methods.parts.lora import check_lora
from methods.parts.model_files import identify
from methods.registry import METHODS
from methods.settings import Budget, Models, Optimisation, Scoring, Settings
from methods.types import Instance


@dataclass(frozen=True)
class CellSpec:
    """One cell: all that `execute` needs but the dataset. Picklable.

    ``method`` is the name that is shown, ``registered`` the method that it stands for: another one for a variant.
    ``identity`` is what the result depends on, as plain JSON values (bench.records.identity); ``asked``: what each
    examination is asked, by name.
    """

    dataset: str
    method: str
    registered: str
    ratio: float
    draw: int
    seed: int
    options: Settings
    budget: Budget
    optimisation: Optimisation
    models: Models
    scoring: Scoring
    device: str
    identity: Mapping[str, Any]
    type_constraints: TypeConstraints = "given"
    asked: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def cell_id(self) -> str:
        return cell_id(self.identity, type(self.options))

    @property
    def label(self) -> str:
        return f"{self.method} ratio {self.ratio:g} draw {self.draw} seed {self.seed}"


def subsets(dataset: Dataset, ratio: float, draw: int) -> tuple[tuple[Instance, ...], tuple[Instance, ...]]:
    """Train and dev instances of a cell; dev shrinks with train, so that no choice is made on more data.

    A published subset of the ratio comes first; it is draw 0, and for any other a ValueError is raised.
    """
    published = dataset.published.get(ratio)
    if published is None:
        return subset(dataset.train, ratio, draw, salt="train"), subset(dataset.dev, ratio, draw, salt="dev")
    if draw:
        raise ValueError(f"the published subset of ratio {ratio:g} is draw 0, not {draw}")
    train = tuple(i for i in dataset.train if i.id in published.train)
    if published.dev is None:
        return train, subset(dataset.dev, ratio, draw, salt="dev")
    return train, tuple(i for i in dataset.dev if i.id in published.dev)


def subset_hash(train: Sequence[Instance], dev: Sequence[Instance]) -> str:
    return ids_hash([i.id for i in train], [i.id for i in dev])


def plan(config: RunConfig, dataset: Dataset) -> tuple[CellSpec, ...]:
    """The cells in the order of work: small ratios first, all methods of a comparison next to each other.

    Draws that choose the very same instances (ratio 1 has but one subset) are planned once: a repetition
    would show as certainty what is a copy. `plan_notes` says so.

    Raises ConfigError (options, device, draws, test sets), RegistryError (method), MethodError (model) and DataError
    (metric).
    """
    options, device = method_options(config), resolve_device(config.device)
    _check(config, dataset, options)
    check_corpus(dataset)
    optimisations = {method: method_optimisation(config, method) for method in config.methods}
    asked = {one.name: one.asked(config) for one in EXAMINATIONS}
    shared = _shared_identity(config, dataset, device, asked)
    own = {method: _own_identity(config, method, options[method], optimisations[method]) for method in config.methods}

    def cell(ratio: float, draw: int, seed: int, method: str, chosen: str) -> CellSpec:
        names: dict[str, Any] = {"dataset": dataset.name, "method": method, "ratio": ratio, "draw": draw, "seed": seed}
        return CellSpec(
            **names,
            registered=config.registered(method),
            options=options[method],
            budget=config.budget,
            optimisation=optimisations[method],
            models=config.models,
            scoring=config.scoring,
            device=device,
            identity={**shared, **own[method], **names, "subset_hash": chosen},
            type_constraints=config.type_constraints,
            asked=asked,
        )

    return tuple(
        cell(ratio, draw, seed, method, chosen)
        for ratio in sorted(config.ratios)
        for draw, chosen in _distinct(dataset, ratio, config.draws)
        for seed in config.seeds
        for method in config.methods
    )


def _shared_identity(config: RunConfig, dataset: Dataset, device: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the results of all cells depend on."""
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset_hash": dataset.content_hash,
        "verbalisation": "template" if dataset.schema.template else "phrase",
        "metric": dataset.metric,
        "models": config.models.model_dump(mode="json"),
        "scoring": config.scoring.model_dump(mode="json"),
        "budget": config.budget.model_dump(mode="json"),
        "device_type": device.partition(":")[0],
        "type_constraints": config.type_constraints,
        "same_sentence": treatment(dataset),
        **{one.name: one.identity(dataset, asked[one.name]) for one in EXAMINATIONS},
    }


def _own_identity(config: RunConfig, method: str, options: Settings, optimisation: Optimisation) -> dict[str, Any]:
    """What the results of one method depend on besides, the files of the models that it uses among it."""
    return {
        "registered": config.registered(method),
        "method_version": METHODS.version(config.registered(method)),
        "options": _recorded(method, options),
        "optimisation": optimisation.model_dump(mode="json"),
        **{name: _identified(config.models, name) for name in MODEL_FILES if name in options.uses},
    }


def _identified(models: Models, name: str) -> dict[str, str]:
    """What a record says of a model. Raises MethodError, and ConfigError for a name that no folder can have."""
    try:
        return identify(getattr(models, name), kept_hash)
    except (OSError, RuntimeError, ValueError) as error:  # too long, `~nobody`, a null character
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigError(f"models.{name}: {why}: {visible(getattr(models, name), 60)!r}") from error


def _recorded(method: str, options: Settings) -> dict[str, Any]:
    """Options as a record holds them. Raises ConfigError for a value of a plugin that is no JSON."""
    try:
        plain = options.model_dump(mode="json")
        canonical_json(plain).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{method}: its options cannot be recorded: {visible(error, 200)}") from error
    return plain


def _check(config: RunConfig, dataset: Dataset, options: Mapping[str, Settings]) -> None:
    """Settings that fit the configuration but not this corpus, or not a model that a method uses."""
    for own in options.values():
        check_lora(config.models, own.uses)
    if config.dataset.split_ids and not dataset.published:
        raise ConfigError("split_ids is set, but this command does not read it; leave it out")
    for ratio in config.ratios:
        if ratio in dataset.published and 0 not in config.draws:
            raise ConfigError(f"ratio {ratio:g}: its published subset is draw 0; add 0 to --draws")
    if config.type_constraints == "learned" and not any(i.head_type and i.tail_type for i in dataset.train):
        raise ConfigError(f"type_constraints: {dataset.name} has no entity types to learn from; use none or given")


def _distinct(dataset: Dataset, ratio: float, draws: Sequence[int]) -> list[tuple[int, str]]:
    """Draws with the hash of what they choose, each hash once: the first draw keeps it."""
    first: dict[str, int] = {}
    for draw in (0,) if ratio in dataset.published else draws:
        first.setdefault(subset_hash(*subsets(dataset, ratio, draw)), draw)
    return [(draw, chosen) for chosen, draw in first.items()]


def too_few(spec: CellSpec, dataset: Dataset) -> str:
    """Why the subset of a cell is too small to retrieve k neighbours for every training instance, none of them of its
    own group; "" where it is large enough, or the method has no option k."""
    k = getattr(spec.options, "k", None)
    train, _ = subsets(dataset, spec.ratio, spec.draw)
    if type(k) is not int or not train:
        return ""
    largest = max(Counter(i.owner for i in train).values())
    if len(train) - largest >= k:
        return ""
    sharing = "" if largest == 1 else f", {largest} of them of one sentence or document"
    return f"{len(train)} training instances{sharing}, but k = {k} needs {k + largest}: the cell may fail"


def plan_notes(config: RunConfig, specs: Sequence[CellSpec], dataset: Dataset | None = None) -> list[str]:
    """What a reader of the results must know about the grid: one line per ratio with fewer draws than asked for and,
    where there are published subsets, one per ratio on whether its cells use them; and where tuned settings come from
    elsewhere."""
    notes = _variant_notes(config, dataset)
    for ratio in sorted(config.ratios):
        if dataset is not None and dataset.published:
            notes.append(_subset_note(dataset, ratio))
        done = {spec.draw for spec in specs if spec.ratio == ratio}
        missing = [draw for draw in config.draws if draw not in done]
        if missing:
            notes.append(
                f"ratio {ratio:g}: draws {', '.join(map(str, missing))} choose the same instances as an earlier draw "
                "and are not repeated; give several --seeds for a spread"
            )
    return notes


def _variant_notes(config: RunConfig, dataset: Dataset | None) -> list[str]:
    """One line per variant that was tuned on other data or at other ratios than those of this run, and one where
    variants had different numbers of trials."""
    notes = []
    sources = {name: config.variants[name].source for name in config.methods if name in config.variants}
    tuned = {name: source for name, source in sources.items() if source is not None}
    for name, source in tuned.items():
        if dataset is not None and source.dataset_hash != dataset.content_hash:
            other = source.dataset if source.dataset != dataset.name else f"another version of {source.dataset}"
            notes.append(f"{name} was tuned on {other}, not on this corpus")
        elsewhere = [f"{ratio:g}" for ratio in sorted(config.ratios) if ratio != source.ratio]
        if elsewhere:
            notes.append(f"{name} was tuned at ratio {source.ratio:g} and is also used at {', '.join(elsewhere)}")
    if len({source.trials for source in tuned.values()}) > 1:
        counts = ", ".join(f"{name} {source.trials}" for name, source in tuned.items())
        notes.append(f"tuned with different numbers of trials: {counts}")
    return notes


def _subset_note(dataset: Dataset, ratio: float) -> str:
    published = dataset.published.get(ratio)
    if published is None:
        return f"ratio {ratio:g}: no published subset; drawn by our rule (stratified by relation)"
    dev = " instances, dev by our rule" if published.dev is None else f", {len(published.dev)} dev instances"
    sizes = f"{len(published.train)} train{dev}"
    return f"ratio {ratio:g}: the published subset of {published.source} ({sizes}), one draw"
