"""What a method costs per training step and per predicted instance, by the size of its database.

Instances beyond the embedded corpus are copies of its own under new ids, and their vectors are synthetic (clustered): a
step then costs what it would cost with as many real ones, without encoding them first. What encoding them costs is
reported beside it.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.overhead.kernels import WIDTH, clustered
from bench.overhead.measure import Row, resident
from bench.run.profiling import PeakMemory
from methods.base import Context, Progress
from methods.etrag.method import Etrag
from methods.etrag.options import EtragOptions
from methods.etrag.span_encoder import SPANS, SpanEncoder
from methods.parts.extractor import GenerativeMethod
from methods.parts.generation.offline import Quiet
from methods.parts.model_files import resolve
from methods.parts.retrieval.dense import DenseRetriever, sentence_encoder
from methods.parts.trainer import train
from methods.rag_text import RagText
from methods.registry import METHODS
from methods.settings import Budget, Models
from methods.types import Instance

BATCH = 16
WARM_UP, STEPS = 2, 4
SHORTLIST = {"candidates": "shortlist", "test_candidates": 100}


@dataclass(frozen=True)
class Cost:
    """Medians of one method at one database size; ``peak_bytes`` is beyond what was resident before it was built.

    ``refresh_seconds``: encoding the whole database and indexing it again (extrapolated from a sample of it), which
    ETRAG does every hundred steps; none for methods whose database never moves.
    """

    method: str
    database: int
    step_seconds: float
    predict_seconds: float
    prepare_seconds: float
    peak_bytes: int
    refresh_seconds: float | None = None
    recall: float | None = None


def cost(
    name: str,
    size: int,
    models: Models,
    *,
    steps: int,
    options: dict[str, Any] | None = None,
    device: str = "cpu",
    tokens: int | None = None,
) -> Cost:
    """Train ``steps`` steps of 16 instances and predict 32, with ``size`` instances in the database; ``tokens``
    lengthens every sentence to that many words."""
    corpus = load_dataset("synthetic", None, {})
    database = _database(corpus, size, tokens)
    # Two batches over and over: after the warm-up every sequence is tokenised, as after a real refresh.
    learned, asked = database[: BATCH * 2], _lengthened(corpus.test[:64], tokens)
    stamps: list[float] = []
    budget = Budget(max_steps=steps + WARM_UP, max_epochs=1000, batch_size=BATCH)
    note = partial(_note, stamps, device)
    context = Context(schema=corpus.schema, seed=0, device=device, budget=budget, models=models, progress=note)
    kind = STOCKED.get(name, METHODS.load(name))
    with PeakMemory(device) as memory:
        before = resident() if device == "cpu" else 0
        started = time.perf_counter()
        method = kind(kind.Options(**(options or {})), context)
        method.start(database)
        refresh = REFRESH[name](method) if name in REFRESH else None
        prepared = time.perf_counter() - started
        method.conditioner.prepare(learned)
        train(method.body, method.groups(), method.loss, learned, None, context, method.observe)
        method.predict(asked[:32])  # the first prediction also measures recall and what a shortlist leaves out
        started = _now(device)
        recall = method.predict(asked[32:]).diagnostics.get("search_recall")
        predicted = (_now(device) - started) / 32
    gaps = [b - a for a, b in itertools.pairwise(stamps)][WARM_UP - 1 :]
    shown = name + (", shortlist" if options and options.get("candidates") == "shortlist" else "")
    peak = max(0, memory.bytes - before)
    return Cost(shown, size, statistics.median(gaps), predicted, prepared, peak, refresh, recall)


def _now(device: str) -> float:
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


def _note(stamps: list[float], device: str, progress: Progress) -> None:
    if progress.phase == "train":
        stamps.append(_now(device))


def against_no_retrieval(quick: bool, device: str = "cpu") -> Iterator[Row]:
    """An ETRAG step against one without retrieval, same generator, 32 candidates, k = 10."""
    with random_t5() as folder:
        yield _against("T5-small's shape, MiniLM retriever", Models(generator=str(folder)), 3.0, device)
    if not quick:  # here the retriever is as large as the generator and reads three times as many sequences: no floor
        yield _against("MiniLM generator, MiniLM retriever", Models(), None, device)


def _against(title: str, models: Models, floor: float | None, device: str) -> Row:
    options = {"k": 10, "candidate_count": 32}
    plain, etrag = (
        cost(name, 1000, models, steps=STEPS, options=given, device=device, tokens=36)
        for name, given in (("no_retrieval", None), ("etrag", options))
    )
    return Row(
        f"ETRAG step, {title}, batch {BATCH}",
        "no_retrieval, same generator",
        plain.step_seconds,
        etrag.step_seconds,
        floor=floor,
        higher_is_better=False,
        note=f"peak {etrag.peak_bytes / 2**20:.0f} against {plain.peak_bytes / 2**20:.0f} MiB",
    )


def candidates_per_query(device: str = "cpu") -> Iterator[Row]:
    """An ETRAG step in which each of 16 queries has 32 candidates of its own, as in the authors' code, against one in
    which they share 32; small models and few steps, since it encodes up to 16 times as much."""
    options = {"k": 10, "candidate_count": 32}
    shared, own = (
        cost("etrag", 1000, Models(layers=2), steps=2, options=options | {"candidates_per": per}, device=device)
        for per in ("batch", "query")
    )
    yield Row(
        f"ETRAG step, 32 candidates for each query, MiniLM of 2 layers, batch {BATCH}",
        "32 candidates for the batch",
        shared.step_seconds,
        own.step_seconds,
        floor=None,
        higher_is_better=False,
        note=f"peak {own.peak_bytes / 2**20:.0f} against {shared.peak_bytes / 2**20:.0f} MiB",
    )


def growing_database(size: int, device: str = "cpu") -> Iterator[Row]:
    """An ETRAG step with a shortlist from ``size`` instances against one from a thousand."""
    small, large = (cost("etrag", n, Models(), steps=STEPS, options=SHORTLIST, device=device) for n in (1000, size))
    assert large.refresh_seconds is not None
    interval = EtragOptions().refresh_interval
    yield Row(
        f"ETRAG step, shortlist of {size:,}",
        "shortlist of 1,000",
        small.step_seconds,
        large.step_seconds,
        floor=1.2,
        higher_is_better=False,
        note=f"a refresh takes {large.refresh_seconds:.0f} s, {large.refresh_seconds / interval:.2f} s per step at one "
        f"every {interval} steps; recall@10 {large.recall:.3f}",
    )


@contextmanager
def random_t5() -> Iterator[Path]:
    """A folder with a T5 of t5-small's shape, random weights and MiniLM's tokenizer: its cost, not its knowledge."""
    from transformers import AutoTokenizer, T5Config, T5ForConditionalGeneration

    tokenizer = AutoTokenizer.from_pretrained(resolve("minilm").path)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=512, d_ff=2048, d_kv=64, num_layers=6, num_heads=8,
        feed_forward_proj="gated-gelu", decoder_start_token_id=tokenizer.pad_token_id,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.sep_token_id,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, Quiet():
        T5ForConditionalGeneration(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        yield Path(folder)


class StockedRagText(RagText):
    """Queries are encoded, the database is not."""

    def retriever(self) -> DenseRetriever:
        device = self.context.device
        encode = sentence_encoder(self.context.models.encoder, device)
        return DenseRetriever(encode, lambda instances: clustered(len(instances), WIDTH, seed=0).to(device))


class StockedEncoder(SpanEncoder):
    """Queries and candidates are encoded, the database is not."""

    _vectors = torch.empty(0)

    def encode_all(self, instances: Sequence[Instance], *, labelled: bool) -> Tensor:
        if not labelled:
            return super().encode_all(instances, labelled=False)
        if len(self._vectors) < len(instances):
            spans = clustered(len(instances), SPANS * self.width, seed=0).unflatten(1, (SPANS, self.width))
            self._vectors = functional.normalize(spans, dim=2).to(next(self.parameters()).device)
        return self._vectors[: len(instances)]


class StockedEtrag(Etrag):
    """ETRAG over synthetic vectors."""

    def retriever(self, train: Sequence[Instance]) -> StockedEncoder:
        return StockedEncoder(self.context.models, self.context.schema, [], self.autocast)


def _refresh_seconds(method: Etrag) -> float:
    """Encoding the whole database (extrapolated from a sample of it) and indexing it again."""
    pools = method.conditioner.pools
    _, values = pools.refresh()
    sample = pools.store.instances[:256]
    started = time.perf_counter()
    SpanEncoder.encode_all(pools.retriever, sample, labelled=True)
    encoding = (time.perf_counter() - started) * len(pools.store) / len(sample)
    started = time.perf_counter()
    pools.store.refresh(pools.nearness.prepare(values), values, indexed=pools.store.indexed)
    return encoding + time.perf_counter() - started


# Methods whose database would have to be encoded first, and what encoding it again costs where it moves.
STOCKED: dict[str, type[GenerativeMethod]] = {"rag_text": StockedRagText, "etrag": StockedEtrag}
REFRESH: dict[str, Callable[[Any], float]] = {"etrag": _refresh_seconds}


def _database(corpus: Dataset, size: int, tokens: int | None) -> list[Instance]:
    base = _lengthened(corpus.train, tokens)
    return [base[n] if n < len(base) else replace(base[n % len(base)], id=f"copy-{n}") for n in range(size)]


def _lengthened(instances: Sequence[Instance], tokens: int | None) -> list[Instance]:
    """Sentences repeated up to ``tokens`` words behind their entities, where they are shorter."""
    if tokens is None:
        return list(instances)
    return [
        replace(i, tokens=tuple(itertools.islice(itertools.cycle(i.tokens), max(tokens, len(i.tokens)))))
        for i in instances
    ]
