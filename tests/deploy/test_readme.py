"""What the README says, held to what is so."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.services import ROOT, Service

README = (ROOT / "README.md").read_text(encoding="utf-8")


FIGURES = ROOT / "docs" / "figures.md"
NUMBER = re.compile(r"\b\d[\d,]*\.\d+\b|\b\d+,\d+\b")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_example_answer_has_the_fields_of_a_real_one(web: Service) -> None:
    (example,) = blocks("json")
    (python,) = blocks("python")
    assert set(json.loads(example)) == set(_post(web, 'curl --json \'{"text": "x"}\' localhost:8000/predict'))
    done = subprocess.run(
        [sys.executable, "-c", _aimed(python, web)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"(negative|neutral|positive) 0\.\d+\n", done.stdout)


def test_the_curl_lines_agree_with_each_other(web: Service) -> None:
    lines = [line for line in curl_lines() if "/csv" not in line]
    form, one, several = (_post(web, line) for line in lines)
    assert form == one
    assert several["predictions"][0]["label"] == one["label"]
    assert several["predictions"][0]["probability"] == pytest.approx(one["probability"], abs=1e-6)


def test_a_file_is_scored_alike_by_both_lines(web: Service, pristine_bundle: Path, tmp_path: Path) -> None:
    (by_curl,) = (line for line in curl_lines() if "/csv" in line)
    (by_score,) = (line for block in blocks("sh") for line in block.splitlines() if "-m serving score" in line)
    (tmp_path / "tweets.csv").write_text("id,text\n1,WORST SHOW EVER\n2,\n3,I love this\n", encoding="utf-8")
    _run(web, by_curl, tmp_path)
    scored = (tmp_path / "scored.csv").read_text(encoding="utf-8")
    (tmp_path / "scored.csv").unlink()
    python, rest = sys.executable, by_score.partition(" ")[2]
    _run(web, f"PYTHONPATH={ROOT} MODEL_DIR={pristine_bundle} {python} {rest}", tmp_path)
    assert (tmp_path / "scored.csv").read_text(encoding="utf-8") == scored
    assert [line.split(",")[0] for line in scored.splitlines()] == ["id", "1", "2", "3"]


def test_the_lines_on_your_own_data_do_what_they_say(tmp_path: Path) -> None:
    (block,) = (block for block in blocks("sh") if "python -m training fit recipe.toml" in block)
    lines = [line.partition("#")[0].split() for line in block.splitlines() if line.startswith("python -m training")]
    assert [line[3] for line in lines] == ["fit", "evaluate", "compare", "knobs"]
    (tmp_path / "recipe.toml").write_text('extends = "sample"\n[fit]\nepochs = 1\n', encoding="utf-8")
    rows = (ROOT / "data" / "sample.csv").read_text(encoding="utf-8").replace("text,label", "tweet,mood", 1)
    for name in ("mine.csv", "held_back.csv"):
        (tmp_path / name).write_text(rows, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for line in lines:
        command = [sys.executable, *line[1:]]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr


def test_make_knows_each_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:\w+=\w+ )?make (\w+)", "\n".join(blocks("sh")), re.MULTILINE))
    named |= set(re.findall(r"`make (\w+)", README))
    assert {"serve", "test", "train", "slug", "figures"} <= named
    assert not [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


@pytest.mark.parametrize("page", [ROOT / "README.md", FIGURES], ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert targets
    assert not [link for link in targets if not (page.parent / link).exists()]


def test_the_figures_in_brief_are_those_of_their_page() -> None:
    """Each number of the two tables in brief stands in one of the tables that commands print."""
    brief = README[README.index("Other tests, each") : README.index("[docs/figures.md]")]
    told = {number for row in brief.splitlines() if row.startswith("|") for number in NUMBER.findall(row)}
    whole = set(NUMBER.findall(FIGURES.read_text(encoding="utf-8")))
    assert len(told) > 12
    assert told - whole == set()


def _aimed(text: str, web: Service) -> str:
    return text.replace("localhost:8000", f"127.0.0.1:{web.port}")


def curl_lines() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl")]


def _post(web: Service, line: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_run(web, line, ROOT))
    return answer


def _run(web: Service, line: str, folder: Path) -> str:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl on the PATH")
    command = ["bash", "-c", _aimed(line, web).replace("curl", f"{Path(curl)} --noproxy '*' -sS --fail", 1)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
