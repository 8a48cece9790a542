import re
from base64 import b64encode
from hashlib import sha256

from starlette.testclient import TestClient


def test_the_page_and_its_policy(client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    for host in re.findall(r'(?:src|href)="(https://[^/]+)', answer.text):
        assert host in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
