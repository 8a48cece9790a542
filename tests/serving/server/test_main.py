import gc
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serving.server import __main__
from serving.server.config import SWITCH_INTERVAL, ServerConfig
from serving.server.protocol import HTTPProtocol
from serving.settings import Settings


def test_the_configuration_is_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    loaded = ServerConfig(Settings(host="::1", port=9, max_connections=5))
    assert (loaded.host, loaded.port, loaded.workers) == ("::1", 9, 1)
    assert loaded.settings.max_connections == 5
    assert loaded.http == f"{HTTPProtocol.__module__}:{HTTPProtocol.__name__}"
    assert not loaded.access_log
    assert loaded.timeout_graceful_shutdown is not None
    longest = Settings().client_timeout + Settings().deadline
    assert longest < loaded.timeout_graceful_shutdown < 30, "what was accepted is done before Heroku's 30 seconds end"


@pytest.mark.usefixtures("interpreter_as_before", "small_bundle")
def test_python_is_set_in_each_process_that_serves() -> None:
    ServerConfig(Settings()).load()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL)
    assert gc.get_freeze_count() > 10_000


def test_what_only_watches_over_workers_loads_no_app() -> None:
    heavy = {"onnxruntime", "fastapi", "numpy", "tokenizers"}
    program = f"import sys, serving.server.__main__; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_bad_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(SystemExit) as caught:
        __main__.main()
    assert caught.value.code not in (0, None)
    assert capsys.readouterr().err == "PORT is 'x'; accepted is a whole number from 0 to 65,535.\n"


def test_no_pickle_is_read_anywhere() -> None:
    root = Path(__file__).parents[3]
    files = [path for part in ("serving", "training") for path in (root / part).rglob("*.py")]
    assert len(files) > 50
    unpickles = re.compile(
        r"^\s*(import|from) (pickle|cPickle|dill|cloudpickle|marshal|shelve)\b|joblib\.load|allow_pickle=True",
        re.MULTILINE,
    )
    assert [path.name for path in files if unpickles.search(path.read_text(encoding="utf-8"))] == []
    imports_joblib = re.compile(r"^\s*(import|from) joblib\b", re.MULTILINE)
    assert not [path for path in (root / "serving").rglob("*.py") if imports_joblib.search(path.read_text("utf-8"))]
