import os
import re
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.errors import BundleError
from serving.model.bundle import FIELDS, NETWORK, REPORT, TOKENIZER, Bundle, sha256
from tests.bundles import FORM, TINY, UNMASKED, edit_metadata, rehash, relabel
from tests.training.commands.gold import known
from tests.training.helpers import write_csv
from training.__main__ import app
from training.commands.promote import promote, rollback
from training.console import Display
from training.errors import DataError, PublishError, SignalError
from training.export.publish import check_replaceable, previous_folder

BETTER, WORSE = TINY, UNMASKED  # WORSE says neutral to everything


@pytest.fixture
def over(tmp_path: Path) -> Path:
    """What stands in place: WORSE, unless a test puts another there."""
    return Path(shutil.copytree(WORSE, tmp_path / "models" / "served"))


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BETTER, tmp_path / "candidate"))


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """Rows of which BETTER knows all, and WORSE a third."""
    return write_csv(tmp_path / "gold.csv", known(200))


def version(folder: Path) -> str:
    return Bundle.read(folder).metadata.model_version


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def said(display: Display) -> str:
    """What it was told so far."""
    return display.console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def twin(folder: Path) -> Path:
    """Make a bundle another one that answers alike."""
    path = folder / TOKENIZER
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    rehash(folder)
    return folder


def test_a_better_one_takes_the_place_and_both_others_stay(
    candidate: Path, over: Path, gold: Path, display: Display, capsys: pytest.CaptureFixture[str]
) -> None:
    (candidate / REPORT / "plots").mkdir(parents=True)
    (candidate / REPORT / "plots" / "recall.svg").write_text("<svg/>", encoding="utf-8")
    (candidate / "notes.txt").write_text("mine", encoding="utf-8")
    before = content(candidate)
    promote(candidate, over, [gold], display)
    assert content(candidate) == before
    assert content(over) == {name: data for name, data in before.items() if name != "notes.txt"}
    assert content(previous_folder(over)) == content(WORSE)
    assert sorted(path.name for path in over.parent.iterdir()) == [".served.previous", "served"]
    table = capsys.readouterr().out
    assert re.search(
        rf"\| candidate tiny {version(BETTER)} \| 1\.000 \| 1\.000 \| 0\.\d+ \| 0\.\d MB \| [\d,]+ \|", table
    )
    assert re.search(rf"\| in place tiny {version(WORSE)} \| 0\.333 \| 0\.333 \|", table)
    assert re.search(
        r"\| \*\*mean\*\* \| \*\*600\*\* \| .*\*\*\+0\.667\*\* \| \*\*\+0\.6\d\d to \+0\.6\d\d\*\* \|", table
    )
    assert "Good enough: the 95% interval of the difference in macro recall is +0.6" in said(display)


def test_a_worse_one_does_not_and_no_rows_would_help(over: Path, gold: Path, candidate: Path, display: Display) -> None:
    before = content(candidate)
    with pytest.raises(
        PublishError, match=r"^nothing is replaced: .* The difference itself, -0\.667, does not lie abo"
    ):
        promote(over, candidate, [gold], display)
    assert content(candidate) == before
    promote(over, candidate, [gold], display, force=True)
    assert content(candidate) == content(over)
    assert "By force, though the 95% interval" in said(display)


def test_too_few_rows_show_nothing_and_it_is_said_how_many_are_missing(
    candidate: Path, tmp_path: Path, display: Display
) -> None:
    over = twin(Path(shutil.copytree(candidate, tmp_path / "served")))
    few, many = (write_csv(tmp_path / f"{times}.csv", known(times)) for times in (8, 300))
    with pytest.raises(
        PublishError, match=r"accepted: above -0\.01\. If the difference stays \+0\.000, about "
    ) as caught:
        promote(candidate, over, [few], display)
    assert re.search(r"about [\d,]+ more rows like these 24 would show", str(caught.value))
    assert "Few rows to compare on: 'negative' has 8" in said(display)
    assert not previous_folder(over).exists()
    promote(candidate, over, [many], display)
    assert version(over) == version(candidate)


