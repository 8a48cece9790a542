from pathlib import Path

import pytest

from serving.bundle import METADATA, NETWORK, REPORT, TOKENIZER
from training import publish as module
from training.errors import PublishError
from training.publish import check_replaceable, publish, staging_folder


def _cannot_exchange(*_: Path) -> bool:
    return False


def staged(target: Path, content: str = "new") -> Path:
    folder = staging_folder(target)
    for name in (NETWORK, TOKENIZER, METADATA):
        (folder / name).write_text(content, encoding="utf-8")
    (folder / REPORT).mkdir()
    return folder


def test_a_first_bundle(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "bundle"
    publish(staged(target), target)
    assert (target / NETWORK).read_text(encoding="utf-8") == "new"
    assert [path.name for path in target.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("atomic", [True, False])
def test_an_old_bundle_is_replaced_and_nothing_is_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, atomic: bool
) -> None:
    target = tmp_path / "bundle"
    publish(staged(target, "old"), target)
    if not atomic:
        monkeypatch.setattr(module, "_exchange", _cannot_exchange)
    publish(staged(target), target)
    assert (target / NETWORK).read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_replacement_that_fails_leaves_the_old_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "bundle"
    publish(staged(target, "old"), target)
    new = staged(target)
    monkeypatch.setattr(module, "_exchange", _cannot_exchange)
    rename = Path.rename

    def failing(self: Path, to: Path) -> Path:
        if self == new:
            raise OSError(28, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(PublishError, match=r"could not be replaced \(No space left on device\); the old bundle stands"):
        publish(new, target)
    assert (target / NETWORK).read_text(encoding="utf-8") == "old"


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(PublishError, match=r"also holds thesis\.txt"):
        check_replaceable(tmp_path)
    with pytest.raises(PublishError, match="is a file"):
        check_replaceable(tmp_path / "thesis.txt")
    check_replaceable(tmp_path / "new")
