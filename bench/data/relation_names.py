"""What the names of relations give away: a negative class that nobody named, and names that differ in spelling only."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

# As they are compared: without case, blanks and punctuation.
_NEGATIVE = frozenset(
    (
        *(
            "norelation",
            "norelations",
            "norel",
            "norelationship",
            "none",
            "noneoftheabove",
            "nota",
            "na",
            "null",
            "nil",
        ),
        *("no", "0", "false", "neg", "negative", "other", "others", "unknown", "unrelated"),
    )
)


def spelling_remarks(names: Sequence[str]) -> list[str]:
    """One sentence for all names that differ in case, blanks or Unicode form only."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        alike["".join(unicodedata.normalize("NFKC", name).casefold().split())].append(name)
    groups = [" / ".join(map(repr, group)) for group in alike.values() if len(group) > 1]
    if not groups:
        return []
    more = f" and {len(groups) - 5} more" if len(groups) > 5 else ""
    return [f"relations whose names differ in case, blanks or Unicode form only: {', '.join(groups[:5])}{more}"]


def negative_remarks(names: Sequence[str], negative: str | None) -> list[str]:
    """A question where a relation is called as negative classes are, and no option names one."""
    if negative is not None:
        return []
    found = [name for name in names if re.sub(r"[\W_]+", "", name.casefold()) in _NEGATIVE]
    if not found:
        return []
    called = ", ".join(map(repr, found))
    return [
        f"is {called} the negative class? The score counts it as a relation; --set dataset.negative={found[0]} leaves "
        "it out, as scores of such corpora do"
    ]
