import numpy as np
import pytest

from benchmarks.domains import AS_CHOSEN, DEBATE, DOMAINS, SEED, TRIALS, LeftOut, across, table, temperatures, without
from benchmarks.quality.trial import read_trials

RECIPES = {trial.name: trial.recipe(SEED) for trial in read_trials(TRIALS)}
LABELS = ["negative", "neutral", "positive"]


def test_a_domain_that_is_left_out_is_a_test_and_nothing_else() -> None:
    recipe = without(RECIPES[AS_CHOSEN], ["vaccine", DEBATE, "brands"])
    sources = {source.name: source for source in recipe.data.sources}
    assert sources["labelled"].where_not == {"source": ["vaccine", "brands"]}
    for name in ("vaccine", "brands"):
        assert (sources[name].where, sources[name].part) == ({"source": [name]}, "test")
    assert (sources[DEBATE].file, sources[DEBATE].part) == ("gop_debate.csv", "test")
    assert [source.file for source in recipe.data.sources if source.name == "labelled"] == ["labelled_tweets.csv.gz"]


def test_each_fold_leaves_other_domains_out() -> None:
    assert sorted(domain for number in range(4) for domain in DOMAINS[number::4]) == sorted(set(DOMAINS))
    assert len(DOMAINS) == 11


def sure(right: int, wrong: int, logit: float) -> LeftOut:
    """Answers that are `wrong` or `right`, all as sure as the logit says."""
    probabilities = np.exp([[logit, 0.0, 0.0]]) / np.exp([logit, 0, 0]).sum()
    truth = np.array([0] * right + [1] * wrong)
    return LeftOut(truth, np.repeat(probabilities, right + wrong, axis=0), temperature=1.0, over_groups=1.5)


def confidence(answer: LeftOut, temperature: float) -> float:
    return answer.at(LABELS, temperature).bins[0].confidence


def test_a_domain_is_calibrated_by_the_others_each_of_which_counts_alike() -> None:
    easy, hard, own = sure(900, 100, 3.0), sure(5, 5, 3.0), sure(1, 9, 3.0)
    fitted = across({"easy": easy, "hard": hard, "own": own}, "own")
    assert confidence(own, fitted) == pytest.approx((0.9 + 0.5) / 2, abs=1e-3)
    assert across({"easy": easy, "hard": hard, "own": own}) > fitted


def test_the_table_tells_the_error_at_each_temperature() -> None:
    answers = {"a": sure(90, 10, 5.0), "b": sure(70, 30, 5.0)}
    lines = table(LABELS, answers).splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines]
    assert cells[2][:2] == ["a", "100"]
    for row, answer, others in ((cells[2], answers["a"], "b"), (cells[3], answers["b"], "a")):
        errors = [
            answer.at(LABELS, t).expected_calibration_error
            for t in (1.0, 1.5, across({others: answers[others]}), across({"itself": answer}))
        ]
        assert [float(cell) for cell in row[4::2]] == pytest.approx(errors, abs=6e-4)
    means = [float(cell) for cell in cells[4][4:]]
    assert means == pytest.approx(np.mean([[float(x) for x in row[4:]] for row in cells[2:4]], axis=0), abs=1.1e-3)
    assert temperatures(answers).startswith("Temperatures, mean of the models: validation 1.000, groups 1.500; across")
    own = sorted(across({"itself": answer}) for answer in answers.values())
    assert temperatures(answers).endswith(f"of each itself {own[0]:.3f} to {own[1]:.3f}")
