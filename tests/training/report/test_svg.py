import re
from xml.etree import ElementTree

import pytest
from matplotlib import rc_context, rcParams
from matplotlib.figure import Figure

from tests.training.report.examples import elements
from training.report.svg import ACCENT, COLOURS, STYLE, STYLE_SHEET, as_svg, blank, drawing, printable, short


def test_a_long_label_is_cut() -> None:
    assert short("a" * 19) == "a" * 17 + "…"
    assert short("a" * 18) == "a" * 18


def test_what_xml_has_no_place_for_is_left_out() -> None:
    assert printable("a\nb\x00 c\ud800") == "a b c"
    assert short("one\n\ttwo") == "one two"


def example(label: str = "plain") -> Figure:
    figure = blank(200, 100)
    ax = figure.subplots()
    ax.plot([1, 2, 3], [3, 1, 2], "o-", color=ACCENT, label=label)
    ax.bar([1], [2], color=ACCENT)[0].set_gid("bar")
    ax.legend()
    return figure


def written(label: str = "plain", name: str = "example") -> str:
    with drawing():
        return as_svg(example(label), name, 'A "title" & more', {"bar": "a note <b>"})


def test_equal_figures_give_equal_bytes() -> None:
    assert written() == written()


def test_it_says_nothing_of_when_and_how_it_was_made() -> None:
    assert not re.search("20[0-9]{2}-|matplotlib|<metadata", written())


def test_style_is_in_attributes_and_in_one_sheet_that_all_plots_share() -> None:
    assert "style=" not in written()
    for name in ("one", "other"):
        assert [sheet.text for sheet in elements(written(name=name), "style")] == [STYLE_SHEET]


def test_it_is_a_file_of_its_own() -> None:
    root = ElementTree.fromstring(written())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search("<script|@import|https?://(?!www.w3.org)", written())


def test_every_colour_of_the_style_has_a_variable() -> None:
    known = {light.removeprefix("#") for light, _ in COLOURS.values()}
    assert set(re.findall(r": ([0-9a-f]{6})$", STYLE.read_text(encoding="utf-8"), re.MULTILINE)) <= known


def test_colours_are_variables_with_a_value_for_a_dark_page() -> None:
    assert f'fill="var(--accent, {ACCENT})"' in written()
    light, dark = STYLE_SHEET.split("@media(prefers-color-scheme:dark)")
    for name in set(re.findall(r"var\(--(\w+)", written())):
        assert f"--{name}:#" in light
        assert f"--{name}:#" in dark


def test_every_id_is_referred_to_and_every_reference_is_there() -> None:
    svg = written()
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert set(ids) == set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    assert ids


def test_two_plots_share_no_id() -> None:
    first, second = (set(re.findall(r'\bid="([^"]+)"', written(name=name))) for name in ("first", "second"))
    assert not first & second


def test_it_has_a_title_and_notes_that_are_escaped() -> None:
    svg = written()
    assert 'role="img" aria-label="A &quot;title&quot; &amp; more"' in svg
    assert [note.text for note in elements(svg, "title")] == ["a note <b>"]
    assert "<title>a note &lt;b&gt;</title>" in svg


@pytest.mark.parametrize("label", ["costs $5 or $6", r"$\bad$", "😀 日本", "<b>&", "ünï"])
def test_any_label_is_text(label: str) -> None:
    assert label in [text.text for text in elements(written(label), "text")]


def test_sizes_are_in_css_pixels() -> None:
    assert 'width="200" height="100" viewBox="0 0 200 100"' in written()


def test_settings_of_the_machine_are_neither_used_nor_changed() -> None:
    before = written()
    with rc_context({"font.size": 30, "axes.grid": False, "svg.fonttype": "path"}):
        assert written() == before
        assert rcParams["font.size"] == 30
