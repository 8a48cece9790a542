from starlette.testclient import TestClient

from serving.metadata import Metadata
from tests.serving.fakes import fake_metadata


def test_the_metadata(client: TestClient) -> None:
    answer = client.get("/model")
    assert answer.status_code == 200
    assert Metadata.model_validate(answer.json()) == fake_metadata()