def test_a_text_counts_once_however_often_it_is_there(
    candidate: Path, over: Path, tmp_path: Path, display: Display
) -> None:
    """Else the interval would be as narrow as that of many texts."""
    few, more = (write_csv(tmp_path / f"{name}.csv", known(10)) for name in ("few", "more"))
    (tmp_path / "link.csv").symlink_to(few)
    promote(candidate, over, [few, few, tmp_path / "link.csv"], display, dry_run=True)
    assert said(display).count("'negative' has 10") == 1
    assert "Each text counts once" not in said(display), "a file that is named twice is read once"
    promote(candidate, over, [few, more], display, dry_run=True)
    assert said(display).count("'negative' has 10") == 2
    assert "Each text counts once (exact and near copies, merged: 30)" in said(display)


def test_people_who_label_a_text_vote(
    candidate: Path, over: Path, tmp_path: Path, display: Display, capsys: pytest.CaptureFixture[str]
) -> None:
    votes = [("good evening", label) for label in ("negative", "positive", "negative")]
    undecided = [("bad evening", label) for label in ("negative", "positive")]
    data = write_csv(tmp_path / "votes.csv", [*known(10), *votes, *undecided])
    promote(candidate, over, [data], display, dry_run=True)
    assert "copies whose labels conflict without a majority: 2" in said(display)
    assert "copies with a minority label, merged: 1" in said(display)
    table = capsys.readouterr().out
    assert "| negative | 11 | 1.000 |" in table
    assert "| positive | 10 | 1.000 |" in table
    with pytest.raises(DataError, match="--data: no row is left"):
        promote(candidate, over, [write_csv(tmp_path / "none.csv", undecided)], display)


def test_a_class_without_rows_is_no_ground_to_replace(
    candidate: Path, over: Path, tmp_path: Path, display: Display
) -> None:
    data = write_csv(tmp_path / "some.csv", [row for row in known(300) if row[1] != "negative"])
    with pytest.raises(PublishError, match=r"the data have no row of 'negative'; accepted: rows of each label"):
        promote(candidate, over, [data], display)
    assert version(over) == version(WORSE)


def test_a_dry_run_only_compares(candidate: Path, over: Path, gold: Path, display: Display) -> None:
    promote(candidate, over, [gold], display, dry_run=True)
    assert version(over) == version(WORSE)
    assert [path.name for path in over.parent.iterdir()] == ["served"]


def test_columns_and_labels_are_read_as_the_candidates_recipe_or_the_options_say(
    candidate: Path, over: Path, tmp_path: Path, display: Display
) -> None:
    edit_metadata(candidate, lambda metadata: metadata["recipe"]["data"].update(rename={"good": "positive"}))
    rows = [(text, "good" if label == "positive" else label) for text, label in known(200)]
    data = write_csv(tmp_path / "d.csv", [*rows, ("", "good")], ("tweet", "mood"))
    promote(candidate, over, [data], display, {"text": "tweet", "label": "mood"})
    assert version(over) == version(candidate)
    assert "1 rows are left out (without a text: 1)" in said(display)


def test_labels_may_have_another_order(candidate: Path, over: Path, gold: Path, display: Display) -> None:
    relabel(over, ["neutral", "negative", "positive"])  # so that it answers negative to everything
    promote(candidate, over, [gold], display)
    order = "negative, neutral, positive; in place neutral, negative, positive"
    assert f"The labels have another order, in which answers then list them: {order}." in said(display)


def test_other_labels_or_inputs_are_refused(candidate: Path, over: Path, gold: Path, display: Display) -> None:
    relabel(candidate, ["a", "b", "c"])
    with pytest.raises(
        PublishError, match=r"labels \['a', 'b', 'c'\]; accepted: \['negative', 'neutral', 'positive'\]"
    ):
        promote(candidate, over, [gold], display, force=True)
    with pytest.raises(PublishError, match="the candidate has inputs fields; accepted: text"):
        promote(FORM, over, [gold], display, force=True)


def test_rows_that_the_candidate_was_trained_on_are_refused(
    candidate: Path, over: Path, gold: Path, display: Display
) -> None:
    def learned(metadata: dict[str, Any]) -> None:
        metadata["data"] = [{"file": "x.csv", "rows": 600, "sha256": sha256(gold)}]

    edit_metadata(over, learned)
    promote(candidate, over, [gold], display, dry_run=True)
    assert "The bundle in place was trained on rows of gold.csv" in said(display)
    edit_metadata(candidate, learned)
    with pytest.raises(
        DataError, match=r"gold\.csv: the candidate was trained on its rows; accepted: rows that it has"
    ):
        promote(candidate, over, [gold], display)
    promote(candidate, over, [gold], display, force=True)
    assert version(over) == version(candidate)


