import asyncio
import csv
import io
import shutil
import signal
from pathlib import Path

import pytest

from tests.bundles import TINY, relabel
from tests.deploy.services import Service
from tests.faults.conftest import Run
from tests.faults.load import ask
from tests.faults.slow_reader import CONTENT, ROWS, send_file

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_file_is_finished_by_the_model_that_began_it(
    run: Run, bundle: Path, tmp_path: Path, workers: str
) -> None:
    relabel(shutil.copytree(TINY, tmp_path / "new"), ["bad", "fair", "good"])
    with run(MODEL_DIR=str(bundle), WORKERS=workers) as service:
        answer = await send_file(service, CONTENT.encode())
        assert answer.head.startswith("HTTP/1.1 200 ")
        for _ in range(2):  # the second leaves nothing of the first one's but what the file holds
            await exchange(service, tmp_path / "new", bundle)
        outcome = await ask(service, 1)
        assert "/predict/csv" not in service.output, "the file is still in work"
        body = await answer.rest()
    assert outcome.answer is not None
    assert outcome.answer["label"] in {"bad", "fair", "good"}
    rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    assert len(rows) == ROWS
    assert {row["label"] for row in rows} <= {"negative", "neutral", "positive"}
    assert {row["error"] for row in rows} == {""}
    assert rows[-1]["text"] == f"I love this show {ROWS - 1}"


async def exchange(service: Service, source: Path, bundle: Path) -> None:
    """Put another bundle there and let every worker take it up."""
    said = "The model is now tiny"
    workers = max(1, service.output.count("Started server process"))
    wanted = service.output.count(said) + workers
    for file in source.iterdir():
        shutil.copyfile(file, bundle / file.name)
    service.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(60):
        while service.output.count(said) < wanted:
            await asyncio.sleep(0.05)
