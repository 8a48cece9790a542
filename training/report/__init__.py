"""What a bundle's `report/` holds for people: a page with plots, a model card, the figures as JSON."""

from training.report.evidence import Evidence
from training.report.plot import Plot
from training.report.plots import plots
from training.report.writer import write_metrics, write_report

__all__ = ["Evidence", "Plot", "plots", "write_metrics", "write_report"]
