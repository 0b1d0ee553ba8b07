"""The Keras dialect: layers, and functions of `keras.ops`; each op is a call in generated code.

`from ..dialect import layers, ops` reads like the generated code; only `emit` uses the library
itself.
"""

from ....ir.dialects import builtin, op_table
from . import layers, ops

OPS = (*layers.OPS, *ops.OPS)
TABLE = op_table(builtin.OPS, OPS)
