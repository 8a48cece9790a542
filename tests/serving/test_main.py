from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.__main__ import app, main
from serving.bundle import Bundle
from tests.serving.test_openapi import COMMITTED


def test_openapi_prints_the_committed_file() -> None:
    result = CliRunner().invoke(app, ["openapi"])
    assert result.exit_code == 0
    assert result.stdout == COMMITTED.read_text("utf-8")


def test_score_writes_the_file(pristine_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\ngood show\n", encoding="utf-8")
    options = ["--output", str(tmp_path / "out.csv"), "--bundle", str(pristine_bundle)]
    result = CliRunner().invoke(app, ["score", str(tmp_path / "in.csv"), *options])
    assert result.exit_code == 0
    assert "1 rows written" in result.stderr
    assert f"by the model tiny {Bundle.read(pristine_bundle).metadata.model_version}" in result.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith("text,label,probability,p_negative")


def test_score_takes_the_model_that_the_service_would(
    pristine_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_DIR", str(pristine_bundle))
    (tmp_path / "in.csv").write_text("text\ngood show\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["score", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv")])
    assert "by the model tiny" in result.stderr


def test_a_known_error_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "sys.argv", ["serving", "score", "in.csv", "--output", "out.csv", "--bundle", str(tmp_path / "no")]
    )
    with pytest.raises(SystemExit, match=r"error: .*no: is no folder"):
        main()
