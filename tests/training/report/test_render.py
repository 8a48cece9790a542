import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt

from serving.model.metadata import DataFile
from tests.training.report.examples import BASELINES, COMPARED, HISTORY, LABELS, metadata, report_data
from training.report.plots import plots
from training.report.render import (
    content_of,
    fenced,
    render_card,
    render_page,
    use_of,
    write_report,
)
from training.report.report_data import TrainingRecord
from training.report.svg import Plot


def test_code_cannot_leave_its_fence() -> None:
    assert fenced("a ``` b") == "````\na ``` b\n````"
    assert fenced("plain") == "```\nplain\n```"


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


@cache
def drawings() -> dict[str, Plot]:
    """Those of the example, for tests of what stands around them."""
    return plots(report_data(record=COMPARED))


def page(**changes: Any) -> str:
    return render_page(content_of(report_data(**changes), texts=False), drawings())


def card(**changes: Any) -> str:
    return render_card(content_of(report_data(**changes), texts=False))


@pytest.fixture(scope="module")
def html() -> str:
    return page(record=COMPARED)


def test_the_page_is_whole(html: str) -> None:
    tags = [tag for tag, _ in Page(html).elements]
    assert html.startswith("<!doctype html>")
    assert tags.count("h1") == 1
    assert tags.count("figure") == tags.count("svg") == 7


def test_the_page_asks_nothing_of_any_host_and_runs_nothing(html: str) -> None:
    found = Page(html)
    assert not {"script", "link", "iframe", "object", "embed", "img", "base", "form"} & {t for t, _ in found.elements}
    assert not LOADING & {name for _, attributes in found.elements for name in attributes}
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert all(target.startswith("#") for target in (*found.all("href"), *found.all("xlink:href")))
    assert not re.search(r"@import|url\((?!#)", html)


def test_its_policy_allows_its_own_style_and_nothing_else(html: str) -> None:
    sheets = dict.fromkeys(re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL))
    digests = [base64.b64encode(hashlib.sha256(css.encode()).digest()).decode() for css in sheets]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert len(digests) == 2
    assert unescape(policy) == f"default-src 'none'; style-src {allowed}"


def test_ids_are_unique_and_every_link_inside_leads_somewhere(html: str) -> None:
    ids = Page(html).all("id")
    assert len(ids) == len(set(ids))
    assert {target.removeprefix("#") for target in Page(html).all("href")} <= set(ids)


def test_the_plots_can_be_taken_out_by_their_ids(html: str) -> None:
    figures = [attributes["id"] for tag, attributes in Page(html).elements if tag == "figure"]
    assert set(figures) == set(plots(report_data(record=COMPARED)))


def test_light_dark_and_narrow_are_provided_for(html: str) -> None:
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html


def test_labels_are_escaped_everywhere() -> None:
    labels = ["<script>1</script>", "a|b\nc", '"&"']
    changed = metadata(labels=labels, split={"train": dict.fromkeys(labels, 3)})
    example = report_data(metadata=changed)
    html = render_page(content_of(example, texts=False), plots(example))
    assert Page(html).all("src") == []
    assert "<script" not in html
    html = MarkdownIt("commonmark").enable("table").render(card(metadata=changed))
    assert "<script" not in html
    assert "<td>a|b c</td>" in html


def test_baselines_that_were_not_measured_are_said_to_be_so(html: str) -> None:
    assert "Not measured." in page()
    assert "python -m training compare" in page()
    assert "Not measured." not in html
    assert '<tr class="marked">' in html
    assert "Baselines were not measured. `python -m training compare" in card()
    assert "**example (network, served)**" in card(record=COMPARED)


@pytest.mark.parametrize("draw", [page, card])
def test_quality_stands_against_cost_where_it_was_measured(draw: Callable[..., str]) -> None:
    measured, not_measured = draw(record=COMPARED), draw(record=TrainingRecord(HISTORY, BASELINES))
    for said in ("Quality against cost", "Memory is the most that the process held", "teacher (transformer, int8)"):
        assert said in measured
        assert said not in not_measured
    assert "2,560" in measured


