"""Measurements, and the models that they measure: `python -m cmlc.tools.bench`."""
