from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.training.teacher.conftest import Tuned
from tests.training.teacher.helpers import teacher_recipe
from training.data.dataset import load_dataset
from training.data.teacher_file import TeacherFile
from training.errors import DataError
from training.recipe.recipe import Recipe
from training.teacher.answers import texts_of, write_answers
from training.teacher.finetuning import Teacher

TEXTS = ["rain sun a", "bus food b", "song", "rain sun a", "coffee river work school a b"]


@pytest.fixture(scope="module")
def teacher(tuned: Tuned) -> Teacher:
    return Teacher.read(tuned.folder)


class Chunks(list[tuple[int, int]]):
    """Every call of `on_chunk`; the one of a number stands for a kill."""

    def __init__(self, kill_at: int = 0) -> None:
        self.kill_at = kill_at

    def __call__(self, done: int, total: int) -> None:
        self.append((done, total))
        if len(self) == self.kill_at:
            raise KeyboardInterrupt


def test_every_text_gets_the_networks_answer(teacher: Teacher, tmp_path: Path) -> None:
    chunks = Chunks()
    write_answers(teacher, TEXTS, tmp_path / "a.npz", chunks, chunk=3)
    assert chunks == [(3, 4), (4, 4)]
    file = TeacherFile.read(tmp_path / "a.npz")
    assert file.info == teacher.info
    probabilities, known = file.predict(TEXTS)
    assert known.all()
    ids = np.array([[2, *(teacher_id(teacher, word) for word in TEXTS[0].split()), 3]], np.int32)
    assert probabilities[0] == pytest.approx(teacher.network.predict_on_batch(ids)[0], abs=1e-3)


def teacher_id(teacher: Teacher, word: str) -> int:
    number = Tokenizer.from_str(teacher.tokenizer).token_to_id(word)
    assert number is not None
    return int(number)


def test_what_is_answered_is_not_asked_again(teacher: Teacher, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_answers(teacher, TEXTS, tmp_path / "a.npz", Chunks(kill_at=1), chunk=2)
    resumed = Chunks()
    write_answers(teacher, [*TEXTS, "cloud"], tmp_path / "a.npz", resumed, chunk=2)
    assert resumed == [(2, 3), (3, 3)]
    write_answers(teacher, [*TEXTS, "cloud"], tmp_path / "b.npz", Chunks())
    one, other = (TeacherFile.read(tmp_path / name).predict([*TEXTS, "cloud"])[0] for name in ("a.npz", "b.npz"))
    assert one == pytest.approx(other, abs=1e-3)
    again = Chunks()
    write_answers(teacher, TEXTS, tmp_path / "a.npz", again)
    assert again == []


def test_the_first_texts_are_answered_where_there_is_no_room_for_all(teacher: Teacher, tmp_path: Path) -> None:
    write_answers(teacher, TEXTS, tmp_path / "a.npz", Chunks(), max_bytes=25)  # 8 of the hash, 2 of each label
    assert TeacherFile.read(tmp_path / "a.npz").predict(TEXTS)[1].tolist() == [True, True, False, True, False]


def test_answers_of_another_teacher_are_not_added_to(teacher: Teacher, tmp_path: Path) -> None:
    TeacherFile.empty(teacher.info.model_copy(update={"model_version": "old"})).write(tmp_path / "a.npz")
    with pytest.raises(DataError, match="holds answers of small-teacher old; accepted: those of small-teacher"):
        write_answers(teacher, TEXTS, tmp_path / "a.npz", Chunks())


def test_asked_are_the_texts_that_a_fit_learns_from(staged_files: list[Path], recipe: Recipe, tmp_path: Path) -> None:
    texts = texts_of(recipe, staged_files)
    dataset = load_dataset(staged_files, recipe.data, recipe.split_seed)
    count = len(dataset.train)
    assert texts[:count] == dataset.train.row.tolist()
    assert len(texts) == count + 120
    assert not any(":)" in text for text in texts)
    unseen = {*dataset.validation.row, *dataset.test.row}
    assert not unseen & set(texts)
    without_tasks = teacher_recipe(tmp_path, data={"sources": [{"file": "main.csv"}]})
    assert texts_of(Recipe.model_validate(without_tasks), staged_files[:1]) == dataset.train.row.tolist()


def test_it_can_be_asked_for_some_sources_alone(staged_files: list[Path], recipe: Recipe) -> None:
    dataset = load_dataset(staged_files, recipe.data, recipe.split_seed)
    assert texts_of(recipe, staged_files, ["main.csv"]) == dataset.train.row.tolist()
    with pytest.raises(DataError, match=r"--source: found \['mine'\]; accepted: main.csv, "):
        texts_of(recipe, staged_files, ["mine"])
