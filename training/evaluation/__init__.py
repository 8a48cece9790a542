"""Figures of merit, baselines, calibration and leakage checks."""
