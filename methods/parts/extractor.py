"""The shared body of every generative method: generator, label scorer, training loop, batched prediction.

A method overrides one of three hooks: `conditioning` (what the generator reads), `log_probs` (how relations are scored
from it), `loss`. What it does not override is the same for all compared methods.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from methods.base import Context, FitReport, Method, MethodError, Progress, Shown
from methods.parts.conditioning import Conditioning, Groups, Views, checked
from methods.parts.generation.generator import Generator, build_generator
from methods.parts.generation.label_scoring import LabelScorer
from methods.parts.generation.targets import Targets
from methods.parts.optim import Group
from methods.parts.text_prompt import PromptBuilder
from methods.parts.trainer import train as run_training
from methods.parts.verbalize import INPUTS, neighbour_words
from methods.settings import Between, SearchSpace, Stage
from methods.types import Instance, Neighbours, Prediction

PREDICT_BATCH = 64
Gold = Sequence[Sequence[str]]  # relations of each instance


class GenerativeMethod(Method):
    """Fine-tunes the generator to produce the verbalised relation (SuRE, arXiv 2205.09837) from its input."""

    search_space: ClassVar[SearchSpace] = {
        "optimisation.learning_rate": Between(5e-5, 8e-4, log=True),
        "optimisation.new_learning_rate": Between(1e-4, 2e-3, log=True),
    }

    _numbers: Mapping[str, Tensor]  # of the last loss

    # --- hooks -----------------------------------------------------------------------------------------------

    def conditioning(self, train: Sequence[Instance]) -> Conditioning:
        """Built once, after ``self.generator`` and ``self.prompts``; ``train`` is the database."""
        return Conditioning(self.prompts)

    def log_probs(
        self, batch: Sequence[Instance], shown: Shown | None = None, gold: Gold | None = None
    ) -> tuple[Tensor, Views]:
        """Log-probability of every relation [B, R], -inf where the types exclude it, and from what; several views of
        an instance are marginalised.

        Under the rule that predicts. ``gold``: these alone are scored [G], one after the other, under the rule that
        trains, and are finite whatever the types exclude. ``shown``: of these instances, in place of what would be
        retrieved.
        """
        admitted = self.context.schema.admitted(batch)
        with self.autocast():
            views = self.conditioner(batch, shown)
            memory = self.generator.encode(views.inputs)
            if gold is None:
                return views.marginal(self.scorer.scores(memory, batch, admitted, views.count), slice(None)), views
            index = self.context.schema.index
            wanted = [[index[name] for name in names] for names in gold]
            scores = self.scorer.gold(memory, batch, wanted, admitted, views.count)
        rows = torch.tensor([row for row, names in enumerate(gold) for _ in names], device=scores.device)
        return views.marginal(scores, rows), views

    def loss(self, batch: Sequence[Instance]) -> Tensor:
        """Mean negative score of the gold relations; an instance with several counts by their mean. The penalty of the
        views is added."""
        scores, views = self.log_probs(batch, gold=[i.relations for i in batch])
        self._numbers = views.numbers
        if len(scores) > len(batch):
            counts = torch.tensor([len(i.relations) for i in batch for _ in i.relations], device=scores.device)
            value = -(scores / counts).sum() / len(batch)
        else:
            value = -scores.mean()
        return value if views.penalty is None else value + views.penalty

    # --- the contract ----------------------------------------------------------------------------------------

    def fit(self, train: Sequence[Instance], dev: Sequence[Instance]) -> FitReport:
        started = time.perf_counter()
        self.start(train)
        self.conditioner.prepare([*train, *dev])
        prepared = time.perf_counter()
        groups = self.groups()
        dev_loss = (lambda: self.mean_loss(dev)) if dev else None
        log = run_training(self.body, groups, self.loss, train, dev_loss, self.context, self.observe, self.stages())
        return FitReport(
            steps=log.steps,
            instances_seen=log.instances_seen,
            parameters={"total": _count(self.body.parameters()), "trained": sum(_count(g.parameters) for g in groups)},
            history=log.history,
            timings={"prepare": prepared - started, "train": time.perf_counter() - prepared},
            diagnostics=self.conditioner.after_training() | self._shortened(),
        )

    def predict(self, instances: Sequence[Instance]) -> Prediction:
        return _predicted(self, instances)

    def searched(self, instances: Sequence[Instance]) -> Sequence[Instance]:
        database = self.conditioner.database
        return [i for i in instances if i.id in database] if database else instances

    def predict_with(self, instances: Sequence[Instance], shown: Shown) -> Prediction | None:
        if (shown if isinstance(shown, str) else "instances") not in self.conditioner.shows:
            return None
        if not isinstance(shown, str):
            checked(shown, instances, self.conditioner.k)
        return Prediction(_predicted(self, instances, shown).scores)

    def swap_datastore(self, instances: Sequence[Instance]) -> bool:
        k = self.conditioner.k
        if k > len(instances):
            raise MethodError(f"k = {k} neighbours need a datastore of as many instances; it has {len(instances)}")
        return self.conditioner.use(instances)

    def untrained_neighbours(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...] | None:
        with torch.inference_mode():
            return self.conditioner.untrained(instances)

    def start(self, train: Sequence[Instance]) -> None:
        """Everything before the first step: generator, prompts, conditioning over ``train``; ``self.body`` holds every
        module. Raises MethodError for an empty training subset, one too small for k, and ids that are not unique."""
        if not train:
            raise MethodError("the training subset is empty")
        k = getattr(self.options, "k", 0)
        if k > len(train) - 1:
            raise MethodError(
                f"k = {k} neighbours need a database of at least {k + 1} instances (an instance is never its own "
                f"neighbour), but the training subset has {len(train)}; lower k or raise the ratio"
            )
        if len({i.id for i in train}) != len(train):
            raise MethodError("instance ids of the training subset are not unique")
        torch.manual_seed(self.context.seed)
        self._numbers = {}
        self.generator, self.prompts, self.scorer = _shared_parts(self.context, train)
        self.conditioner = self.conditioning(train)
        parts = {"generator": self.generator, "conditioner": self.conditioner}
        self.body = nn.ModuleDict(parts).to(self.context.device)

    def groups(self) -> Groups:
        """All that is trained."""
        weights, rates = self.generator.parameter_groups(), self.context.optimisation
        return [
            Group("pretrained", "generator", weights["pretrained"], rates.learning_rate),
            Group("new", "generator", weights["new"], rates.new_learning_rate),
            *self.conditioner.groups(),
        ]

    def stages(self) -> Sequence[Stage]:
        """What is trained, and for how many steps, before all is trained together."""
        return ()

    def observe(self, step: int) -> dict[str, float]:
        """Called after each backward pass: numbers for the history."""
        seen = {name: float(column.mean()) for name, column in self._numbers.items()}
        return seen | dict(self.conditioner.observe(step))

    def _shortened(self) -> dict[str, float]:
        """Entity pairs that were cut to fit into a target since this was last asked, where there are any."""
        count = self.scorer.targets.shortened()
        return {"shortened_targets": float(count)} if count else {}

    def autocast(self) -> torch.autocast:
        """Matrix products in bfloat16 where `models.precision` says so; selection, scores and loss stay in float32."""
        device, wanted = self.context.device.partition(":")[0], self.context.models.precision
        enabled = wanted == "bfloat16" or (wanted, device) == ("auto", "cuda")
        return torch.autocast(device, torch.bfloat16, enabled=enabled)

    def mean_loss(self, instances: Sequence[Instance]) -> float:
        """Loss over a set, without dropout."""
        order = _by_length(self.conditioner.prepare(instances))
        with torch.inference_mode():
            parts = [self.loss([instances[r] for r in rows]) * len(rows) for rows in order]
        return float(sum(parts)) / len(instances)


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(p.numel() for p in parameters)


def _predicted(method: GenerativeMethod, instances: Sequence[Instance], shown: Shown | None = None) -> Prediction:
    method.body.eval()
    scores = np.empty((len(instances), len(method.context.schema.names)), dtype=np.float32)
    found: dict[int, Neighbours] = {}
    numbers: defaultdict[str, np.ndarray] = defaultdict(lambda: np.empty(len(instances)))
    done = 0
    with torch.inference_mode():
        for rows in _by_length(method.conditioner.prepare(instances, shown)):
            near = shown if shown is None or isinstance(shown, str) else [shown[r] for r in rows]
            scored, views = method.log_probs([instances[r] for r in rows], near)
            scores[rows] = scored.cpu().numpy()
            found |= zip(rows, views.neighbours or (), strict=False)
            for name, column in views.numbers.items():
                numbers[name][rows] = column.double().cpu().numpy()
            done += len(rows)
            method.context.progress(Progress("predict", done, len(instances)))
    means = {name: float(values.mean()) for name, values in numbers.items()}
    neighbours = tuple(found[row] for row in range(len(instances))) if found else None
    return Prediction(scores, neighbours, means | method.conditioner.after_prediction() | method._shortened())


def _by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows in batches of similar length: little padding."""
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    return (order[start : start + PREDICT_BATCH] for start in range(0, len(order), PREDICT_BATCH))


def _shared_parts(context: Context, train: Sequence[Instance]) -> tuple[Generator, PromptBuilder, LabelScorer]:
    """What does not depend on the method. Only a generator that starts from nothing looks at ``train``: its words."""
    schema, models = context.schema, context.models
    learned = train if models.generator == "tiny" else ()
    words = INPUTS[models.input]
    texts = [" ".join(part) for i in learned for part in (words(i, None), neighbour_words(i, schema))]
    labels = [schema.verbalisations[name] for name in schema.names]
    generator = build_generator(models, labels, texts, open_vocabulary=schema.template)
    targets = Targets(generator.tokenise, schema, models.max_target_tokens, models.generator)
    prompts = PromptBuilder(generator.tokenizer, schema, models.max_input_tokens, context.device, models.input)
    return generator, prompts, LabelScorer(generator, targets, context.scoring)
