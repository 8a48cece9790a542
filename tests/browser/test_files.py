import csv
import io
import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Download, Locator, Page

from tests.browser.visits import Visit, visiting
from tests.bundles import LABELS, TEXTS
from tests.deploy.services import Service

pytestmark = pytest.mark.browser

MANY = "id,tweet\n" + "".join(f'{i},"{TEXTS[i % 6]}, {i}"\n' for i in range(3000))
FILES = {
    "many rows": MANY.encode(),
    "semicolons": b'id;text\r\n1;"good; ""really"""\r\n2;"two\nlines"\r\n3\r\n',
    "tabs": b"text\tn\nso good\t1\n\t2\n",
    "a mark and emoji": "\ufeffmessage\ngreat 👍🏽\n=1+1\n".encode(),
    "own label": b"label,text\ngold,good\n",
    "bytes that are not UTF-8": b"text\ncaf\xe9\ngood\n",
}
WATCH = """() => {
  const bar = document.querySelector("progress");
  window.seen = [];
  new MutationObserver(() => {
    const phase = document.querySelector("#files-phase").textContent;
    window.seen.push([phase, bar.hasAttribute("value") ? bar.value : null]);
  }).observe(document.querySelector(".files-progress"), { attributes: true, subtree: true, childList: true });
}"""


def choose(visit: Visit, path: Path, content: bytes) -> Page:
    """The page, with a file chosen."""
    path.write_bytes(content)
    visit.open()
    visit.page.get_by_label("File, of up to").set_input_files(path)
    return visit.page


def send(page: Page) -> None:
    page.get_by_role("button", name="Score the file").click()


def result(page: Page) -> Locator:
    region = page.get_by_role("region", name="scored")
    region.wait_for()
    return region


def by_curl(curl: httpx.Client, content: bytes, **fields: str) -> httpx.Response:
    return curl.post("/predict/csv", files={"file": ("in.csv", content)}, data=fields).raise_for_status()


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


def test_a_refusal_is_the_servers_sentence(visit: Visit, tmp_path: Path) -> None:
    page = choose(visit, tmp_path / "in.csv", b"a,b\n1,2\n")
    send(page)
    alert = page.get_by_role("alert").filter(has_text="column")
    alert.wait_for()
    assert "it is not clear which column holds the texts; found: 'a', 'b'" in alert.inner_text()
    assert "Request " in alert.inner_text()
    assert len(visit.complaints) == 1, "the browser's own, about the status"


def test_after_a_refusal_the_fields_mend_it(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"a,b\n1,2\n")
    send(page)
    page.get_by_role("alert").filter(has_text="column").wait_for()
    page.get_by_text("How it is read").click()
    page.get_by_label("Column of texts").fill("b")
    send(page)
    assert result(page).get_by_role("heading").inner_text() == "1 row scored"
    assert page.get_by_role("alert").filter(has_text="column").count() == 0


def test_a_file_that_is_too_large_is_not_sent(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\n" + b"good\n" * 1000)
    page.evaluate("document.querySelector('#files form').dataset.maxBytes = 4096")
    send(page)
    alert = page.get_by_role("alert").filter(has_text="file")
    alert.wait_for()
    assert alert.inner_text() == "The file has 4.9 KiB; at most 4 KiB are accepted."
    assert scripted_visit.complaints == []


OVERLOADED = '{"detail": "The queue is full. Try again shortly.", "code": "overloaded", "request_id": "ab12"}'


def test_an_overloaded_service_says_so(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\ngood\n")
    page.route("**/predict/csv", lambda route: route.fulfill(status=503, body=OVERLOADED))
    send(page)
    alert = page.get_by_role("alert").filter(has_text="queue")
    alert.wait_for()
    assert alert.inner_text().split("\n") == ["The queue is full. Try again shortly.", "", "Request ab12"]
    assert page.get_by_role("button", name="Score the file").is_enabled()


def test_without_a_connection(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\ngood\n")
    page.route("**/predict/csv", lambda route: route.abort("connectionreset"))
    send(page)
    page.get_by_role("alert").filter(has_text="The connection broke off").wait_for()
    page.context.set_offline(True)
    send(page)
    page.get_by_role("alert").filter(has_text="You are offline").wait_for()
    page.context.set_offline(False)
    page.unroute("**/predict/csv")
    send(page)
    assert result(page).is_visible()


def test_it_can_be_stopped(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\ngood\n")
    page.route("**/predict/csv", lambda _: None)
    send(page)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for(state="attached")
    assert page.get_by_role("progressbar").count() == 0


@pytest.mark.parametrize("text", ["good " * 100, "x" * 500, "<img src=x onerror='window.ran = 1'>"])
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, server: Service, tmp_path: Path, text: str) -> None:
    with visiting(browser, server.url, viewport={"width": 375, "height": 667}) as visit:
        page = choose(visit, tmp_path / f"{'a-long-name-' * 10}.csv", f"{'column' * 20}\n{text}\n".encode())
        page.get_by_text("How it is read").click()
        send(page)
        assert result(page).locator("img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert visit.complaints == []


def test_rows_are_read_as_python_reads_them(scripted_visit: Visit) -> None:
    scripted_visit.open()
    draw = random.Random(1)
    cases = [_case(draw) for _ in range(300)]
    script = """async (cases) => {
      const { CsvRows } = await import("/static/csv.js");
      return cases.map(([delimiter, pieces]) => {
        const rows = new CsvRows(delimiter);
        return pieces.flatMap((piece, i) => [...rows.push(piece, i === pieces.length - 1)]);
      });
    }"""
    found = scripted_visit.page.evaluate(script, cases)
    expected = [_by_python(delimiter, "".join(pieces)) for delimiter, pieces in cases]
    assert found == expected


def _case(draw: random.Random) -> tuple[str, list[str]]:
    """A CSV of random cells, cut anywhere."""
    delimiter, end = draw.choice(",;\t"), draw.choice(["\n", "\r\n"])
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=draw.choice([csv.QUOTE_ALL, 0]))
    alphabet = 'ab,;"\t\n é👍'
    for _ in range(draw.randint(1, 4)):
        writer.writerow(["".join(draw.choices(alphabet, k=draw.randint(0, 4))) for _ in range(3)])
    text = file.getvalue().removesuffix(draw.choice(["", end]))
    cuts = sorted(draw.choices(range(len(text) + 1), k=3))
    return delimiter, [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def _by_python(delimiter: str, text: str) -> Any:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
