import codecs
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from serving.scoring.label_studio import labelling_interface
from serving.scoring.score import ScoreOptions, score
from tests.serving.fakes import FakePredictor
from tests.training.data.label_studio_exports import annotation, as_csv, as_json_min, choice, task
from training.data.dataset import load_dataset
from training.data.readers import read_table
from training.data.sources import read_rows
from training.errors import DataError
from training.recipe.data import DataConfig, Source

TASKS = [
    task(1, {"text": "a wonderful morning, “really”"}, annotation(choice("positive"))),
    task(
        2, {"text": "late again,\nas ever"}, annotation(choice("negative")), annotation(choice("neutral"), annotator=2)
    ),
    task(3, {"text": "nobody has seen this"}),
    task(4, {"text": "skipped, this one"}, annotation(cancelled=True)),
    task(5, {"text": "skipped by one"}, annotation(choice("neutral"), cancelled=True), annotation(choice("positive"))),
    task(6, {"text": "sent without a choice"}, annotation()),
    task(7, {"text": "both at once"}, annotation(choice("positive", "negative"))),
    task(8, {"text": "both in two"}, annotation(choice("positive"), choice("negative"))),
]
LABELLED = [
    ("a wonderful morning, “really”", "positive"),
    ("late again,\nas ever", "negative"),
    ("late again,\nas ever", "neutral"),
    ("skipped by one", "positive"),
]

