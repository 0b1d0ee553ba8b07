"""Indices."""

from typing import Any

from .shape import checked


def along_axis(indices: Any, axis: int) -> Any:
    """Multi-indices [*shape, rank]: each element's own position, with the index along `axis`."""
    import tensorflow as tf

    shape = tf.shape(indices, out_type=indices.dtype)
    ranges = [tf.range(shape[i]) for i in range(len(indices.shape))]
    grid = tf.meshgrid(*ranges, indexing="ij") if len(ranges) > 1 else ranges
    grid[axis] = indices
    return checked(tf.stack(grid, -1), (*indices.shape, len(ranges)))
