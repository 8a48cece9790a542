import re
import subprocess
import sys
from pathlib import Path

import pytest
import uvicorn

from serving import server
from serving.refusing_protocol import RefusingProtocol
from serving.server import ServerConfig
from serving.settings import Settings


def test_the_configuration_is_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    config = ServerConfig(Settings(host="::1", port=9, max_connections=5, forwarded_allow_ips="10.0.0.1"))
    assert (config.host, config.port, config.workers, config.limit_concurrency) == ("::1", 9, 1, 5)
    assert config.forwarded_allow_ips == "10.0.0.1"
    assert config.http is RefusingProtocol
    assert not config.access_log
    assert config.timeout_graceful_shutdown is not None
    longest = Settings().client_timeout + Settings().deadline
    assert longest < config.timeout_graceful_shutdown < 30, "what was accepted is done before Heroku's 30 seconds end"


def test_python_is_set_in_each_process_that_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(uvicorn.Config, "load", lambda _: called.append("load"))
    monkeypatch.setattr(server, "switch_every", lambda seconds: called.append("switch") if seconds < 0.001 else None)
    monkeypatch.setattr("serving.memory.map_large", lambda: called.append("map"))
    monkeypatch.setattr(server, "collect_seldom", lambda: called.append("collect"))
    ServerConfig(Settings()).load()
    assert called == ["switch", "map", "load", "collect"]


def test_what_only_watches_over_workers_loads_no_app() -> None:
    program = "import sys, serving.server; print(*{'onnxruntime', 'fastapi', 'numpy', 'tokenizers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_bad_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(SystemExit) as caught:
        server.main()
    assert caught.value.code not in (0, None)
    assert capsys.readouterr().err == "PORT is 'x'; accepted is a whole number from 0 to 65,535.\n"


def test_no_pickle_is_read_anywhere() -> None:
    root = Path(__file__).parents[2]
    files = [path for part in ("serving", "training") for path in (root / part).rglob("*.py")]
    assert len(files) > 50
    unpickles = re.compile(
        r"^\s*(import|from) (pickle|cPickle|dill|cloudpickle|marshal|shelve)\b|joblib\.load|allow_pickle=True",
        re.MULTILINE,
    )
    assert [path.name for path in files if unpickles.search(path.read_text(encoding="utf-8"))] == []
    imports_joblib = re.compile(r"^\s*(import|from) joblib\b", re.MULTILINE)
    assert not [path for path in (root / "serving").rglob("*.py") if imports_joblib.search(path.read_text("utf-8"))]
