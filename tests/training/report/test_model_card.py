from tests.training.report.examples import metadata
from training.report.model_card import use_of


def test_the_limits_of_sentiment() -> None:
    limits = " ".join(use_of(metadata()).limits)
    for topic in ("English only", "Sarcasm", "one person, brand or thing", "Twitter users", "Dialects", "majority"):
        assert topic in limits


def test_another_task_has_limits_of_its_own() -> None:
    use = use_of(metadata(labels=["ham", "spam"]))
    assert not [point for point in (*use.intended, *use.limits) if "English" in point or "neutral" in point]
    assert "Decisions about a person" in use.not_for[0]


def test_a_recipe_tells_its_own_use_and_adds_to_the_limits() -> None:
    said = {"intended_use": "First\npoint.\n\n Second. ", "limits": "A limit."}
    use = use_of(metadata(recipe=said))
    assert use.intended == ["First point.", "Second."]
    assert use.limits[-1] == "A limit."
    assert len(use.limits) == len(use_of(metadata()).limits) + 1


def test_empty_strings_say_nothing() -> None:
    assert use_of(metadata(recipe={"intended_use": "", "limits": None})) == use_of(metadata())