Write = Callable[[list[dict[str, Any]]], tuple[str, str]]
KINDS: dict[str, Write] = {
    "JSON": lambda tasks: ("export.json", json.dumps(tasks)),
    "JSON-MIN": lambda tasks: ("export.json", json.dumps(as_json_min(tasks), indent=2, ensure_ascii=False)),
    "CSV": lambda tasks: ("export.csv", as_csv(tasks)),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def export(folder: Path, kind: str, tasks: list[dict[str, Any]]) -> Path:
    name, content = KINDS[kind](tasks)
    (folder / name).write_text(content, encoding="utf-8", newline="")
    return folder / name


def labelled(path: Path, data: DataConfig | None = None, notes: list[str] | None = None) -> list[tuple[str, str]]:
    data = data or DataConfig()
    rows, _ = read_rows([path], data, data.target_sources, seed=1, notes=notes)
    return [(row, label) for row, label in zip(rows.row, rows.label, strict=True) if label]


@every_kind
def test_each_annotation_is_a_row(tmp_path: Path, kind: str) -> None:
    assert labelled(export(tmp_path, kind, TASKS)) == LABELLED


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    notes: list[str] = []
    path = export(tmp_path, "JSON", TASKS)
    rows, _ = read_rows([path], DataConfig(), [], seed=1, notes=notes)
    assert len(rows) == 10
    assert notes == [
        f"{path}: Without a label: 1 tasks without an annotation, 2 cancelled annotations.",
        f"{path}: Without a label: 2 annotations with several choices.",
    ]


@pytest.mark.parametrize("kind", ["JSON-MIN", "CSV"])
def test_what_the_export_has_left_out_is_not(tmp_path: Path, kind: str) -> None:
    notes: list[str] = []
    path = export(tmp_path, kind, TASKS)
    rows, _ = read_rows([path], DataConfig(), [], seed=1, notes=notes)
    assert len(rows) == 8
    assert notes == [f"{path}: Without a label: 2 annotations with several choices."]


@every_kind
def test_annotators_who_differ_are_outvoted_or_dropped_and_counted(tmp_path: Path, kind: str) -> None:
    one = [
        task(n, {"text": f"this is text {'abcdefghijklmnopqrst'[n]}"}, annotation(choice("ab"[n % 2])))
        for n in range(20)
    ]
    voted = task(20, {"text": "outvoted"}, *(annotation(choice(label)) for label in "aab"))
    tied = task(21, {"text": "undecided"}, *(annotation(choice(label)) for label in "ab"))
    dataset = load_dataset([export(tmp_path, kind, [*one, voted, tied, task(22, {"text": "new"})])], DataConfig(), 1)
    found = pd.concat([dataset.train, dataset.validation, dataset.test]).set_index("row").label
    assert len(found) == 21
    assert dataset.labels[found["outvoted"]] == "a"
    assert dataset.cleaning["without a label"] == 1
    assert dataset.cleaning["copies whose labels conflict without a majority"] == 2
    assert dataset.cleaning["copies with a minority label, merged"] == 1


@every_kind
def test_other_names_are_found(tmp_path: Path, kind: str) -> None:
    tasks = [
        task(n, {"tweet": f"it says {what}"}, annotation(choice(label, control="sentiment", to="tw")))
        for n, (what, label) in enumerate([("so", "positive"), ("no", "negative"), ("so and so", "neutral")])
    ]
    path, notes = export(tmp_path, kind, [*tasks, task(9, {"tweet": "nothing"})]), list[str]()
    assert labelled(path, notes=notes) == [
        ("it says so", "positive"),
        ("it says no", "negative"),
        ("it says so and so", "neutral"),
    ]
    assert f"{path}: The labels are taken from the choices 'sentiment'." in notes
    assert f"{path}: the texts are taken from the column 'tweet'." in notes


@every_kind
def test_they_can_be_named(tmp_path: Path, kind: str) -> None:
    results = [choice("positive", control="mood"), choice("politics", control="topic")]
    path = export(tmp_path, kind, [task(1, {"text": "it says so", "note": "and more"}, annotation(*results))])
    assert labelled(path, DataConfig(label="topic", text="note")) == [("and more", "politics")]
    assert labelled(path, DataConfig(sources=[Source(file=path.name, label="mood")])) == [("it says so", "positive")]


@every_kind
def test_where_there_are_two_the_names_are_told(tmp_path: Path, kind: str) -> None:
    results = [choice("positive", control="mood"), choice("politics", control="topic")]
    path = export(tmp_path, kind, [task(1, {"text": "it says so"}, annotation(*results))])
    with pytest.raises(
        DataError, match=r"no column 'label'; found: .*'mood'.*'topic'.*; name the right one in the rec"
    ):
        labelled(path)


def test_what_the_task_had_as_a_label_is_none(tmp_path: Path) -> None:
    tasks = [
        task(1, {"text": "it says so", "label": "imported"}, annotation(choice("positive"))),
        task(2, {"text": "nobody has seen it", "label": "imported"}),
    ]
    assert labelled(export(tmp_path, "JSON", tasks)) == [("it says so", "positive")]
    for each in tasks:
        for one in each["annotations"]:
            one["result"] = [choice("positive", control="mood")]
    assert labelled(export(tmp_path, "JSON", tasks)) == [("it says so", "positive")]


def test_results_of_other_kinds_are_passed_over(tmp_path: Path) -> None:
    span = {"value": {"start": 0, "end": 2, "text": "it", "labels": ["PRON"]}, "from_name": "ner", "type": "labels"}
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    results: list[dict[str, Any]] = [span, relation, choice("positive")]
    path = export(tmp_path, "JSON", [task(1, {"text": "it says so"}, annotation(*results))])
    assert read_table(path, "utf-8", label="label").to_dict("list") == {"text": ["it says so"], "label": ["positive"]}


def test_other_data_of_a_task_stays(tmp_path: Path) -> None:
    data = {"text": "so", "n": 1.5, "of": None, "more": {"a": [1]}}
    table = read_table(export(tmp_path, "JSON", [task(1, data, annotation(choice("a")))]), "utf-8", label="label")
    assert table.iloc[0].to_dict() == {"text": "so", "n": "1.5", "of": "", "more": '{"a": [1]}', "label": "a"}


@pytest.mark.parametrize("name", ["export.json", "export.json.gz"])
def test_a_mark_and_gzip(tmp_path: Path, name: str) -> None:
    content = codecs.BOM_UTF8 + b" \n" + json.dumps(TASKS).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert labelled(tmp_path / name) == LABELLED


def test_an_array_of_plain_objects_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[\n {"text": "so", "label": 1},\n {"label": "2"}]', "utf-8")
    assert read_table(tmp_path / "a.json", "utf-8", label="label").to_dict("list") == {
        "text": ["so", ""],
        "label": ["1", "2"],
    }


def test_what_a_model_was_asked_comes_back_as_data(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n" + "".join(f"{n},good number {n}\n" for n in range(20)), "utf-8")
    score(FakePredictor(), tmp_path / "in.csv", tmp_path / "tasks.json", ScoreOptions(tasks=10))
    tasks = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    with pytest.raises(DataError, match="no annotation in it has choices; found: none"):
        labelled(tmp_path / "tasks.json")
    assert 'name="label" toName="text"' in labelling_interface(["negative", "positive"])
    done = [task(number, each["data"], annotation(choice("negative"))) for number, each in enumerate(tasks)]
    assert labelled(export(tmp_path, "JSON", done)) == [(each["data"]["text"], "negative") for each in tasks]


BROKEN = {
    "cut off": (json.dumps(TASKS).encode()[:-20], r"is no JSON: it breaks off or goes wrong at line 1, column [\d,]+$"),
    "another encoding": (json.dumps(TASKS, ensure_ascii=False).encode("cp1252"), r"is not UTF-8: byte 0x93 at \d+$"),
    "nested": (b"[" * 100_000, "is JSON that is nested too deeply"),
    "a long number": (b'[{"text": "a", "n": ' + b"7" * 5000 + b"}]", "is JSON with a number of too many digits"),
    "numbers": (b'[{"text": "a"}, 7]', "item 2 of its JSON array is no object; accepted: a list of objects"),
    "nothing": (b"[]", "has no rows"),
    "half a character": (b'[{"text": "cut \\ud83d"}]', "row 1 is not utf-8, or has half a character"),
    "no annotations": (json.dumps([task(1, {"text": "a"})]).encode(), "has choices; found: none; accepted: tasks that"),
    "other results": (
        json.dumps([task(1, {"text": "a"}, annotation(choice("a", kind="rating")))]).encode(),
        "found: results of the kinds 'rating'; accepted: tasks that were given <Choices>",
    ),
    "numbers of annotations": (
        json.dumps([task(1, {"text": "a"}), task(2, {"text": "b"}) | {"annotations": [7]}]).encode(),
        r"task 2 is not as Label Studio writes it: annotations\.0: Input should be",
    ),
    "no result": (
        json.dumps([task(1, {"text": "a"}, {"was_cancelled": False})]).encode(),
        r"task 1 is not as Label Studio writes it: annotations\.0\.result: Field required",
    ),
    "no list of choices": (
        json.dumps([task(1, {"text": "a"}, annotation(choice() | {"value": {"choices": "a"}}))]).encode(),
        r"task 1 .*: annotations\.0\.result\.0\.value\.choices: Input should be a valid list",
    ),
    "no data": (
        json.dumps([task(1, {"text": "a"}), {"id": 2, "annotations": []}]).encode(),
        "task 2 is not as Label Studio writes it: data: Field required",
    ),
}


@pytest.mark.parametrize(("content", "fault"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_told(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "export.json").write_bytes(content)
    with pytest.raises(DataError, match=rf"export\.json: .*{fault}"):
        labelled(tmp_path / "export.json")
