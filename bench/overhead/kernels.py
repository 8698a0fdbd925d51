"""The hot paths against `plain`: one function per path, each giving rows with the floors that must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import faiss
import numpy as np
import torch
from rank_bm25 import BM25Okapi
from torch import Tensor

from bench.data.corpora.semeval import RELATIONS
from bench.data.corpora.tacred import TACRED
from bench.data.verbalise import load_verbalisations
from bench.overhead import plain
from bench.overhead.measure import Row, medians, peak_bytes
from methods.etrag.distances import Nearness
from methods.etrag.relaxed_knn import select
from methods.parts.generation.generator import EncoderInput, build_generator
from methods.parts.generation.label_scoring import LabelScorer
from methods.parts.generation.targets import Targets
from methods.parts.retrieval.bm25 import CompiledBM25, largest
from methods.parts.retrieval.vector_search import VectorIndex, exact
from methods.settings import Models, Scoring
from methods.types import Instance, RelationSchema, Span

K = 10
SCORE_SPREAD = 0.05  # standard deviation over a query's candidates: 0.04 to 0.07 in the SemEval and FewRel records
BM25_DOCUMENTS, BM25_VOCABULARY = 68_000, 30_000
QUERIES, WIDTH = 256, 384


def clustered(count: int, width: int, seed: int) -> Tensor:
    """Unit vectors [count, width] around a thousand centres, the same centres for every seed: what sentence
    embeddings are like, and what makes an inverted file work."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(1000, width, generator=torch.Generator().manual_seed(9))
    vectors = torch.randn(count, width, generator=generator).mul_(0.7)
    vectors += centres[torch.randint(1000, (count,), generator=generator)]
    return vectors.div_(vectors.norm(dim=1, keepdim=True))


def selection() -> Iterator[Row]:
    """Forward and backward of the soft selection, k = 10. At t = 0.001 weights and exponentials underflow."""
    for temperature in (1.0, 0.01, 0.001):
        yield _selection(16, 5000, temperature, floor=4, repeats=20)
    for temperature in (1.0, 0.01):
        yield _selection(64, 50_000, temperature, floor=8, repeats=3)


def _selection(batch: int, size: int, temperature: float, floor: float, repeats: int) -> Row:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(batch, size, generator=generator) * SCORE_SPREAD
    upstream = torch.randn(batch, K, size, generator=generator)

    def run(choose: Callable[..., Tensor]) -> None:
        leaf = scores.clone().requires_grad_()
        choose(leaf, K, temperature).backward(upstream)

    ways = partial(run, plain.select), partial(run, select)
    theirs, ours = medians(*ways, repeats=repeats, rounds=1 if repeats < 5 else 5)
    memory = [peak_bytes(way, 1 if repeats < 5 else 5) for way in ways]
    return Row(
        f"selection {batch} x {size:,}, t = {temperature:g}",
        "in-place slices, autograd",
        theirs,
        ours,
        floor=floor,
        memory_ratio=memory[0] / memory[1],
        memory_floor=5,
        note=f"peak {memory[0] / 2**20:.1f} against {memory[1] / 2**20:.1f} MiB",
    )


def distances() -> Iterator[Row]:
    """Mean cosine over 3 spans, 16 x 5,000 x 768: forward and backward; memory of the forward pass."""
    generator = torch.Generator().manual_seed(0)
    queries, database = torch.randn(16, 3, 768, generator=generator), torch.randn(5000, 3, 768, generator=generator)
    upstream = torch.randn(16, 5000, generator=generator)
    nearness = Nearness()
    prepared = nearness.prepare(database)

    def run(compare: Callable[[Tensor, Tensor], Tensor], instances: Tensor, learn: bool) -> None:
        leaf, other = queries.clone().requires_grad_(), instances.clone().requires_grad_() if learn else instances
        compare(leaf, other).backward(upstream)

    def forward(compare: Callable[[Tensor, Tensor], Tensor], instances: Tensor) -> None:
        with torch.no_grad():
            compare(queries, instances)

    ways = (plain.cosine, database), (nearness.compare, database), (nearness.scores, prepared)
    seconds = medians(*(partial(run, way, x, way != nearness.scores) for way, x in ways), repeats=1, rounds=1)
    memory = [peak_bytes(partial(forward, way, x), 1) for way, x in ways]
    for name, mine, used in (("raw vectors", 1, memory[1]), ("cached vectors", 2, memory[2])):
        yield Row(
            f"cosine over 3 spans, 16 x 5,000 x 768, {name}",
            "broadcasting",
            seconds[0],
            seconds[mine],
            floor=30,
            memory_ratio=memory[0] / used,
            memory_floor=100,
            note=f"forward peak {memory[0] / 2**20:.0f} against {used / 2**20:.1f} MiB",
        )


