"""The retriever that ETRAG trains: what instances are compared by (keys), and what they bring (values)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from methods.base import Context
from methods.etrag.options import EtragOptions
from methods.etrag.span_encoder import SpanEncoder
from methods.parts.verbalize import marked_words
from methods.types import Instance

ENCODE_BATCH = 128


class TrainedRetriever(nn.Module):
    """[B] instances -> keys [B, S, d] and values [B, S', D]. The same weights whenever it is built for one seed.

    ``vocabulary``: the instances whose words an encoder that starts from nothing knows. ``autocast``: under which the
    encoder runs; keys and values are float32.
    """

    def __init__(
        self,
        options: EtragOptions,
        context: Context,
        vocabulary: Sequence[Instance],
        autocast: Callable[[], torch.autocast],
    ) -> None:
        super().__init__()
        models = context.models
        texts = [" ".join(marked_words(i)) for i in vocabulary] if models.instance_encoder == "tiny" else []
        texts += context.schema.verbalisations.values()
        roles = tuple(dict.fromkeys((*options.key_spans, *options.value_spans)))
        with torch.random.fork_rng():
            torch.manual_seed(context.seed)
            self.encoder = SpanEncoder(
                models.instance_encoder,
                context.schema,
                roles,
                models.max_input_tokens,
                models.dropout,
                texts,
                models.layers,
            )
            width = options.projection
            self.projection = nn.Linear(self.encoder.width, width, bias=False) if width else nn.Identity()
        self._key_spans = [roles.index(role) for role in options.key_spans]
        self._value_spans = [roles.index(role) for role in options.value_spans]
        self._autocast = autocast

    def forward(self, instances: Sequence[Instance], *, labelled: bool) -> tuple[Tensor, Tensor]:
        """``labelled`` for instances of the database, never for queries."""
        with self._autocast():
            spans = self.encoder(instances, labelled=labelled).float()
        return self.projection(spans[:, self._key_spans]), spans[:, self._value_spans]

    def encode_all(self, instances: Sequence[Instance], *, labelled: bool) -> tuple[Tensor, Tensor]:
        """The same in batches of similar length, in the given order; without gradient or dropout: leaves the
        retriever in evaluation mode."""
        self.eval()
        order = sorted(range(len(instances)), key=lambda r: len(instances[r].tokens))
        with torch.no_grad():
            parts = [
                self([instances[r] for r in order[at : at + ENCODE_BATCH]], labelled=labelled)
                for at in range(0, len(order), ENCODE_BATCH)
            ]
        back = torch.tensor(order).argsort()
        return torch.cat([k for k, _ in parts])[back], torch.cat([v for _, v in parts])[back]
