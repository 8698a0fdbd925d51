"""A run as large as TACRED's, made and measured:

    python -m tests.report.page.large_run [TEST INSTANCES [GROUPS]]

(15,000 and 1 unless said otherwise) writes a corpus of TACRED's shape and four methods' predictions (42 scores and 10
neighbours each, at random, which no compression likes) for GROUPS draws. It prints seconds and peak memory of `bench
report`, the size of its page and, where playwright and a Chromium are there, when the page paints first and when its
first instance is open.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.corpora.tacred import TACRED
from bench.records.store import Store
from tests.data.tacred_files import large, write
from tests.report.page.made_run import record

METHODS = ("no_retrieval", "rag_text", "rag_bm25", "etrag")

_MEASURED = """
import resource, sys, time
from bench.cli import main
start = time.perf_counter()
code = main(["report", sys.argv[1]])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"bench report: {time.perf_counter() - start:.1f} s ({time.process_time():.1f} s of CPU), peak {peak:.0f} MiB")
sys.exit(code)
"""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def predictions(dataset: Dataset, method: str, rng: random.Random) -> Iterator[dict[str, Any]]:
    ids = [i.id for i in dataset.train]
    for query in dataset.test:
        scores = {name: round(-10 * rng.random(), 6) for name in TACRED}
        near = [[name, round(rng.random(), 6)] for name in rng.choices(ids, k=10)]
        yield {
            "id": query.id,
            "gold": query.relation,
            "predicted": max(scores, key=scores.__getitem__),
            "scores": scores,
            "neighbours": None if method == "no_retrieval" else near,
        }


def make(folder: Path, size: int, groups: int) -> Path:
    """Corpus and run under ``folder``; the folder of the run."""
    parts = {"train": round(size * 4.4), "dev": 100, "test": size}  # TACRED has 68,124 and 15,509
    data = write(folder / "data", {f"{split}.json": list(large(n, at)) for at, (split, n) in enumerate(parts.items())})
    dataset, rng = load_dataset("tacred", data, {}), random.Random(0)
    store, ids = Store(folder / "run"), []
    for place in range(len(METHODS) * groups):
        method = METHODS[place % len(METHODS)]
        made = record(dataset, method, place, draw=place // len(METHODS))
        made.metrics["f1"] = rng.random()
        store.write(made, predictions(dataset, method, rng))
        ids.append(made.cell_id)
    source = {"name": "tacred", "data_dir": str(data)}
    config = {"preset": "large", "dataset": source, "methods": ["etrag"], "ratios": [1], "draws": [0], "seeds": [0]}
    store.write_manifest({"command": "large_run", "cells": ids, "config": config, "warnings": []})
    return store.out


def show(page: Path) -> str:
    """First paint and first open instance, in milliseconds after the start of navigation."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.wait_for_selector("#detail h3", timeout=120_000)
        opened, painted = tab.evaluate("performance.now()"), tab.evaluate(_PAINTED)
        browser.close()
    return f"first contentful paint {painted:.0f} ms, first instance open {opened:.0f} ms"


def main(size: int, groups: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.environ["BENCH_CACHE"] = str(Path(name) / "cache")
        out = make(Path(name), size, groups)
        subprocess.run([sys.executable, "-c", _MEASURED, str(out)], check=True)
        page = out / "report.html"
        print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")
        try:
            print(show(page))
        except ImportError:
            print("no playwright: paint is not measured")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
