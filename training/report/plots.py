"""All plots of a report."""

from training.report.confusion import confusion_plot
from training.report.curves import curve_plots
from training.report.evidence import Evidence
from training.report.plot import Plot
from training.report.provenance import kept
from training.report.recalls import recall_plot
from training.report.reliability import reliability_plot


def plots(evidence: Evidence) -> dict[str, Plot]:
    """Name -> plot: `learning-curves-1` and on, one a stage, `confusion-matrix`, `reliability`, `recall-by-class`."""
    drawn = [
        *curve_plots(evidence.history, lambda stage: kept(evidence.metadata, stage)),
        confusion_plot(evidence.figures),
        reliability_plot(evidence.truth, evidence.probabilities, evidence.metadata.temperature),
        recall_plot(evidence.figures),
    ]
    return {plot.name: plot for plot in drawn}
