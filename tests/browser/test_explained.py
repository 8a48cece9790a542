"""The words that pushed the answer, as they are seen and heard."""

import httpx
import pytest
from playwright.sync_api import Browser

from serving.model.explanation import cut_words
from tests.browser.visits import Visit, visiting
from tests.bundles import TEXTS

pytestmark = pytest.mark.browser

HARD = "I love 👩‍💻 and cafe\u0301 #HappyDays @bob!\nשלום it is great :)"


@pytest.mark.parametrize("text", [*TEXTS[:2], HARD])
def test_the_marks_are_the_words_with_weights(visit: Visit, curl: httpx.Client, text: str) -> None:
    visit.classify(text)
    explanation = curl.post("/predict", json={"text": text, "explain": True}).json()["explanation"]
    shown = {mark.inner_text(): mark for mark in visit.answer.locator(".marked mark").all()}
    for word in explanation:
        assert text[word["start"] : word["end"]] == word["word"]
        if abs(word["weight"]) > 0.02:
            kind = "for" if word["weight"] > 0 else "against"
            assert kind in (shown[word["word"]].get_attribute("class") or "").split()
            points = f"{abs(word['weight']) * 100:.1f} points"
            assert points in (shown[word["word"]].get_attribute("title") or "")
    assert visit.answer.locator(".marked").inner_text() == text
    assert visit.complaints == []


def test_more_than_colour(browser: Browser, staged: str) -> None:
    with visiting(browser, staged) as visit:
        visit.classify("not good")
        looks = {
            mark.inner_text(): mark.evaluate(
                "m => (s => [s.textDecorationStyle, parseFloat(s.textDecorationThickness)])(getComputedStyle(m))"
            )
            for mark in visit.answer.locator(".marked mark").all()
        }
        assert looks == {"not": ["dotted", 1], "good": ["solid", 4]}
        backgrounds = visit.answer.locator(".marked mark").evaluate_all(
            "marks => marks.map(mark => getComputedStyle(mark).backgroundColor)"
        )
        assert len(set(backgrounds)) == 2


def test_the_weightiest_are_told_in_words(browser: Browser, staged: str) -> None:
    with visiting(browser, staged) as visit:
        visit.classify("not good")
        told = visit.answer.locator(".weighty").inner_text()
        assert "good +70.0 points" in told
        assert "not −5.0 points" in told


def test_every_word_has_its_row(visit: Visit) -> None:
    visit.classify(HARD)
    visit.page.get_by_text("Every word’s weight").first.click()
    rows = visit.answer.get_by_role("rowheader").all()
    assert [row.inner_text() for row in rows] == [word.word for word in cut_words(HARD)]


def test_a_cut_text_says_so_and_marks_what_was_not_read(browser: Browser, staged: str) -> None:
    with visiting(browser, staged) as visit:
        visit.classify("good " * 20 + "left out")
        assert "only a part of it was read" in visit.answer.inner_text()
        assert [item.inner_text() for item in visit.answer.locator(".unread").all()] == ["left", "out"]
