"""Test sets and datastores of another domain: which are scored, on which relations, and what that adds to a cell.

A trained method predicts, over all relations of its schema, a test set that it was not made for. What the test set
and the schema share is scored: instances of other relations are left out, and a prediction of a relation that the
test set does not have is wrong and counts for no relation (as scikit-learn's `labels`).

`A@B` is test set A with datastore B: a method that retrieves does so from those instances instead of its training
subset, without being trained again (as the datastore swap of kNN-LM, Khandelwal et al. 2020, arXiv 1911.00172).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.data.base import Dataset, instances_hash
from bench.errors import ConfigError, DataError
from bench.records.record import plain_numbers
from bench.scoring.labels import Lines, choose, prediction_lines, report
from bench.scoring.metric import Labels
from bench.scoring.neighbours import retrieval_quality, same_relation
from methods.base import Method
from methods.types import Instance


@dataclass(frozen=True)
class Target:
    """What is predicted and scored: ``instances``, on ``relations``, retrieving from ``database``, the instances of
    ``datastore`` (None and none: as trained).

    ``note`` says in a sentence what was left out, if anything was.
    """

    test_set: str
    instances: tuple[Instance, ...]
    relations: tuple[str, ...]
    note: str = ""
    datastore: str | None = None
    database: tuple[Instance, ...] = ()

    @property
    def key(self) -> str:
        """Its name in records and tables."""
        return self.test_set if self.datastore is None else f"{self.test_set}@{self.datastore}"


def targets(dataset: Dataset, wanted: Sequence[str]) -> tuple[Target, ...]:
    """The corpus's own test set first, then the others ``wanted``, then those with a datastore, one datastore after
    the other. Nothing where no more than the own one is wanted.

    Raises ConfigError for an unknown name and for a test set without a relation of the schema, DataError for an
    instance that is both in a test set and in something to learn or to retrieve from.
    """
    keys = [key for key in dict.fromkeys(wanted) if key != dataset.test_name]
    if not keys:
        return ()
    stores = list(dict.fromkeys(key.partition("@")[2] for key in keys))
    keys.sort(key=lambda key: ("@" in key, stores.index(key.partition("@")[2])))
    found = [Target(dataset.test_name, dataset.test, dataset.schema.names), *(_target(dataset, key) for key in keys)]
    _check_disjoint(dataset, found)
    return tuple(found)


def identity(dataset: Dataset, wanted: Sequence[str]) -> dict[str, str]:
    """What the targets add to the identity of a cell: their contents, by key. Raises as `targets`."""
    return {target.key: instances_hash(target.instances, target.database) for target in targets(dataset, wanted)[1:]}


def examine(
    method: Method, dataset: Dataset, wanted: Sequence[str], train: Sequence[Instance], main: Mapping[str, Any]
) -> tuple[dict[str, Any], Lines]:
    """Results of a method trained on ``train`` on the `targets`, by their keys, and its predictions for all but the
    first. ``main``: the metrics on the corpus's own test set. A method without a database has no result with a
    datastore. Raises MethodError for a datastore that is too small."""
    results: dict[str, Any] = {}
    lines: Lines = []
    current: str | None = None
    for target in targets(dataset, wanted):
        if target.key == dataset.test_name:
            results[target.key] = summary(target, main, {})
            continue
        if target.datastore != current:
            current = target.datastore
            if not method.swap_datastore(target.database):
                break  # targets with a datastore come last
        prediction = method.predict(target.instances)
        database, negative = target.database or train, dataset.schema.negative
        predicted = choose(prediction, target.instances, dataset, database)
        searched = method.searched(database)
        quality = retrieval_quality(target.instances, prediction.neighbours, searched, negative)
        diagnostics = plain_numbers({**prediction.diagnostics, **same_relation(quality)}, "diagnostic")
        results[target.key] = summary(target, score(target, predicted, dataset), diagnostics)
        where = {"test_set": target.test_set, "datastore": target.datastore}
        found = prediction_lines(prediction, target.instances, predicted, dataset.schema)
        lines += [where | line for line in found]
    return results, lines


def score(target: Target, predicted: Labels, dataset: Dataset) -> dict[str, Any]:
    """The corpus's metric on the target's relations alone."""
    schema, relations = dataset.schema, target.relations
    negative = schema.negative if schema.negative in relations else None
    return report(predicted, target.instances, dataset, replace(schema, names=relations, negative=negative))


def summary(target: Target, metrics: Mapping[str, Any], diagnostics: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says of a target."""
    return {
        "test_set": target.test_set,
        "datastore": target.datastore,
        "metrics": dict(metrics),
        "n": len(target.instances),
        "relations": list(target.relations),
        "note": target.note,
        "diagnostics": dict(diagnostics),
    }


def _target(dataset: Dataset, key: str) -> Target:
    name, swapped, store = key.partition("@")
    if swapped and store not in dataset.datastores:
        has = ", ".join(dataset.datastores) or "none"
        raise ConfigError(f"--test-sets {key}: {dataset.name} has no datastore {store!r}; it has {has}")
    if name == dataset.test_name:
        target = Target(name, dataset.test, dataset.schema.names)
    elif name in dataset.extra_tests:
        target = _shared(dataset, name)
    else:
        has = ", ".join([dataset.test_name, *dataset.extra_tests])
        raise ConfigError(f"--test-sets {key}: {dataset.name} has no test set {name!r}; it has {has}")
    return replace(target, datastore=store, database=dataset.datastores[store]) if swapped else target


def _shared(dataset: Dataset, name: str) -> Target:
    """An extra test set, on the relations that it shares with the schema."""
    whole, trained = dataset.extra_tests[name], dataset.schema.names
    occurring = {i.relation for i in whole}
    relations = tuple(relation for relation in trained if relation in occurring)
    if not any(relation != dataset.schema.negative for relation in relations):
        raise ConfigError(f"--test-sets: {name} shares no relation with {dataset.name}: nothing can be scored")
    instances = tuple(i for i in whole if i.relation in relations)
    if len(relations) == len(trained) == len(occurring):
        return Target(name, instances, relations)
    note = (
        f"scored on {len(relations)} relations, those of its {len(occurring)} that are among the {len(trained)} "
        f"trained ones: {len(instances)} of {len(whole)} instances."
    )
    return Target(name, instances, relations, note)


def _check_disjoint(dataset: Dataset, found: Sequence[Target]) -> None:
    # By id, which must name one instance everywhere: prompts, neighbours and vectors are kept by it.
    known = {"train": dataset.train, "dev": dataset.dev}
    known |= {f"datastore {target.datastore}": target.database for target in found}
    for target in found:
        tested = {i.id for i in target.instances}
        for place, instances in known.items():
            shared = next((i.id for i in instances if i.id in tested), None)
            if shared is not None:
                raise DataError(f"{dataset.name}: test set {target.test_set} and {place} share instance {shared!r}")
