"""Which of many texts contain a string."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np


class Texts:
    """Texts by row, and which of them contain some string: exactly as Python's `in`, without reading all for each.

    An occurrence of a string holds each of its words within one word of the text (words end at blanks alone). So only
    texts are read that have a word with the string's longest word in it, and none where the string is one word.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        distinct: dict[str, int] = {}  # the instances of a document share their text
        self._which = np.array([distinct.setdefault(text, len(distinct)) for text in texts], dtype=np.intp)
        self._distinct = list(distinct)
        places = defaultdict[str, list[int]](list)
        for n, text in enumerate(self._distinct):
            for word in dict.fromkeys(text.split(" ")):
                places[word].append(n)
        self._places = [np.array(found) for found in places.values()]
        self._words = " ".join(places)
        self._starts = np.cumsum([0, *(len(word) + 1 for word in places)]).tolist()
        self._found: dict[str, np.ndarray] = {}

    def __getitem__(self, row: int) -> str:
        return self._distinct[self._which[row]]

    def containing(self, strings: Iterable[str]) -> np.ndarray:
        """Boolean [texts]: which contain one of the strings."""
        held = np.zeros(len(self._distinct), dtype=bool)
        for string in strings:
            if string not in self._found:
                self._found[string] = self._search(string)
            held[self._found[string]] = True
        return held[self._which]

    def _search(self, string: str) -> np.ndarray:
        """The distinct texts that contain the string, by number."""
        longest = max(string.split(" "), key=len)
        near = np.zeros(len(self._distinct), dtype=bool)
        for word in self._words_with(longest):
            near[self._places[word]] = True
        found = np.flatnonzero(near)
        return found if longest == string else found[[string in self._distinct[n] for n in found]]

    def _words_with(self, part: str) -> Iterator[int]:
        """The words that contain a string without blanks, by number."""
        at = self._words.find(part)
        while at >= 0 and self._places:
            word = bisect_right(self._starts, at) - 1
            yield word
            at = self._words.find(part, self._starts[word + 1])
