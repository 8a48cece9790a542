"""The pages in docs/ and beside the README: their links lead somewhere, and their commands do what they say."""

import ast
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.bundles import TINY, UNMASKED
from tests.deploy.documents import PAGES, blocks, shell_lines
from tests.deploy.services import ROOT
from training.__main__ import app
from training.errors import PublishError

GROUND_FLOORS = {"errors", "logs", "process", "types", "__init__", "__version__"}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
LINK = re.compile(r"\]\(([^)\s]+)\)")
TRAINING = ROOT / "docs" / "training.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a relative link's file exists, with the heading that it names."""
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in anchors(target))


def anchors(page: Path) -> set[str]:
    """The page's headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_walks_name_modules_and_what_is_in_them() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:serving|training|tests|docs)/[\w/.]*)`", text))
    assert len(paths) > 40
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    names = re.findall(r"`((?:serving|training)/[\w/]+\.py)` `([\w.]+)`", text)
    names += [(path, name) for name, path in re.findall(r"`(\w+)` in `((?:serving|training)/[\w/]+\.py)`", text)]
    assert len(names) > 20
    assert [f"{path} {name}" for path, name in names if not defines(ROOT / path, name)] == []


def defines(path: Path, name: str) -> bool:
    """Whether a module has a function or class of that name; `Class.method` its method."""
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    for part in name.split("."):
        definitions = [node for node in body if isinstance(node, DEFINITIONS) and node.name == part]
        if not definitions:
            return False
        body = definitions[0].body
    return True


@pytest.mark.parametrize(("place", "package"), [(0, "serving"), (1, "training")])
def test_the_diagrams_are_the_imports(place: int, package: str) -> None:
    drawn = arrows(blocks(ARCHITECTURE, "mermaid")[place])
    imports = imports_between_parts(package)
    assert len(drawn) >= 8
    assert {source: drawn[source] - imports[source] for source in drawn if drawn[source] - imports[source]} == {}
    implied = {source: reached(source, drawn) for source in imports}
    assert {source: imports[source] - implied[source] for source in imports if imports[source] - implied[source]} == {}


def arrows(diagram: str) -> dict[str, set[str]]:
    """Part -> parts that arrows lead to from it; those of the other package left out."""
    labels = dict(re.findall(r'(\w+)\["(\w+)(?:/|\.py)[^"]*"\]', diagram))
    drawn: dict[str, set[str]] = {name: set() for name in labels.values()}
    for source, target in re.findall(r'(\w+)(?:\["[^"]*"\])? --> (\w+)', diagram):
        if target in labels:
            drawn[labels[source]].add(labels[target])
    return drawn


def imports_between_parts(package: str) -> dict[str, set[str]]:
    """Part (a folder or module at the top of a package) -> parts that it imports; the ground floors left out."""
    imports: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / package).rglob("*.py"):
        part = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module] if "." in node.module else [f"{node.module}.{alias.name}" for alias in node.names]
                imports[part] |= {name.split(".")[1] for name in names if name.startswith(f"{package}.")}
    return {part: imports[part] - {part} - GROUND_FLOORS for part in imports if part not in GROUND_FLOORS}


def reached(part: str, drawn: Mapping[str, set[str]]) -> set[str]:
    """The parts that arrows lead to, one after the other."""
    parts = set(drawn[part])
    return parts.union(*(reached(other, drawn) for other in parts))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_make_knows_each_target(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {line.split()[1] for line in shell_lines(page, "make ")}
    named |= set(re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")))
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_the_commands_of_training_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line.split() for line in shell_lines(TRAINING, "python -m training") if " promote " not in line]
    assert [line[3] for line in lines] == ["fit", "evaluate", "behaviour", "compare", "knobs", "fit"]
    (tmp_path / "recipe.toml").write_text('extends = "sample"\n[fit]\nepochs = 1\n', encoding="utf-8")
    rows = (ROOT / "data" / "sample.csv").read_text(encoding="utf-8").replace("text,label", "tweet,mood", 1)
    for name in ("mine.csv", "held_back.csv"):
        (tmp_path / name).write_text("".join(rows.splitlines(keepends=True)[:200]), encoding="utf-8")
    corrections = [f"{text},negative" for text in ("so late again", "no seat for me", "the app hung", "nobody came")]
    (tmp_path / "corrections.csv").write_text("\n".join(["text,label", *corrections]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    # In one process, for each of them would take half of its time to import TensorFlow.
    for line in lines:
        result = CliRunner().invoke(app, ["build" if word == "artifacts" else word for word in line[3:]])
        assert result.exit_code == 0, result.output


def test_the_commands_that_put_a_better_model_in_place_do_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "data", tmp_path / "data", ignore=lambda _, names: set(names) - {"sample.csv"})
    monkeypatch.chdir(tmp_path)
    for command in (line for start in ("mkdir", "awk") for line in shell_lines(TRAINING, start)):
        subprocess.run(command, shell=True, check=True)
    paths = [Path("build", f"{name}.csv") for name in ("few", "more", "gold")]
    few, more, gold = (set(path.read_text(encoding="utf-8").splitlines()[1:]) for path in paths)
    assert few < more
    assert (len(few), len(more), more & gold) == (190, 380, set())
    for bundle, name in ((TINY, "new"), (UNMASKED, "old")):
        shutil.copytree(bundle, Path("build", name))
    shutil.copytree(TINY, "next")
    shutil.copytree(UNMASKED, "artifacts")
    shutil.copy(paths[-1], "gold.csv")
    compare, back, after = (line.split()[3:] for line in shell_lines(TRAINING, "python -m training promote"))
    for arguments in (compare, after):
        assert isinstance(CliRunner().invoke(app, arguments).exception, PublishError)
    for arguments, expected in (([*compare, "--force"], TINY), (back, UNMASKED)):
        assert CliRunner().invoke(app, arguments).exit_code == 0
        assert Path("build/old/metadata.json").read_bytes() == (expected / "metadata.json").read_bytes()
