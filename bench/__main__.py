"""`python -m bench`."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """The `bench` command."""
    # Read when the libraries are imported, so before anything else. Their bars would tear our display apart.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from bench.cli import main as command

    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:  # `bench list methods | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    return code


if __name__ == "__main__":
    sys.exit(main())
