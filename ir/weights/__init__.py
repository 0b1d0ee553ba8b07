"""Weights: where their numbers are, compressed encodings, views, statistics."""
