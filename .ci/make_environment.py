"""Makes a virtual environment and fills it from requirements files: make_environment.py FOLDER REQUIREMENTS [ALONE...].

What the files ALONE name is installed without its dependencies.

Runs on the bare Python of a fresh machine, so it imports nothing but the standard library. Touches FOLDER/ready last,
so that an interrupted installation is done again.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

ACCEPTED = ((3, 11), (3, 12), (3, 13))


def main(folder: Path, requirements: Path, *alone: Path) -> None:
    """Make FOLDER, or bring it up to date. Exits with a sentence where this Python cannot."""
    check_python()
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not works(python):
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
    install(python, requirements)
    for file in alone:
        install(python, file, "--no-deps")
    (folder / "ready").touch()


def install(python: Path, requirements: Path, *options: str) -> None:
    """Install what a file names. Exits with a sentence where that fails."""
    sys.stderr.write(f"Setting up {python.parents[1]} from {requirements}\n")
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options]
    if subprocess.run([*command, "-r", str(requirements)], check=False).returncode:
        sys.exit(f"error: {requirements} could not be installed; pip's own words are above")


def check_python() -> None:
    """Refuse a Python that the pinned versions are not made for, or that cannot make environments."""
    version = sys.version_info[:2]
    if version not in ACCEPTED:
        accepted = ", ".join(f"{major}.{minor}" for major, minor in ACCEPTED)
        sys.exit(
            f"error: found Python {version[0]}.{version[1]}; accepted: {accepted}. Try: make PYTHON=python3.13 ..."
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit("error: this Python cannot make environments; on Debian and Ubuntu: apt install python3-venv")


def works(python: Path) -> bool:
    """Whether the environment runs, with the Python that runs this."""
    command = [str(python), "-c", "import pip, sys; print(*sys.version_info[:2])"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return result.stdout.split() == [str(part) for part in sys.version_info[:2]]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
