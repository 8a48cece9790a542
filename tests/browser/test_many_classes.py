"""A model of forty-seven classes: each is shown, and shown right, on every page."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from serving.settings import Settings
from serving.web.app import create_app
from tests.browser import states
from tests.browser.axe import violations_in_every_look
from tests.browser.staging import serving
from tests.browser.visits import Visit, visiting
from tests.bundles import TEXTS
from tests.keras_bundles import write_bundle

pytestmark = pytest.mark.browser

LABELS = [f"class {number} of a long name" for number in range(45)] + ["a<b & 'c'", "weiß, nicht"]
CONTENT = "id,tweet\n" + "".join(f'{n},"{TEXTS[n % 6]}"\n' for n in range(60))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("many") / "bundle"
    write_bundle(folder, labels=LABELS)
    with serving(create_app(Settings(model_dir=folder))) as url:
        yield url


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    with visiting(browser, url) as visit:
        yield visit


def test_each_class_has_its_figure(visit: Visit, url: str) -> None:
    visit.classify(TEXTS[0])
    meters = visit.answer.get_by_role("meter")
    assert meters.count() == 6
    visit.page.get_by_text("41 more classes").click()
    assert meters.count() == 47
    answer = httpx.post(f"{url}/predict", json={"text": TEXTS[0]}, trust_env=False).raise_for_status().json()
    probabilities: dict[str, float] = answer["probabilities"]
    shown = {
        item.locator(".name").inner_text(): item.locator(".figure").inner_text()
        for item in visit.answer.locator(".bars li").all()
    }
    assert shown == {label: f"{probability:.1%}" for label, probability in probabilities.items()}
    assert list(shown) == sorted(LABELS, key=lambda label: -probabilities[label])
    assert violations_in_every_look(visit) == []


def test_the_classes_of_a_file_are_counted(visit: Visit, url: str, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text(CONTENT, encoding="utf-8")
    states.scored(visit, file)
    form = {"file": ("in.csv", CONTENT.encode())}
    answer = httpx.post(f"{url}/predict/csv", files=form, trust_env=False).raise_for_status()
    counts = Counter(row["label"] for row in csv.DictReader(io.StringIO(answer.text, newline="")))
    rows = visit.page.get_by_role("table", name="Rows by label").locator("tbody tr").all()
    shown = [(row.locator("th").inner_text(), int(row.locator("td").first.inner_text())) for row in rows]
    assert dict(shown) == dict.fromkeys(LABELS, 0) | counts
    assert [number for _, number in shown] == sorted((number for _, number in shown), reverse=True)
    assert violations_in_every_look(visit) == []


def test_the_model_names_them(visit: Visit) -> None:
    visit.open("/model")
    assert visit.page.get_by_label("Labels").get_by_role("listitem").all_inner_texts() == LABELS
    assert violations_in_every_look(visit) == []
