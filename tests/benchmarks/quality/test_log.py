from dataclasses import replace

from benchmarks.quality.log import LOG, log
from benchmarks.quality.results import Result, digest, read_results
from benchmarks.quality.trial import Trial, read_trials

BASE = Trial("as it stands", "One", "-")
CHANGED = Trial("more epochs", "One", "better", changes={"fit.epochs": 9}, concluded="kept")
WAITING = Trial("fewer epochs", "Two", "worse", changes={"fit.epochs": 1})


def result(trial: Trial, seed: int, recall: float) -> Result:
    return Result(trial.name, seed, recall, 0.9, 10.0, digest(trial.recipe(seed)), "d")


def test_each_line_has_its_figures_and_its_difference() -> None:
    results = [result(BASE, seed, 0.60) for seed in (1, 2)] + [result(CHANGED, 1, 0.61), result(CHANGED, 2, 0.63)]
    lines = log([BASE, CHANGED, WAITING], results).splitlines()
    assert "| 1 | as it stands | - | 0.6000 ± 0.0000 (2) | | | 0.900 |  |  |" in lines
    assert (
        "| 2 | more epochs | better | 0.6200 ± 0.0141 (2) | 1 | +0.0200 ± 0.0141 | 0.900 | +0.000 ± 0.000 | kept |"
        in lines
    )
    assert "| 3 | fewer epochs | worse | not run | | | |  |  |" in lines
    assert [line for line in lines if line.startswith("## ")] == ["## One", "## Two"]


def test_a_difference_is_between_the_same_seeds() -> None:
    results = [result(BASE, 1, 0.60), result(BASE, 2, 0.50), result(CHANGED, 1, 0.60)]
    assert "| 0.6000 (1) | 1 | +0.0000 |" in log([BASE, CHANGED], results)
    assert "| 0.6000 (1) | 1 |  |" in log([BASE, CHANGED], results[1:])


def test_a_change_to_a_change_stands_beside_it() -> None:
    further = replace(CHANGED, name="wider too", beside="more epochs", changes={"fit.epochs": 9, "fit.batch_size": 8})
    results = [result(BASE, 1, 0.60), result(CHANGED, 1, 0.61), result(further, 1, 0.62)]
    assert "| 0.6200 (1) | 2 | +0.0100 |" in log([BASE, CHANGED, further], results)


def test_a_line_whose_option_is_gone_keeps_its_figures_and_says_so() -> None:
    gone = replace(CHANGED, changes={"fit.r_drop": 1.0}, removed=True)
    results = [result(BASE, 1, 0.60), Result(gone.name, 1, 0.61, 0.9, 10.0, "a digest of then", "d")]
    assert "| 0.6100 (1) | 1 | +0.0100 | 0.900 | +0.000 | kept; the option is gone |" in log([BASE, gone], results)


def test_the_committed_log_is_drawn_from_the_committed_results() -> None:
    assert LOG.read_text(encoding="utf-8") == log(read_trials(), read_results())
