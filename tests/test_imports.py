"""The import graph: packages stand on floors, arrows go down, and no two modules import each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_MODULES = 12
"""In one folder, beside its `__init__.py`."""

SERVING = [
    {"errors", "logs", "process"},
    {"settings", "model"},
    {"batching", "tables", "feedback"},
    {"web", "scoring", "adopt"},
    {"server", "__main__"},
]
TRAINING = [
    {"errors", "types"},
    {"recipe"},
    {"text", "model", "progress"},
    {"data"},
    {"inputs"},
    {"evaluation"},
    {"fit", "report", "console"},
    {"tuning", "export", "teacher"},
    {"cost"},
    {"commands"},
    {"__main__"},
]
FLOORS = {"serving": SERVING, "training": TRAINING}


def modules() -> dict[str, Path]:
    """Dotted name -> file, of both packages."""
    files = [path for package in FLOORS for path in (ROOT / package).rglob("*.py")]
    return {name_of(path): path for path in files}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of ours that a module imports: also inside functions, and for type checking alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively; accepted: names from the root"
            yield from (found for alias in node.names if (found := imported(node.module or "", alias.name, known)))


def imported(module: str, name: str, known: dict[str, Path]) -> str | None:
    """The module that `from module import name` brings."""
    return next((each for each in (f"{module}.{name}", module) if each in known), None)


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    assert len(known) > 80
    return {name: set(imports_of(name, path, known)) - {name} for name, path in known.items()}


def test_no_two_modules_import_each_other(graph: dict[str, set[str]]) -> None:
    # A name of a package stands for its __init__, which each module in it runs before itself.
    assert circle_in(graph) == []


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """A circle as a list of its modules, or an empty list."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(graph[name]):
                if circle := visit(other, [*way, name]):
                    return circle
            done.add(name)
        return []

    return next((circle for name in graph if (circle := visit(name, []))), [])


def test_a_circle_would_be_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]


def test_serving_imports_nothing_of_training(graph: dict[str, set[str]]) -> None:
    assert {name: upper for name in graph if (upper := upward(name, graph[name], "serving", "training"))} == {}


def upward(name: str, imports: set[str], package: str, other: str) -> set[str]:
    return {found for found in imports if found.split(".")[0] == other} if name.split(".")[0] == package else set()


@pytest.mark.parametrize("package", FLOORS)
def test_packages_import_only_those_below_them(package: str, graph: dict[str, set[str]]) -> None:
    floors = {room: floor for floor, rooms in enumerate(FLOORS[package]) for room in rooms}
    bad = [
        f"{name} imports {found}"
        for name, imports in graph.items()
        for found in imports
        if name.split(".")[0] == found.split(".")[0] == package and not goes_down(name, found, floors)
    ]
    assert bad == []


def goes_down(name: str, found: str, floors: dict[str, int]) -> bool:
    """Whether an arrow stays in its room or leads to one on a lower floor."""
    rooms = [each.split(".")[1:2] for each in (name, found)]
    if [] in rooms or rooms[0] == rooms[1]:  # the package's own __init__ has the version and no imports
        return True
    return floors[rooms[1][0]] < floors[rooms[0][0]]


@pytest.mark.parametrize("package", ["serving/web/requests", "serving/web/files", "serving/web/pages"])
def test_sub_packages_of_the_web_do_not_import_the_app(package: str, graph: dict[str, set[str]]) -> None:
    inside = package.replace("/", ".")
    above = {"serving.web.app", "serving.web.routes"}
    assert {name for name in graph if name.startswith(inside) and graph[name] & above} == set()


def test_folders_are_small() -> None:
    counts = {
        folder.relative_to(ROOT).as_posix(): len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        for package in FLOORS
        for folder in (ROOT / package).rglob("*")
        if folder.is_dir()
    }
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


HEAVY = {"training", "tensorflow", "keras"}


def test_tests_of_serving_need_neither_training_nor_tensorflow() -> None:
    """What they import, and what that imports of tests and benchmarks."""
    known = {name_of(path): path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")}
    waiting = [name for name in known if name.startswith(("tests.serving.", "tests.faults."))]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        heavy = {module for module in imported_modules(known[name]) if module.split(".")[0] in HEAVY}
        assert heavy == set(), name
        waiting += {found for found in imports_of(name, known[name], known) if found not in seen}
    assert "tests.bundles" in seen


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
