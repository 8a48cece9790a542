from pathlib import Path

from benchmarks.explanation import TEXTS, table
from serving.model.predictor import Predictor


def test_the_table(pristine_bundle: Path) -> None:
    lines = table(Predictor.load(pristine_bundle), times=2).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {name}" for name in TEXTS]
    assert all(line.endswith(" ms |") for line in lines[2:])


def test_the_words_are_as_many_as_said() -> None:
    assert [len(text.split()) for text in TEXTS.values()][:3] == [10, 20, 30]
    assert len(TEXTS["10,000 characters"]) == 10_000
