import asyncio

import pytest

from tests.deploy.services import Service
from tests.faults.conftest import Run
from tests.faults.load import Outcome, ask, logged
from tests.faults.processes import STOPPED, refuses_connections, wait_until
from tests.faults.slow_reader import CONTENT, ROWS, send_file

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_sigterm_under_load_loses_no_accepted_request(run: Run, workers: str) -> None:
    with run(WORKERS=workers, QUEUE_LIMIT="100000") as service:
        assert (await ask(service, 0)).status == 200
        outcomes = await loaded_until_it_ends(service)
        assert await asyncio.to_thread(service.process.wait, 60) in STOPPED
        served = logged(service)
    assert not [outcome for outcome in outcomes if outcome.broken]
    answered = {outcome.request_id for outcome in outcomes if outcome.status is not None}
    assert len(answered) > 20
    assert any(outcome.status is None for outcome in outcomes), "after the signal new ones are refused"
    begun = {request_id for request_id in served if request_id != "load-0"}
    assert begun == answered, "what was begun is answered, and nothing else"
    assert {served[request_id] for request_id in answered} == {200}
    assert "timeout graceful shutdown exceeded" not in service.output
    assert "Traceback" not in service.output


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_new_connections_are_refused_while_what_was_begun_is_finished(run: Run, workers: str) -> None:
    with run(WORKERS=workers) as service:
        answer = await send_file(service, CONTENT.encode())
        service.process.terminate()  # the supervisor alone, where there is one
        await asyncio.to_thread(wait_until, lambda: refuses_connections(service), 5)
        assert service.process.poll() is None
        body = await answer.rest()
        assert body.count(b"\n") == ROWS + 1
        assert await asyncio.to_thread(service.process.wait, 60) in STOPPED


async def loaded_until_it_ends(service: Service) -> list[Outcome]:
    """Sixteen clients, each asking again and again until it is refused; SIGTERM once fifty answers have come."""
    outcomes: list[Outcome] = []

    async def client(first: int) -> None:
        for number in range(first, first + 100_000):
            outcomes.append(await ask(service, number))
            if len(outcomes) == 50:
                service.stop()
            if outcomes[-1].status is None:
                return

    await asyncio.wait_for(asyncio.gather(*(client(1 + n * 100_000) for n in range(16))), 120)
    return outcomes
