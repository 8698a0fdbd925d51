"""TACRED Revisited and Re-TACRED: whose labels, whose files."""

from __future__ import annotations

import re

import pytest

from bench.data import load_dataset
from bench.data.corpora.tacred import RETACRED, TACRED, VARIANTS
from bench.errors import DataError
from methods.types import Span
from tests.data.tacred_files import ldc, record, write


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", "off")


def read(folder, files, **options):
    return load_dataset("tacred", write(folder, files), options)


def test_both_forms_of_tacrev(tmp_path):
    base = ldc(train=("a",), dev=("b", "c"), test=("d", "e"))
    changes = {"dev": [{"id": "c", "relation": "no_relation"}], "test": [{"id": "d", "relation": "per:age"}]}
    full = {
        f"{split}_rev.json": [
            row | next((change for change in changes[split] if change["id"] == row["id"]), {})
            for row in base[f"{split}.json"]
        ]
        for split in changes
    }
    expected = [["per:title"], ["per:title", "no_relation"], ["per:age", "per:title"]]
    forms = {
        "whole": full,
        "patch": {f"{split}_patch.json": rows for split, rows in changes.items()},
        "labels in rev": {f"{split}_rev.json": rows for split, rows in changes.items()},
        "mapping": {f"{split}_rev.json": {r["id"]: r["relation"] for r in rows} for split, rows in changes.items()},
    }
    for name, revisions in forms.items():
        dataset = read(tmp_path / name, base | revisions, variant="tacrev")
        parts = (dataset.train, dataset.dev, dataset.test)
        assert [[i.relation for i in part] for part in parts] == expected, name
        assert (dataset.name, dataset.schema.names) == ("tacrev", TACRED)
        assert dataset.card["relabelled"] == ({} if name == "whole" else {"dev": 1, "test": 1})
        assert dataset.card["dropped"] == 0
    # Whole records need none of the LDC's files but train.json; labels alone do.
    for name in ("whole", "patch"):
        for split in changes:
            (tmp_path / name / f"{split}.json").unlink()
    assert len(load_dataset("tacred", tmp_path / "whole", {"variant": "tacrev"}).dev) == 2
    with pytest.raises(DataError, match=r"dev_patch.json holds labels only: dev.json of the LDC must lie"):
        load_dataset("tacred", tmp_path / "patch", {"variant": "tacrev"})


def test_a_patch_may_change_other_fields_too(tmp_path):
    patch = {"id": "c", "relation": "per:age", "obj_type": "NUMBER", "obj_start": 7, "obj_end": 8}
    files = ldc() | {"dev_patch.json": [patch], "test_patch.json": {"d": "per:title"}}
    (i,) = read(tmp_path, files, variant="tacrev").dev
    assert (i.relation, i.tail_type, i.tail) == ("per:age", "NUMBER", Span(7, 9))


