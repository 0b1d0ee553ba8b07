"""Checkpoints of empty variables, whose contents are written straight from their source."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from ...ir.types import Array

# Bytes written at once: small weights share a file, each large weight has its own.
_SHARD = 32 << 20


def fill_checkpoint(prefix: Path, keys: Sequence[str], arrays: Iterable[Array]) -> None:
    """Rewrite a checkpoint with other contents of some tensors, few of them in memory at once.

    Args:
        prefix: the prefix of the checkpoint's files, which are replaced.
        keys: the keys of the tensors in the checkpoint.
        arrays: their contents, in the same order; read one by one.
    """
    import tensorflow as tf

    aside = prefix.with_name("old")
    aside.mkdir()
    for path in prefix.parent.glob(f"{prefix.name}.*"):
        path.replace(aside / path.name)
    old = tf.train.load_checkpoint(str(aside / prefix.name))
    others = sorted(set(old.get_variable_to_dtype_map()) - set(keys))
    kept = ((key, old.get_tensor(key)) for key in others)
    parts = [
        _write(prefix, index, batch)
        for index, batch in enumerate(_batches(chain(kept, zip(keys, arrays, strict=True))))
    ]
    shutil.rmtree(aside)
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=parts, destination_prefix=str(prefix), delete_old_dirs=True
    )


def _batches(contents: Iterable[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """Tensors by key, together up to the size of a shard, or a single larger one."""
    import tensorflow as tf

    batch: dict[str, Any] = {}
    size = 0
    for key, array in contents:
        tensor = tf.constant(array)
        bytes_ = tensor.shape.num_elements() * tensor.dtype.size
        if batch and size + bytes_ > _SHARD:
            yield batch
            batch, size = {}, 0
        batch[key] = tensor
        size += bytes_
    if batch:
        yield batch


def _write(prefix: Path, index: int, batch: Mapping[str, Any]) -> str:
    """Write tensors to a checkpoint of their own; returns its prefix."""
    import tensorflow as tf

    part = str(prefix.with_name(f"part{index:05d}") / prefix.name)
    tf.raw_ops.SaveV2(
        prefix=part,
        tensor_names=list(batch),
        shape_and_slices=[""] * len(batch),
        tensors=list(batch.values()),
    )
    return part
