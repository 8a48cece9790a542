"""What a proxy says of the client's connection is believed of those that are set, and of nobody else."""

import httpx
import pytest

from tests.faults.conftest import Run

HEADERS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example"}
HEADERS |= {"X-Forwarded-Prefix": "/sent"}


@pytest.mark.parametrize(
    ("setting", "peer", "believed"),
    [
        ("", "127.0.0.1", True),
        ("", "127.0.0.2", False),
        ("127.0.0.0/30", "127.0.0.2", True),
        ("10.9.8.7", "127.0.0.1", False),
        ("*", "127.0.0.2", True),
    ],
)
def test_the_command_that_the_page_shows(run: Run, setting: str, peer: str, believed: bool) -> None:
    with run(FORWARDED_ALLOW_IPS=setting, HOST="127.0.0.1") as service:
        try:
            transport = httpx.HTTPTransport(local_address=peer)
            with httpx.Client(base_url=service.url, transport=transport, trust_env=False, timeout=30) as client:
                page = client.post("/predict", data={"text": "good"}, headers={**HEADERS, "Accept": "text/html"}).text
        except httpx.ConnectError:
            pytest.skip(f"this system has no {peer}")
    assert f"{'https' if believed else 'http'}://127.0.0.1:{service.port}" in page
    assert f"{'http' if believed else 'https'}://127.0.0.1" not in page
    assert "evil.example" not in page
    assert (f"127.0.0.1:{service.port}/sent/predict" in page) is believed
