from typer.testing import CliRunner

from serving.__main__ import app
from tests.serving.test_openapi import COMMITTED


def test_openapi_prints_the_committed_file() -> None:
    result = CliRunner().invoke(app, ["openapi"])
    assert result.exit_code == 0
    assert result.stdout == COMMITTED.read_text("utf-8")
