import os
from pathlib import Path

import pytest

from serving.bundle import REPORT
from serving.report import MAX_BYTES, PAGE, Report

VERSION = "0123456789ab"
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><g><path d="M 0 0" fill="var(--ink, #000)"/></g></svg>'
)


def page(figure: str, version: str = VERSION) -> str:
    return f'<h1>x</h1><code>{version}</code><figure id="a-1">\n{figure}\n</figure><p>end</p>'


def read(bundle: Path, content: str | bytes) -> Report | None:
    (bundle / REPORT).mkdir(exist_ok=True)
    (bundle / REPORT / PAGE).write_bytes(content.encode() if isinstance(content, str) else content)
    return Report.read(bundle, VERSION)


def test_plots_with_their_captions(tmp_path: Path) -> None:
    report = read(tmp_path, page(f"{DRAWING}<figcaption>Each class&#39;s rows</figcaption>"))
    assert report is not None
    (plot,) = report.plots
    assert plot.caption == "Each class's rows"
    assert plot.svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert 'fill="var(--ink, #000)"' in plot.svg


@pytest.mark.parametrize("content", [page(DRAWING, "another"), page(DRAWING).replace("<code>", "<b>"), b"\xff"])
def test_of_another_version_or_unreadable(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content) is None


def test_none(tmp_path: Path) -> None:
    assert Report.read(tmp_path, VERSION) is None


@pytest.mark.parametrize(
    "drawing",
    [
        "",
        DRAWING.replace("<g>", "<g><script>x</script>"),
        DRAWING.replace("<g>", "<g><foreignObject/>"),
        DRAWING.replace("<g>", '<g onclick="x">'),
        DRAWING.replace("<g>", '<g style="x">'),
        DRAWING.replace("<g>", '<g><use href="http://example.org/#a"/>'),
        DRAWING.replace("<g>", '<g><a href="javascript:x"/>'),
        DRAWING.replace("<g>", '<g><img xmlns="http://www.w3.org/1999/xhtml" src="x"/>'),
        DRAWING.replace("</g>", ""),
        DRAWING.replace("<g>", "<!-- --><g>"),
        DRAWING.replace("<g>", "<?x?><g>"),
        DRAWING.replace(' xmlns="http://www.w3.org/2000/svg"', ""),
    ],
)
def test_what_is_more_than_a_drawing_is_left_out(tmp_path: Path, drawing: str) -> None:
    report = read(tmp_path, page(drawing))
    assert report is not None
    assert report.plots == []


def test_it_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    first = read(tmp_path, page(DRAWING))
    assert first is not None
    assert Report.read(tmp_path, VERSION) is first
    later = read(tmp_path, page(DRAWING) + "<p>more</p>")
    assert later is not None
    assert later.page.endswith("<p>more</p>")
    assert read(tmp_path, page(DRAWING, "another")) is None
    assert Report.read(tmp_path, "another") is not None


def test_one_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    assert read(tmp_path, page(DRAWING) + " " * (MAX_BYTES - len(page(DRAWING)))) is not None
    assert read(tmp_path, page(DRAWING) + " " * MAX_BYTES) is None


def test_what_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / REPORT).mkdir()
    os.mkfifo(tmp_path / REPORT / PAGE)
    assert Report.read(tmp_path, VERSION) is None
    (tmp_path / REPORT / PAGE).unlink()
    (tmp_path / REPORT / PAGE).mkdir()
    assert Report.read(tmp_path, VERSION) is None
