"""Layers compute the same in training as in inference, except for those that have to do otherwise.

Code that is trained further must begin as the function that it was made from.
"""

import numpy as np
import pytest
from cmlc.backends.calls import resolve
from cmlc.backends.keras.definitions import DEFINITIONS
from cmlc.backends.keras.dialect import layers
from cmlc.backends.keras.dialect.lookup import IntegerLookup, StringLookup

pytestmark = pytest.mark.slow

LINE, IMAGE, VOLUME = (3, 8, 4), (3, 8, 8, 4), (3, 6, 6, 6, 4)
WINDOWS = {"pool_size": 3, "strides": 2, "padding": "same"}
FILTERS = {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}

# Every layer of the dialect: the shapes of its inputs, and attributes.
SAMPLES = {
    layers.Conv1D: ([LINE], FILTERS),
    layers.Conv2D: ([IMAGE], FILTERS | {"groups": 2, "activation": "relu"}),
    layers.Conv3D: ([VOLUME], FILTERS),
    layers.SparseConv2D: (
        [IMAGE],
        {"filters": 4, "kernel_size": 3, "padding": "same", "dilation_rate": 5},
    ),
    layers.DepthwiseConv2D: ([IMAGE], {"kernel_size": 3}),
    layers.SeparableConv2D: ([IMAGE], FILTERS),
    layers.Conv1DTranspose: ([LINE], FILTERS),
    layers.Conv2DTranspose: ([IMAGE], FILTERS),
    layers.Conv3DTranspose: ([VOLUME], FILTERS),
    layers.Dense: ([LINE], {"units": 5, "activation": "gelu"}),
    layers.Embedding: ([(3, 5)], {"input_dim": 7, "output_dim": 4}),
    layers.BatchNormalization: ([IMAGE], {}),
    layers.LayerNormalization: ([LINE], {"axis": (-2, -1)}),
    layers.RMSNormalization: ([LINE], {}),
    layers.GroupNormalization: ([IMAGE], {"groups": 2}),
    layers.MultiHeadAttention: ([LINE, LINE], {"num_heads": 2, "key_dim": 3}),
    layers.PReLU: ([IMAGE], {"shared_axes": (1, 2)}),
    layers.Weight: ([LINE], {"shape": (8, 4)}),
    layers.LSTM: ([LINE], {"units": 5, "return_sequences": True}),
    layers.GRU: ([LINE], {"units": 5, "reset_after": False}),
    layers.SimpleRNN: ([LINE], {"units": 5}),
    layers.BidirectionalLSTM: ([LINE], {"units": 5}),
    layers.BidirectionalGRU: ([LINE], {"units": 5}),
    layers.MaxPooling1D: ([LINE], WINDOWS),
    layers.MaxPooling2D: ([IMAGE], WINDOWS),
    layers.MaxPooling3D: ([VOLUME], WINDOWS),
    layers.AveragePooling1D: ([LINE], WINDOWS),
    layers.AveragePooling2D: ([IMAGE], WINDOWS),
    layers.AveragePooling3D: ([VOLUME], WINDOWS),
    layers.GlobalAveragePooling1D: ([LINE], {}),
    layers.GlobalAveragePooling2D: ([IMAGE], {"keepdims": True}),
    layers.GlobalMaxPooling1D: ([LINE], {}),
    layers.GlobalMaxPooling2D: ([IMAGE], {}),
    layers.ZeroPadding1D: ([LINE], {"padding": (1, 2)}),
    layers.ZeroPadding2D: ([IMAGE], {"padding": ((1, 2), (0, 1))}),
    layers.ZeroPadding3D: ([VOLUME], {"padding": ((1, 2), (0, 1), (1, 1))}),
    layers.Cropping1D: ([LINE], {"cropping": (1, 2)}),
    layers.Cropping2D: ([IMAGE], {"cropping": ((1, 2), (0, 1))}),
    layers.Cropping3D: ([VOLUME], {"cropping": ((1, 2), (0, 1), (1, 1))}),
    layers.UpSampling2D: ([IMAGE], {"interpolation": "bilinear"}),
    layers.Resizing: ([IMAGE], {"height": 5, "width": 7}),
    layers.Activation: ([LINE], {"activation": "silu"}),
    layers.ReLU: ([LINE], {"max_value": 6.0}),
    layers.LeakyReLU: ([LINE], {"negative_slope": 0.1}),
    layers.ELU: ([LINE], {"alpha": 0.5}),
    layers.Softmax: ([LINE], {}),
    layers.Add: ([LINE, LINE], {}),
    layers.Multiply: ([LINE, LINE], {}),
    layers.Subtract: ([LINE, LINE], {}),
    layers.Maximum: ([LINE, LINE], {}),
    layers.Minimum: ([LINE, LINE], {}),
    layers.Concatenate: ([LINE, LINE], {"axis": 1}),
    layers.Reshape: ([LINE], {"target_shape": (4, 8)}),
    layers.Flatten: ([IMAGE], {}),
    layers.Permute: ([IMAGE], {"dims": (3, 1, 2)}),
    layers.Rescaling: ([IMAGE], {"scale": 0.5, "offset": 1.0}),
}
# Only a batch norm of the model becomes one: what takes statistics in training does so there, too.
DIFFERENT = {layers.BatchNormalization}


def test_every_layer_has_a_sample():
    """Lookups have no weights, and none of them is trained: their cases compare numbers."""
    assert SAMPLES.keys() == set(layers.OPS) - {StringLookup, IntegerLookup}


@pytest.fixture(scope="module")
def roots():
    import keras

    scope = {"keras": keras, "layers": keras.layers, "ops": keras.ops, "np": np}
    for op in (layers.Weight, layers.SparseConv2D):
        exec(DEFINITIONS[op.call], scope)
    return scope


def both(op, roots):
    """(in inference, in training) what a model of the layer computes, with random weights."""
    shapes, attributes = SAMPLES[op]
    assert attributes.keys() <= {item.name for item in op.spec.attributes}
    keras = roots["keras"]
    inner = getattr(op, "inner", "")
    layer = resolve(inner or op.call, roots)(**attributes)
    layer = resolve(op.call, roots)(layer) if inner else layer
    dtype = "int32" if op is layers.Embedding else "float32"
    inputs = [keras.Input(shape[1:], dtype=dtype) for shape in shapes]
    merged = op.listed or len(inputs) == 1
    given = inputs if op.listed else inputs[0]
    model = keras.Model(inputs, layer(given) if merged else layer(*inputs))
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.01, 0.1, weight.shape) for weight in model.weights])
    arrays = [random.uniform(0, 6, shape).astype(dtype) for shape in shapes]
    results = [model(arrays, training=training) for training in (False, True)]
    return [keras.ops.convert_to_numpy(result) for result in results]


@pytest.mark.parametrize("op", SAMPLES, ids=lambda op: op.name)
def test_training_computes_what_inference_does(roots, op):
    inferred, trained = both(op, roots)
    assert np.ptp(inferred) > 0
    assert np.array_equal(inferred, trained) is (op not in DIFFERENT)
