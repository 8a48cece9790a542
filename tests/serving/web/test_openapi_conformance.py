"""Every answer to whatever the OpenAPI description allows, or does not, is one that it describes."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.model.predictor import Predictor, PredictorLike
from serving.settings import Settings
from serving.web.app import create_app
from tests.bundles import FORM
from tests.serving.fakes import FakePredictor, FakeStore, fake_feedback

CHECKS: list[Callable[..., Any]] = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip


@asynccontextmanager
async def _forever(_: FastAPI) -> AsyncIterator[None]:
    """Schemathesis starts and stops the app around each call; one that was stopped takes no more texts."""
    yield


def app(predictor: PredictorLike, **feedback: Any) -> FastAPI:
    made = create_app(Settings(**feedback), predictor, feedback=fake_feedback(FakeStore()) if feedback else None)
    made.router.lifespan_context = _forever
    return made


schema = schemathesis.openapi.from_asgi("/openapi.json", app(FakePredictor()))
schema_of_fields = schemathesis.openapi.from_asgi("/openapi.json", app(Predictor.load(FORM))).include(
    path_regex="^/predict$"
)
schema_of_feedback = schemathesis.openapi.from_asgi(
    "/openapi.json", app(FakePredictor(), feedback=True, feedback_key="key-of-the-corrections")
).include(path_regex="^/(feedback|readyz)")
few = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@schema.parametrize()
@few
def test_every_answer_is_described(case: Any) -> None:
    case.call_and_validate(checks=CHECKS)


@schema_of_fields.parametrize()
@few
def test_every_answer_of_a_model_of_fields_is_described(case: Any) -> None:
    case.call_and_validate(checks=CHECKS)


@schema_of_feedback.parametrize()
@pytest.mark.parametrize("key", ["", "key-of-the-corrections"])
@few
def test_every_answer_about_corrections_is_described(case: Any, key: str) -> None:
    case.call_and_validate(checks=CHECKS, headers={"X-API-Key": key})


def test_all_routes_are_tried() -> None:
    described = json.loads(json.dumps(schema.raw_schema))["paths"]
    assert {"/", "/predict", "/model", "/healthz", "/readyz", "/metrics"} <= set(described)


@pytest.mark.parametrize("status", ["400", "408", "413", "415", "422", "500", "503"])
def test_the_errors_of_predictions_are_described(status: str) -> None:
    assert status in schema.raw_schema["paths"]["/predict"]["post"]["responses"]