def test_the_same_model_again_changes_nothing_and_keeps_what_was_before(
    candidate: Path, over: Path, gold: Path, display: Display
) -> None:
    for _ in range(2):
        promote(candidate, over, [gold], display)
    assert version(previous_folder(over)) == version(WORSE)
    assert f"has this model already (tiny {version(candidate)}): nothing is replaced" in said(display)


def test_a_rollback_brings_the_old_one_and_a_second_the_newer_one(
    candidate: Path, over: Path, gold: Path, display: Display
) -> None:
    with pytest.raises(
        PublishError, match=r"no bundle is kept in .*\.served\.previous; accepted: a folder that promote"
    ):
        rollback(over, display)
    promote(candidate, over, [gold], display)
    for expected, kept in ((WORSE, BETTER), (BETTER, WORSE)):
        rollback(over, display)
        assert content(over) == content(expected)
        assert content(previous_folder(over)) == content(kept)
    assert sorted(path.name for path in over.parent.iterdir()) == [".served.previous", "served"]


def test_a_broken_one_comes_neither_forward_nor_back(candidate: Path, over: Path, gold: Path, display: Display) -> None:
    promote(candidate, over, [gold], display)
    (previous_folder(over) / NETWORK).write_bytes(b"half a network")
    with pytest.raises(BundleError, match=r"\.served\.previous/sentiment\.h5: its sha256 is"):
        rollback(over, display)
    (candidate / NETWORK).write_bytes(b"half a network")
    with pytest.raises(BundleError, match=r"candidate/sentiment\.h5: its sha256 is"):
        promote(candidate, over, [gold], display, force=True)
    assert content(over) == content(BETTER)


