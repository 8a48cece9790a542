from pathlib import Path, PurePosixPath

import pytest

from benchmarks.slug import megabytes, table
from benchmarks.slug_files import app_files, compressed, is_ignored, patterns
from benchmarks.slug_web import Web, config_vars, random_texts, web_command


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/deep/README.md", True),
        ("*.md", "README.mdx", False),
        ("/data", "data", True),
        ("/data", "serving/data", False),
        ("__pycache__/", "serving/__pycache__", True),
        ("/artifacts/report", "artifacts/report", True),
        ("artifacts/report", "artifacts/report", True),
        ("artifacts/report", "artifacts", False),
        ("artifacts/report", "other/artifacts/report", False),
        (".*.staging/", ".artifacts.staging", True),
        ("/requirements-*.txt", "requirements.txt", False),
    ],
)
def test_a_pattern(pattern: str, path: str, expected: bool) -> None:
    assert is_ignored(PurePosixPath(path), [pattern]) is expected


def test_comments_and_blank_lines_are_no_patterns(tmp_path: Path) -> None:
    (tmp_path / "ignore").write_text("# why\n\n*.md \n/data\n", encoding="utf-8")
    assert patterns(tmp_path / "ignore") == ["*.md", "/data"]


def test_the_files_of_the_slug(tmp_path: Path) -> None:
    for name in ["Procfile", "README.md", ".git/config", "tests/test_a.py", "serving/app.py", "serving/app.pyc"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".gitignore").write_text("*.pyc\n", encoding="utf-8")
    (tmp_path / ".slugignore").write_text("*.md\n/tests\n", encoding="utf-8")
    found = {path.relative_to(tmp_path).as_posix() for path in app_files(tmp_path)}
    assert found == {".gitignore", ".slugignore", "Procfile", "serving/app.py"}


def test_the_compressed_size(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(1_000_000))
    assert compressed([]) < compressed([tmp_path / "zeros"]) < 5_000


def test_the_table() -> None:
    lines = table({"one": 1_500_000, "two": 2_000_000_000}, Web(0.94, 100_000_000, None)).splitlines()
    assert lines[:4] == ["|  | measured |", "| --- | ---: |", "| slug: one | 1.5 MB |", "| slug: two | 2,000.0 MB |"]
    assert "**2,001.5 MB**" in lines[4]
    assert lines[-1].endswith("| 0.9 s |")
    assert all(line.count("|") == 3 for line in lines)


def test_memory_that_cannot_be_measured_is_said_to_be_so() -> None:
    assert "not measured" in megabytes(None)


def test_the_command_and_its_variables(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("release: true\nweb: serve --host 0.0.0.0:$PORT\n", encoding="utf-8")
    (tmp_path / "app.json").write_text('{"env": {"A": {"value": "2"}, "B": {"required": false}}}', encoding="utf-8")
    assert web_command(tmp_path / "Procfile") == "serve --host 0.0.0.0:$PORT"
    assert config_vars(tmp_path / "app.json") == {"A": "2"}


def test_the_texts_differ_from_each_other_but_not_between_runs() -> None:
    texts = list(random_texts(200))
    assert len(set(texts)) == 200
    assert texts == list(random_texts(200))
