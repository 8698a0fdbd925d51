"""Methods that each break one clause of the contract: clause, class, what the clause says of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from methods.base import FitReport, Method, MethodError, Shown, Task
from methods.settings import Settings
from methods.types import Instance, Neighbours, Prediction
from tests.fixtures.mini_plugin.mini_plugin import Mini

BROKEN: list[tuple[str, type, str]] = []


def breaks(clause: str, message: str) -> Any:
    def note(cls: type) -> type:
        BROKEN.append((clause, cls, message))
        return cls

    return note


class Good(Mini):
    """Keeps every clause, those on the untrained retriever too."""

    def untrained_neighbours(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...] | None:
        return self.predict(instances).neighbours


@breaks("options_have_defaults", "no default: width, depth")
class Undecided(Good):
    class Options(Mini.Options):
        width: int
        depth: int


@breaks("options_have_defaults", "does not extend methods.base.Method")
class Stranger:
    Options = Mini.Options


@breaks("options_have_defaults", "Options does not extend methods.base.Settings")
class Loose(Good):
    Options: ClassVar[Any] = dict


@breaks("fits_and_predicts", r"ValueError: two lines \(broken\.py, line \d+\)")
class Crash(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        raise ValueError("two\n  lines")


@breaks("fits_and_predicts", r"SystemExit: 3 \(broken\.py, line \d+\)")
class Exit(Good):
    def predict(self, instances: Sequence[Instance]) -> Prediction:
        raise SystemExit(3)


@breaks("fits_and_predicts", "predict returns no Prediction")
class Bare(Good):
    def predict(self, instances: Sequence[Instance]) -> Any:
        return super().predict(instances).scores


@breaks("fits_and_predicts", "unfit for the corpus of this check: never on Mondays")
class Choosy(Good):
    @classmethod
    def unfit(cls, task: Task, options: Any) -> str:
        return "never on Mondays"


@breaks("reads_only_the_models_it_uses", "reads models.encoder, models.layers, which Options.uses leaves out")
class Secretive(Good):
    class Options(Mini.Options):
        uses = ("generator",)

    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        models = self.context.models
        self.width = f"{models.generator} {models.encoder} {models.layers}"
        return super().fit(train, dev)


@breaks("reads_only_the_models_it_uses", "uses names no field of Models: models.encodre")
class Misspelt(Good):
    class Options(Mini.Options):
        uses = ("generator", "encodre")


class Reporting(Good):
    """Changes the report of training."""

    changes: ClassVar[dict[str, Any]] = {}

    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        return replace(super().fit(train, dev), **self.changes)


@breaks("keeps_the_budget", "5 steps of 4, 23 instances of 28")
class OneStepMore(Reporting):
    changes: ClassVar[dict[str, Any]] = {"steps": 5}


@breaks("keeps_the_budget", "4 steps of 4, 29 instances of 28")
class OneInstanceMore(Reporting):
    changes: ClassVar[dict[str, Any]] = {"instances_seen": 29}


@breaks("counts_parameters", "'trained': 4")
class MoreTrainedThanThere(Reporting):
    changes: ClassVar[dict[str, Any]] = {"parameters": {"total": 3, "trained": 4}}


@breaks("counts_parameters", r"parameters = \{'total': 3\}")
class Uncounted(Reporting):
    changes: ClassVar[dict[str, Any]] = {"parameters": {"total": 3}}


@breaks("reports_plain_numbers", r"loss = nan, speed = np\.float32\(1\.0\)")
class FancyNumbers(Reporting):
    changes: ClassVar[dict[str, Any]] = {
        "history": [{"step": 1, "loss": float("nan")}],
        "diagnostics": {"speed": np.float32(1)},
    }


@breaks("repeats_itself", "the scores change")
class Unseeded(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        self.options = self.options.model_copy(update={"smoothing": float(np.random.uniform(0.1, 0.9))})
        return super().fit(train, dev)


@breaks("learns_nothing_from_dev", "the scores change")
class DevReader(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        report = super().fit(train, dev)
        for instance in dev:
            self.counts[instance.relation].update(instance.tokens)
        return report


@breaks("leaves_its_arguments_alone", "a list of instances was changed")
class Shuffler(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        if isinstance(train, list):
            train.reverse()
        return super().fit(train, dev)


@breaks("leaves_the_process_alone", "environment variable BROKEN: None -> 1")
class Environmental(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        os.environ["BROKEN"] = "1"
        return super().fit(train, dev)


@breaks("leaves_the_process_alone", "folder: .* -> /$")
class Wanderer(Good):
    def predict(self, instances: Sequence[Instance]) -> Prediction:
        os.chdir(Path("/"))
        return super().predict(instances)


@breaks("leaves_the_process_alone", "numpy's error state: .*'ignore'")
class Deaf(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        np.seterr(all="ignore")
        return super().fit(train, dev)


@breaks("leaves_the_process_alone", r"torch's default type: torch\.float32 -> torch\.float64")
class Precise(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        torch.set_default_dtype(torch.float64)
        return super().fit(train, dev)


@breaks("refuses_an_empty_training_set", "raises no MethodError")
class ContentWithNothing(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        if train:
            return super().fit(train, dev)
        return FitReport(0, 0, {"total": 0, "trained": 0})

    def predict(self, instances: Sequence[Instance]) -> Prediction:
        return super().predict(instances) if hasattr(self, "train") else Prediction(np.zeros((11, 4)))


@breaks("refuses_an_empty_training_set", "ValueError: nothing to learn")
class UnkindWithNothing(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        if not train:
            raise ValueError("nothing to learn")
        return super().fit(train, dev)


@breaks("refuses_a_k_beyond_the_database", "raises no MethodError")
class Doubling(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        return super().fit([*train, *train], dev)


class Predicting(Good):
    """Changes every prediction."""

    def predict(self, instances: Sequence[Instance]) -> Prediction:
        prediction = super().predict(instances)
        return replace(prediction, scores=self.changed(prediction.scores.copy(), instances))

    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        return scores


@breaks("scores_every_relation", r"shape \[4, 11\], expected \[11, 4\]")
class Transposed(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        return scores.T


@breaks("scores_every_relation", "scores are list")
class Listed(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        return scores.tolist()


@breaks("scores_every_relation", "scores are int64")
class Whole(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        return np.zeros(scores.shape, dtype=np.int64)


@breaks("scores_are_finite_where_admitted", "instance test-2: none is admitted and scores nan")
class NotANumber(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        scores[2, 0] = np.nan
        return scores


@breaks("scores_are_finite_where_admitted", "instance test-0: works_for is not admitted and scores -99.0")
class Admitting(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        return np.maximum(scores, -99.0)


@breaks("scores_are_finite_where_admitted", "instance test-0: none is admitted and scores inf")
class Endless(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        scores[0, 0] = np.inf
        return scores


@breaks("scores_are_log_probabilities", r"probabilities sum to [2-9]\.")
class Unnormalised(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        return scores + 2


@breaks("scores_are_log_probabilities", r"probabilities sum to 0\.")
class HalfARule(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        return scores - 0.5 if self.context.scoring.rule == "constrained" else scores


@breaks("predicts_each_instance_alone", "other scores in reversed order")
class Positional(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        return scores - 0.01 * np.arange(len(instances))[:, None]


@breaks("predicts_each_instance_alone", "other scores for one alone")
class Sociable(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        return scores - 0.01 * len(instances)


@breaks("never_reads_the_answer", "the scores change")
class Cheat(Predicting):
    def changed(self, scores: Any, instances: Sequence[Instance]) -> Any:
        for row, instance in enumerate(instances):
            scores[row] -= instance.relation != "none"
        return scores


class Retrieving(Good):
    """Changes the neighbours of every prediction."""

    def predict(self, instances: Sequence[Instance]) -> Prediction:
        prediction = super().predict(instances)
        assert prediction.neighbours is not None
        return replace(prediction, neighbours=tuple(self.near(n) for n in prediction.neighbours))

    def near(self, near: Neighbours) -> Neighbours:
        return near


@breaks("lists_neighbours_for_each_instance", "neighbours of 10 instances, expected 11")
class OneShort(Good):
    def predict(self, instances: Sequence[Instance]) -> Prediction:
        prediction = super().predict(instances)
        return replace(prediction, neighbours=(prediction.neighbours or ())[1:])


@breaks("lists_neighbours_for_each_instance", "2 ids with 1 weights")
class Weightless(Retrieving):
    def near(self, near: Neighbours) -> Neighbours:
        return Neighbours(near.ids, near.weights[1:])


@breaks("retrieves_from_its_database", "nowhere is not in the database")
class Inventive(Retrieving):
    def near(self, near: Neighbours) -> Neighbours:
        return Neighbours(("nowhere", *near.ids[1:]), near.weights)


@breaks("retrieves_from_its_database", "an instance stands twice among train-")
class Twice(Retrieving):
    def near(self, near: Neighbours) -> Neighbours:
        return Neighbours(near.ids[:1] * 2, near.weights)


@breaks("ranks_neighbours_by_weight", r"weights \(0\.5, 1\.0\)")
class Rising(Retrieving):
    def near(self, near: Neighbours) -> Neighbours:
        return Neighbours(near.ids[::-1], near.weights[::-1])


@breaks("ranks_neighbours_by_weight", r"weights \(inf, 0\.5\)")
class Certain(Retrieving):
    def near(self, near: Neighbours) -> Neighbours:
        return Neighbours(near.ids, (float("inf"), *near.weights[1:]))


@breaks("retrieves_k_neighbours", "k = 2, but an instance has 1 neighbours")
class Reluctant(Retrieving):
    def near(self, near: Neighbours) -> Neighbours:
        return Neighbours(near.ids[:1], near.weights[:1])


@breaks("is_never_its_own_neighbour", r"train-0 is a neighbour of train-0 \(instance train-0\)")
class Narcissus(Good):
    def _near(self, instance: Instance) -> Neighbours:
        return super()._near(replace(instance, id="somebody else"))


@breaks("keeps_documents_apart", r"train-0b is a neighbour of train-0a \(document d0\)|test-0a \(document d0\)")
class Leaky(Good):
    def _near(self, instance: Instance) -> Neighbours:
        kept, self.train = self.train, [replace(i, document="") for i in self.train]
        near = super()._near(instance)
        self.train = kept
        return near


@breaks("forgets_being_asked_for_untrained_neighbours", "the scores change")
class Untrained(Good):
    def untrained_neighbours(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...] | None:
        self.counts["none"].clear()
        return None


@breaks("untrained_neighbours_are_neighbours", "neighbours of 10 instances, expected 11")
class UntrainedShort(Good):
    def untrained_neighbours(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...] | None:
        return (super().untrained_neighbours(instances) or ())[1:]


@breaks("untrained_neighbours_are_neighbours", "nowhere is not in the database")
class UntrainedStranger(Good):
    def untrained_neighbours(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...] | None:
        return (Neighbours(("nowhere",), (1.0,)),) * len(instances)


@breaks("takes_another_database_or_leaves_it", "the neighbours change")
class Denying(Good):
    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        super().swap_datastore(instances)
        return False


@breaks("takes_another_database_or_leaves_it", r"train-\d+ is not in the database")
class Pretending(Good):
    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        return True


@breaks("takes_another_database_or_leaves_it", "no neighbours are listed")
class Silent(Good):
    def predict(self, instances: Sequence[Instance]) -> Prediction:
        return replace(super().predict(instances), neighbours=None)


@breaks("returns_to_its_database", "other scores than before")
class Learning(Good):
    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        self.counts["none"].update(token for i in instances for token in i.tokens)
        return super().swap_datastore(instances)


@breaks("returns_to_its_database", "other neighbours than before")
class Forgetful(Good):
    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        return super().swap_datastore(instances[1:])


@breaks("refuses_too_small_a_database", "raises no MethodError")
class Modest(Good):
    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        self.train = instances
        return True


class Showing(Good):
    """Changes what is predicted from shown neighbours."""

    def predict_with(self, instances: Sequence[Instance], shown: Shown) -> Prediction | None:
        prediction = super().predict_with(instances, shown)
        return None if prediction is None else self.shown(prediction)

    def shown(self, prediction: Prediction) -> Prediction:
        return prediction


@breaks("predicts_from_what_it_is_shown", "the same scores with other labels")
class Indifferent(Showing):
    def shown(self, prediction: Prediction) -> Prediction:
        return replace(prediction, scores=np.where(np.isfinite(prediction.scores), -9.0, -np.inf))


@breaks("predicts_from_what_it_is_shown", "none: neighbours are listed")
class Listing(Showing):
    def shown(self, prediction: Prediction) -> Prediction:
        return replace(prediction, neighbours=(Neighbours((), ()),))


@breaks("predicts_from_what_it_is_shown", "none: instance test-0: none is admitted and scores nan")
class ShownNaN(Showing):
    def shown(self, prediction: Prediction) -> Prediction:
        return replace(prediction, scores=prediction.scores * np.nan)


@breaks("forgets_what_it_was_shown", "the scores change")
class Impressed(Showing):
    def shown(self, prediction: Prediction) -> Prediction:
        self.counts["none"].clear()
        return prediction


@breaks("refuses_an_instance_shown_to_itself", "raises no ValueError")
class Mirror(Good):
    def predict_with(self, instances: Sequence[Instance], shown: Shown) -> Prediction | None:
        if isinstance(shown, str):
            return super().predict_with(instances, shown)
        return super().predict_with(instances, [[replace(i, id=f"shown-{i.id}") for i in near] for near in shown])


@breaks("refuses_another_number_of_neighbours", "raises no ValueError")
class TakesFewer(Good):
    def predict_with(self, instances: Sequence[Instance], shown: Shown) -> Prediction | None:
        return super().predict_with(instances if isinstance(shown, str) else instances[: len(shown)], shown)


@breaks("refuses_another_number_of_neighbours", "raises no ValueError")
class TakesMore(Good):
    def predict_with(self, instances: Sequence[Instance], shown: Shown) -> Prediction | None:
        kept = shown if isinstance(shown, str) else [near[: self.options.k] for near in shown]
        return super().predict_with(instances, kept)


class Particular(Good):
    """Stops at an instance that is not like others."""

    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        if any(i.document or i.more_relations for i in train):
            raise MethodError("plain instances only")
        return super().fit(train, dev)


@breaks("works_with_documents", "MethodError: plain instances only")
class NoDocuments(Particular):
    pass


@breaks("works_with_documents", "unfit returns None, not a reason")
class Speechless(Good):
    @classmethod
    def unfit(cls, task: Task, options: Any) -> Any:
        return None


@breaks("works_with_several_relations", "MethodError: plain instances only")
class OneRelation(Particular):
    pass


@breaks("works_without_a_negative_class", "KeyError: None")
class Negative(Good):
    def predict(self, instances: Sequence[Instance]) -> Prediction:
        assert self.context.schema.index[self.context.schema.negative] == 0  # type: ignore[index]
        return super().predict(instances)


class Honest(Particular):
    """Says what it cannot do."""

    @classmethod
    def unfit(cls, task: Task, options: Settings) -> str:
        return "plain instances only" if task.documents or task.multi_label or not task.schema.negative else ""

    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        assert self.context.schema.negative
        return super().fit(train, dev)


class ImportsTorchLate(Good):
    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        sys.modules["torch"] = torch
        return super().fit(train, dev)


class Smallest(Method):
    """Neither trains nor retrieves."""

    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        if not train:
            raise MethodError("no training instances")
        return FitReport(0, 0, {"total": 0, "trained": 0})

    def predict(self, instances: Sequence[Instance]) -> Prediction:
        admitted = self.context.schema.admitted(instances)
        with np.errstate(divide="ignore"):
            return Prediction(np.log(admitted / admitted.sum(axis=1, keepdims=True)))
