import json

from training.fit.state import Progress, State
from training.progress import Epoch

EPOCHS = [Epoch(1, 0.9, 0.8, 0.5, 0.6, 1.5), Epoch(2, 0.7, 0.9, 0.4, 0.5, 1.5)]


def test_a_state_survives_json() -> None:
    state = State(EPOCHS, EPOCHS[0], Progress(batches=3, rows=48, total=33.5, seconds=2.0))
    assert State.of(json.loads(json.dumps(state.dump()))) == state


def test_a_fresh_state_has_no_best() -> None:
    assert State.of(json.loads(json.dumps(State().dump()))) == State()