def bm25() -> Iterator[Row]:
    """Top 10 of 68,000 documents of about 35 words, Zipf-distributed; queries are documents too."""
    random = np.random.default_rng(0)
    share = 1 / np.arange(1, BM25_VOCABULARY + 1)
    lengths = random.integers(20, 51, BM25_DOCUMENTS)
    words = random.choice(BM25_VOCABULARY, size=int(lengths.sum()), p=share / share.sum())
    documents = [[f"w{w}" for w in part] for part in np.split(words, lengths.cumsum()[:-1])]
    library, compiled = BM25Okapi(documents), CompiledBM25(documents)
    queries = documents[:2]

    def ours() -> list[list[int]]:
        return [largest(compiled.scores(q), K) for q in queries]

    def theirs() -> list[list[int]]:
        return [plain.bm25_top(library, q, K).tolist() for q in queries]

    same = ours() == theirs() and all(np.array_equal(compiled.scores(q), library.get_scores(q)) for q in queries)
    seconds = medians(theirs, ours, repeats=1, rounds=1)
    yield Row(
        f"BM25 top 10 of {BM25_DOCUMENTS:,} documents, per query",
        "BM25Okapi.get_scores and argsort",
        seconds[0] / len(queries),
        seconds[1] / len(queries),
        floor=200,
        failures=() if same else ("scores or rows differ",),
        note="scores bit-identical" if same else "",
    )


def label_scoring() -> Iterator[Row]:
    """64 instances together against one instance and one label prefix at a time, MiniLM pair, 37 tokens. Texts are
    tokenised and planned anew in each call."""
    yield _labels("42 relations", load_verbalisations("tacred", TACRED), 25)
    yield _labels("19 relations", load_verbalisations("semeval", RELATIONS), 8)
    # Such labels (`per city of birth`) branch several tokens deep, the verbalisations at the first one.
    yield _labels("42 relations, names as labels", {name: re.sub("[:_/]", " ", name) for name in TACRED}, 25)
    yield _labels("42 templates", load_verbalisations("tacred", TACRED, "template"), 25, template=True)


def _labels(title: str, texts: Mapping[str, str], floor: float, *, template: bool = False) -> Row:
    torch.manual_seed(0)
    schema = RelationSchema(tuple(texts), texts, template=template)
    generator = build_generator(Models(memory="sentence"), list(texts.values()), [], open_vocabulary=template).eval()
    batch = [Instance(f"{n}", ("Mary", "Ann", f"{n}", "Acme", "Ltd"), Span(0, 3), Span(3, 5), "") for n in range(64)]
    ids = torch.randint(1000, 20_000, (64, 37))
    mask, admitted = torch.ones_like(ids, dtype=torch.bool), np.ones((64, len(texts)), dtype=bool)

    def targets() -> Targets:  # anew for each call: it remembers what it tokenised, a scorer what it planned
        return Targets(generator.tokenise, schema, 64, "minilm")

    def ours() -> Tensor:
        with torch.inference_mode():
            memory = generator.encode(EncoderInput(ids, mask))
            return LabelScorer(generator, targets(), Scoring()).scores(memory, batch, admitted)

    def theirs() -> Tensor:
        with torch.inference_mode():
            memory = generator.encode(EncoderInput(ids[:1], mask[:1]))
            return plain.label_scores(generator, memory, targets()(batch[0]))

    difference = float((ours()[0] - theirs()).abs().max())
    seconds = medians(theirs, ours, repeats=2)
    return Row(
        f"label scoring, {title}, per instance",
        "one instance, one label prefix at a time",
        seconds[0],
        seconds[1] / len(ids),
        floor=floor,
        failures=() if difference <= 1e-5 else (f"scores differ by {difference:.1e}",),
        note=f"largest difference {difference:.1e}, peak {peak_bytes(ours, 1) / 2**20:.0f} MiB",
    )


def search(size: int) -> Iterator[Row]:
    """Exact and approximate top 10 of 256 queries against FAISS's exact index with its BLAS threshold tuned."""
    faiss.cvar.distance_compute_blas_threshold = 20  # a tuned baseline
    queries, database = clustered(QUERIES, WIDTH, seed=1), clustered(size, WIDTH, seed=0)
    flat = faiss.IndexFlatIP(WIDTH)
    flat.add(database.numpy())
    index = VectorIndex(database, exact_below=1)
    plain_queries = queries.numpy()
    values, rows = exact(queries, database, K)
    expected, order = (torch.from_numpy(x) for x in flat.search(plain_queries, K))
    _, found = index.search(queries, K)
    seconds = medians(
        lambda: flat.search(plain_queries, K),
        lambda: exact(queries, database, K),
        lambda: index.search(queries, K),
        repeats=2,
        rounds=2,
    )
    # Two libraries add in different orders: rows may only differ where the values do not.
    swapped = (rows != order) & ((values - expected).abs() > 1e-5)
    recall = float((rows.unsqueeze(2) == found.unsqueeze(1)).any(2).float().mean())
    where = f"{size:,} x {WIDTH}, {QUERIES} queries"
    yield Row(
        f"exact top 10 of {where}",
        "IndexFlatIP, BLAS threshold 20",
        seconds[0],
        seconds[1],
        floor=1,
        failures=("another result",) if bool(swapped.any()) else (),
        note=f"the same row in {float((rows == order).float().mean()):.2%} of places",
    )
    yield Row(
        f"inverted file, top 10 of {where}",
        "IndexFlatIP, BLAS threshold 20",
        seconds[0],
        seconds[2],
        floor=10,
        failures=() if recall >= 0.97 else (f"recall {recall:.3f}, at least 0.97 is wanted",),
        note=f"recall@10 {recall:.4f}",
    )
