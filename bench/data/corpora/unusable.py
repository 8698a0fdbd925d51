"""Lines that cannot be used: all of them named at once, or left out and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from bench.data.corpora.rows import RowError
from bench.errors import DataError

OnError = Literal["refuse", "drop"]
NAMED = 3  # lines of each kind and file that a message names
HINT = "mend them, or leave them out by the option on_error (--set dataset.on_error=drop)"


@dataclass
class _Found:
    """Lines of one file with one kind of mistake: how many, the first numbers, the first message."""

    message: str
    count: int = 0
    numbers: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        first = ", ".join(map(str, self.numbers))
        return f"{first} and {self.count - NAMED} more" if self.count > NAMED else first


@dataclass
class Unusable:
    """Collects the unusable lines of a corpus, by kind and file, in the order in which they are found."""

    on_error: OnError = "refuse"
    found: dict[str, dict[str, _Found]] = field(default_factory=dict)

    @contextmanager
    def catching(self, file: str, number: int) -> Iterator[None]:
        """A RowError within it is that of line ``number`` of ``file``, and goes no further."""
        try:
            yield
        except RowError as error:
            self.add(file, number, error)

    def add(self, file: str, number: int, error: RowError) -> None:
        found = self.found.setdefault(error.kind, {}).setdefault(file, _Found(str(error)))
        found.count += 1
        if len(found.numbers) < NAMED:
            found.numbers.append(number)

    @property
    def by_file(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for files in self.found.values():
            for file, found in files.items():
                counts[file] = counts.get(file, 0) + found.count
        return counts

    def settle(self) -> Mapping[str, int]:
        """Lines that were left out, by kind and file. Raises DataError that names them all, unless they are dropped."""
        if self.found and self.on_error == "refuse":
            raise DataError(self._refusal())
        return {f"{kind} in {file}": found.count for kind, files in self.found.items() for file, found in files.items()}

    def _refusal(self) -> str:
        if sum(self.by_file.values()) == 1:
            ((only,),) = (files.values() for files in self.found.values())
            return f"{only.message}; {HINT.replace('them', 'it')}"
        files = ", ".join(f"{count} of {file}" for file, count in self.by_file.items())
        kinds = []
        for kind, found in self.found.items():
            lines = ", ".join(f"{file} {lines}" for file, lines in found.items())
            kinds.append(f"{kind} ({lines}), the first: {next(iter(found.values())).message}")
        return f"unusable lines: {files}; {'; '.join(kinds)}; {HINT}"

    def remarks(self) -> list[str]:
        """A sentence for the card and below the tables; none where nothing was left out."""
        if not self.found:
            return []
        files = ", ".join(f"{count} of {file}" for file, count in self.by_file.items())
        return [f"unusable lines were left out (on_error=drop): {files}; sizes differ from those of the files"]
