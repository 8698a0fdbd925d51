"""Only regular files are read, and no more of them than allowed."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.records import prediction_lines
from bench.records.prediction_lines import read_lines
from bench.regular import open_regular, read_regular

LINE = {"id": "t", "gold": "a", "predicted": "a", "scores": {"a": -0.5}, "neighbours": None}


def test_a_file_up_to_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_regular(tmp_path / "file", 4)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/", "fifo"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="is no regular file"):
        open_regular(tmp_path / name, 100)


@pytest.mark.parametrize("name", ["a\0b", "a" * 300])
def test_a_name_that_no_file_has_is_an_oserror(name: str) -> None:
    with pytest.raises(OSError, match="name"):
        open_regular(Path(name), 100)


@pytest.mark.parametrize(("limit", "message"), [("MOST_TEXT", "unpacked"), ("MOST_PACKED", "larger than")])
def test_a_compressed_file_is_read_up_to_a_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, message: str
) -> None:
    path = tmp_path / "lines.jsonl.gz"
    path.write_bytes(gzip.compress((json.dumps(LINE) + "\n").encode() * 1000))
    assert len(list(read_lines(path))) == 1000
    monkeypatch.setattr(prediction_lines, limit, 100)
    with pytest.raises(StoreError, match=message):
        list(read_lines(path))


def test_a_line_without_an_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_lines, "MOST_LINE", 50)
    path = tmp_path / "lines.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(LINE).encode()))
    with pytest.raises(StoreError, match="is broken"):
        list(read_lines(path))
