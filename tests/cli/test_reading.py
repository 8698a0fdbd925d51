"""A folder from elsewhere is untrusted: no command that only reads a run opens the network, or what the run names."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench.records.run import Run
from tests.figures.made import AT_LEAST_ONE
from tests.report.stored import stored_run

Bench = Callable[..., int]
COMMANDS = [
    ["report", "runs/run"],
    ["inspect", "runs/run"],
    ["inspect", "runs/run", "--id", "test-1"],
    ["inspect", "runs/run", "--list", "wrong"],
    ["compare", "runs/run", "runs/run"],
    ["list", "runs", "--out", "runs"],
    ["figures", "figure.yaml", "--records", "runs", "--out", "out"],
    ["figures", "figure.yaml", "--records", "runs", "--plan"],
]
NAMED: dict[str, dict[str, Any]] = {
    "a corpus of the hub": {"name": "hub", "options": {"id": "attacker/corpus"}},
    "a folder": {"name": "jsonl", "data_dir": "FORBIDDEN"},
    "a device": {"name": "jsonl", "data_dir": "/dev/zero"},
    "subset ids": {"name": "mini", "split_ids": "FORBIDDEN/ids.txt"},
    "texts of relations": {"name": "synthetic", "options": {"verbalisations": "FORBIDDEN/texts.yaml"}},
    "texts beside us": {"name": "synthetic", "options": {"verbalisations": "FORBIDDEN.yaml"}},
    "a file at home": {"name": "synthetic", "options": {"verbalisations": "~/FORBIDDEN.yaml"}},
    "an address": {"name": "jsonl", "data_dir": "http://127.0.0.1/FORBIDDEN"},
}
# Runs every command of its argument and says which forbidden file was looked at, and where it connected to.
WATCHED = """
import json, sys
seen = []
def watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "glob.glob") and "FORBIDDEN" in str(arguments[0]):
        seen.append(f"{event} {arguments[0]}")
    if event in ("socket.connect", "socket.getaddrinfo"):
        seen.append(f"{event} {arguments}")
sys.addaudithook(watch)
from bench.cli import main
codes = [main(arguments) for arguments in json.loads(sys.argv[1])]
print("seen:", *seen, "codes:", *codes, sep="|")
"""


@pytest.fixture
def requests() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and the requests that it got."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_HEAD = do_POST = do_GET

        def log_message(self, *_: object) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


def naming(preset: Path, dataset: dict[str, Any]) -> None:
    """A run whose manifest names this corpus."""
    store = stored_run(preset, "runs/run", ratios="0.5", draws="0")
    manifest = store.read_manifest() or {}
    manifest["config"]["dataset"] = dataset
    store.write_manifest(manifest)


@pytest.mark.parametrize("dataset", NAMED.values(), ids=NAMED)
def test_no_command_that_reads_opens_what_a_run_names(
    mini_preset: Path, mini_environment: dict[str, str], requests: tuple[str, list[str]], dataset: dict[str, Any]
) -> None:
    naming(mini_preset, dataset)
    Path("FORBIDDEN").mkdir()
    for name in ("FORBIDDEN/ids.txt", "FORBIDDEN/texts.yaml", "FORBIDDEN.yaml"):
        Path(name).touch()
    Path("figure.yaml").write_text(AT_LEAST_ONE, encoding="utf-8")
    address, got = requests
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(COMMANDS)],
        env=mini_environment | {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen, codes = done.stdout.rpartition("seen:|")[2].split("codes:|")
    assert (seen, got) == ("", [])
    assert codes.split() == ["|".join("0" * len(COMMANDS))]


def test_a_flag_opens_what_the_run_names(bench: Bench, mini_preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    naming(mini_preset, {"name": "jsonl", "data_dir": "FORBIDDEN"})
    for command in ("report", "inspect"):
        assert bench(command, "runs/run") == 0
        assert "FORBIDDEN, which is opened with --as-run alone" in " ".join(capsys.readouterr().out.split())
        assert bench(command, "runs/run", "--as-run") == 0
        assert "FORBIDDEN is not a directory" in " ".join(capsys.readouterr().out.split())


def test_a_folder_that_the_user_names_needs_no_flag(mini_preset: Path) -> None:
    naming(mini_preset, {"name": "mini", "data_dir": "elsewhere"})
    run = Run.open(Path("runs/run"))
    assert run.corpus() == (None, "the run names elsewhere, which is opened with --as-run alone")
    found, why = run.corpus(Path())
    assert (found is not None, why) == (True, "")