def test_retacred_removes_what_has_no_label(tmp_path):
    files = ldc(train=("a", "b", "c"), dev=("d", "e"), test=("f",))
    files["train.json"][0]["relation"] = "org:city_of_headquarters"  # not among Re-TACRED's
    labels = {
        "train_id2label.json": {"c": "per:identity", "a": "org:city_of_branch"},
        "dev_id2label.json": {"d": "per:title"},
        "test_id2label.json": {"f": "no_relation"},
    }
    dataset = read(tmp_path / "one", files | labels, variant="retacred")
    assert [(i.id, i.relation) for i in dataset.train] == [("a", "org:city_of_branch"), ("c", "per:identity")]
    assert [(i.id, i.relation) for i in dataset.dev] == [("d", "per:title")]
    assert (dataset.name, dataset.schema.names) == ("retacred", RETACRED)
    assert dataset.card["dropped"] == 2
    assert dataset.card["removed"] == {"train": 1, "dev": 1, "test": 0}
    assert dataset.card["relabelled"] == {"train": 2, "dev": 0, "test": 1}
    assert dataset.card["read"]["train"] == 3
    elsewhere = {f"labels/v1/{name[:-14]}.json": content for name, content in labels.items()}
    again = read(tmp_path / "two", files | elsewhere, variant="retacred", revisions="labels/v1/{split}.json")
    assert again.content_hash == dataset.content_hash
    applied = {
        f"{split}.json": [record(i.id, i.relation) for i in part]
        for split, part in (("train", dataset.train), ("dev", dataset.dev), ("test", dataset.test))
    }
    patched = read(tmp_path / "three", applied, variant="retacred", revisions="{split}.json")
    assert patched.content_hash == dataset.content_hash


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"id": "zz", "relation": "per:age"}], ": 1 of 1 ids are not in dev.json, the first is 'zz'"),
        ([{"id": "c", "relation": "per:agee"}], ": record 1: field relation: .*; did you mean 'per:age'"),
        ([{"id": "c"}], ": record 1: field relation: found none"),
        ({"c": 5}, ": record 1: field relation: found 5"),
        ({}, ":1: expected a list of records, found an empty object"),
        ([], ":1: expected a list of records, found an empty list"),
        ("x", ":1: expected a list of records, found text"),
        ([{"id": "c", "relation": "per:age"}] * 2, ": record 2: field id: 'c' was used by record 1"),
    ],
)
def test_unfit_revisions(tmp_path, content, message):
    files = ldc() | {"test_rev.json": {"d": "per:age"}, "dev_rev.json": content}
    with pytest.raises(DataError, match=rf"^dev_rev\.json{message}"):
        read(tmp_path, files, variant="tacrev")


def test_an_error_tells_files_of_the_same_name_apart(tmp_path):
    files = ldc() | {"my/dev.json": {"z": "per:age"}, "my/test.json": {"d": "per:age"}}
    with pytest.raises(DataError, match=r"^my/dev.json: 1 of 1 ids are not in dev.json, the first is 'z'"):
        read(tmp_path, files, variant="tacrev", revisions="my/{split}.json")


def test_an_id_twice_in_a_mapping(tmp_path):
    write(tmp_path, ldc() | {"test_rev.json": {"d": "per:age"}})
    (tmp_path / "dev_rev.json").write_text('{"c": "per:age", "c": "per:title"}')
    with pytest.raises(DataError, match=r"dev_rev.json:1: id 'c' is given twice"):
        load_dataset("tacred", tmp_path, {"variant": "tacrev"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "tacrev"}, "has no dev_rev.json and no dev_patch.json: variant tacrev needs"),
        ({"variant": "retacred"}, "has no train_id2label.json: variant retacred needs"),
        ({"variant": "tacrev", "revisions": "x/{split}.json"}, "has no x/dev.json"),
        ({"revisions": "{split}.json"}, "'revisions' belongs to the variants tacrev and retacred"),
        ({"variant": "tacred2"}, "option 'variant' = 'tacred2': Input should be 'tacred', 'tacrev' or 'retacred'"),
        ({"variant": "tacrev", "revisions": "../{split}.json"}, "expected a relative file name"),
        ({"variant": "tacrev", "revisions": "/etc/{split}"}, "expected a relative file name"),
        ({"variant": "tacrev", "revisions": "a/../{split}"}, "expected a relative file name"),
        ({"variant": "tacrev", "revisions": "dev.json"}, "expected a relative file name"),
    ],
)
def test_unfit_options(tmp_path, options, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, ldc(), **options)


@pytest.mark.parametrize("variant", VARIANTS)
def test_official_sizes_and_names(variant):
    known = VARIANTS[variant]
    assert sum(known.sizes) == {"tacred": 106_264, "tacrev": 106_264, "retacred": 91_467}[variant]
    assert known.relations[0] == "no_relation"
    assert all(re.fullmatch(r"no_relation|(org|per):[a-z_/]+", name) for name in known.relations)
