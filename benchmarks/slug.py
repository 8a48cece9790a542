"""What Heroku would run, measured here: the slug's size, the web process's memory and how soon it answers.

`make slug` runs it; it prints a Markdown table. Needs nothing but the standard library. Measured is the environment
`.venv-serve`; where there is none, that of the Python that runs this.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, it would look in its own folder only

from benchmarks.slug_files import app_files, compressed, files_under
from benchmarks.slug_web import Web, measure_web

ROOT = Path(__file__).parents[1]
REQUESTS = 1000
ABOUT_PYTHON = """
import json, sys, sysconfig
paths = {name: sysconfig.get_path(name) for name in ("platlib", "stdlib", "scripts")}
library = sysconfig.get_config_var("LDLIBRARY") or ""
shared = [sysconfig.get_config_var("LIBDIR") + "/" + library] if ".so" in library else []
about = {"prefix": sys.prefix, "version": sys.version.split()[0], "binaries": [sys._base_executable, *shared]}
print(json.dumps(paths | about))
"""
# What Heroku's own build of Python leaves out, and what is counted as installed.
NOT_SHIPPED = ["site-packages", "dist-packages", "test", "tests", "idle_test", "*.a", "*.opt-[12].pyc"]


def main() -> None:
    bundle = ROOT / (os.environ.get("MODEL_DIR") or "artifacts")
    if not (bundle / "metadata.json").is_file():
        sys.exit(f"error: {bundle} holds no bundle; `make train OUT={bundle}` writes one")
    about = about_python()
    sys.stderr.write(f"Measuring the environment {about['prefix']}, which takes a minute\n")
    sizes = slug_sizes(about)
    web = measure_web(Path(about["scripts"]), requests=REQUESTS)
    sys.stdout.write(table(sizes, web))


def about_python() -> dict[str, Any]:
    """Where the measured environment has its parts."""
    lean = ROOT / ".venv-serve" / "bin" / "python"
    command = [lean if lean.exists() else sys.executable, "-c", ABOUT_PYTHON]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


def slug_sizes(about: dict[str, Any]) -> dict[str, int]:
    """Compressed bytes of each of the slug's parts."""
    standard_library = [*files_under(Path(about["stdlib"]), NOT_SHIPPED), *map(Path, about["binaries"])]
    return {
        "the application and its model": compressed(app_files(ROOT)),
        "the installed requirements": compressed(files_under(Path(about["platlib"]), [])),
        f"Python {about['version']} itself, about": compressed(standard_library),
    }


def table(sizes: dict[str, int], web: Web) -> str:
    """The figures as Markdown."""
    rows = [(f"slug: {part}", megabytes(size)) for part, size in sizes.items()]
    rows += [
        ("**slug, compressed** (Heroku accepts 500 MB)", f"**{megabytes(sum(sizes.values()))}**"),
        ("resident memory once the first prediction is answered", megabytes(web.memory_at_start)),
        (
            f"**resident memory after {REQUESTS:,} predictions** (a basic dyno has 512 MB)",
            f"**{megabytes(web.memory_after_requests)}**",
        ),
        ("from the process's start to the first answered prediction", f"{web.first_answer:.1f} s"),
    ]
    return "".join(f"| {what} | {figure} |\n" for what, figure in [("", "measured"), ("---", "---:"), *rows])


def megabytes(size: int | None) -> str:
    return "not measured: this system has no /proc" if size is None else f"{size / 1e6:,.1f} MB"


if __name__ == "__main__":
    main()
