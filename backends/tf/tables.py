"""Keys of lookups as hash tables, which a SavedModel initializes when it is loaded.

Strings are an asset of the SavedModel, a text file of one key per line, where such a file can hold
them; other keys are constants of the function that initializes the table.
"""

import tempfile
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from ...ir.dialects.builtin import Constant
from ...ir.dialects.core.lookup import first_positions
from ...ir.names import FILE, distinct
from ...ir.ssa import Module, Value
from ...ir.types import Array, DType
from .dialect import Lookup
from .kernels.lookup import Table, first_equal
from .names import tf_dtype


class Tables:
    """The tables of lookups in copies of a module.

    Attributes:
        tables: by the value that is the keys.
        compared: the same as keys in the graph itself, which need no initializing.
    """

    def __init__(self, *modules: Module) -> None:
        self.tables: dict[Value, Any] = {}
        self.compared: dict[Value, Table] = {}
        # Tables are filled from files at once, and a SavedModel copies them when it is written.
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        ops = (op for module in modules for op in module.walk())
        found = {op.keys: op.keys.op for op in ops if isinstance(op, Lookup)}
        constants = {value: op.value for value, op in found.items() if isinstance(op, Constant)}
        resources = {item.identity: item for item in constants.values()}
        names = distinct(FILE, (item.name for item in resources.values()), "keys")
        made: dict[Hashable, tuple[Any, Table]] = {}
        for (identity, resource), name in zip(resources.items(), names, strict=True):
            keys, dtype = resource.array(), resource.type.dtype
            made[identity] = self._table(keys, dtype, f"{name}.txt"), _Compared(keys, dtype)
        for value, resource in constants.items():
            self.tables[value], self.compared[value] = made[resource.identity]

    def _table(self, keys: Array, dtype: DType, file: str) -> Any:
        import tensorflow as tf

        positions = first_positions(keys)
        texts = [key for key in positions if isinstance(key, str)]
        if len(texts) == keys.size and all(map(_is_line, texts)):
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="cmlc-")
            path = Path(self._folder.name) / file
            path.write_bytes("".join(f"{text}\n" for text in texts).encode())
            contents = _lines(path)
        else:
            contents = tf.lookup.KeyValueTensorInitializer(
                tf.constant([*positions], tf_dtype(dtype)),
                tf.constant([*positions.values()], tf.int32),
            )
        return tf.lookup.StaticHashTable(contents, -1)


def _lines(path: Path) -> Any:
    """What fills a table: the lines of a file, numbered from 0."""
    import tensorflow as tf

    class Lines(tf.lookup.TextFileInitializer):
        _shared_name = ""  # otherwise the table is called by this path, also in a SavedModel

    line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    return Lines(str(path), tf.string, line, tf.int64, number)


class _Compared:
    """Keys that are compared with each element."""

    def __init__(self, keys: Array, dtype: DType) -> None:
        self._keys = keys
        self._dtype = dtype

    def lookup(self, keys: Any) -> Any:
        import tensorflow as tf

        return first_equal(keys, tf.constant(self._keys, tf_dtype(self._dtype)))


def _is_line(key: str) -> bool:
    """Whether TensorFlow reads it as it is: it leaves carriage returns out and refuses no text."""
    return bool(key) and not {"\n", "\r"} & set(key)
