"""Whether the positions of entities hold the names that a corpus gives them: the sign of a shifted position."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.data.corpora.rows import cut
from bench.errors import DataError

EXAMPLES = 3
MOST, LEAST = 0.5, 5  # refused: more than this share of the named instances, and at least so many
CAUSES = (
    "are positions half-open (else inclusive=true), and counted in tokens for `token`, in characters (Unicode code "
    "points) for `text`, not in UTF-16 units (JavaScript, Java) or bytes?"
)
_UNITS = {"UTF-16 units": ("utf-16-le", 2), "UTF-8 bytes": ("utf-8", 1)}


@dataclass
class Names:
    """``named``: instances that name an entity; ``wrong`` ones of them have other words at a position; ``fits``: how
    many of those would be right in another unit; ``examples``: (id, name, words)."""

    named: int = 0
    wrong: int = 0
    fits: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str, str]] = field(default_factory=list)

    def compare(
        self,
        instance: str,
        names: Sequence[str],
        words: Sequence[str],
        text: str = "",
        places: Sequence[Sequence[int]] = (),
    ) -> None:
        """Take the names ('' where there is none) and the words at their positions. ``text`` and ``places``: where the
        words are characters of a text, half-open."""
        self.named += any(names)
        wrong = [pair for pair in zip(names, words, strict=True) if pair[0] and letters(pair[0]) != letters(pair[1])]
        if not wrong:
            return
        self.wrong += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append((instance, *wrong[0]))
        for unit, (encoding, width) in _UNITS.items() if places else ():
            raw = text.encode(encoding)
            read = [raw[start * width : end * width].decode(encoding, "replace") for start, end in places]
            self.fits[unit] += all(not n or letters(n) == letters(w) for n, w in zip(names, read, strict=True))

    def remarks(self, total: int) -> list[str]:
        """A sentence for the card and below the tables. Names of another form are no mistake, shifted positions are."""
        if not self.wrong:
            return []
        return [
            f"{self.wrong} of {total} instances have an entity whose name is not the words at its position; {CAUSES}"
        ]

    def settle(self, check: bool) -> None:
        """Raises DataError where most instances are hit, unless names are not to be checked."""
        if not check or self.wrong < LEAST or self.wrong <= MOST * self.named:
            return
        shown = "; ".join(f"{name}: name {cut(given)} against {cut(words)}" for name, given, words in self.examples)
        fits = "".join(f" Read as {unit}, {count} of them fit." for unit, count in self.fits.items() if count)
        raise DataError(
            f"{self.wrong} of {self.named} instances have an entity whose name is not the words at its position "
            f"({shown}); {CAUSES}{fits} If the names are no quotations, leave them unchecked "
            "(--set dataset.check_names=false)"
        )

    @property
    def counted(self) -> dict[str, object]:
        """For the corpus's card, where there is something to say."""
        return {"misplaced_names": {"instances": self.wrong, "of": self.named}} if self.wrong else {}


def letters(text: str) -> str:
    """A name as it can be compared: corpora lower-case names, join them by underscores, lose blanks between tokens."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(filter(str.isalnum, plain)) or "".join(plain.split())
