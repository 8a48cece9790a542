import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from serving.metadata import DataFile
from tests.training.report.examples import BASELINES, LABELS, NETWORK, evidence, metadata
from training.report.content import content_of
from training.report.plots import plots
from training.report.templates import render_card, render_page

VOID = {"meta", "link", "br", "img", "hr", "input"}
LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "style"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, name: str) -> list[str]:
        return [value or "" for _, attributes in self.elements for key, value in attributes.items() if key == name]


def page(*, texts: bool = False, **changes: Any) -> str:
    example = evidence(**changes)
    return render_page(content_of(example, texts=texts), plots(example))


def card(**changes: Any) -> str:
    return render_card(content_of(evidence(**changes), texts=False))


@pytest.fixture(scope="module")
def html() -> str:
    return page(baselines=BASELINES, network=NETWORK)


def test_the_page_is_whole(html: str) -> None:
    tags = [tag for tag, _ in Page(html).elements]
    assert html.startswith("<!doctype html>")
    assert tags.count("h1") == 1
    assert tags.count("figure") == tags.count("svg") == 5


def test_the_page_asks_nothing_of_any_host_and_runs_nothing(html: str) -> None:
    found = Page(html)
    assert not {"script", "link", "iframe", "object", "embed", "img", "base", "form"} & {t for t, _ in found.elements}
    assert not LOADING & {name for _, attributes in found.elements for name in attributes}
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert all(target.startswith("#") for target in (*found.all("href"), *found.all("xlink:href")))
    assert not re.search(r"@import|url\((?!#)", html)


def test_its_policy_allows_its_own_style_and_nothing_else(html: str) -> None:
    (css,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy.replace("&#39;", "'").replace("&#43;", "+") == f"default-src 'none'; style-src 'sha256-{digest}'"


def test_ids_are_unique_and_every_link_inside_leads_somewhere(html: str) -> None:
    ids = Page(html).all("id")
    assert len(ids) == len(set(ids))
    assert {target.removeprefix("#") for target in Page(html).all("href")} <= set(ids)


def test_the_plots_can_be_taken_out_by_their_ids(html: str) -> None:
    figures = [attributes["id"] for tag, attributes in Page(html).elements if tag == "figure"]
    assert set(figures) == set(plots(evidence()))


def test_light_dark_and_narrow_are_provided_for(html: str) -> None:
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html


def test_labels_are_escaped_everywhere() -> None:
    labels = ["<script>1</script>", "a|b\nc", '"&"']
    changed = metadata(labels=labels, split={"train": dict.fromkeys(labels, 3)})
    assert Page(page(metadata=changed)).all("src") == []
    assert "<script" not in page(metadata=changed)
    html = MarkdownIt("commonmark").enable("table").render(card(metadata=changed))
    assert "<script" not in html
    assert "<td>a|b c</td>" in html


def test_baselines_that_were_not_measured_are_said_to_be_so(html: str) -> None:
    assert "Not measured." in page()
    assert "python -m training compare" in page()
    assert "Not measured." not in html
    assert '<tr class="marked">' in html
    assert "Baselines were not measured. `python -m training compare" in card()
    assert "**example (network, served)**" in card(baselines=BASELINES, network=NETWORK)


def test_a_bundle_that_says_little_is_reported_too() -> None:
    bare = metadata(recipe={}, data=[], split={}, cleaning={}, libraries={})
    assert "No epoch was recorded." in page(metadata=bare, history={})
    assert "nan" not in card(metadata=bare, history={}).lower()


def test_the_card_has_the_sections_of_the_paper() -> None:
    assert re.findall("^## (.+)$", card(), re.MULTILINE) == [
        "Model details",
        "Intended use",
        "Factors",
        "Metrics",
        "Evaluation data",
        "Training data",
        "Quantitative analyses",
        "Ethical considerations",
        "Caveats and recommendations",
    ]


def test_every_table_of_the_card_is_one() -> None:
    html = MarkdownIt("commonmark").enable("table").render(card(baselines=BASELINES, network=NETWORK))
    assert html.count("<table>") == 11
    assert "|---" not in html
    assert [label for label in LABELS if f"<td>{label}</td>" not in html] == []


def test_the_time_of_training_says_whose_it_is() -> None:
    taught = metadata(teachers={"build/words": "a" * 12}, teacher_recipes={"build/words": {"name": "words"}})
    for draw in (page, card):
        assert "of its own epochs." in draw(baselines=BASELINES, network=NETWORK)
        assert "teachers' is not in it." in draw(metadata=taught, baselines=BASELINES, network=NETWORK)


def test_the_card_says_which_epoch_is_kept() -> None:
    assert "chose the epoch" in card()
    last = card(metadata=metadata(recipe={"stages": [{"keep": "last"}]}))
    assert "The last epoch was kept." in last
    assert "chose the epoch" not in last


def test_the_card_says_where_nothing_was_found_to_calibrate_by() -> None:
    assert "too few mistakes" not in card()
    line = "- Temperature, folded into the network: 0.500 (the least that is accepted: validation had too few mistakes"
    assert line in card(metadata=metadata(temperature=0.5))


def test_word_vectors_are_asked_for_where_the_recipe_looks_for_them() -> None:
    vectors = DataFile(file="v.txt", rows=4000, sha256="c" * 64)
    started = metadata(recipe={"vectors": {"file": "data/raw/v.txt"}}, vectors=vectors)
    assert "the word vectors at `data/raw/v.txt`" in card(metadata=started)
    assert "the word vectors at <code>data/raw/v.txt</code>" in page(metadata=started)
    assert "the word vectors at" not in card() + page()


def test_teachers_are_named_with_the_recipes_that_make_them_again() -> None:
    taught = metadata(teachers={"build/words": "a" * 12}, teacher_recipes={"build/words": {"name": "words"}})
    for text in (page(metadata=taught), card(metadata=taught)):
        assert "distillation" in text
        assert "python -m training fit teacher-1.toml --data tweets.csv --out build/words --seed 3" in text
        assert "distillation" not in page()
    assert "<summary><code>teacher-1.toml</code></summary>\n<pre>name = &#34;words&#34;" in page(metadata=taught)
    assert "the recipes that are in" in card(metadata=taught)
    assert "the recipe that is in" in card()
