"""The mistakes that the model was surest of."""

import numpy as np

from training.report.evidence import Evidence
from training.report.table import Table, share

SHOWN = 20


def mistake_table(evidence: Evidence) -> Table:
    """The 20 most confident mistakes, the surest first. It quotes the data: whose terms may forbid to pass it on."""
    labels, confidence = evidence.metadata.labels, evidence.probabilities.max(1)
    wrong = np.flatnonzero(evidence.found != evidence.truth)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:SHOWN]
    rows = [
        (
            evidence.texts[row],
            labels[evidence.truth[row]],
            labels[evidence.found[row]],
            evidence.groups[row],
            share(float(confidence[row])),
        )
        for row in surest.tolist()
    ]
    headings = ("text", "truth", "predicted", "source", "probability")
    return Table("The most confident mistakes", headings, rows, words=4)
