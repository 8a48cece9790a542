from typing import Any

import pytest
from pydantic import ValidationError

from serving.model.metadata import KNOWN_BY_TRAINING, SCHEMA_VERSION, CoveragePoint, Metadata, Threshold
from tests.serving.fakes import fake_metadata


def content(**changes: Any) -> dict[str, Any]:
    return fake_metadata().model_dump(mode="json") | changes


def test_what_is_new_in_schema_2_has_defaults() -> None:
    new = ("inputs", "origin", "text_rules", "thresholds", "risk_coverage")
    of_schema_1 = {key: value for key, value in content(schema_version=1).items() if key not in new}
    metadata = Metadata.model_validate(of_schema_1)
    assert metadata.schema_version == SCHEMA_VERSION == 2
    assert [getattr(metadata, key) for key in new] == ["text", "trained", None, [], []]


def test_a_threshold_is_of_two_labels() -> None:
    two = {"labels": ["ham", "spam"], "decision_threshold": 0.3}
    assert Metadata.model_validate(content(**two)).decision_threshold == 0.3
    with pytest.raises(ValidationError, match=r"decision_threshold 0\.3 with 3 labels; accepted: with two"):
        Metadata.model_validate(content(decision_threshold=0.3))


@pytest.mark.parametrize("version", [0, 3, "2", None])
def test_another_version_is_refused(version: object) -> None:
    with pytest.raises(ValidationError, match="schema_version"):
        Metadata.model_validate(content(schema_version=version))


@pytest.mark.parametrize("name", KNOWN_BY_TRAINING)
def test_a_trained_bundle_says_what_training_knows(name: str) -> None:
    incomplete = content()
    del incomplete[name]
    with pytest.raises(ValidationError, match=f"{name} missing"):
        Metadata.model_validate(incomplete)


def test_an_adopted_bundle_need_not_know_how_it_was_trained() -> None:
    known = {key: value for key, value in content(origin="adopted").items() if key not in KNOWN_BY_TRAINING}
    metadata = Metadata.model_validate(known)
    assert metadata.seed is None
    assert (metadata.recipe, metadata.data, metadata.split, metadata.cleaning, metadata.metrics) == ({}, [], {}, {}, {})


def test_thresholds_and_the_risk_coverage_curve() -> None:
    threshold = {"label": "positive", "precision_at_least": 0.9, "probability": 0.7, "coverage": 0.25}
    point = {"coverage": 0.5, "risk": 0.1, "probability": 0.6}
    metadata = Metadata.model_validate(content(thresholds=[threshold], risk_coverage=[point]))
    assert metadata.thresholds == [Threshold(**threshold)]
    assert metadata.risk_coverage == [CoveragePoint(**point)]


def test_the_points_that_cover_shares_of_the_rows() -> None:
    curve = [{"coverage": share, "risk": share / 2, "probability": 1 - share / 2} for share in (0.25, 0.7, 0.85, 1)]
    metadata = Metadata.model_validate(content(risk_coverage=curve))
    points = {share: point.coverage for share, point in metadata.coverage_points((0.2, 0.7, 0.9, 1)).items()}
    assert points == {0.2: 0.25, 0.7: 0.7, 0.9: 1, 1: 1}
    half = Metadata.model_validate(content(risk_coverage=curve[:1]))
    assert list(half.coverage_points((0.2, 0.7))) == [0.2]
    assert Metadata.model_validate(content()).coverage_points() == {}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"thresholds": [{"label": "happy", "precision_at_least": 0.9, "probability": 0.7, "coverage": 0.2}]}, "happy"),
        (
            {"thresholds": [{"label": "positive", "precision_at_least": 2, "probability": 0, "coverage": 0}]},
            "precision",
        ),
        ({"risk_coverage": [{"coverage": 0.5, "risk": -0.1, "probability": 0.6}]}, "risk"),
        ({"inputs": "image"}, "inputs"),
        ({"origin": "found"}, "origin"),
    ],
)
def test_what_the_new_keys_refuse(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Metadata.model_validate(content(**changes))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["negative", "neutral", "positive"], True),
        (["Positive", "Negative"], True),
        (["negative", "neutral"], False),
        (["negative", "positive", "mixed"], False),
        (["ham", "spam"], False),
    ],
)
def test_which_labels_are_of_sentiment(labels: list[str], expected: bool) -> None:
    assert fake_metadata().model_copy(update={"labels": labels}).is_sentiment is expected


@pytest.mark.parametrize("start", [{}, {"start": None}, {"start": "old"}])
def test_only_what_goes_on_from_a_bundle_has_a_note_on_it(start: dict[str, Any]) -> None:
    assert Metadata.model_validate(content(recipe=start)).start_note == ""
    unclear = Metadata.model_validate(content(recipe={"start": {"weight": "much"}}))
    assert unclear.start_note.startswith("It goes on from None, version –: a share of – of each")
