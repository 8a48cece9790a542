import asyncio
import shutil
import signal
from pathlib import Path

import pytest

from serving.model.bundle import NETWORK, Bundle
from tests.bundles import TINY, relabel
from tests.deploy.services import Service
from tests.faults.conftest import Run
from tests.faults.load import Outcome, ask

pytestmark = pytest.mark.anyio


async def test_a_new_model_is_taken_up_between_two_requests(run: Run, bundle: Path, tmp_path: Path) -> None:
    old = Bundle.read(bundle).metadata.model_version
    relabel(shutil.copytree(TINY, tmp_path / "new"), ["bad", "fair", "good"])
    new = Bundle.read(tmp_path / "new").metadata.model_version
    with run(MODEL_DIR=str(bundle)) as service:
        outcomes = await loaded_through(service, tmp_path / "new", bundle, "The model is now tiny")
    assert {outcome.status for outcome in outcomes} == {200}
    versions = [outcome.answer["model_version"] for outcome in outcomes if outcome.answer]
    assert set(versions) == {old, new}
    for outcome in outcomes:
        assert outcome.answer is not None
        assert (outcome.answer["label"] in {"bad", "fair", "good"}) == (outcome.answer["model_version"] == new)


async def test_a_bad_one_is_refused_and_the_old_one_kept(run: Run, bundle: Path, tmp_path: Path) -> None:
    old = Bundle.read(bundle).metadata.model_version
    bad = Path(shutil.copytree(bundle, tmp_path / "bad"))
    (bad / NETWORK).write_bytes(b"not a network")
    with run(MODEL_DIR=str(bundle)) as service:
        outcomes = await loaded_through(service, bad, bundle, "the old one stays")
    assert {outcome.status for outcome in outcomes} == {200}
    assert {outcome.answer["model_version"] for outcome in outcomes if outcome.answer} == {old}


async def loaded_through(service: Service, source: Path, bundle: Path, said: str) -> list[Outcome]:
    """Ask without a pause while the files are exchanged and the signal is sent, until the log says so and after it."""
    outcomes, done = [await ask(service, 0)], asyncio.Event()

    async def client(first: int) -> None:
        number = first
        while not done.is_set():
            outcomes.append(await ask(service, number))
            number += 1

    clients = [asyncio.create_task(client(n * 100_000)) for n in range(1, 5)]
    for file in source.iterdir():
        shutil.copyfile(file, bundle / file.name)
    service.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(120):
        while said not in service.output:
            await asyncio.sleep(0.05)
    outcomes.append(await ask(service, 1))
    done.set()
    await asyncio.gather(*clients)
    return outcomes