def test_behaviour_is_shown_where_the_bundle_was_asked() -> None:
    counts = {"negation": {"pairs": 8, "failures": 1}, "over all": {"pairs": 8, "failures": 1}}
    asked = metadata(metrics={"behaviour": {"choosing": {}, "measuring": counts}})
    baseline = replace(BASELINES[0], behaviour={"negation": 0.5, "over all": 0.5})
    record = TrainingRecord(HISTORY, [baseline, BASELINES[1]])
    assert 'href="#behaviour"' in page(metadata=asked)
    assert "<caption>Failure rates on the behaviour suite</caption>" in page(metadata=asked)
    assert "| capability | pairs | network | majority |" in card(metadata=asked, record=record)
    assert "| negation | 8 | 12.5% | 50.0% |" in card(metadata=asked, record=record)
    assert "#behaviour" not in page()
    assert "CheckList" not in page() + card()


def test_a_bundle_that_says_little_is_reported_too() -> None:
    bare = metadata(recipe={}, data=[], split={}, cleaning={}, libraries={}, thresholds=[], risk_coverage=[])
    assert "No epoch was recorded." in page(metadata=bare, record=TrainingRecord())
    assert "nan" not in card(metadata=bare, record=TrainingRecord()).lower()


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
    html = MarkdownIt("commonmark").enable("table").render(card(record=COMPARED))
    assert html.count("<table>") == 14
    assert "|---" not in html
    assert [label for label in LABELS if f"<td>{label}</td>" not in html] == []


def test_the_time_of_training_says_whose_it_is() -> None:
    taught = metadata(teachers={"build/words": "a" * 12}, teacher_recipes={"build/words": {"name": "words"}})
    for draw in (page, card):
        assert "of its own epochs." in draw(record=COMPARED)
        assert "teachers' is not in it." in draw(metadata=taught, record=COMPARED)


def test_the_card_says_which_epoch_is_kept() -> None:
    assert "chose the epoch" in card()
    last = card(metadata=metadata(recipe={"stages": [{"keep": "last"}]}))
    assert "The last epoch was kept." in last
    assert "chose the epoch" not in last


@pytest.mark.parametrize(("temperature", "end"), [(0.5, "least"), (10.0, "greatest")])
def test_card_and_page_say_where_the_temperature_is_at_the_end_of_its_range(temperature: float, end: str) -> None:
    changed = metadata(temperature=temperature, metrics={"validation": {"accuracy": 0.5}})
    line = f"- Temperature, folded into the network: {temperature:.3f} (the {end} that is accepted: "
    assert line in card(metadata=changed)
    for text in (card(metadata=changed), page(metadata=changed)):
        assert "fitted the validation part better, of which 50% is right)" in text
    assert "that is accepted" not in card() + page()


def test_one_calibration_error_comes_first_with_its_reading() -> None:
    assert card().count("expected calibration error |") == 1
    for text in (card(), page()):
        assert "Expected calibration error: on average, a probability is" in text


def test_card_and_page_say_what_few_rows_are_worth() -> None:
    few = metadata(split={"test": {"negative": 3, "neutral": 47, "positive": 54}})
    for text in (card(metadata=few), unescape(page(metadata=few))):
        assert "Few rows in the test part: 'negative' has 3. One row more or less moves" in text
    assert "Few rows" not in card() + page()


def test_a_card_without_thresholds_says_so() -> None:
    assert "No label was right often enough" in card(metadata=metadata(thresholds=[]))
    assert "No label was right often enough" not in card()


def test_card_and_page_say_what_to_set_so_that_the_uncertain_is_said() -> None:
    assert "Without it, 30.0% of all were wrong:" in card()
    assert "| 90% | 0.400 | 100.0% | 30.0% |" in card()
    assert "<caption>Values for MIN_PROBABILITY, from the validation part</caption>" in page()
    bare = metadata(risk_coverage=[])
    assert "MIN_PROBABILITY" not in card(metadata=bare) + page(metadata=bare)


def test_a_stage_of_one_epoch_is_a_sentence() -> None:
    once = TrainingRecord({"words": HISTORY["words"][:1], "fit": HISTORY["fit"]})
    assert "<p>Stage words: 1 epoch, too few for a curve. Its figures: loss 5.000.</p>" in page(record=once)


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


