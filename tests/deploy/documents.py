"""The Markdown pages of the repository, and the blocks of code in them."""

import re
from pathlib import Path

from tests.deploy.services import ROOT

README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").glob("*.md")])


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def shell_lines(page: Path, start: str) -> list[str]:
    """The lines of a page's shell blocks that start so, without their comments."""
    lines = [line.partition("  #")[0].strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(start)]


def section(page: Path, heading: str) -> str:
    """What stands below one heading, up to the next."""
    _, _, below = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    return below.partition("\n## ")[0]
