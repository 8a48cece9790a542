import io

from rich.console import Console

from serving.progress_bar import ProgressBar
from serving.scoring_job import Progress


def shown(*, terminal: bool, done: Progress) -> str:
    file = io.StringIO()
    seconds = iter([10.0, 12.0])
    with ProgressBar(Console(file=file, force_terminal=terminal, width=100), clock=lambda: next(seconds)) as bar:
        bar.show(done)
    return file.getvalue()


def test_rows_and_their_speed_are_shown_on_a_terminal() -> None:
    text = shown(terminal=True, done=Progress(12_000, 2_000, 0, 0.25))
    assert "12,000 rows, 5,000 rows/s" in text
    assert "25%" in text


def test_of_a_pipe_the_part_is_not_known() -> None:
    assert "12,000 rows, 6,000 rows/s" in shown(terminal=True, done=Progress(12_000))


def test_a_log_gets_no_bar() -> None:
    assert shown(terminal=False, done=Progress(1, 0, 0, 1.0)) == ""
