"""Who is measured: how each is installed, started and asked."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving.load import FORM, JSON, MANY, ROOT, Shape

PYTHON = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
PEERS = Path(__file__).parent / "peers"
SERVE = ROOT / ".venv-serve"
TRAIN = ROOT / ".venv"
SERVE_PYTHON = SERVE / PYTHON
SESSION = ("h5py==3.14.0", "onnx==1.23.2", "onnxruntime==1.31.1", "tokenizers==0.23.3", "pydantic", "numpy")
"""What our predictor needs, which the four servers run as their model."""
ONE_THREAD = {"TOKENIZERS_PARALLELISM": "false"}
"""What keeps its tokenizer to the thread that asks, as the service does."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to serve.

    `environment`: a folder with a virtual environment. `packages`: installed into one of its own under build/, where
    it is to have one. `command`: its arguments after the Python, with `{port}`. `variables`: its environment.
    `connections`: how many ask at once. `root`: the tree that it is run from.
    """

    name: str
    shape: Shape
    command: Sequence[str]
    environment: Path = SERVE
    packages: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    connections: int = 64
    root: Path = ROOT

    @property
    def python(self) -> Path:
        return self.environment / PYTHON


def _uvicorn(app: str) -> tuple[str, ...]:
    return ("-m", "uvicorn", app, "--port", "{port}", "--no-access-log", "--log-level", "warning")


def _ours(name: str, shape: Shape, connections: int = 64) -> Contender:
    variables = {"LOG_LEVEL": "warning", "PORT": "{port}"}
    return Contender(name, shape, ("-m", "serving.server"), variables=variables, connections=connections)


def _peer(name: str, package: str, shape: Shape, command: Sequence[str], **more: str) -> Contender:
    return Contender(
        name,
        shape,
        command,
        environment=ROOT / "build" / "peers" / package.partition("==")[0].partition("[")[0],
        packages=(package, *SESSION),
        variables={**ONE_THREAD, **more},
    )


EMPTY = Contender("empty FastAPI form endpoint", FORM, _uvicorn("benchmarks.serving.peers.empty:app"))
OURS = _ours("this service, form", FORM)
OURS_MANY = _ours("this service, 32 texts a request", MANY, connections=3)
TUTORIAL = Contender(
    "the tutorial's way, model loaded for every request",
    FORM,
    _uvicorn("benchmarks.serving.peers.tutorial:app"),
    environment=TRAIN,
    connections=2,
)

CONTENDERS = (
    EMPTY,
    OURS,
    _ours("this service, JSON", JSON),
    OURS_MANY,
    TUTORIAL,
    Contender(
        "the tutorial's way, model loaded once",
        FORM,
        _uvicorn("benchmarks.serving.peers.tutorial:app"),
        environment=TRAIN,
        variables={"LOAD_ONCE": "1"},
    ),
    _peer("LitServe", "litserve==0.2.19", JSON, ("-m", "benchmarks.serving.peers.lit", "{port}")),
    _peer(
        "BentoML",
        "bentoml==1.4.39",
        Shape("/predict", "application/json", "json", template='{"text": %s}'),
        ("-m", "bentoml", "serve", "benchmarks.serving.peers.bento:Sentiment", "--port", "{port}"),
    ),
    _peer(
        "MLServer",
        "mlserver==1.7.1",
        Shape(
            "/v2/models/sentiment/infer",
            "application/json",
            "json",
            template='{"inputs": [{"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": [%s]}]}',
        ),
        ("-m", "mlserver.cli.main", "start", "benchmarks/serving/peers/mlserver"),
        MLSERVER_HTTP_PORT="{port}",
        MLSERVER_HOST="127.0.0.1",
    ),
    _peer("Ray Serve", "ray[serve]==2.60.0", JSON, ("-m", "benchmarks.serving.peers.rays", "{port}")),
)
