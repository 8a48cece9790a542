import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from serving.model.predictor import Predictor
from tests.bundles import LABELS, TEXTS
from training.cost.answering import ALONE, BASELINE, TURNS, WARM_UP, forget_peak, measured, peak_memory, reader
from training.errors import DataError
from training.evaluation.light_baselines import Vader

ROOT = Path(__file__).parents[3]


def test_a_bundle_answers_as_it_is_served(pristine_bundle: Path) -> None:
    predictions = Predictor.load(pristine_bundle).predict(TEXTS)
    found = reader("bundle")(pristine_bundle)(TEXTS)
    assert [LABELS[place] for place in found] == [prediction.label for prediction in predictions]


def test_a_kind_that_is_none_is_told() -> None:
    with pytest.raises(DataError, match=r"KIND: found 'file'; accepted: baseline, bundle, teacher"):
        reader("file")


def test_all_are_asked_at_once_and_then_some_alone() -> None:
    asked: list[int] = []

    def answer(rows: Sequence[Any]) -> list[int]:
        asked.append(len(rows))
        return [row % 3 for row in rows]

    rows = list(range(ALONE + 5))
    found = measured(answer, rows)
    assert asked == [WARM_UP, *[len(rows)] * TURNS, *[1] * ALONE]
    assert found.labels == [row % 3 for row in rows]
    assert found.per_second > 0
    assert found.alone > 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
def test_memory_is_the_most_that_was_held() -> None:
    before = peak_memory()
    held = bytearray(300_000_000)
    held[::4096] = b"x" * len(held[::4096])
    del held
    after = peak_memory()
    assert before is not None
    assert after is not None
    assert after >= max(before, 300_000_000)
    forget_peak()
    assert (peak_memory() or 0) < after - 200_000_000


def answered(kind: str, folder: Path, before: str = "") -> dict[str, Any]:
    """What a process of its own tells."""
    code = f"{before}\nfrom training.cost.answering import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", code, kind, str(folder)],
        cwd=ROOT,
        input=json.dumps(TEXTS),
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    content: dict[str, Any] = json.loads(done.stdout)
    return content


# Ends with an error where one of these is imported.
WITHOUT = """
import sys
for name in {names}:
    sys.modules[name] = None
"""


def test_a_bundle_answers_in_a_process_without_training_libraries(pristine_bundle: Path) -> None:
    before = WITHOUT.format(names=["tensorflow", "keras", "sklearn", "scipy", "pandas", "joblib"])
    found = answered("bundle", pristine_bundle, before)
    assert found["labels"] == list(reader("bundle")(pristine_bundle)(TEXTS))


def test_vader_answers_in_a_process_without_scikit_learn(tmp_path: Path) -> None:
    told = {"name": "VADER", "labels": LABELS, "rows": [], "targets": []}
    (tmp_path / BASELINE).write_text(json.dumps(told), encoding="utf-8")
    before = WITHOUT.format(names=["tensorflow", "keras", "sklearn", "scipy", "pandas", "onnxruntime"])
    assert answered("baseline", tmp_path, before)["labels"] == Vader(LABELS).predict(TEXTS).tolist()
