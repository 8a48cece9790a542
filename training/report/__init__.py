"""What a bundle's `report/` holds for people: a page with plots, a model card, the figures as JSON."""

from training.report.plots import plots
from training.report.render import write_metrics, write_report
from training.report.report_data import ReportData
from training.report.svg import Plot

__all__ = ["Plot", "ReportData", "plots", "write_metrics", "write_report"]
