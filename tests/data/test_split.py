from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.split import hold_out, ids_hash, relation_counts, subset
from methods.types import Instance, Span

# A loaded machine is slow at times; that is no failure.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def make(counts: dict[str, int]) -> tuple[Instance, ...]:
    """Instances of several relations, interleaved."""
    rows = [(n, relation) for relation, count in counts.items() for n in range(count)]
    return tuple(
        Instance(f"{relation}-{n}", ("a", "b", str(n)), Span(0, 1), Span(1, 2), relation)
        for n, relation in sorted(rows)
    )


counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 60), min_size=1)
ratios = st.floats(0, 1, exclude_min=True)
draws = st.integers(0, 5)


@given(counts, ratios, ratios, draws)
@relaxed
def test_nested(counts, one, other, draw):
    instances = make(counts)
    small, large = (subset(instances, ratio, draw) for ratio in sorted((one, other)))
    assert set(small) <= set(large)


@given(counts, ratios, draws)
@relaxed
def test_stratified_in_corpus_order(counts, ratio, draw):
    instances = make(counts)
    chosen = subset(instances, ratio, draw)
    assert Counter(i.relation for i in chosen) == {r: max(1, math.floor(n * ratio + 0.5)) for r, n in counts.items()}
    assert list(chosen) == [i for i in instances if i in set(chosen)]


@given(counts, ratios, draws, st.randoms())
@relaxed
def test_independent_of_the_input_order_and_of_other_relations(counts, ratio, draw, random):
    instances = make(counts)
    chosen = set(subset(instances, ratio, draw))
    shuffled = list(instances)
    random.shuffle(shuffled)
    assert set(subset(shuffled, ratio, draw)) == chosen
    relation = instances[0].relation
    alone = [i for i in instances if i.relation == relation]
    assert set(subset(alone, ratio, draw)) == {i for i in chosen if i.relation == relation}


def test_the_whole_corpus_and_none():
    instances = make({"a": 5, "b": 3})
    assert subset(instances, 1, 0) == subset(instances, 1.0, 9) == instances
    assert subset((), 0.1, 0) == ()


def test_follows_the_documented_rank():
    instances = make({"a": 30})
    rank = {i.id: hashlib.sha256(json.dumps(["dev", 4, "a", i.id]).encode()).digest() for i in instances}
    assert {i.id for i in subset(instances, 0.1, 4, salt="dev")} == set(sorted(rank, key=rank.__getitem__)[:3])


def test_draws_and_salts_differ():
    instances = make({"a": 100})
    chosen = [subset(instances, 0.1, 0), subset(instances, 0.1, 1), subset(instances, 0.1, 0, salt="dev")]
    assert len(set(chosen)) == 3


def test_the_same_in_another_process():
    code = (
        "from tests.data.test_split import make; from bench.data.split import subset;"
        "print([i.id for i in subset(make({'a': 40, 'b': 7}), 0.2, 3)])"
    )
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": str(root)}
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == str([i.id for i in subset(make({"a": 40, "b": 7}), 0.2, 3)])


@pytest.mark.parametrize("ratio", [0, -0.1, 1.5, float("nan"), float("inf")])
def test_ratio_outside_the_range(ratio):
    with pytest.raises(ValueError, match=r"ratio must lie in \(0, 1\], got"):
        subset(make({"a": 3}), ratio, 0)


def test_duplicate_ids():
    with pytest.raises(ValueError, match="not unique: a-0"):
        subset(make({"a": 1}) * 2, 0.5, 0)


@given(counts, st.floats(0.01, 0.99))
@relaxed
def test_hold_out(counts, share):
    instances = make(counts)
    kept, held = hold_out(instances, share, "dev")
    assert set(kept) | set(held) == set(instances)
    assert not set(kept) & set(held)
    assert {i.relation for i in kept} == set(counts)
    held_counts = Counter(i.relation for i in held)
    assert all(held_counts[r] == min(n - 1, math.floor(n * share + 0.5)) for r, n in counts.items())


@pytest.mark.parametrize("share", [0, 1, float("nan")])
def test_hold_out_share_outside_the_range(share):
    with pytest.raises(ValueError, match="share must lie in"):
        hold_out((), share, "dev")


def test_ids_hash_depends_on_split_and_order():
    hashes = {
        ids_hash(["a", "b"], ["c"]),
        ids_hash(["a"], ["b", "c"]),
        ids_hash(["b", "a"], ["c"]),
        ids_hash(["ab"], []),
    }
    assert len(hashes) == 4
    assert ids_hash(("a", "b"), iter(["c"])) == hashlib.sha256(b'[["a", "b"], ["c"]]').hexdigest()


def test_counts():
    instances = make({"a": 2, "b": 1})
    assert relation_counts(instances, ("b", "a", "z")) == {"b": 1, "a": 2, "z": 0}
