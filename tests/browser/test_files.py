import csv
import io
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Download, Page

from serving.settings import Settings
from serving.web.app import create_app
from tests.browser.axe import violations_in_every_look
from tests.browser.staging import serving
from tests.browser.upload import choose, result, send
from tests.browser.visits import Visit, visiting
from tests.bundles import FORM, LABELS, TEXTS
from tests.deploy.services import Service

pytestmark = pytest.mark.browser

MANY = "id,tweet\n" + "".join(f'{i},"{TEXTS[i % 6]}, {i}"\n' for i in range(3000))
FILES = {
    "many rows": MANY.encode(),
    "semicolons": b'id;text\r\n1;"good; ""really"""\r\n2;"two\nlines"\r\n3\r\n',
    "tabs": b"text\tn\nso good\t1\n\t2\n",
    "a mark and emoji": "\ufeffmessage\ngreat 👍🏽\n=1+1\n".encode(),
    "own label": b"label,text\ngold,good\n",
}
WATCH = """() => {
  const bar = document.querySelector("progress");
  window.seen = [];
  new MutationObserver(() => {
    const phase = document.querySelector("#files-phase").textContent;
    window.seen.push([phase, bar.hasAttribute("value") ? bar.value : null]);
  }).observe(document.querySelector(".files-progress"), { attributes: true, subtree: true, childList: true });
}"""


def by_curl(curl: httpx.Client, content: bytes, **fields: str) -> httpx.Response:
    return curl.post("/predict/file", files={"file": ("in.csv", content)}, data=fields).raise_for_status()


def saved(download: Download, folder: Path) -> bytes:
    download.save_as(folder / "saved")
    return (folder / "saved").read_bytes()


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_goes_up_and_comes_back(
    scripted_visit: Visit, curl: httpx.Client, tmp_path: Path, content: bytes
) -> None:
    page = choose(scripted_visit, tmp_path / "my file.csv", content)
    send(page)
    with page.expect_download() as downloading:
        result(page).get_by_role("link", name="Download").click()
    assert downloading.value.suggested_filename == ("my file-scored.tsv" if b"\t" in content else "my file-scored.csv")
    assert saved(downloading.value, tmp_path) == by_curl(curl, content).content
    assert scripted_visit.complaints == []


def test_broken_bytes_of_a_file_that_is_declared_as_utf8_are_one_rows_error(
    scripted_visit: Visit, curl: httpx.Client, tmp_path: Path
) -> None:
    content = b"text\ncaf\xe9\ngood\n"
    page = choose(scripted_visit, tmp_path / "in.csv", content)
    page.get_by_text("How the file is read").click()
    page.get_by_label("Character encoding").fill("utf-8")
    send(page)
    assert result(page).get_by_role("heading").inner_text() == "2 rows scored, 1 of them with an error"
    with page.expect_download() as downloading:
        result(page).get_by_role("link", name="Download").click()
    assert saved(downloading.value, tmp_path) == by_curl(curl, content, encoding="utf-8").content


def test_without_javascript_the_form_downloads_the_answer(
    browser: Browser, server: Service, curl: httpx.Client, tmp_path: Path
) -> None:
    with visiting(browser, server.url, java_script_enabled=False) as visit:
        page = choose(visit, tmp_path / "in.csv", FILES["many rows"])
        with page.expect_download() as downloading:
            send(page)
        assert downloading.value.suggested_filename == "predictions.csv"
        assert saved(downloading.value, tmp_path) == by_curl(curl, FILES["many rows"]).content
        assert visit.complaints == []


def test_every_row_of_it_has_its_own_answer(curl: httpx.Client) -> None:
    rows = list(csv.DictReader(io.StringIO(by_curl(curl, MANY.encode()).text, newline="")))
    assert [row["id"] for row in rows] == [str(i) for i in range(3000)]
    for row in rows[::500]:
        assert row["label"] == curl.post("/predict", json={"text": row["tweet"]}).json()["label"]


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_what_came_back_is_counted_and_its_first_rows_shown(
    scripted_visit: Visit, curl: httpx.Client, tmp_path: Path, content: bytes
) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", content)
    send(page)
    answer = by_curl(curl, content)
    delimiter = next(mark for mark in "\t;," if mark in answer.text.split("\n")[0])
    text = io.StringIO(answer.content.decode("utf-8-sig", "replace"), newline="")
    rows = list(csv.DictReader(text, delimiter=delimiter))
    prefix = answer.headers["x-label-column"].removesuffix("label")
    labels = Counter(row[f"{prefix}label"] or "with an error" for row in rows)
    counts = {cells[0]: int(cells[1].replace(",", "")) for cells in table(page, "Rows by label")}
    assert counts == dict.fromkeys(LABELS, 0) | dict(labels)
    column = answer.headers["x-text-column"]
    assert page.get_by_role("table", name="The first rows").locator("th").first.inner_text() == column
    expected = [
        [
            " ".join(row[column].split()),
            row[f"{prefix}error"] or f"{row[f'{prefix}label']} {float(row[f'{prefix}probability']):.1%}",
        ]
        for row in rows[:5]
    ]
    assert [[" ".join(cell.split()) for cell in cells] for cells in table(page, "The first rows")] == expected


