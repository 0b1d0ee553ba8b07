"""An LSTM over 512 steps, in Keras and, with the same weights, as a Core ML NeuralNetwork.

For measurements.
"""

from typing import Any

import numpy as np

from ...compiler.source.spec import messages

STEPS, FEATURES = 512, 128
_GATES = ("inputGate", "forgetGate", "blockInput", "outputGate")  # in Keras's order


def keras_layer(units: int) -> Any:
    """A layer with random weights that returns its whole sequence."""
    import keras

    layer = keras.layers.LSTM(units, return_sequences=True)
    layer.build((None, STEPS, FEATURES))
    return layer


def model(layer: Any, batch: int) -> Any:
    """The layer as a Model message: x [512, batch, 128, 1, 1] → y [512, batch, units, 1, 1]."""
    spec = messages("Model_pb2").Model(specificationVersion=4)
    network = spec.neuralNetwork
    network.arrayInputShapeMapping = 1  # exact shapes
    item = network.layers.add(name="lstm", input=["x"], output=["y"])
    p = item.uniDirectionalLSTM
    p.inputVectorSize, p.outputVectorSize = FEATURES, layer.units
    p.params.sequenceOutput = p.params.hasBiasVectors = True
    for name in ("sigmoid", "tanh", "tanh"):
        getattr(p.activations.add(), name).SetInParent()
    fields = ("WeightMatrix", "RecursionMatrix", "BiasVector")
    for field, joined in zip(fields, layer.get_weights(), strict=True):
        for gate, part in zip(_GATES, np.split(joined, 4, -1), strict=True):
            getattr(p.weightParams, gate + field).floatValue.extend(part.T.ravel().tolist())
    for name, features in (("x", spec.description.input), ("y", spec.description.output)):
        array = features.add(name=name).type.multiArrayType
        array.dataType = messages("FeatureTypes_pb2").ArrayFeatureType.FLOAT32
        if name == "x":
            array.shape.extend((STEPS, batch, FEATURES, 1, 1))
    return spec
