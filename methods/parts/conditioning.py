"""Everything by which compared methods differ: how instances, and what is retrieved for them, become what the generator
reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor, nn

from methods.base import Shown
from methods.parts.generation.generator import EncoderInput
from methods.parts.optim import Group
from methods.parts.text_prompt import PromptBuilder
from methods.types import Instance, Neighbours, bars

Groups = list[Group]  # all that is trained


@dataclass(frozen=True)
class Views:
    """What the generator reads of B instances, m views of each: row b * m + v of ``inputs`` is view v of instance b.

    ``log_weights`` [B, m]: log of a distribution over the views of an instance, under which it is marginalised; None:
    one view each. ``neighbours``: what was retrieved for each instance; None where nothing is, or where it was shown.
    ``penalty``: a scalar that is added to the training loss. ``numbers``: one per instance [B]; their means enter the
    history of training and the diagnostics of a prediction.
    """

    inputs: EncoderInput
    log_weights: Tensor | None = None
    neighbours: tuple[Neighbours, ...] | None = None
    penalty: Tensor | None = None
    numbers: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """m."""
        return 1 if self.log_weights is None else self.log_weights.shape[1]

    def marginal(self, scores: Tensor, rows: Tensor | slice) -> Tensor:
        """log sum_v w_v exp(score_v): ``scores`` [N * m, ...] under the views of instances ``rows`` [N] -> [N, ...]
        (Lewis et al. 2020, arXiv 2005.11401, RAG-sequence)."""
        if self.log_weights is None:
            return scores
        weights = self.log_weights[rows].unflatten(1, (-1, *[1] * (scores.ndim - 1)))
        return (scores.unflatten(0, (-1, self.count)) + weights).logsumexp(1)


class Conditioning(nn.Module):
    """The prompt alone: no retrieval. The base of the others.

    ``k``: neighbours of an instance, ``database``: where they are from, by their ids. ``shows``: what may be shown in
    their place, of "instances", "none" and "mean".
    """

    k = 0
    shows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, prompts: PromptBuilder) -> None:
        super().__init__()
        self.prompts = prompts
        self.database: Mapping[str, Instance] = {}
        self._ids: dict[str, list[int]] = {}

    def forward(self, batch: Sequence[Instance], shown: Shown | None = None) -> Views:
        """``shown``: of these instances, in place of what would be retrieved. Raises ValueError where nothing can be
        shown, or a subclass that says it can (``shows``) leaves it to this."""
        if shown is not None:
            raise ValueError(f"{type(self).__name__} reads no neighbours that it is shown")
        self.prepare(batch)  # what is not yet
        return Views(self.prompts.batch([self._ids[i.id] for i in batch]))

    def prepare(self, instances: Sequence[Instance], shown: Shown | None = None) -> list[int]:
        """Do at once what is better not done batch by batch (retrieve, tokenise); the lengths of the inputs, by which
        batches are formed."""
        new = [i for i in instances if i.id not in self._ids]
        self.prompts.remember(new)
        for instance, near in zip(new, self.near(new), strict=True):
            self._ids[instance.id] = self.prompts.ids(instance, near)
        return [len(self._ids[i.id]) for i in instances]

    def near(self, instances: Sequence[Instance], shown: Shown | None = None) -> Sequence[Sequence[Instance]]:
        """The neighbours that stand in each prompt as text: retrieved ones, or what is ``shown``."""
        return [()] * len(instances)

    def groups(self) -> Groups:
        """What is trained beside the generator."""
        return []

    def observe(self, step: int) -> Mapping[str, float]:
        """Called after each backward pass of training, ``step`` counted from 1: numbers for the history."""
        return {}

    def use(self, instances: Sequence[Instance]) -> bool:
        """Retrieve from these instances from now on; False where nothing is retrieved."""
        return False

    def untrained(self, instances: Sequence[Instance]) -> tuple[Neighbours, ...] | None:
        """What would have been retrieved before training; None where retrieval is not trained."""
        return None

    def after_training(self) -> dict[str, float]:
        """Diagnostics of `FitReport`: how often an input was too long; the second number only where an entity was
        lost."""
        lost = {"lost_entities": float(self.prompts.lost_entities)} if self.prompts.lost_entities else {}
        return {"shortened_inputs": float(self.prompts.shortened), **lost}

    def after_prediction(self) -> dict[str, float]:
        """Diagnostics of `Prediction`, beside the means of `Views.numbers`."""
        return {}


def checked(shown: Sequence[Sequence[Instance]], instances: Sequence[Instance], k: int) -> Sequence[Sequence[Instance]]:
    """What `Method.predict_with` is given, if it is k neighbours for each instance and none of them barred; else raises
    ValueError."""
    if len(shown) != len(instances):
        raise ValueError(f"neighbours of {len(shown)} instances, expected {len(instances)}")
    for instance, near in zip(instances, shown, strict=True):
        if len(near) != k:
            raise ValueError(f"instance {instance.id}: {len(near)} neighbours, expected k = {k}")
        for other in near:
            if bars(instance, other):
                to = "itself" if other.id == instance.id else f"instance {instance.id} of its document"
                raise ValueError(f"instance {other.id} is shown to {to}: its label leaks")
    return shown
