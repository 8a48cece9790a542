import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.bundles import relabel
from tests.training.helpers import STAGED, distinct_rows, write_csv
from training.__main__ import app, main
from training.evaluation.behaviour import behaviour_suite
from training.fit.checkpoint import STATE
from training.recipe.loading import as_toml
from training.recipe.recipe import Recipe, knob_table

ROOT = Path(__file__).parents[2]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["training", *map(str, arguments)])
    main()


def test_evaluate_prints_tables_and_json(pristine_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("text,label\ngood show,positive\nbad show,negative\n", encoding="utf-8")
    arguments = ["evaluate", str(pristine_bundle), "--data", str(tmp_path / "d.csv")]
    table = CliRunner().invoke(app, arguments)
    assert table.exit_code == 0
    assert "macro recall" in table.stdout
    assert "d.csv: 2 rows" in table.stdout
    as_json = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(as_json.stdout)["rows"] == 2


def test_evaluate_tells_what_it_leaves_out_and_what_few_rows_are_worth(pristine_bundle: Path, tmp_path: Path) -> None:
    rows = ["text,label", "good show,positive", "bad show,negative", ",positive", "a day,", "so so,NA"]
    (tmp_path / "d.csv").write_text("\n".join(rows), encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", str(pristine_bundle), "--data", str(tmp_path / "d.csv"), "--json"])
    assert json.loads(result.stdout)["rows"] == 2
    reasons = "text or label is NA (data.missing): 1, without a text: 1, without a label: 1"
    assert f"note: 3 rows are left out ({reasons})" in result.stderr
    assert "note: few rows to measure with: 'negative' has 1, 'positive' has 1. One row more or less" in result.stderr


def test_behaviour_prints_rates_failed_pairs_and_json(pristine_bundle: Path) -> None:
    arguments = ["behaviour", str(pristine_bundle)]
    shown = CliRunner().invoke(app, [*arguments, "--failures"]).stdout
    assert "| negation |" in shown
    assert "| **over all** |" in shown
    counts = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    failed = counts["choosing"]["over all"]["failures"]
    assert failed > 0
    assert len(shown.partition("| pair | first |")[2].splitlines()) == failed + 2


def test_behaviour_lists_no_pair_of_the_half_that_only_measures(pristine_bundle: Path) -> None:
    shown = CliRunner().invoke(app, ["behaviour", str(pristine_bundle), "--failures"]).stdout
    measuring = [pair for pairs in behaviour_suite().values() for pair in pairs if pair.half == "measuring"]
    assert [pair.name for pair in measuring if pair.name in shown] == []


def test_behaviour_is_of_sentiment(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    relabel(bundle, ["a", "b", "c"])
    with pytest.raises(SystemExit):
        run(monkeypatch, "behaviour", bundle)
    assert "found labels ['a', 'b', 'c']; accepted: ['negative', 'neutral', 'positive']" in capsys.readouterr().err


def test_knobs_are_printed() -> None:
    assert CliRunner().invoke(app, ["knobs"]).stdout.strip() == knob_table()


def test_in_a_terminal_knobs_are_drawn() -> None:
    drawn = CliRunner().invoke(app, ["knobs"], env={"FORCE_COLOR": "1", "COLUMNS": "200"}).stdout
    assert "Knobs of a recipe" in drawn
    assert "fit.epochs" in drawn
    assert "|---" not in drawn
    assert "`" not in drawn


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (
            ["fit", "nowhere", "--data", "d.csv", "--out", "o"],
            "no such recipe; accepted: a TOML file, or one of corrections, gop-debate",
        ),
        (["fit", "sample", "--data", "missing.csv", "--out", "o"], "missing.csv: cannot be read"),
        (
            ["fit", "sample", "--data", "d.csv", "--out", "o", "--label-column", "gold"],
            "no column 'gold'; found: 'text', 'label'",
        ),
        (["fit", "sample", "--data", "d.csv", "--out", "o", "--encoding", "utf-9"], "unknown encoding 'utf-9'"),
        (["evaluate", "nowhere", "--data", "d.csv"], "nowhere: is no folder"),
    ],
)
def test_a_known_error_is_a_sentence_and_exit_code_1(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    fault: str,
) -> None:
    (tmp_path / "d.csv").write_text("text,label\nx,a\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, *arguments)
    assert caught.value.code == 1
    message = capsys.readouterr().err
    assert fault in message
    assert "Traceback" not in message
    assert [path.name for path in tmp_path.iterdir()] == ["d.csv"]


def test_what_was_dropped_is_shown_before_the_error_that_it_causes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*distinct_rows(20, "pos"), *((f"{text}!!!", "neg") for text, _ in distinct_rows(12, "pos"))]
    path = write_csv(tmp_path / "d.csv", rows)
    with pytest.raises(SystemExit):
        run(monkeypatch, "fit", "sample", "--data", path, "--out", tmp_path / "o")
    table, _, error = capsys.readouterr().err.partition("error: ")
    assert "copies whose labels conflict without a majority" in table
    assert "24" in table
    assert "all 12 rows of 'neg' have the same text as rows with another label" in error


def test_a_file_may_have_no_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.commands import fit

    headers: list[str] = []

    class RecordedError(Exception):
        pass

    def record(recipe: Recipe, *others: object, **choices: object) -> None:  # noqa: ARG001
        headers.append(recipe.data.header)
        raise RecordedError

    monkeypatch.setattr(fit, "fit", record)
    arguments = ["fit", "sample", "--data", "a.csv", "--out", str(tmp_path / "o")]
    for options in ([], ["--no-header"]):
        assert isinstance(CliRunner().invoke(app, [*arguments, *options]).exception, RecordedError)
    assert headers == ["auto", "false"]


def test_an_interruption_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.commands import fit

    def interrupt(*arguments: object, **choices: object) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "fit", interrupt)
    arguments = ["fit", "sample", "--data", "a.csv", "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 130
    assert "Interrupted. There is nothing to resume yet." in result.stdout
    (tmp_path / ".o.training").mkdir()
    (tmp_path / ".o.training" / STATE).touch()
    assert "The same command with --resume continues" in CliRunner().invoke(app, arguments).stdout


def test_several_files_may_follow_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.commands import fit

    seen: list[list[Path]] = []

    class RecordedError(Exception):
        pass

    def record(recipe: object, paths: list[Path], *others: object, **choices: object) -> None:  # noqa: ARG001
        seen.append(paths)
        raise RecordedError

    monkeypatch.setattr(fit, "fit", record)
    arguments = ["fit", "sample", "--data", "a.csv", "b.csv", "--data", "c.csv", "--out", str(tmp_path / "o")]
    assert isinstance(CliRunner().invoke(app, arguments).exception, RecordedError)
    assert sorted(path.name for path in seen[0]) == ["a.csv", "b.csv", "c.csv"]


def test_compare_prints_the_network_beside_the_baselines_and_keeps_the_body(tmp_path: Path) -> None:
    rows = [*distinct_rows(30, "a"), *distinct_rows(30, "b", 100)]
    data = [write_csv(tmp_path / "main.csv", rows), write_csv(tmp_path / "weak.csv", [(f"{t} so", x) for t, x in rows])]
    (tmp_path / "r.toml").write_text(as_toml(Recipe.model_validate(STAGED).model_dump(mode="json")), encoding="utf-8")
    cache = tmp_path / "bodies"
    arguments = ["compare", tmp_path / "r.toml", "--data", *data, "--stage-cache", cache]
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert "| staged (network, served) |" in done.stdout
    assert "| TF-IDF + linear SVM |" in done.stdout
    assert len(list(cache.iterdir())) == 1
