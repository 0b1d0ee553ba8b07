"""MobileNetV2 as a Core ML NeuralNetwork with random weights, and the same network in Keras.

For measurements: the specification is built message by message, as converters of the time wrote it
(explicit padding, batch normalization as its own layer, ReLU6 as four layers).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...compiler.source.spec import messages

# (expansion, channels, repetitions, stride): table 2 of the MobileNetV2 paper.
_BLOCKS = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)
_EPSILON = 1e-3


def blocks() -> Iterator[tuple[int, int, int, int]]:
    """(input channels, expanded channels, output channels, stride) of every block."""
    channels = 32
    for expansion, out, repetitions, first_stride in _BLOCKS:
        for repetition in range(repetitions):
            yield channels, channels * expansion, out, first_stride if repetition == 0 else 1
            channels = out


def layers() -> list[tuple[int, int, int, bool]]:
    """(kernel, output channels, stride, depthwise) of every convolution, in order."""
    found = [(3, 32, 2, False)]
    for inputs, expanded, out, stride in blocks():
        if expanded != inputs:
            found.append((1, expanded, 1, False))
        found += [(3, expanded, stride, True), (1, out, 1, False)]
    return [*found, (1, 1280, 1, False)]


class _Builder:
    def __init__(self) -> None:
        self.spec = messages("Model_pb2").Model(specificationVersion=1)
        self.network = self.spec.neuralNetwork
        self.random = np.random.default_rng(0)
        self.blob, self.channels, self.size, self.count = "image", 3, 224, 0

    def layer(self, kind: str, *inputs: str) -> Any:
        self.count += 1
        name = f"{kind}_{self.count}"
        layer = self.network.layers.add(name=name, input=inputs or [self.blob], output=[name])
        getattr(layer, kind).SetInParent()
        self.blob = name
        return getattr(layer, kind)

    def weights(self, target: Any, array: Any) -> None:
        target.floatValue.extend(np.asarray(array, np.float32).ravel())

    def conv(self, kernel: int, out: int, stride: int, depthwise: bool) -> None:
        if stride == 2:
            pad = self.layer("padding")
            pad.constant.value = 0
            for _ in range(2):
                pad.paddingAmounts.borderAmounts.add(startEdgeSize=0, endEdgeSize=1)
        p = self.layer("convolution")
        p.outputChannels, p.nGroups = out, self.channels if depthwise else 1
        p.kernelChannels = 1 if depthwise else self.channels
        p.kernelSize.extend([kernel, kernel])
        p.stride.extend([stride, stride])
        if stride == 2:
            p.valid.SetInParent()
        else:
            p.same.SetInParent()
        sizes = (out, p.kernelChannels, kernel, kernel)
        fan_in = p.kernelChannels * kernel * kernel
        self.weights(p.weights, self.random.standard_normal(sizes) * (2 / fan_in) ** 0.5)
        self.channels = out
        self.batch_norm()

    def batch_norm(self) -> None:
        p = self.layer("batchnorm")
        p.channels, p.epsilon = self.channels, _EPSILON
        count = self.channels
        self.weights(p.gamma, self.random.uniform(0.5, 1.5, count))
        self.weights(p.beta, self.random.normal(0, 0.1, count))
        self.weights(p.mean, self.random.normal(0, 0.1, count))
        self.weights(p.variance, self.random.uniform(0.5, 1.5, count))

    def relu6(self) -> None:
        """-max(-relu(x), -6): Core ML had no limit for activations then."""
        self.layer("activation").ReLU.SetInParent()
        self.layer("activation").linear.alpha = -1
        p = self.layer("unary")
        p.type, p.alpha, p.scale = 7, -6, 1
        self.layer("activation").linear.alpha = -1

    def block(self, inputs: int, expanded: int, out: int, stride: int) -> None:
        source = self.blob
        if expanded != inputs:
            self.conv(1, expanded, 1, depthwise=False)
            self.relu6()
        self.conv(3, expanded, stride, depthwise=True)
        self.relu6()
        self.conv(1, out, 1, depthwise=False)
        if stride == 1 and inputs == out:
            self.layer("add", source, self.blob)


def model() -> Any:
    """The Model message: image input "image", output "probabilities" of 1000 classes."""
    b = _Builder()
    feature = b.spec.description.input.add(name="image").type.imageType
    feature.width = feature.height = 224
    feature.colorSpace = 20  # RGB
    scaler = b.network.preprocessing.add(featureName="image").scaler
    scaler.channelScale = 1 / 127.5
    scaler.redBias = scaler.greenBias = scaler.blueBias = -1
    b.conv(3, 32, 2, depthwise=False)
    b.relu6()
    for sizes in blocks():
        b.block(*sizes)
    b.conv(1, 1280, 1, depthwise=False)
    b.relu6()
    pooling = b.layer("pooling")
    pooling.type, pooling.globalPooling = 1, True
    b.layer("flatten")
    p = b.layer("innerProduct")
    p.inputChannels, p.outputChannels, p.hasBias = 1280, 1000, True
    b.weights(p.weights, b.random.standard_normal((1000, 1280)) * 0.02)
    b.weights(p.bias, b.random.normal(0, 0.1, 1000))
    b.layer("softmax")
    output = b.spec.description.output.add(name="probabilities").type.multiArrayType
    output.shape.append(1000)
    output.dataType = 65568  # FLOAT32
    b.network.layers[-1].output[0] = "probabilities"
    return b.spec


def one_layer() -> Any:
    """A model of one ReLU on four numbers."""
    spec = messages("Model_pb2").Model(specificationVersion=4)
    for features, name in ((spec.description.input, "x"), (spec.description.output, "y")):
        array = features.add(name=name).type.multiArrayType
        array.shape.append(4)
        array.dataType = 65568
    spec.neuralNetwork.arrayInputShapeMapping = 1
    layer = spec.neuralNetwork.layers.add(name="relu", input=["x"], output=["y"])
    layer.activation.ReLU.SetInParent()
    return spec


def keras_twin(path: Path) -> Any:
    """The same network written by hand in Keras, with the weights of the model at `path`."""
    import keras
    from keras import layers as k

    spec = messages("Model_pb2").Model.FromString(path.read_bytes())
    stored = iter(spec.neuralNetwork.layers)

    def following(kind: str) -> Any:
        return next(getattr(layer, kind) for layer in stored if layer.WhichOneof("layer") == kind)

    def conv(x: Any, kernel: int, out: int, stride: int, depthwise: bool) -> Any:
        if stride == 2:
            x = k.ZeroPadding2D(((0, 1), (0, 1)))(x)
        padding = "valid" if stride == 2 else "same"
        p = following("convolution")
        weight = np.asarray(p.weights.floatValue, np.float32)
        weight = weight.reshape(out, -1, kernel, kernel).transpose(2, 3, 1, 0)
        if depthwise:
            layer: Any = k.DepthwiseConv2D(kernel, stride, padding, use_bias=False)
            weight = weight.transpose(0, 1, 3, 2)
        else:
            layer = k.Conv2D(out, kernel, stride, padding, use_bias=False)
        x = layer(x)
        layer.set_weights([weight])
        norm = k.BatchNormalization(epsilon=_EPSILON)
        x = norm(x)
        p = following("batchnorm")
        vectors = (p.gamma, p.beta, p.mean, p.variance)
        norm.set_weights([np.asarray(vector.floatValue, np.float32) for vector in vectors])
        return x

    image = x = keras.Input((224, 224, 3))
    x = k.Rescaling(1 / 127.5, -1)(x)
    x = k.ReLU(6)(conv(x, 3, 32, 2, False))
    for inputs, expanded, out, stride in blocks():
        source = x
        if expanded != inputs:
            x = k.ReLU(6)(conv(x, 1, expanded, 1, False))
        x = k.ReLU(6)(conv(x, 3, expanded, stride, True))
        x = conv(x, 1, out, 1, False)
        if stride == 1 and inputs == out:
            x = k.Add()([source, x])
    x = k.GlobalAveragePooling2D()(k.ReLU(6)(conv(x, 1, 1280, 1, False)))
    dense = k.Dense(1000, activation="softmax")
    x = dense(x)
    p = following("innerProduct")
    weight = np.asarray(p.weights.floatValue, np.float32).reshape(1000, 1280).T
    dense.set_weights([weight, np.asarray(p.bias.floatValue, np.float32)])
    return keras.Model(image, x)


def quantized(bits: int, scheme: str) -> Any:
    """The same model with compressed weights: "half", "linear" (per channel) or "lut".

    Batch normalization is left out, as tools merge it into the weights before they quantize them.
    """
    spec = model()
    network = spec.neuralNetwork
    for layer in list(network.layers):
        kind = layer.WhichOneof("layer")
        if kind == "batchnorm":
            layer.ClearField("batchnorm")
            layer.activation.linear.alpha = 1
        elif kind in ("convolution", "innerProduct"):
            _quantize(getattr(layer, kind), bits, scheme)
    return spec


def _quantize(p: Any, bits: int, scheme: str) -> None:
    rows = np.array(p.weights.floatValue, np.float32).reshape(p.outputChannels, -1)
    p.weights.ClearField("floatValue")
    if scheme == "half":
        p.weights.float16Value = rows.astype("<f2").tobytes()
        return
    linear = scheme == "linear"
    low = rows.min(1, keepdims=True) if linear else rows.min()
    scale = ((rows.max(1, keepdims=True) if linear else rows.max()) - low) / ((1 << bits) - 1)
    codes = np.round((rows - low) / scale).astype(np.uint8).ravel()
    single = np.unpackbits(codes[:, None], axis=1)[:, 8 - bits :]
    p.weights.rawValue = np.packbits(single).tobytes()
    quantization = p.weights.quantization
    quantization.numberOfBits = bits
    if linear:
        quantization.linearQuantization.scale.extend(scale.ravel().tolist())
        quantization.linearQuantization.bias.extend(low.ravel().tolist())
    else:
        entries = np.arange(1 << bits) * scale + low
        quantization.lookupTableQuantization.floatValue.extend(entries.tolist())