PLACES: dict[str, Callable[[Path], Path]] = {
    "itself": lambda over: over,
    "by another name": lambda over: over.parent / ".." / "models" / over.name,
    "inside": lambda over: over / REPORT,
    "kept": previous_folder,
    "staging": lambda over: over.parent / f".{over.name}.staging",
    "in staging": lambda over: over.parent / f".{over.name}.staging" / "mine",
    "aside": lambda over: over.parent / f".{over.name}.old",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_replacing_would_touch_is_no_candidate(
    place: Callable[[Path], Path], over: Path, gold: Path, display: Display
) -> None:
    folder = place(over)
    shutil.copytree(BETTER, folder, dirs_exist_ok=True) if folder.resolve() != over else None
    before = content(over.parent)
    with pytest.raises(PublishError, match=r"is or lies in .*, which is replaced; accepted: a folder elsewhere"):
        promote(folder, over, [gold], display, force=True)
    assert content(over.parent) == before


def test_links_are_followed(candidate: Path, over: Path, gold: Path, tmp_path: Path, display: Display) -> None:
    """A link to the served folder stays one, and one to the candidate's folder or files leads to copies."""
    (tmp_path / "current").symlink_to(over, target_is_directory=True)
    (tmp_path / "same").symlink_to(over, target_is_directory=True)
    store = candidate.rename(tmp_path / "store")
    candidate.mkdir()
    for path in store.iterdir():
        (candidate / path.name).symlink_to(path)
    with pytest.raises(PublishError, match="accepted: a folder elsewhere"):
        promote(tmp_path / "same", tmp_path / "current", [gold], display)
    promote(candidate, tmp_path / "current", [gold], display)
    assert (tmp_path / "current").readlink() == over
    assert not any(path.is_symlink() for path in over.iterdir())
    assert content(over) == content(BETTER)


def test_a_read_only_candidate_becomes_a_bundle_that_can_be_replaced(
    candidate: Path, over: Path, gold: Path, display: Display
) -> None:
    for path in (*candidate.iterdir(), candidate):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    promote(candidate, over, [gold], display)
    assert all(path.stat().st_mode & stat.S_IWUSR for path in (over, *over.iterdir()))
    check_replaceable(over)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told_before_anything_is_read(
    candidate: Path, over: Path, tmp_path: Path, display: Display
) -> None:
    over.parent.chmod(0o555)
    try:
        with pytest.raises(PublishError, match=r"cannot be written \(Permission denied\); what was there is untouched"):
            promote(candidate, over, [tmp_path / "missing.csv"], display)
    finally:
        over.parent.chmod(0o755)


def test_a_folder_with_other_things_in_it_is_refused(candidate: Path, over: Path, gold: Path, display: Display) -> None:
    (over / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(PublishError, match=r"holds thesis\.txt"):
        promote(candidate, over, [gold], display)
    assert version(over) == version(WORSE)


FIELDS_OF_FORM = [
    {"name": "age", "kind": "number", "minimum": 17, "maximum": 90},
    {"name": "workclass", "kind": "category", "values": ["Private", "State-gov", "Self-emp-not-inc"]},
    {"name": "hours-per-week", "kind": "number"},
    {"name": "sex", "kind": "category", "values": ["Female", "Male"]},
]


def write_form_bundle(folder: Path, change: Callable[[str], str] = str) -> Path:
    """A bundle of fields whose file of fields is changed so."""
    shutil.copytree(FORM, folder)
    (folder / FIELDS).write_text(change((folder / FIELDS).read_text(encoding="utf-8")) + "\n", encoding="utf-8")
    edit_metadata(folder, lambda metadata: metadata["recipe"].update(fields=FIELDS_OF_FORM))
    rehash(folder)
    return folder


def test_rows_of_fields_are_compared_where_both_accept_them(
    tmp_path: Path, display: Display, capsys: pytest.CaptureFixture[str]
) -> None:
    candidate = write_form_bundle(tmp_path / "candidate")
    over = write_form_bundle(tmp_path / "served", lambda text: text.replace('"maximum": 90.0', '"maximum": 60.0'))
    header = ("age", "workclass", "hours-per-week", "sex", "income")
    lines = [("52", "Self-emp-not-inc", "45.5", "Male", ">50K"), ("19", "Private", "20", "Female", "<=50K")] * 300
    data = write_csv(
        tmp_path / "d.csv", [*lines, ("70", "Private", "20", "Male", ">50K"), ("99", "", "", "", ">50K")], header
    )
    promote(candidate, over, [data, data], display)
    assert version(over) == version(candidate)
    assert "| **mean** | **600** |" in capsys.readouterr().out, (
        "equal rows are as many people, but no file counts twice"
    )
    assert "1 rows are left out (with a field that is not accepted: 1)" in said(display)
    assert "1 rows are left out: the bundle in place accepts no such values" in said(display)


def test_other_fields_are_refused(tmp_path: Path, gold: Path, display: Display) -> None:
    candidate = Path(shutil.copytree(FORM, tmp_path / "candidate"))
    over = write_form_bundle(tmp_path / "served", lambda text: text.replace('"age"', '"years"'))
    edit_metadata(
        over,
        lambda metadata: metadata.update(known_answers=[{"fields": {}, "probabilities": [0.40914666, 0.59085333]}]),
    )
    with pytest.raises(
        PublishError, match=r"the candidate has fields \{'age': 'number'.*accepted: \{.*'years': 'number'"
    ):
        promote(candidate, over, [gold], display)


def test_where_there_is_no_sighup_no_process_can_be_told(
    candidate: Path, over: Path, gold: Path, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    with pytest.raises(SignalError, match="Windows has no SIGHUP; accepted: no --pid"):
        promote(candidate, over, [gold], display, pid=os.getpid())
    assert version(over) == version(WORSE)


@pytest.mark.parametrize(
    "arguments",
    [["a"], ["--data", "d.csv"], ["--rollback", "a"], ["--rollback", "--force"], ["a", "--data", "d", "--rollback"]],
)
def test_the_command_asks_for_one_or_the_other(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["promote", "--over", "x", *arguments])
    assert result.exit_code == 2


def test_the_command_line_compares_several_files_and_rolls_back(candidate: Path, over: Path, gold: Path) -> None:
    arguments = ["promote", candidate, "--over", over, "--data", gold, gold.with_name("more.csv")]
    write_csv(gold.with_name("more.csv"), known(400)[600:])
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    assert "| **mean** | **1,200** |" in done.stdout
    assert version(over) == version(BETTER)
    assert CliRunner().invoke(app, ["promote", "--over", str(over), "--rollback"]).exit_code == 0
    assert version(over) == version(WORSE)
