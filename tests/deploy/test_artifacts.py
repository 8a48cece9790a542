"""The bundle that is committed, as a dyno would serve it from a clone."""

from tests.deploy.conftest import RunWeb
from tests.deploy.services import http_client


def test_the_committed_bundle_is_deployed_and_answers(run_web: RunWeb) -> None:
    with run_web() as web, http_client(web) as client:
        assert client.get("/readyz").status_code == 200
        assert client.post("/predict", json={"text": "WORST SHOW EVER"}).json()["label"] == "negative"
