"""Composite functions that TensorFlow has no single call for; run while the graph is traced.

The dialect calls them like any function of the library, with keyword arguments of the same names;
those of a family are in the file of its name.
"""

from .activation import exact_gelu
from .block_lstm import block_lstm
from .control import while_loop
from .conv import conv_transpose
from .coupling import pairwise_coupling
from .custom import custom_call
from .detection import non_max_suppression
from .image import crop_resize, resample
from .index import along_axis
from .lookup import first_equal, lookup
from .norm import local_response_norm
from .random import fresh_key, random_categorical
from .recurrent import gru, lstm, rnn
from .scatter import scatter_nd_combined, scatter_nd_div, scatter_nd_last, scatter_nd_mul
from .shape import assert_shape, asserted
from .slices import dynamic_update_slice, slice_positions, slice_update
from .sort import top_k
from .states import (
    gather_state,
    read_slice,
    read_state,
    scatter_state,
    write_slice,
    write_state,
)
from .trees import complete_trees, linked_trees

__all__ = [
    "along_axis",
    "assert_shape",
    "asserted",
    "block_lstm",
    "complete_trees",
    "conv_transpose",
    "crop_resize",
    "custom_call",
    "dynamic_update_slice",
    "exact_gelu",
    "first_equal",
    "fresh_key",
    "gather_state",
    "gru",
    "linked_trees",
    "local_response_norm",
    "lookup",
    "lstm",
    "non_max_suppression",
    "pairwise_coupling",
    "random_categorical",
    "read_slice",
    "read_state",
    "resample",
    "rnn",
    "scatter_nd_combined",
    "scatter_nd_div",
    "scatter_nd_last",
    "scatter_nd_mul",
    "scatter_state",
    "slice_positions",
    "slice_update",
    "top_k",
    "while_loop",
    "write_slice",
    "write_state",
]
