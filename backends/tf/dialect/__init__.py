"""The TensorFlow dialect: one op for each Python call that lowered graphs make.

`from .. import dialect as tf` reads like the library; the library itself is only touched by `emit`.
"""

from ....ir.dialects import builtin, op_table
from . import array, lookup, math, nn, random, states, trees
from .array import *  # noqa: F403  the dialect is one namespace, in seven files
from .lookup import *  # noqa: F403
from .math import *  # noqa: F403
from .nn import *  # noqa: F403
from .random import *  # noqa: F403
from .states import *  # noqa: F403
from .trees import *  # noqa: F403

OPS = (*math.OPS, *array.OPS, *nn.OPS, *lookup.OPS, *random.OPS, *states.OPS, *trees.OPS)
TABLE = op_table(builtin.OPS, OPS)
