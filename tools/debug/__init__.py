"""Modes that look into a model: comparing op by op, bisection, probes, reduction."""
