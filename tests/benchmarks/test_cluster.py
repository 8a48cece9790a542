from pathlib import Path

import pytest

from benchmarks.cluster import Loss, Speed, differing, loss_text, measure_speed, speed_table


def test_outputs_are_compared_to_the_byte(tmp_path: Path) -> None:
    for folder, names in (("one", ("a", "b", "c")), ("other", ("a", "b", "d", "_manifest.json", ".x"))):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text(folder if name == "b" else name, encoding="utf-8")
    assert differing(tmp_path / "one", tmp_path / "other") == ["b", "c", "d"]
    assert differing(tmp_path / "one", tmp_path / "one") == []


def test_the_table_holds_ray_to_the_mean_of_both_plain_runs() -> None:
    table = speed_table(Speed((900.0, 1100.0), 850.0), 8, 100_000)
    assert "| `score --ray`, its start included | 850 | 85% |" in table
    assert "8 files of 100,000 rows" in table


def test_a_loss_is_told() -> None:
    text = loss_text(Loss(200, 400_000, 1, []))
    assert text.endswith("200 outputs, 400,000 rows, 1 attempts lost; all equal to plain `score`, to the byte")
    assert loss_text(Loss(200, 400_000, 1, ["a.csv"])).endswith("; 1 differ from plain `score`")


@pytest.mark.slow
def test_both_ways_are_measured(pristine_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-cluster.txt")
    speed = measure_speed(pristine_bundle, tmp_path, files=2, rows=200)
    assert speed.ray > 0
    assert 0 < speed.share < 2
