from benchmarks.fields import drawn_rows
from serving.model.predictor import Predictor
from tests.bundles import FORM


def test_drawn_rows_are_such_as_the_model_reads() -> None:
    fields = Predictor.load(FORM).fields
    assert fields is not None
    rows = list(drawn_rows(fields, 500))
    assert rows == list(drawn_rows(fields, 500))
    assert rows != list(drawn_rows(fields, 500, seed=2))
    parsed = [fields.parse(row) for row in rows]
    assert len({tuple(row.values()) for row in parsed}) > 300
    assert all(row["age"] is not None for row in parsed)
    missing = sum(value is None for row in parsed for value in row.values())
    assert 0.02 * 2000 < missing < 0.06 * 2000
