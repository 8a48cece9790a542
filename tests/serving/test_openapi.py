import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.openapi import PREDICT_ERRORS
from serving.rejection import MALFORMED, headers_too_large, too_many_connections
from tests.serving.test_errors import TABLE

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture
def schema(client: TestClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def test_the_served_schema_is_the_committed_one(schema: dict[str, Any]) -> None:
    assert schema == json.loads(COMMITTED.read_text("utf-8")), "run: python -m serving openapi > docs/openapi.json"


def test_both_shapes_are_documented(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/predict"]["post"]
    content = operation["requestBody"]["content"]
    assert set(content) == {"application/json", "application/x-www-form-urlencoded", "multipart/form-data"}
    assert [list(shape["properties"]) for shape in content["application/json"]["schema"]["oneOf"]] == [
        ["text", "explain"],
        ["texts", "explain"],
    ]
    assert set(operation["responses"]) == {"200", "400", "401", "408", "413", "415", "422", "500", "503"}
    assert set(operation["responses"]["200"]["content"]) == {"application/json", "text/html"}


def test_every_code_is_documented() -> None:
    for _, _, status, code in TABLE:
        assert f"`{code}`" in PREDICT_ERRORS[status]["description"]
    documented = {
        code for error in PREDICT_ERRORS.values() for code in re.findall(r"`([a-z_0-9]+)`", error["description"])
    }
    untabled = {"internal_error", "overloaded", "not_ready", "unsupported_charset", "unsupported_content_encoding"}
    untabled |= {"body_too_slow", "deadline_exceeded"}
    assert documented == {code for *_, code in TABLE} | untabled


def test_what_is_answered_without_the_app_is_documented(schema: dict[str, Any]) -> None:
    for rejection in (MALFORMED, headers_too_large(16_384), too_many_connections(1000)):
        assert f"{rejection.status} `{rejection.code}`" in schema["info"]["description"].replace("\n", " ")
