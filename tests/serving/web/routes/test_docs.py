import re
from html import unescape

import pytest
from starlette.testclient import TestClient

from serving.web.openapi import EXAMPLES, FILE_EXAMPLES
from serving.web.pages.render import SAFE


@pytest.fixture
def page(client: TestClient) -> str:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == SAFE["Content-Security-Policy"]
    return unescape(answer.text)


def test_commands_and_answers(page: str) -> None:
    assert """curl http://testserver/predict -H 'Content-Type: application/json' -d '{"text": """ in page
    assert """-d '{"text": "What a wonderful morning!", "explain": true}'""" in page
    assert """-d '{"texts": [""" in page
    assert "--data-urlencode 'text=What a wonderful morning!'" in page
    assert '"explanation": [' in page


def test_every_error_has_its_sentence(page: str) -> None:
    text = re.sub(r"</?code>", "", page)
    for codes in [*EXAMPLES.values(), *FILE_EXAMPLES.values()]:
        for code, sentence in codes.items():
            assert f"<dt>{code}</dt><dd>{sentence.replace('`', '')}</dd>" in text


def test_links_to_its_sections_lead_somewhere(page: str) -> None:
    anchors = re.findall(r'href="#([^"]+)"', page)
    assert "post-predict" in anchors
    assert all(f'id="{anchor}"' in page for anchor in anchors)
