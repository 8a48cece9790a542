from pathlib import Path

import pytest

from tests.browser.upload import choose, result, send
from tests.browser.visits import Visit

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
