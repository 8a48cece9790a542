"""What a bundle's `report/` holds for people: a page with plots, a model card, the figures as JSON."""

from training.report.evidence import Evidence
from training.report.plots import plots
from training.report.render import write_metrics, write_report
from training.report.svg import Plot

__all__ = ["Evidence", "Plot", "plots", "write_metrics", "write_report"]
