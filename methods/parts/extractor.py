"""The shared body of every generative method: generator, label scorer, training loop, batched prediction.

A method overrides one of three hooks: `conditioning` (what the generator reads), `log_probs` (how relations are scored
from it), `loss`. What it does not override is the same for all compared methods.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from methods.base import Context, FitReport, Method, MethodError, Progress, Shown
from methods.parts.conditioning import Conditioning, Groups, Views, checked
from methods.parts.generation.generator import Generator, Memory, build_generator
from methods.parts.generation.label_scoring import LabelScorer
from methods.parts.generation.label_trie import build_trie
from methods.parts.optim import Group
from methods.parts.text_prompt import PromptBuilder
from methods.parts.trainer import train as run_training
from methods.parts.verbalize import marked_words, neighbour_words
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

        ``shown``: of these instances, in place of what would be retrieved. ``gold``: these alone are scored [G], one
        after the other, and are finite whatever the types exclude.
        """
        with self.autocast():
            views = self.conditioner(batch, shown)
            memory = self.generator.encode(views.inputs)
            admitted = torch.from_numpy(self.context.schema.admitted(batch)).to(self.context.device)
            if gold is None:
                every = admitted if views.count == 1 else admitted.repeat_interleave(views.count, 0)
                scores, rows = self.scorer.scores(partial(self.generator.decode, memory), every), slice(None)
            else:
                scores, rows = self._gold(memory, admitted, gold, views.count)
        return views.marginal(scores, rows), views

    def loss(self, batch: Sequence[Instance]) -> Tensor:
        """Mean negative score of the gold relations, under the rule that also predicts; an instance with several
        counts by their mean. The penalty of the views is added."""
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
            diagnostics=self.conditioner.after_training(),
        )

    def predict(self, instances: Sequence[Instance]) -> Prediction:
        return _predicted(self, instances)

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
        parts = {"generator": self.generator, "scorer": self.scorer, "conditioner": self.conditioner}
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

    def _gold(self, memory: Memory, admitted: Tensor, gold: Gold, views: int) -> tuple[Tensor, Tensor]:
        """Scores [G * views] of ``gold`` under each view, and whose they are [G]."""
        index, device = self.context.schema.index, admitted.device
        relations = torch.tensor([index[name] for names in gold for name in names], device=device)
        rows = torch.tensor([row for row, names in enumerate(gold) for _ in names], device=device)
        if views > 1 or any(len(names) != 1 for names in gold):  # encoded once, decoded for each
            each = torch.arange(views, device=device).repeat(len(rows))
            memory = memory.rows(rows.repeat_interleave(views) * views + each)
            relations, admitted = relations.repeat_interleave(views), admitted[rows.repeat_interleave(views)]
        # A gold relation that the types exclude (label noise) must still have a finite loss.
        admitted = admitted.scatter(1, relations.unsqueeze(1), True)
        return self.scorer.gold(partial(self.generator.decode_each, memory), relations, admitted), rows


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
    return Prediction(scores, neighbours, means | method.conditioner.after_prediction())


def _by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows in batches of similar length: little padding."""
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    return (order[start : start + PREDICT_BATCH] for start in range(0, len(order), PREDICT_BATCH))


def _shared_parts(context: Context, train: Sequence[Instance]) -> tuple[Generator, PromptBuilder, LabelScorer]:
    """What does not depend on the method. Only a generator that starts from nothing looks at ``train``: its words."""
    schema, models = context.schema, context.models
    learned = train if models.generator == "tiny" else ()
    texts = [" ".join(words) for i in learned for words in (marked_words(i), neighbour_words(i, schema))]
    labels = {name: schema.verbalisations[name] for name in schema.names}
    generator = build_generator(models, labels, texts, whole_vocabulary=context.scoring.rule == "likelihood")
    try:
        trie = build_trie(generator.labels)
    except ValueError as error:
        raise MethodError(f"the generator cannot tell two verbalisations apart: {error}") from error
    prompts = PromptBuilder(generator.tokenizer, schema, models.max_input_tokens, context.device)
    return generator, prompts, LabelScorer(trie, context.scoring)
