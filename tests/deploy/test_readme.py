"""What the README tells people to run does run, and its figures are those of their page."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.settings import Settings
from tests.deploy.conftest import RunWeb
from tests.deploy.documents import README, blocks, section, shell_lines
from tests.deploy.services import ROOT, Service, environment

NUMBER = re.compile(r"\b\d[\d,]*\.\d+\b|\b\d+,\d+\b")
CLIENTS = {
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "--eval"],
    "powershell": ["pwsh", "-NoProfile", "-Command"],
}


@pytest.fixture(scope="module")
def service(run_web: RunWeb, pristine_bundle: Path) -> Iterator[Service]:
    """One dyno for all of these, with a small bundle."""
    with run_web(MODEL_DIR=str(pristine_bundle)) as started:
        yield started


def run(command: list[str | Path], folder: Path = ROOT) -> str:
    """What a command prints; it must succeed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} on the PATH")
    env = environment(NO_PROXY="*", no_proxy="*")
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def aimed(text: str, service: Service) -> str:
    """The text, with this service's address in it."""
    return text.replace("localhost:8000", f"127.0.0.1:{service.port}")


def curl(line: str, service: Service, folder: Path = ROOT) -> str:
    if shutil.which("curl") is None:
        pytest.skip("no curl on the PATH")
    return run(["bash", "-c", aimed(line, service).replace("curl", "curl -sS --fail", 1)], folder)


def test_the_curl_lines_agree_with_each_other(service: Service) -> None:
    form, one, several = (json.loads(curl(line, service)) for line in shell_lines(README, "curl") if "-F" not in line)
    assert form == one
    assert several["predictions"][0]["label"] == one["label"]
    assert several["predictions"][0]["probability"] == pytest.approx(one["probability"], abs=1e-6)


def test_the_example_answer_has_the_fields_of_a_real_one(service: Service) -> None:
    (example,) = blocks(README, "json")
    assert set(json.loads(example)) == set(json.loads(curl(shell_lines(README, "curl --data-urlencode")[0], service)))


@pytest.mark.parametrize("language", CLIENTS)
def test_a_client_gets_its_label_and_probability(language: str, service: Service) -> None:
    (script,) = blocks(README, language)
    output = run([*CLIENTS[language], aimed(script, service)])
    assert re.search(r"\b(negative|neutral|positive)\b", output)
    assert re.search(r"\b0\.\d+", output)


def test_a_file_is_scored_alike_by_both_lines(service: Service, pristine_bundle: Path, tmp_path: Path) -> None:
    (by_curl,) = shell_lines(README, "curl -F")
    (by_score,) = shell_lines(README, ".venv-serve/bin/python -m serving score")
    (tmp_path / "tweets.csv").write_text("id,text\n1,WORST SHOW EVER\n2,\n3,I love this\n", encoding="utf-8")
    curl(by_curl, service, tmp_path)
    scored = (tmp_path / "scored.csv").read_text(encoding="utf-8")
    (tmp_path / "scored.csv").unlink()
    command = by_score.replace(".venv-serve/bin/python", sys.executable)
    run(["bash", "-c", f"PYTHONPATH={ROOT} MODEL_DIR={pristine_bundle} {command}"], tmp_path)
    assert (tmp_path / "scored.csv").read_text(encoding="utf-8") == scored
    assert [line.split(",")[0] for line in scored.splitlines()] == ["id", "1", "2", "3"]


def test_make_passes_on_what_it_is_given() -> None:
    lines = shell_lines(README, "make")
    plans = {line: run([*line.split(), "--dry-run"]) for line in lines}
    (own_file,) = (plan for line, plan in plans.items() if "DATA=mine.csv" in line)
    options = ["--data 'mine.csv'", "--out 'build'", "--text-column 'tweet'", "--label-column 'mood'"]
    assert [option for option in options if option not in own_file] == []


def test_the_settings_are_some_of_the_class() -> None:
    rows: dict[str, Any] = dict(re.findall(r"^\| `([A-Z_]+)` \| (\S*) ?\|", README.read_text("utf-8"), re.MULTILINE))
    assert len(rows) == 6
    for name, default in rows.items():
        field = Settings.model_fields[name.lower()]
        assert default == ("" if field.default == () else str(field.default))


def test_the_figures_are_those_of_their_page() -> None:
    quoted = set(NUMBER.findall(section(README, "Figures")))
    assert len(quoted) > 5
    assert quoted <= set(NUMBER.findall((ROOT / "docs" / "figures.md").read_text(encoding="utf-8")))