def test_mistakes_are_there_only_where_texts_are_wanted() -> None:
    assert content_of(report_data(), texts=False)["mistakes"] is None
    assert len(content_of(report_data(), texts=True)["mistakes"].rows) == 20


def test_without_a_mistake_there_is_nothing_to_quote() -> None:
    right = report_data(probabilities=np.eye(3)[report_data().truth])
    assert content_of(right, texts=True)["mistakes"] is None


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_report(folder, report_data(record=COMPARED))
    return folder / "report"


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its name there."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_a_page_a_card_and_plots_are_written(written: Path) -> None:
    drawings = {f"plots/{name}.svg" for name in plots(report_data(record=COMPARED))}
    assert contents(written).keys() == {
        "MODEL_CARD.md",
        "report.html",
        "metrics.json",
        "history.json",
        "plots.json",
        *drawings,
    }


def test_the_plots_are_those_of_the_page_with_their_captions(written: Path) -> None:
    files = contents(written)
    page = unescape(files["report.html"])
    listed = json.loads(files["plots.json"])
    assert [entry["name"] for entry in listed] == list(plots(report_data(record=COMPARED)))
    for entry in listed:
        assert entry.keys() == {"name", "file", "caption", "wide"}
        assert files[entry["file"]].strip() in files["report.html"]
        assert entry["caption"] in page


def test_a_plot_of_an_earlier_report_is_removed(tmp_path: Path) -> None:
    write_report(tmp_path, report_data())
    write_report(tmp_path, report_data(record=TrainingRecord()))
    files = contents(tmp_path / "report")
    listed = {entry["file"] for entry in json.loads(files["plots.json"])}
    assert listed == {name for name in files if name.startswith("plots/")}


def test_equal_data_give_equal_bytes(written: Path, tmp_path: Path) -> None:
    write_report(tmp_path, report_data(record=COMPARED))
    assert contents(tmp_path / "report") == contents(written)


def test_no_text_of_the_data_is_in_any_file(written: Path) -> None:
    content = "".join(contents(written).values())
    assert "zebra" not in content
    assert "alert" not in content


def test_texts_are_quoted_where_that_is_wanted_and_escaped(tmp_path: Path) -> None:
    write_report(tmp_path, report_data(), texts=True)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert page.count("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;") == 20
    assert "<script" not in page
    assert "zebra" not in (tmp_path / "report" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_a_later_report_replaces_an_earlier_one(tmp_path: Path) -> None:
    write_report(tmp_path, report_data(), texts=True)
    write_report(tmp_path, report_data())
    assert "zebra" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_no_path_of_the_machine_is_in_any_file(written: Path) -> None:
    content = "".join(contents(written).values())
    assert not [path for path in (str(Path.cwd()), str(Path.home()), str(written)) if len(path) > 5 and path in content]


def test_metrics_are_written_readably(tmp_path: Path) -> None:
    metrics = {"test": {"macro_recall": 0.5, "classes": {"très": 1}}}
    write_report(tmp_path, report_data(metadata=metadata(metrics=metrics)))
    text = (tmp_path / "report" / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text)["test"]["macro_recall"] == 0.5
    assert '\n    "macro_recall": 0.5' in text
    assert "très" in text


def test_the_limits_of_sentiment() -> None:
    limits = " ".join(use_of(metadata())["limits"])
    for topic in ("English only", "Sarcasm", "one person, brand or thing", "Twitter users", "Dialects", "majority"):
        assert topic in limits


def test_another_task_has_limits_of_its_own() -> None:
    use = use_of(metadata(labels=["ham", "spam"]))
    assert not [point for point in (*use["intended"], *use["limits"]) if "English" in point or "neutral" in point]
    assert "Decisions about a person" in use["not_for"][0]


def test_a_recipe_tells_its_own_use_and_adds_to_the_limits() -> None:
    said = {"intended_use": "First\npoint.\n\n Second. ", "limits": "A limit."}
    use = use_of(metadata(recipe=said))
    assert use["intended"] == ["First point.", "Second."]
    assert use["limits"][-1] == "A limit."
    assert len(use["limits"]) == len(use_of(metadata())["limits"]) + 1


def test_empty_strings_say_nothing() -> None:
    assert use_of(metadata(recipe={"intended_use": "", "limits": None})) == use_of(metadata())
