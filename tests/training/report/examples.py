"""An asymmetric example: every pair of truth and prediction has its own count."""

from typing import Any
from xml.etree import ElementTree

import numpy as np

from serving.model.metadata import CoveragePoint, DataFile, KnownAnswer, Metadata, Threshold
from training.evaluation.metrics import Figures, measure
from training.evaluation.results import Cost, Row
from training.progress import Epoch
from training.report.report_data import ReportData, TrainingRecord
from training.types import Labels, Probabilities

LABELS = ["negative", "neutral", "positive"]
COUNTS = [[20, 7, 2], [5, 31, 11], [3, 8, 43]]  # truth in rows, predicted in columns
MANY = [f"class {i}" for i in range(47)]
NAN = float("nan")
METADATA = Metadata(
    name="example",
    model_version="0123456789ab",
    labels=LABELS,
    files={},
    known_answers=[KnownAnswer(text="a sentence of our own", probabilities=[0.2, 0.3, 0.5])],
    temperature=1.5,
    seed=3,
    recipe={"name": "example", "description": "An example", "seed": 3, "data": {"text": "text", "sources": []}},
    data=[DataFile(file="tweets.csv", rows=200, sha256="fedcba9876543210" * 4)],
    split={
        part: dict(zip(LABELS, sizes, strict=True)) for part, sizes in (("train", (60, 70, 80)), ("test", (29, 47, 54)))
    },
    cleaning={"rows read": 400, "exact and near copies, merged": 60, "rows kept": 340},
    libraries={"keras": "3.0", "backend": "tensorflow"},
    metrics={},
    thresholds=[Threshold(label="positive", precision_at_least=0.9, probability=0.8283, coverage=0.1482)],
    risk_coverage=[
        CoveragePoint(coverage=0.25, risk=0.0, probability=0.95),
        CoveragePoint(coverage=0.5, risk=0.125, probability=0.8),
        CoveragePoint(coverage=1.0, risk=0.3, probability=0.4),
    ],
)
HISTORY = {
    "words": [Epoch(1, 5.0, NAN, NAN, NAN, 60.0), Epoch(2, 4.5, NAN, NAN, NAN, 60.0)],
    "fit": [
        Epoch(1, 0.9, 0.8, 0.61, 0.6, 30.0),
        Epoch(2, 0.7, 0.75, 0.66, 0.65, 30.0),
        Epoch(3, 0.5, 0.9, 0.64, 0.66, 30.0),
    ],
}
BASELINES = [
    Row("majority", 0.333, 0.2, 0.4, 0.01, 100, 1e6),
    Row("TF-IDF + SVM", 0.75, 0.74, 0.76, 3.21, 8_000_000, 40000.0),
]
NETWORK = Row("example (network, served)", 0.7, 0.69, 0.72, 4210.0, 2_500_000, 4000.0)
COSTS = [
    Cost("majority", 0.333, 3e7, 2e-6, 40_000_000, 212),
    Cost("VADER", 0.56, 6500.0, 0.00014, 41_000_000, 430_000),
    Cost("example (network, served)", 0.7, 2560.4, 0.00077, 151_400_000, 18_000_000, network=True),
    Cost("teacher (transformer, int8)", 0.74, 300.0, 0.004, None, 23_000_000),
]


COMPARED = TrainingRecord(HISTORY, BASELINES, NETWORK, COSTS)


def metadata(**changes: Any) -> Metadata:
    """The example's, with other values."""
    return METADATA.model_copy(update=changes)


def answers(counts: list[list[int]] | None = None) -> tuple[Labels, Probabilities]:
    """Truth (rows,) and probabilities (rows, classes) that are confused so many times."""
    pairs = [(a, b) for a, row in enumerate(counts or COUNTS) for b, n in enumerate(row) for _ in range(n)]
    truth, found = np.array(pairs, dtype=np.int64).T
    classes = len(counts or COUNTS)
    sure = np.random.default_rng(0).uniform(0.55, 0.95, len(truth))[:, None]
    return truth, np.where(np.eye(classes)[found] == 1, sure, (1 - sure) / (classes - 1))


def report_data(**changes: Any) -> ReportData:
    """The example: 130 rows of two sources, of 1 to 40 tokens, with texts that would harm a page."""
    truth, probabilities = answers()
    rows = len(truth)
    given: dict[str, Any] = {
        "metadata": METADATA,
        "record": TrainingRecord(HISTORY),
        "truth": truth,
        "probabilities": probabilities,
        "rows": [f"zebra {row} <script>alert('&')</script>" for row in range(rows)],
        "groups": ["one.csv" if row % 3 else "other.csv" for row in range(rows)],
        "lengths": np.arange(rows) % 40 + 1,
    }
    return ReportData(**given | changes)


def elements(svg: str, tag: str) -> list[ElementTree.Element]:
    """Those of a drawing that have a tag."""
    return list(ElementTree.fromstring(svg).iter(f"{{http://www.w3.org/2000/svg}}{tag}"))


def many() -> Figures:
    """Of 47 classes, two of which are taken for each other."""
    counts = (np.eye(47, dtype=int) * 9).tolist()
    counts[3][5], counts[5][3] = 4, 2
    return measure(MANY, *answers(counts), 1.0)
