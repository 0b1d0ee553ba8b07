"""Weights: where their numbers are, the small forms they are stored in, views, statistics."""
