"""Templates: the project's own, and every corpus told by them or by a file of the user's."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.data import load_dataset
from bench.data.base import Dataset
from bench.data.corpora import redocred, semeval, synthetic, tacred
from bench.data.corpora.redocred import DEV_FILE, TEST_FILE
from bench.data.texts import normal
from bench.data.verbalise import load_verbalisations
from bench.errors import DataError
from bench.paths import CONFIGS
from methods.types import HEAD, TAIL, filled
from tests.data import documents, tacred_files, test_fewrel
from tests.data.test_jsonl import folder_of, miniature_semeval, rows
from tests.shared import DATA, ROOT, needs

SMALL = {"train": 100, "dev": 50, "test": 50}
RELATIONS = {
    "semeval": semeval.RELATIONS,
    "tacred": tacred.TACRED,
    "retacred": tacred.RETACRED,
    "redocred": redocred.NAMES,
    "synthetic": (synthetic.NEGATIVE, *synthetic.RELATIONS),
    "fewrel": tuple(yaml.safe_load((CONFIGS / "verbalisations" / "fewrel.yaml").read_text(encoding="utf-8"))),
}
# Relation -> (head, tail, the filled template): what is read the wrong way round most easily.
FILLED = {
    "semeval": {
        "Cause-Effect(e2,e1)": ("damage", "fire", "damage is caused by fire"),
        "Component-Whole(e2,e1)": ("car", "engine", "car has engine as a part"),
        "Content-Container(e1,e2)": ("cat", "box", "cat is kept inside box"),
        "Entity-Destination(e2,e1)": ("town", "people", "town is the place that people goes to"),
        "Entity-Origin(e2,e1)": ("grape", "wine", "grape is where wine comes from"),
        "Instrument-Agency(e2,e1)": ("author", "tool", "author makes use of tool"),
        "Member-Collection(e2,e1)": ("herd", "cow", "herd is a group that includes cow"),
        "Message-Topic(e2,e1)": ("war", "book", "war is the subject of book"),
        "Product-Producer(e2,e1)": ("bee", "honey", "bee is the maker of honey"),
    },
    "tacred": {
        "per:children": ("Eve", "Abel", "Eve is the father or mother of Abel"),
        "per:parents": ("Abel", "Eve", "Abel is a son or daughter of Eve"),
        "org:parents": ("YouTube", "Google", "YouTube is owned by its parent Google"),
        "org:subsidiaries": ("Google", "YouTube", "Google is the parent organization of YouTube"),
        "org:members": ("NATO", "Italy", "NATO counts Italy among its members"),
        "org:member_of": ("Italy", "NATO", "Italy belongs as a member to NATO"),
        "org:shareholders": ("Fiat", "Agnelli", "Fiat is partly owned by the shareholder Agnelli"),
        "org:top_members/employees": ("Apple", "Jobs", "Apple has Jobs in its leadership"),
        "per:title": ("Ann", "mayor", "Ann holds the title of mayor"),
    },
    "redocred": {
        "P22": ("Isaac", "Abraham", "Isaac is a child of the father Abraham"),
        "P40": ("Abraham", "Isaac", "Abraham is a parent of Isaac"),
        "P36": ("France", "Paris", "France has its capital in Paris"),
        "P1376": ("Paris", "France", "Paris is the capital of France"),
        "P155": ("1946", "1945", "1946 comes after 1945"),
        "P156": ("1945", "1946", "1945 comes before 1946"),
        "P1365": ("Ford", "Nixon", "Ford took the place of Nixon"),
        "P527": ("Europe", "Italy", "Europe has Italy as a part"),
        "P361": ("Italy", "Europe", "Italy is part of Europe"),
        "P355": ("Google", "YouTube", "Google has YouTube as a subsidiary"),
        "P749": ("YouTube", "Google", "YouTube is a subsidiary of Google"),
        "P1336": ("Crimea", "Ukraine", "Crimea is a territory claimed by Ukraine"),
    },
    "fewrel": {
        "P25": ("Ishmael", "Hagar", "Ishmael was born to the mother Hagar"),
        "gene_found_in_organism": ("human", "hek2", "human is an organism with the gene hek2"),
        "causative_agent_of": ("botulism", "bacteria", "botulism is caused by the agent bacteria"),
        "classified_as": ("pain", "headache", "pain is a category that includes headache"),
        "occurs_in": ("neonatal", "sepsis", "neonatal is the setting in which sepsis occurs"),
        "ingredient_of": ("aspirin 20 mg", "aspirin", "aspirin 20 mg is a drug with the ingredient aspirin"),
    },
}


def templates(name: str) -> dict[str, str]:
    return load_verbalisations(name, RELATIONS[name], "template")


def test_every_file_of_phrases_has_one_of_templates() -> None:
    folder = CONFIGS / "verbalisations"
    assert {path.name for path in folder.glob("*.yaml")} == {path.name for path in folder.glob("templates/*")}
    assert RELATIONS.keys() == {path.stem for path in folder.glob("*.yaml")}


@pytest.mark.parametrize("name", RELATIONS)
def test_both_files_have_the_same_relations(name: str) -> None:
    folder = CONFIGS / "verbalisations"
    phrases, sentences = (
        yaml.safe_load((folder / path).read_text(encoding="utf-8"))
        for path in (f"{name}.yaml", f"templates/{name}.yaml")
    )
    assert phrases.keys() == sentences.keys() == set(RELATIONS[name])


@pytest.mark.parametrize("name", RELATIONS)
def test_every_template_names_both_entities_once(name: str) -> None:
    assert all(text.count(HEAD) == text.count(TAIL) == 1 for text in templates(name).values())


@pytest.mark.parametrize("name", RELATIONS)
def test_no_template_begins_as_the_whole_of_another(name: str) -> None:
    texts = sorted(map(normal, templates(name).values()))
    assert not [two for one, two in pairwise(texts) if two.startswith(one)]


@pytest.mark.parametrize("name", FILLED)
def test_templates_are_read_from_head_to_tail(name: str) -> None:
    texts = templates(name)
    for relation, (head, tail, sentence) in FILLED[name].items():
        assert filled(texts[relation], head, tail) == sentence


def made(name: str, folder: Path) -> Path | None:
    """A data directory of a miniature corpus."""
    if name == "semeval":
        return miniature_semeval(folder / "d")
    folder = folder / "d"
    folder.mkdir()
    if name in ("tacred", "tacrev", "retacred"):
        title = {"relation": "per:title"}
        patches = {"dev_patch.json": [{"id": "c", **title}], "test_patch.json": [{"id": "d", **title}]}
        labels = {f"{split}_id2label.json": dict.fromkeys(ids, "per:title")
                  for split, ids in (("train", "ab"), ("dev", "c"), ("test", "d"))}  # fmt: skip
        return tacred_files.write(folder, tacred_files.ldc() | patches | labels)
    if name == "fewrel":
        test_fewrel.write(folder, "val_wiki", test_fewrel.corpus(("P177", "P26"), 9))
    elif name == "redocred":
        for file in (DEV_FILE, TEST_FILE):
            documents.write(folder / file, [documents.ada(), documents.zoe()])
    elif name == "jsonl":
        folder_of(folder, train=rows("a", "per:age part_of " * 10), test=rows("b", "per:age"))
    return None if name == "synthetic" else folder


def load(name: str, data_dir: Path | None, **options: Any) -> Dataset:
    if name in ("tacrev", "retacred"):
        options["variant"], name = name, "tacred"
    sizes: dict[str, dict[str, int]] = {"synthetic": SMALL, "fewrel": {"train": 3, "dev": 3, "test": 3}}
    return load_dataset(name, data_dir, {**sizes.get(name, {}), **options})


CORPORA = ["semeval", "tacred", "tacrev", "retacred", "fewrel", "redocred", "synthetic", "jsonl"]


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_can_be_told_by_templates(tmp_path: Path, name: str) -> None:
    data_dir = made(name, tmp_path)
    plain, told = load(name, data_dir), load(name, data_dir, verbalisation="template")
    assert (plain.schema.template, told.schema.template) == (False, True)
    assert all(HEAD in text and TAIL in text for text in told.schema.verbalisations.values())
    assert dataclasses.replace(told, schema=plain.schema, card=plain.card) == plain


@pytest.mark.parametrize("name", CORPORA)
def test_phrases_by_name_are_phrases_by_default(tmp_path: Path, name: str) -> None:
    data_dir = made(name, tmp_path)
    assert load(name, data_dir, verbalisation="phrase").content_hash == load(name, data_dir).content_hash


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_can_be_told_by_a_file_of_the_user(tmp_path: Path, name: str) -> None:
    data_dir = made(name, tmp_path)
    texts = {relation: f"{{subj}} {n} {{obj}}" for n, relation in enumerate(load(name, data_dir).schema.verbalisations)}
    first = next(iter(texts))
    (tmp_path / "own.json").write_text(json.dumps(texts | {first: "nothing"}), encoding="utf-8")
    told = load(name, data_dir, verbalisations=str(tmp_path / "own.json"))
    assert told.schema.template
    assert list(told.schema.verbalisations.values())[:2] == ["nothing", "{head} 1 {tail}"]
    remarks: Any = told.card["remarks"]
    assert f"1 of {len(texts)} templates have no place for an entity: {first}" in remarks


@pytest.mark.parametrize("name", [name for name in CORPORA if name != "jsonl"])
def test_a_file_of_the_user_must_have_every_relation(tmp_path: Path, name: str) -> None:
    (tmp_path / "own.yaml").write_text("x: '{head}'", encoding="utf-8")
    with pytest.raises(DataError, match=r"own.yaml: relation '.*' needs a text"):
        load(name, made(name, tmp_path), verbalisations=str(tmp_path / "own.yaml"))


def test_templates_that_are_made_are_told_of(tmp_path: Path) -> None:
    told = load("jsonl", made("jsonl", tmp_path), verbalisation="template")
    assert told.schema.verbalisations == {
        "part_of": "{head} is part of {tail}",
        "per:age": "{tail} is the age of {head}",
    }
    assert told.card["generated_verbalisations"] == told.schema.verbalisations


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="option 'verbalisation' = 'sentence': Input should be 'phrase' or 'template'"):
        load("synthetic", None, verbalisation="sentence")


REFERENCE = [
    ("synthetic", None, "default"),
    pytest.param("semeval", DATA / "semeval2010", "semeval", marks=needs(DATA / "semeval2010")),
    pytest.param("fewrel", DATA / "fewrel", "fewrel", marks=needs(DATA / "fewrel")),
]


@pytest.mark.parametrize(("name", "data_dir", "run"), REFERENCE)
def test_stored_results_are_still_those_of_the_corpus(name: str, data_dir: Path | None, run: str) -> None:
    manifest = json.loads((ROOT / "results" / "reference" / run / "run.json").read_text(encoding="utf-8"))
    dataset = load_dataset(name, data_dir, manifest["config"]["dataset"]["options"])
    assert dataset.content_hash == manifest["dataset"]["hash"]


def test_templates_change_the_hash() -> None:
    told = load("synthetic", None, verbalisation="template")
    phrases = dataclasses.replace(told, schema=dataclasses.replace(told.schema, template=False))
    assert len({told.content_hash, phrases.content_hash, load("synthetic", None).content_hash}) == 3