JSONL = (
    '{"id": 1, "tweet": "good", "score": NaN, "label": "positive", "probability": 0.9, "p_negative": 0.05, '
    '"p_neutral": 0.05, "p_positive": 0.9, "truncated": false, "in_vocabulary": 1.0, "error": null}\n'
    '{"tweet": 7, "label": null, "probability": null, "p_negative": null, "p_neutral": null, "p_positive": null, '
    '"truncated": null, "in_vocabulary": null, "error": "no text"}\n'
)
DECIMAL_COMMAS = (
    "\ufeffpredicted_label;column_1;own_label;own_probability;own_p_negative;own_p_positive;own_truncated;own_error\n"
    "x;good;positive;0,9;0,1;0,9;false;\n"
    "x;good;positive;0,9;0,1;0,9;false;two cells too many\n"
)


def answered(page: Page, content: str, suffix: str, **headers: str) -> None:
    """Have the service answer any file so."""
    headers |= {"Content-Disposition": f'attachment; filename="predictions{suffix}"'}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    page.route("**/predict/file", lambda route: route.fulfill(status=200, headers=named, body=content))


def test_jsonl_is_counted_as_csv_is(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.jsonl", b'{"tweet": "good"}\n')
    answered(page, JSONL, ".jsonl", X_Text_Column="tweet", X_Label_Column="label")
    send(page)
    assert result(page).get_by_role("heading").inner_text() == "2 rows scored, 1 of them with an error"
    counts = {cells[0]: cells[1] for cells in table(page, "Rows by label")}
    assert counts == {"positive": "1", "with an error": "1", "negative": "0", "neutral": "0"}
    assert table(page, "The first rows") == [["good", "positive 90.0%"], ["7", "no text"]]
    assert "in-scored.jsonl" in result(page).get_by_role("link").inner_text()


def test_what_the_reader_decided_is_told(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"good\n")
    notes = ["The file has no header: its columns are called column_1, column_2, ...", "<b>Second</b>"]
    headers = {"X_Text_Column": "column_1", "X_Label_Column": "own_label", "X_Notes": quote("\n".join(notes))}
    answered(page, DECIMAL_COMMAS, ".csv", **headers)
    send(page)
    assert result(page).get_by_role("listitem").all_inner_texts() == notes
    assert table(page, "The first rows") == [["good", "positive 90.0%"], ["good", "positive 90.0%\ntwo cells too many"]]
    assert dict(cells[:2] for cells in table(page, "Rows by label")) == {"positive": "2", "negative": "0"}
    assert violations_in_every_look(scripted_visit) == []


def test_where_nothing_was_decided_nothing_is_told(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\ngood\n")
    send(page)
    assert "The texts are those of the column “text”." in result(page).inner_text()
    assert result(page).get_by_role("listitem").count() == 0


def test_a_sample_is_there_to_try(scripted_visit: Visit) -> None:
    scripted_visit.open()
    scripted_visit.page.get_by_role("link", name="Try it with a sample file").click()
    assert result(scripted_visit.page).get_by_role("heading").inner_text() == "8 rows scored"
    assert scripted_visit.complaints == []


def test_without_javascript_the_sample_is_downloaded(browser: Browser, server: Service) -> None:
    with visiting(browser, server.url, java_script_enabled=False) as visit:
        visit.open()
        with visit.page.expect_download() as downloading:
            visit.page.get_by_role("link", name="Try it with a sample file").click()
        assert downloading.value.path().read_text(encoding="utf-8").startswith("id,text\n")


def table(page: Page, name: str) -> list[list[str]]:
    rows = result(page).get_by_role("table", name=name).locator("tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def test_progress_is_shown_while_it_goes_up_and_is_answered(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", MANY.encode())
    page.evaluate(WATCH)
    send(page)
    result(page)
    seen: list[tuple[str, float | None]] = page.evaluate("seen")
    assert {phase for phase, _ in seen} == {"Sending", "Scoring", ""}
    for phase in ("Sending", "Scoring"):
        parts = [part for name, part in seen if name == phase and part is not None]
        assert parts == sorted(parts)
        assert 0 <= parts[0] <= parts[-1] <= 1
    assert page.locator(".files-progress").is_hidden()
    assert page.evaluate("document.activeElement.id") == "files-summary"


@pytest.mark.parametrize("text", ["good " * 100, "x" * 500, "<img src=x onerror='window.ran = 1'>"])
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, server: Service, tmp_path: Path, text: str) -> None:
    with visiting(browser, server.url, viewport={"width": 375, "height": 667}) as visit:
        page = choose(visit, tmp_path / f"{'a-long-name-' * 10}.csv", f"{'column' * 20}\n{text}\n".encode())
        page.get_by_text("How the file is read").click()
        send(page)
        assert result(page).locator("img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert visit.complaints == []


FIELD_FILES = {
    "CSV": b'id;Age;sex;workclass;hours_per_week\n1;52;"Male";Private;45,5\n2;200;?;;\n',
    "JSONL": b'{"id": 1, "age": 52, "sex": "Male", "workclass": "Private", "hours-per-week": 45.5}\n{"id": 2}\n',
}


@pytest.mark.parametrize("kind", FIELD_FILES)
def test_a_file_of_fields_comes_back_and_is_shown(browser: Browser, tmp_path: Path, kind: str) -> None:
    with serving(create_app(Settings(model_dir=FORM))) as url, visiting(browser, url) as visit:
        page = choose(visit, tmp_path / "in.csv", FIELD_FILES[kind])
        send(page)
        heading = result(page).get_by_role("heading").inner_text()
        row = result(page).get_by_role("table", name="The first rows").get_by_role("row").nth(1).inner_text()
        assert heading == "2 rows scored, 1 of them with an error"
        assert row.startswith("1, 52, Male, Private, 45")
        assert ">50K" in row
        assert not page.get_by_text("The texts are those of the column").is_visible()
        assert visit.complaints == []
