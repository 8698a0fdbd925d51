"""Miniature files of the TACRED family, written by schema. As a command, a full-sized one is read and measured:

    python -m tests.data.tacred_files [INSTANCES IN ALL]

(68,000 unless said otherwise; the whole of TACRED has 106,264) prints seconds and peak memory of `load_dataset`
without and with its cache entry, each in a process of its own.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.data.corpora.tacred import TACRED

TOKENS = ["Ann", "Lee", "is", "-LRB-", "the", "-RRB-", "mayor", "of", "Zürich", "."]


def record(name: str, relation: str = "per:title", tokens: Iterable[str] = TOKENS, **fields: Any) -> dict[str, Any]:
    """One record with all fields of the LDC's files; unless ``fields`` say otherwise, `Ann Lee` and `mayor`."""
    words = list(tokens)
    return {
        "id": name,
        "docid": "APW_ENG_20101103.0539",
        "relation": relation,
        "token": words,
        "subj_start": 0,
        "subj_end": 1,
        "obj_start": 6,
        "obj_end": 6,
        "subj_type": "PERSON",
        "obj_type": "TITLE",
        "stanford_pos": ["NN"] * len(words),
        "stanford_ner": ["O"] * len(words),
        "stanford_head": list(range(len(words))),
        "stanford_deprel": ["dep"] * len(words),
        **fields,
    }


def write(folder: Path, files: Mapping[str, Any]) -> Path:
    """``files``: name -> JSON content."""
    for name, content in files.items():
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def ldc(train: Iterable[str] = ("a", "b"), dev: Iterable[str] = ("c",), test: Iterable[str] = ("d",)) -> dict[str, Any]:
    """The three files of the LDC with records of these ids, all per:title."""
    return {f"{split}.json": [record(name) for name in names] for split, names in
            (("train", train), ("dev", dev), ("test", test))}  # fmt: skip


def large(size: int, seed: int = 0) -> Iterable[dict[str, Any]]:
    """Records as long as TACRED's (36 tokens on average) over a vocabulary of 60,000 words."""
    rng = random.Random(seed)
    vocabulary = [f"word{number}" for number in range(60_000)]
    weights = [1 / (rank + 5) for rank in range(len(vocabulary))]
    drawn = iter(rng.choices(vocabulary, weights, k=46 * size + 100))
    for number in range(size):
        length = rng.randint(26, 46)
        tokens = [next(drawn) for _ in range(length)]
        spans = {"subj_start": 2, "subj_end": 3, "obj_start": length - 3, "obj_end": length - 3}
        yield record(f"61b3a65f{seed:03d}{number:09d}", rng.choice(TACRED), tokens, **spans)


_MEASURED = """
import resource, sys, time
from pathlib import Path
from bench.data import load_dataset
import bench.data.corpora.tacred
start, busy = time.perf_counter(), time.process_time()
dataset = load_dataset("tacred", Path(sys.argv[1]), {})
loaded, busy = time.perf_counter(), time.process_time() - busy
dataset.content_hash
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{len(dataset.train)} + {len(dataset.dev)} + {len(dataset.test)} instances: "
      f"{loaded - start:.2f} s ({busy:.2f} s of CPU), content hash {time.perf_counter() - loaded:.2f} s, "
      f"peak {peak:.0f} MiB")
"""


def main(size: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dev, test = round(size * 0.21), round(size * 0.15)  # TACRED's shares
        parts = {"train": size - dev - test, "dev": dev, "test": test}
        write(folder, {f"{split}.json": list(large(n, seed)) for seed, (split, n) in enumerate(parts.items())})
        print(f"input: {sum(path.stat().st_size for path in folder.iterdir()) / 2**20:.0f} MiB")
        for what in ("without an entry", "from the cache"):
            done = subprocess.run(
                [sys.executable, "-c", _MEASURED, name],
                env=os.environ | {"BENCH_CACHE": str(folder / "cache")}, check=True, capture_output=True, text=True,
            )  # fmt: skip
            print(f"{what}: {done.stdout.strip()}")
        entry = next((folder / "cache").iterdir())
        print(f"cache entry: {entry.stat().st_size / 2**20:.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 68_000)
