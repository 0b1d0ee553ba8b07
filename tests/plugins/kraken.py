"""A plugin, complete: the custom layers of kraken, which reads printed and written text.

    python kraken.py overfit.mlmodel OUT          compiles a recognition model to a SavedModel

kraken keeps its networks in `.mlmodel` files, but runs them itself: the layers that it adds to Core
ML's are custom layers without an implementation, and the network is a plain list, in which every
layer claims to read the model's input. So there is something to define, and something to repair.

As a plugin (`cmlc MODEL --plugin kraken.py`) this file only defines the layers. Their meaning is
that of VGSL, the notation of kraken's networks; tensors are [batch, channels, height, width].
"""

import sys

import cmlc
from cmlc.compiler.source.reading import read_spec
from cmlc.ir.dialects.core import elementwise, norm, shape
from cmlc.ir.dims import product


def dropout(layer):
    """Do: nothing, outside of training."""
    return layer.inputs[0]


def group_norm(layer):
    """Gn: channels are normalized in groups; then each has its own scale and offset."""
    (x,) = layer.inputs
    channels, groups = layer.parameters["in_channels"], layer.parameters["num_groups"]
    batch, _, height, width = x.type.shape
    grouped = shape.Reshape(x, (batch, groups, channels // groups, height, width)).result
    normalized = norm.MeanVarianceNorm(grouped, axes=(2, 3, 4), epsilon=1e-5).result
    scale = shape.Reshape(layer.weight(0, (channels,), "scale"), (channels, 1, 1)).result
    offset = shape.Reshape(layer.weight(1, (channels,), "offset"), (channels, 1, 1)).result
    scaled = elementwise.Mul(shape.Reshape(normalized, x.type.shape).result, scale).result
    return elementwise.Add(scaled, offset).result


def reshape(layer):
    """S: split a dimension in two and merge one part into another dimension.

    What follows reads along the width, so that becomes Core ML's sequence: [W, 1, C, 1, 1].
    """
    (x,), p = layer.inputs, layer.parameters
    source, to = p["src_dim"], p["low"] if p["high"] == p["src_dim"] else p["high"]
    moved = source + 1 if p["high"] == source else source
    sizes = list(x.type.shape)
    layer.require((p["part_a"], p["part_b"]) == (1, -1), "splits off a part that is not 1")
    split = shape.Reshape(x, (*sizes[:source], 1, *sizes[source:])).result
    perm = [axis for axis in range(5) if axis != moved]
    perm.insert(to, moved)
    split = shape.Transpose(split, tuple(perm)).result
    sizes = list(split.type.shape)
    merged = [*sizes[:to], product(sizes[to : to + 2]), *sizes[to + 2 :]]
    batch, channels, height, _ = merged
    layer.require((batch, height) == (1, 1), "leaves more than one line of one image")
    line = shape.Squeeze(shape.Reshape(split, tuple(merged)).result, (2,)).result
    steps = shape.Transpose(line, (2, 0, 1)).result
    layer.require(steps.type.shape[2] == channels, "loses its channels")
    return shape.ExpandDims(steps, (3, 4)).result


cmlc.register_custom_layer("dropout", dropout)
cmlc.register_custom_layer("groupnorm", group_norm)
cmlc.register_custom_layer("reshape", reshape)


def connect(spec):
    """Let every layer read what the one before it makes, and lines be 1 to 4096 pixels wide."""
    previous = spec.description.input[0].name
    for layer in spec.neuralNetwork.layers:
        layer.input[:] = [previous]
        previous = layer.output[0]
        if layer.WhichOneof("layer") == "convolution":
            # kraken pads by half the kernel, whatever the stride; Core ML's `same` does not.
            edges = [size // 2 for size in layer.convolution.kernelSize]
            amounts = layer.convolution.valid.paddingAmounts.borderAmounts
            for edge in edges:
                amounts.add(startEdgeSize=edge, endEdgeSize=edge)
    spec.description.output[0].name = previous
    spec.specificationVersion = 3  # the first that has ranges of shapes
    array = spec.description.input[0].type.multiArrayType
    channels, height = array.shape[1:3]
    array.shape[:] = [channels, height, 128]
    for low, high in ((channels, channels), (height, height), (1, 4096)):
        array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    del spec.description.output[0].type.multiArrayType.shape[:]
    return spec


if __name__ == "__main__":
    cmlc.compile(connect(read_spec(sys.argv[1]))).write(sys.argv[2])
