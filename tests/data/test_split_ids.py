from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.split import subset
from bench.data.split_ids import with_split_ids
from bench.errors import ConfigError, DataError
from bench.records.record import Subsets
from bench.records.store import Store
from bench.run.plan import plan, plan_notes, subsets
from bench.settings.config import build
from methods.types import Instance, RelationSchema, Span
from tests.data.tacred_files import ldc, write
from tests.shared import DATA, needs

PUBLISHED = DATA / "tacred_splits"
needs_published = needs(PUBLISHED)
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


def corpus(train: list[str], dev: list[str]) -> Dataset:
    def part(ids: list[str]) -> tuple[Instance, ...]:
        return tuple(Instance(name, ("x", "y"), Span(0, 1), Span(1, 2), "r") for name in ids)

    schema = RelationSchema(("r",), {"r": "is r of"})
    return Dataset("toy", schema, "macro_f1_accuracy", part(train), part(dev), part(["test"]))


TOY = corpus(["t1", "t2", "t3", "t4"], ["d1", "d2"])


def lists(folder: Path, **files: str) -> Path:
    """``files``: train_0_5="t1 t2" -> train/0.5.split.txt, one id per line."""
    for key, ids in files.items():
        split, ratio = key.split("_", 1)
        name = f"{ratio.replace('_', '.')}.split.txt"
        path = folder / split / (name if split == "train" else f"dev.{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ids.replace(" ", "\n") + "\n")
    return folder


def ids(parts: tuple[tuple[Instance, ...], ...]) -> list[list[str]]:
    return [[i.id for i in part] for part in parts]


def test_a_folder_takes_the_place_of_our_rule(tmp_path):
    folder = lists(tmp_path, train_0_5="t4 t1", dev_0_5="d2", train_0_25="t3")
    dataset = with_split_ids(TOY, folder, (0.25, 0.5, 1.0))
    assert ids(subsets(dataset, 0.5, 0)) == [["t1", "t4"], ["d2"]]  # in the corpus' order
    assert ids(subsets(dataset, 0.25, 0)) == [["t3"], [i.id for i in subset(TOY.dev, 0.25, 0, salt="dev")]]
    assert subsets(dataset, 0.75, 1) == subsets(TOY, 0.75, 1)
    assert dataset.content_hash == TOY.content_hash
    with pytest.raises(ValueError, match=r"the published subset of ratio 0.5 is draw 0, not 1"):
        subsets(dataset, 0.5, 1)


def test_a_file_for_one_ratio(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("\ufefft2\r\n\r\n  d1 \n t1", encoding="utf-8")
    assert ids(subsets(with_split_ids(TOY, path, (0.3,)), 0.3, 0)) == [["t1", "t2"], ["d1"]]
    path.write_text("t2\nt1")
    assert ids(subsets(with_split_ids(TOY, path, (0.5,)), 0.5, 0))[0] == ["t1", "t2"]
    assert len(subsets(with_split_ids(TOY, path, (0.5,)), 0.5, 0)[1]) == 1
    with pytest.raises(DataError, match=r"mine.txt holds the ids of one subset; give one ratio"):
        with_split_ids(TOY, path, (0.1, 0.5))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train_0_5": "t1 x1 x2"}, r"0.5.split.txt: 2 of 3 ids are not in the train set of toy, the first is 'x1'"),
        ({"train_0_5": "t1", "dev_0_5": "t1"}, r"dev.0.5.split.txt: 1 of 1 ids are not in the dev set of toy"),
        ({"train_0_5": "t1 t2 t1"}, r"0.5.split.txt:3: id 't1' stands on line 1 already"),
        ({"train_0_5": ""}, r"0.5.split.txt: holds no id"),
        ({"train_0_5": "t1", "dev_0_5": ""}, r"dev.0.5.split.txt: holds no id"),
        ({"train_small": "t1"}, r"'small' is no ratio; expected a name such as 0.01.split.txt"),
        ({"train_2_0": "t1"}, r"'2.0' is no ratio"),
        ({"train_0_5": "t1", "train_0_50": "t1"}, "another file holds the same ratio"),
        ({"dev_0_5": "d1"}, r"holds no train/RATIO.split.txt"),
    ],
)
def test_unfit_folders(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        with_split_ids(TOY, lists(tmp_path, **files), (0.5,))


def test_unfit_files(tmp_path):
    path = tmp_path / "ids.txt"
    with pytest.raises(DataError, match=r"ids.txt: cannot be read"):
        with_split_ids(TOY, path, (0.5,))
    path.write_bytes(b"t1\n\xff")
    with pytest.raises(DataError, match=r"ids.txt: not UTF-8; expected one id per line"):
        with_split_ids(TOY, path, (0.5,))
    path.write_text("d1")
    with pytest.raises(DataError, match=r"ids.txt: no id of the train set of toy"):
        with_split_ids(TOY, path, (0.5,))


@given(st.data())
@relaxed
def test_exactly_the_listed_instances(tmp_path, data):
    names = [f"t{number}" for number in range(9)]
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    path = tmp_path / "ids.txt"
    path.write_text("\n".join(chosen))
    train, _ = subsets(with_split_ids(corpus(names, ["d"]), path, (0.5,)), 0.5, 0)
    assert [i.id for i in train] == sorted(chosen)


@needs_published
def test_the_published_subsets_of_tacred():
    train = (PUBLISHED / "train" / "0.1.split.txt").read_text().split()
    dev = (PUBLISHED / "dev" / "dev.0.1.split.txt").read_text().split()
    dataset = with_split_ids(corpus([*train, "another"], [*dev, "another dev one"]), PUBLISHED, (0.01, 0.1))
    sizes = {ratio: tuple(map(len, subsets(dataset, ratio, 0))) for ratio in dataset.published}
    assert sizes == {0.01: (682, 227), 0.05: (3407, 1133), 0.1: (6815, 2265)}
    with pytest.raises(
        DataError, match=r"1 of 682 ids are not in the train set of toy, the first is '61b3a65fb98db999f4cb'"
    ):
        with_split_ids(corpus(train[1:], dev), PUBLISHED, (0.01,))


@pytest.fixture
def mini_lists(mini: Path) -> Path:
    return lists(mini / "published", train_0_5=" ".join(f"train-{n}" for n in range(9)), dev_0_5="dev-0 dev-1")


def test_plan_and_notes(mini_preset: Path, mini_lists: Path) -> None:
    config = build(str(mini_preset), split_ids=mini_lists, draws="0-1", ratios="0.2,0.5")
    plain = load_dataset("mini", None, {})
    with pytest.raises(ConfigError, match="split_ids is set, but this command does not read it"):
        plan(config, plain)
    dataset = with_split_ids(plain, mini_lists, config.ratios)
    specs = plan(config, dataset)
    assert sorted({(spec.ratio, spec.draw) for spec in specs}) == [(0.2, 0), (0.2, 1), (0.5, 0)]
    ours = plan(build(str(mini_preset), draws="0-1", ratios="0.2,0.5"), plain)
    for ratio, same in ((0.2, True), (0.5, False)):
        pair = [next(s for s in some if (s.ratio, s.draw) == (ratio, 0)) for some in (specs, ours)]
        assert (pair[0].identity == pair[1].identity) is same
        assert {k for k in pair[0].identity if pair[0].identity[k] != pair[1].identity[k]} <= {"subset_hash"}
    assert plan_notes(config, specs, dataset) == [
        "ratio 0.2: no published subset; drawn by our rule (stratified by relation)",
        "ratio 0.5: the published subset of 0.5.split.txt and dev.0.5.split.txt (9 train, 2 dev instances), one draw",
        "ratio 0.5: draws 1 choose the same instances as an earlier draw and are not repeated; give several --seeds "
        "for a spread",
    ]
    without_dev = replace(dataset, published={0.5: replace(dataset.published[0.5], dev=None)})
    assert "(9 train instances, dev by our rule), one draw" in plan_notes(config, specs, without_dev)[1]
    with pytest.raises(ConfigError, match=r"ratio 0.5: its published subset is draw 0; add 0 to --draws"):
        plan(build(str(mini_preset), split_ids=mini_lists, draws="1"), dataset)


def test_the_flag(bench: Callable[..., int], mini_preset: Path, mini_lists: Path, capsys: pytest.CaptureFixture[str]):
    run = ("run", "--preset", str(mini_preset), "--split-ids", str(mini_lists))
    assert bench(*run, "--ratios", "0.5") == 0
    note = "the published subset of 0.5.split.txt and dev.0.5.split.txt (9 train, 2 dev instances), one draw"
    assert f"note: ratio 0.5: {note}" in capsys.readouterr().out
    store = Store(Path("results") / "mini-mini")
    manifest = store.read_manifest()
    assert manifest is not None
    assert f"ratio 0.5: {note}" in manifest["warnings"]
    assert manifest["config"]["dataset"]["split_ids"] == str(mini_lists)
    for one in store.records():
        assert one.subset_ids == Subsets(train=tuple(f"train-{n}" for n in range(9)), dev=("dev-0", "dev-1"))
    assert bench("run", "--preset", str(mini_preset), "--split-ids", "nowhere", "--ratios", "0.5") == 2
    assert "nowhere: cannot be read" in capsys.readouterr().err
    assert bench(*run, "--set", "dataset.split_ids=x") == 2
    assert "use the flag --split-ids" in capsys.readouterr().err


def test_tacred_from_the_command_line(bench: Callable[..., int], mini_preset: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BENCH_CACHE", "off")
    data = write(Path("ldc"), ldc(train=("a", "b", "c", "d"), dev=("e", "f"), test=("g",)))
    folder = lists(Path("published"), train_0_1="d b", dev_0_1="f")
    flags = ("--dataset", "tacred", "--data-dir", str(data), "--split-ids", str(folder))
    assert bench("run", "--preset", str(mini_preset), *flags, "--ratios", "0.1,1", "--out", "out") == 0
    assert {one.subset_ids.train for one in Store(Path("out")).records()} == {
        ("b", "d"), ("a", "b", "c", "d")
    }  # fmt: skip
