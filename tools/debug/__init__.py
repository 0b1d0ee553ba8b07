"""Debugging modes: comparing op by op, bisection, probes, reduction."""
