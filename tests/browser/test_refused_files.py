from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.axe import violations_in_every_look
from tests.browser.upload import choose, result, send
from tests.browser.visits import Visit, visiting
from tests.deploy.services import Service

pytestmark = pytest.mark.browser


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
    page.get_by_text("How the file is read").click()
    page.get_by_label("Column of texts").fill("b")
    send(page)
    assert result(page).get_by_role("heading").inner_text() == "1 row scored"
    assert page.get_by_role("alert").filter(has_text="column").count() == 0


CHOICES = ["a", "b", "<b>id</b>"]


def refuse_first(page: Page, code: str, columns: list[str] | None = None) -> list[str]:
    """Have the service refuse a file once, as it does one whose column or encoding is unclear. Returns what is sent."""
    error = {"detail": "The file cannot be used: so it is.", "code": code, "request_id": "ab12"}
    sent: list[str] = []

    def answer(route: Route) -> None:
        sent.append((route.request.post_data_buffer or b"").decode("utf-8", "replace"))
        if len(sent) == 1:
            route.fulfill(status=422, json=error | ({"columns": columns} if columns else {}))
        else:
            route.continue_()

    page.route("**/predict/file", answer)
    return sent


@pytest.mark.parametrize("code", ["text_column_unclear", "text_column_unknown"])
def test_an_unclear_column_is_chosen_from_a_list(scripted_visit: Visit, tmp_path: Path, code: str) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"a,b\n1,2\n")
    sent = refuse_first(page, code, CHOICES)
    send(page)
    columns = page.get_by_label("Which column holds the texts?")
    columns.wait_for()
    assert columns.locator("option").all_inner_texts() == CHOICES
    assert violations_in_every_look(scripted_visit) == []
    columns.select_option("b")
    page.get_by_role("button", name="Score this column").click()
    assert "The texts are those of the column “b”." in result(page).inner_text()
    assert field(sent[1], "text_column") == "b"
    assert page.get_by_role("table", name="The first rows").locator("tbody td").first.inner_text() == "2"
    assert columns.count() == 0


def test_a_file_that_is_not_utf8_can_be_read_as_another(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\ncaf\xe9\n")
    page.get_by_text("How the file is read").click()
    page.get_by_label("Column of texts").fill("text")
    sent = refuse_first(page, "not_utf8")
    send(page)
    page.get_by_role("button", name="Read it as Windows-1252").click()
    assert "café" in result(page).inner_text()
    assert field(sent[0], "encoding") == ""
    assert (field(sent[1], "encoding"), field(sent[1], "text_column")) == ("Windows-1252", "text")


def field(body: str, name: str) -> str:
    """A plain field of a multipart body."""
    return body.split(f'name="{name}"\r\n\r\n')[1].split("\r\n")[0]


def test_without_javascript_the_form_is_still_there(browser: Browser, server: Service, tmp_path: Path) -> None:
    with visiting(browser, server.url, java_script_enabled=False) as visit:
        page = choose(visit, tmp_path / "in.csv", b"text\ngood\n")
        page.get_by_text("How the file is read").click()
        page.get_by_label("Character encoding").fill("klingon")
        send(page)
        page.get_by_role("alert").filter(has_text="klingon").wait_for()
        assert page.title().startswith("The file cannot be used")
        page.get_by_label("File (up to").set_input_files(tmp_path / "in.csv")
        with page.expect_download() as downloading:
            send(page)
        assert downloading.value.path().read_text(encoding="utf-8").startswith("text,label,")


def test_a_file_that_is_too_large_is_not_sent(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\n" + b"good\n" * 1000)
    page.evaluate("document.querySelector('#files form').dataset.maxBytes = 4096")
    send(page)
    alert = page.get_by_role("alert").filter(has_text="file")
    alert.wait_for()
    assert alert.inner_text() == "The file has 4.9 KB; at most 4 KB are accepted."
    assert scripted_visit.complaints == []


OVERLOADED = '{"detail": "The queue is full. Try again shortly.", "code": "overloaded", "request_id": "ab12"}'


def test_an_overloaded_service_says_so(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\ngood\n")
    page.route("**/predict/file", lambda route: route.fulfill(status=503, body=OVERLOADED))
    send(page)
    alert = page.get_by_role("alert").filter(has_text="queue")
    alert.wait_for()
    assert alert.inner_text().split("\n") == ["The queue is full. Try again shortly.", "", "Request ab12"]
    assert page.get_by_role("button", name="Score the file").is_enabled()


def test_without_a_connection(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\ngood\n")
    page.route("**/predict/file", lambda route: route.abort("connectionreset"))
    send(page)
    page.get_by_role("alert").filter(has_text="The connection broke off").wait_for()
    page.context.set_offline(True)
    send(page)
    page.get_by_role("alert").filter(has_text="You are offline").wait_for()
    page.context.set_offline(False)
    page.unroute("**/predict/file")
    send(page)
    assert result(page).is_visible()


def test_it_can_be_stopped(scripted_visit: Visit, tmp_path: Path) -> None:
    page = choose(scripted_visit, tmp_path / "in.csv", b"text\ngood\n")
    page.route("**/predict/file", lambda _: None)
    send(page)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for(state="attached")
    assert page.get_by_role("progressbar").count() == 0
