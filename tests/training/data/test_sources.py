from pathlib import Path

import pytest

from tests.training.helpers import distinct_rows, write_csv
from training.data.sources import in_order, read_rows, source_of, target_paths
from training.errors import DataError
from training.recipe.data import DataConfig, Source

ROWS = distinct_rows(10, "a") + distinct_rows(10, "b")


def test_each_source_gives_its_rows_with_its_weight_and_group(tmp_path: Path) -> None:
    rows = [(*row, "x" if i % 2 else "y") for i, row in enumerate(ROWS)]
    path = write_csv(tmp_path / "d.csv", rows, ("text", "label", "site"))
    sources = [
        Source(file="d.csv", name="ones", where={"label": ["a"]}, weight=2.0, group="site"),
        Source(file="d.csv", name="others", where_not={"label": ["a"]}, task="t"),
    ]
    found, files = read_rows([path], DataConfig(sources=sources), sources, seed=1)
    assert found.groupby(["source", "group", "task", "weight"]).size().to_dict() == {
        ("ones", "x", "", 2.0): 5,
        ("ones", "y", "", 2.0): 5,
        ("others", "others", "t", 1.0): 10,
    }
    assert [(file.file, file.rows) for file in files] == [("d.csv", 20)]


def test_rows_limits_a_source_by_the_seed(tmp_path: Path) -> None:
    path, source = write_csv(tmp_path / "d.csv", ROWS), Source(file="d.csv", rows=6)
    one, same, other = (read_rows([path], DataConfig(), [source], seed)[0].row.tolist() for seed in (1, 1, 2))
    assert len(one) == 6
    assert one == same != other


def test_emoticons_are_cut_out_where_a_source_asks_for_it(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "d.csv", [(f"{text} :-)", label) for text, label in ROWS])
    kept, dropped = (
        read_rows([path], DataConfig(), [Source(file="d.csv", emoticons=emoticons)], 1)[0].row
        for emoticons in ("keep", "drop")
    )
    assert kept.str.contains(":-)", regex=False).all()
    assert not dropped.str.contains(":-)", regex=False).any()
    assert [text.strip() for text in dropped] == [text for text, _ in ROWS]


def test_what_was_taken_out_of_a_text_can_be_put_back(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "d.csv", [("a calm sea", "🌊"), ("hot today", "☀")], ("text", "emoji"))
    source = Source(file="d.csv", task="emoji", label="emoji", append="emoji")
    found, _ = read_rows([path], DataConfig(sources=[Source(file="a.csv"), source]), [source], seed=1)
    assert found.row.tolist() == ["a calm sea 🌊", "hot today ☀"]


def test_files_are_those_of_the_recipe_and_all_of_them(tmp_path: Path) -> None:
    data = DataConfig(sources=[Source(file="a.csv"), Source(file="w.csv", task="t")])
    a, w = tmp_path / "a.csv", tmp_path / "w.csv"
    assert target_paths([a, w], data) == [a]
    with pytest.raises(DataError, match=r"the recipe also needs w\.csv"):
        target_paths([a], data)
    with pytest.raises(DataError, match=r"no source for this file; accepted: a\.csv, w\.csv"):
        target_paths([a, w, tmp_path / "x.csv"], data)


def test_files_come_as_the_recipe_names_them_whatever_the_command_line_says() -> None:
    sources = [Source(file="b.csv", name="one"), Source(file="a.csv"), Source(file="b.csv", name="two")]
    given = [Path(name) for name in ("d.csv", "a.csv", "c.csv", "b.csv")]
    expected = [Path(name) for name in ("b.csv", "a.csv", "c.csv", "d.csv")]
    assert (
        in_order(given, DataConfig(sources=sources)) == in_order(given[::-1], DataConfig(sources=sources)) == expected
    )


def test_rows_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    paths = [write_csv(tmp_path / name, distinct_rows(2, label)) for name, label in (("b.csv", "b"), ("a.csv", "a"))]
    found, files = read_rows(paths, DataConfig(), [], 1)
    assert found.label.tolist() == ["a", "a", "b", "b"]
    assert [file.file for file in files] == ["a.csv", "b.csv"]


def test_a_source_has_an_encoding_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes("text,label\ncafé,a\n".encode("latin-1"))
    found, _ = read_rows([tmp_path / "d.csv"], DataConfig(), [Source(file="d.csv", encoding="latin-1")], 1)
    assert found.row.tolist() == ["café"]


def test_quotes_are_signs_where_the_recipe_says_so(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text('text,label\n"so he said,a\n"so" he went,b\n', encoding="utf-8")
    found, _ = read_rows([tmp_path / "d.csv"], DataConfig(quoted=False), [], 1)
    assert found.row.tolist() == ['"so he said', '"so" he went']


def test_space_around_a_label_is_no_part_of_it(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "d.csv", [("fine", " good "), ("awful", "bad\t")])
    found, _ = read_rows([path], DataConfig(rename={"good": "positive"}), [], 1)
    assert found.label.tolist() == ["positive", "bad"]


@pytest.mark.parametrize("name", ["0", "0.0"])
def test_a_whole_number_is_one_label_however_it_is_written(tmp_path: Path, name: str) -> None:
    path = write_csv(tmp_path / "d.csv", [("a", "0"), ("b", "0.0"), ("c", "-1.00"), ("d", "1.5"), ("e", "v1.0")])
    found, _ = read_rows([path], DataConfig(rename={name: "bad"}), [], 1)
    assert found.label.tolist() == ["bad", "bad", "-1", "1.5", "v1.0"]


def test_a_row_is_chosen_by_all_of_its_columns(tmp_path: Path) -> None:
    kinds = [(kind, site, word) for kind in "xy" for site in "pq" for word in ("keep", "drop", "leave")]
    path = write_csv(tmp_path / "d.csv", [(*kind, "a") for kind in kinds], ("kind", "site", "text", "label"))
    where, where_not = {"kind": ["x"], "site": ["p"]}, {"text": ["drop"], "label": ["b"]}
    found, _ = read_rows([path], DataConfig(), [Source(file="d.csv", where=where, where_not=where_not)], 1)
    assert found.row.tolist() == ["keep", "leave"]


def test_of_a_file_in_two_sources_the_one_with_the_recipes_labels_says_how_it_is_read() -> None:
    sources = [Source(file="d.csv", name="fine", label="fine", task="fine"), Source(file="d.csv", label="coarse")]
    assert source_of(Path("d.csv"), DataConfig(sources=sources)).label == "coarse"
    assert source_of(Path("other.csv"), DataConfig(sources=sources)) == Source(file="other.csv")
