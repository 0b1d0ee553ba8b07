"""Weights that the graph decodes: the same bits as the interpreter's, from small variables."""

import numpy as np
import pytest
from cmlc.backends.tf.decode import DECODERS
from cmlc.backends.tf.variables import Weights
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.builtin import Constant, Return, constant
from cmlc.ir.rewrite import adopt
from cmlc.ir.ssa import Function, Module
from cmlc.ir.weights import encodings, resources
from cmlc.ir.weights.encodings import EncodedResource, Encoding, Sparse
from cmlc.ir.weights.resources import ArrayResource, ViewResource
from support.modules.encoded import ENCODINGS, codes, encoded

pytestmark = pytest.mark.slow


def module_of(*resources):
    function = Function("main", [], [])
    values = [constant(resource) for resource in resources]
    adopt(values, function.block)
    function.block.insert(Return(tuple(values)))
    return Module("m", [function])


def read(*resources):
    """(what a graph reads, the bytes of the variables)."""
    import tensorflow as tf

    module = module_of(*resources)
    weights = Weights(module)
    weights.fill()
    constants = [op.value for op in module.walk() if isinstance(op, Constant)]
    graph = tf.function(lambda: [weights.read(item) for item in constants], autograph=False)
    size = sum(v.numpy().nbytes for v in weights.variables.values())
    return [tensor.numpy() for tensor in graph()], size


def assert_same_bits(ours, theirs):
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("name", ENCODINGS)
def test_same_bits_from_small_variables(name, monkeypatch):
    monkeypatch.setattr(resources, "LEAST_SIZE", 0)
    resource = encoded(name)
    (found,), size = read(resource)
    assert_same_bits(resource.array(), found)
    assert size <= resource.stored_bytes < resource.array().nbytes


@pytest.mark.parametrize("lowest_first", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7])
def test_large_palettes(bits, lowest_first):
    """Of an odd number of elements; several are looked up at once."""
    random = np.random.default_rng(bits)
    indices = codes(random, bits, (131, 137), lowest_first=lowest_first)
    lut = ArrayResource(random.standard_normal((1, 1, 1 << bits, 1)).astype(np.float32))
    resource = EncodedResource(encodings.Palette(indices, lut), "w")
    (found,), size = read(resource)
    assert_same_bits(resource.array(), found)
    assert size == resource.stored_bytes


def test_half_precision_results():
    data = ArrayResource(np.arange(-100, 100).astype(np.int8).reshape(2, 100))
    scale = ArrayResource(np.float16([[0.333], [3e-6]]))
    resource = EncodedResource(encodings.Affine(data, scale), "w")
    (found,), _ = read(resource)
    assert found.dtype == np.float16
    assert_same_bits(resource.array(), found)


def test_every_encoding_has_a_decoder():
    known = {type_ for type_ in vars(encodings).values() if isinstance(type_, type)}
    known = {type_ for type_ in known if issubclass(type_, Encoding)} - {Encoding}
    assert set(DECODERS) == known


VIEWS = [
    ((2, 3, 1, 0), (3, 3, 10, 12)),
    ((2, 3, 0, 1), (3, 3, 1, 120)),
    ((0, 1, 2, 3), (12, 90)),
]


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("name", [name for name in ENCODINGS if name != "joined"])
def test_views(name, view, monkeypatch):
    monkeypatch.setattr(resources, "LEAST_SIZE", 0)
    base = encoded(name)
    if base.type.shape != (12, 10, 3, 3):
        view = (view[0], (*(base.type.shape[axis] for axis in view[0]),))
    resource = ViewResource(base, *view)
    (found,), size = read(resource)
    assert_same_bits(np.ascontiguousarray(resource.array()), found)
    assert size <= resource.stored_bytes < resource.array().nbytes


def test_views_of_views():
    resource = encoded("palette of 6 bits")
    view = ViewResource(resource, (2, 3, 1, 0), (3, 3, 10, 12))
    again = ViewResource(view, (2, 1, 0, 3), (10, 9, 12))
    back = ViewResource(view, (3, 2, 0, 1), (12, 10, 3, 3))
    (one, two, three), _ = read(view, again, back)
    assert_same_bits(np.ascontiguousarray(view.array()), one)
    assert_same_bits(np.ascontiguousarray(again.array()), two)
    assert_same_bits(resource.array(), three)
    assert read(resource, back)[1] == read(resource)[1]


BACK = [
    [((2, 3, 1, 0), (3, 3, 10, 12)), ((3, 2, 0, 1), (12, 10, 3, 3))],
    [((0, 1, 2, 3), (12, 90)), ((0, 1), (12, 10, 3, 3))],
    [((1, 0, 2, 3), (10, 12, 3, 3)), ((1, 0, 2, 3), (12, 90)), ((0, 1), (12, 10, 3, 3))],
    [((0, 1, 2, 3), (12, 90)), ((1, 0), (90, 12)), ((1, 0), (12, 10, 3, 3))],
]


@pytest.mark.parametrize("views", BACK, ids=str)
@pytest.mark.parametrize("name", ["palette of 6 bits", "sparse"])
def test_a_view_back_to_its_own_layout_is_stored_once(name, views):
    resource = back = encoded(name)
    for view in views:
        back = ViewResource(back, *view)
    (_, found), size = read(resource, back)
    assert_same_bits(resource.array(), found)
    assert size == read(resource)[1]


def test_views_of_a_view_are_stored_as_often_as_layouts_differ():
    resource = encoded("palette of 6 bits")
    view = ViewResource(resource, (2, 3, 1, 0), (3, 3, 10, 12))
    back = ViewResource(view, (3, 2, 0, 1), (12, 10, 3, 3))
    assert read(view, back)[1] > read(resource, back)[1]


def test_one_weight_is_stored_once_and_equal_ones_are_not_one():
    one, equal = encoded("cast"), encoded("cast")
    assert read(one, one)[1] == one.stored_bytes
    assert read(one, equal)[1] == 2 * one.stored_bytes


def test_small_weights_are_not_decoded_at_run_time():
    random = np.random.default_rng(0)
    stored = ArrayResource(random.standard_normal((31, 33)).astype(np.float16))
    resource = EncodedResource(encodings.Cast(stored, encodings.DType.F32), "w")
    assert read(resource)[1] == resource.array().nbytes == 31 * 33 * 4


def test_parts_that_do_not_fit_are_refused():
    mask = ArrayResource(np.ones((40, 40), np.uint8))
    resource = EncodedResource(Sparse(ArrayResource(np.ones(9, np.float16)), mask), "w")
    with pytest.raises(CompileError, match=r"the weight 'w' has values \[9\] for 1600 ones"):
        read(resource)
