"""Every registered method, the miniature plugin and the example of CONTRIBUTING.md keep every clause of the contract.
What the methods of this project promise beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from methods.base import MethodError
from methods.registry import METHODS
from methods.testing import CLAUSES, Clause, Trial, corpus, examine
from methods.testing.trial import CONTEXT
from tests.conftest import MINI_PLUGIN, ROOT

BUILT_IN = tuple(METHODS._builtin)
NAMES = (*METHODS.targets(), "mini", "mini_plain", "word_vote")
ENTRY_POINTS = "[bench.methods]\nword_vote = word_vote:WordVote\n"


def example() -> str:
    """The method that CONTRIBUTING.md shows, and calls complete."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", page.partition("## Add a method")[2], re.DOTALL)
    assert found
    assert ENTRY_POINTS.splitlines()[1] == re.sub('"', "", page[page.index('word_vote = "') :].partition("\n")[0])
    return found[1]


@pytest.fixture(scope="module", autouse=True)
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The miniature plugin and the example are installed; the folder of the latter."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "word_vote.py").write_text(example(), encoding="utf-8")
    about = folder / "word_vote-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: word-vote\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(MINI_PLUGIN)
        patch.syspath_prepend(folder)
        yield folder


@cache
def trial(name: str) -> Trial:
    """One for all clauses: they share its trainings."""
    return Trial(METHODS.load(name))


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_the_contract(name: str, clause: Clause) -> None:
    assert examine(clause, trial(name)) == ""


def test_the_example_has_a_version(plugins: Path) -> None:
    assert METHODS.version("word_vote").startswith("word-vote==1.0 sha256:")


# Beyond the contract.


@pytest.mark.parametrize("name", BUILT_IN)
def test_options_are_found_without_the_method(name: str) -> None:
    assert METHODS.options(name) is METHODS.load(name).Options


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_option_is_described(name: str) -> None:
    assert [key for key, field in METHODS.options(name).model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("name", "unused"),
    [
        ("no_retrieval", {"encoder", "instance_encoder", "instance_encoder_lora"}),
        ("rag_text", {"instance_encoder", "instance_encoder_lora"}),
        ("rag_bm25", {"encoder", "instance_encoder", "instance_encoder_lora"}),
        ("rag_random", {"encoder", "instance_encoder", "instance_encoder_lora"}),
        ("etrag", {"encoder"}),
    ],
)
def test_which_models_a_method_uses(name: str, unused: set[str]) -> None:
    assert set(type(CONTEXT.models).model_fields) - set(METHODS.options(name).uses) == unused


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_k_stands_for_neighbours(name: str) -> None:
    assert (trial(name).first.prediction.neighbours is not None) == ("k" in METHODS.options(name).model_fields)


@pytest.mark.parametrize("name", BUILT_IN)
def test_probabilities_sum_to_one(name: str) -> None:
    scores = trial(name).first.prediction.scores
    assert np.allclose(np.exp(scores).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_seed_matters(name: str) -> None:
    other = trial(name).fit(context=replace(CONTEXT, seed=4))
    assert not np.array_equal(other.prediction.scores, trial(name).first.prediction.scores)


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_empty_training_set_is_named(name: str) -> None:
    with pytest.raises(MethodError, match="training subset is empty"):
        trial(name).fit([], [])


@pytest.mark.parametrize("name", [name for name in BUILT_IN if "k" in METHODS.options(name).model_fields])
def test_an_instance_is_no_neighbour_of_its_own_so_k_are_too_few(name: str) -> None:
    with pytest.raises(MethodError, match=r"k = 5 .*5"):
        Trial(METHODS.load(name), METHODS.options(name)(k=5)).fit(corpus.TRAIN[:5], [])


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_database_is_swapped_exactly_where_neighbours_are_retrieved(name: str) -> None:
    taken, before, between, _ = trial(name).swapped
    assert taken == (before.neighbours is not None)
    assert np.allclose(between.scores, before.scores, atol=1e-6) != taken


@pytest.mark.parametrize("name", [name for name in BUILT_IN if "k" in METHODS.options(name).model_fields])
def test_too_small_a_database_is_named(name: str) -> None:
    with pytest.raises(MethodError, match=r"k = \d+ .*has 1"):
        trial(name).fit().method.swap_datastore(corpus.FOREIGN[:1])


@pytest.mark.parametrize("name", [name for name in BUILT_IN if "k" in METHODS.options(name).model_fields])
def test_whatever_is_shown_gives_other_scores(name: str) -> None:
    fitted, retrieved, found, _ = trial(name).shown
    others = [[i for i in corpus.TRAIN[::-1] if i not in near][: len(near)] for near in retrieved]
    predictions = [*found.values(), fitted.method.predict_with(corpus.TEST, others)]
    scores = [prediction.scores for prediction in predictions if prediction is not None]
    assert len(scores) == (5 if found["mean"] else 4)  # text has no mean
    for one, mine in enumerate(scores):
        assert not any(np.allclose(mine, other, atol=1e-6) for other in scores[:one])


@pytest.mark.parametrize("name", [name for name in BUILT_IN if "k" in METHODS.options(name).model_fields])
def test_what_is_shown_is_refused_by_name(name: str) -> None:
    fitted, retrieved, *_ = trial(name).shown
    method, k = fitted.method, len(retrieved[0])
    with pytest.raises(ValueError, match="instance train-0 is shown to itself"):
        method.predict_with(corpus.TRAIN[:1], [corpus.TRAIN[:k]])
    with pytest.raises(ValueError, match=rf"1 neighbours, expected k = {k}"):
        method.predict_with(corpus.TEST[:1], [corpus.TRAIN[:1]])
    with pytest.raises(ValueError, match="neighbours of 1 instances, expected 11"):
        method.predict_with(corpus.TEST, retrieved[:1])
