from starlette.testclient import TestClient

import serving


def test_a_browser_goes_on_to_the_form(browser: TestClient) -> None:
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["location"], answer.headers["vary"]) == (307, "./predict", "Accept")


def test_a_program_gets_links_that_work(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["vary"] == "Accept"
    home = answer.json()
    assert (home["name"], home["version"]) == ("tweet-sentiment", serving.__version__)
    assert set(home["links"]) == {"predict", "model", "healthz", "readyz", "metrics", "docs", "openapi"}
    assert all(client.get(path).status_code == 200 for path in home["links"].values())
