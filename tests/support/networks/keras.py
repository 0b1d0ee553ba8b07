"""Networks that people know by name, as converters wrote them: what Keras code is judged by.

Each function gives a Model message with random weights. Layers are called as the converter of the
time would have called them, since the code's names come from there.
"""

from pathlib import Path

import numpy as np
from cmlc.compiler.source.spec import messages
from cmlc.tools.bench import mobilenet
from support.networks.builders import add_array, add_image, fill

RGB, BGR = 20, 30


class Network:
    """A NeuralNetwork of images that grows layer by layer, channels first.

    Attributes:
        last: the blob that the next layer reads.
        channels: how many it has.
    """

    def __init__(self, kind="neuralNetwork", seed=0):
        self.spec = messages("Model_pb2").Model(specificationVersion=4)
        self.body = getattr(self.spec, kind)
        self.body.arrayInputShapeMapping = self.body.imageInputShapeMapping = 1
        self.random = np.random.default_rng(seed)
        self.last, self.channels = "", 3

    def image(self, name, size, color=RGB):
        """The input, from -1 to 1."""
        add_image(self.spec.description.input, name, color, size, size)
        scaler = self.body.preprocessing.add(featureName=name).scaler
        scaler.channelScale = 1 / 127.5
        scaler.redBias = scaler.greenBias = scaler.blueBias = -1
        self.last = name

    def layer(self, kind, name, inputs=None, **fields):
        item = self.body.layers.add(name=name, input=inputs or [self.last], output=[f"{name}_out"])
        getattr(item, kind).SetInParent()
        fill(getattr(item, kind), fields)
        self.last = f"{name}_out"
        return self.last

    def normal(self, *shape, scale=1.0):
        return (self.random.standard_normal(shape) * scale).astype(np.float32)

    def conv(self, name, filters, kernel=1, stride=1, padding="same", bias=True, **fields):
        scale = (2 / (self.channels * kernel * kernel)) ** 0.5
        weights = self.normal(filters, self.channels, kernel, kernel, scale=scale)
        fields |= {padding: {}, "hasBias": bias}
        fields |= {"bias": self.normal(filters, scale=0.1)} if bias else {}
        self.layer(
            "convolution",
            name,
            outputChannels=filters,
            kernelChannels=self.channels,
            nGroups=1,
            kernelSize=[kernel, kernel],
            stride=[stride, stride],
            weights=weights,
            **fields,
        )
        self.channels = filters

    def deconv(self, name, filters):
        """Twice as large."""
        weights = self.normal(self.channels, filters, 2, 2, scale=self.channels**-0.5)
        self.layer(
            "convolution",
            name,
            isDeconvolution=True,
            outputChannels=filters,
            kernelChannels=self.channels,
            nGroups=1,
            kernelSize=[2, 2],
            stride=[2, 2],
            valid={},
            weights=weights,
            hasBias=True,
            bias=self.normal(filters, scale=0.1),
        )
        self.channels = filters

    def batch_norm(self, name, epsilon=1.001e-5):
        count = self.channels
        uniform = self.random.uniform
        self.layer(
            "batchnorm",
            name,
            channels=count,
            epsilon=epsilon,
            gamma=uniform(0.5, 1.0, count),
            beta=self.normal(count, scale=0.1),
            mean=self.normal(count, scale=0.1),
            variance=uniform(0.5, 1.5, count),
        )

    def activation(self, name, kind="ReLU", **fields):
        self.layer("activation", name, **{kind: fields})

    def pool(self, name, kind, **fields):
        self.layer("pooling", name, type={"max": 0, "average": 1}[kind], **fields)

    def pad(self, name, amount, value=0.0):
        rows = [{"startEdgeSize": amount, "endEdgeSize": amount}] * 2
        amounts = {"borderAmounts": rows}
        self.layer("padding", name, constant={"value": value}, paddingAmounts=amounts)

    def dense(self, name, units, inputs):
        self.layer(
            "innerProduct",
            name,
            inputChannels=inputs,
            outputChannels=units,
            weights=self.normal(units, inputs, scale=inputs**-0.5),
            hasBias=True,
            bias=self.normal(units, scale=0.1),
        )

    def classes(self, labels):
        """The last blob is the labels' probabilities."""
        body, description = self.body, self.spec.description
        body.stringClassLabels.vector.extend(labels)
        body.labelProbabilityLayerName = self.last
        description.predictedFeatureName = "label"
        description.predictedProbabilitiesName = self.last
        description.output.add(name="label").type.stringType.SetInParent()
        probabilities = description.output.add(name=self.last)
        probabilities.type.dictionaryType.stringKeyType.SetInParent()
        return self.spec


def mobilenet_v2(size=96):
    """That of `make bench`, for smaller images: the network has no other sizes in it."""
    spec = mobilenet.model()
    image = spec.description.input[0].type.imageType
    image.width = image.height = size
    return spec


def resnet50(size=64, width=64, classes=1000):
    """As coremltools converted the one of keras.applications: biases, paddings of their own."""
    net = Network("neuralNetworkClassifier")
    net.image("image", size)
    net.pad("conv1_pad", 3)
    net.conv("conv1_conv", width, 7, 2, "valid")
    net.batch_norm("conv1_bn")
    net.activation("conv1_relu")
    net.pad("pool1_pad", 1)
    net.pool("pool1_pool", "max", kernelSize=[3, 3], stride=[2, 2], valid={})
    for stage, count in enumerate((3, 4, 6, 3), 2):
        for block in range(1, count + 1):
            first = block == 1
            _bottleneck(net, f"conv{stage}_block{block}", width << (stage - 2), first, stage)
    net.pool("avg_pool", "average", globalPooling=True, valid={})
    net.layer("flatten", "flatten")
    net.dense("predictions", classes, net.channels)
    net.layer("softmax", "predictions__activation__")
    return net.classes([f"class {number}" for number in range(classes)])


def _bottleneck(net, name, filters, first, stage):
    stride = 2 if first and stage > 2 else 1
    skip, channels = net.last, net.channels
    if first:
        net.conv(f"{name}_0_conv", 4 * filters, 1, stride, "valid")
        net.batch_norm(f"{name}_0_bn")
        shortcut, net.last, net.channels = net.last, skip, channels
        skip = shortcut
    net.conv(f"{name}_1_conv", filters, 1, stride, "valid")
    net.batch_norm(f"{name}_1_bn")
    net.activation(f"{name}_1_relu")
    net.conv(f"{name}_2_conv", filters, 3)
    net.batch_norm(f"{name}_2_bn")
    net.activation(f"{name}_2_relu")
    net.conv(f"{name}_3_conv", 4 * filters, 1, 1, "valid")
    net.batch_norm(f"{name}_3_bn")
    net.layer("add", f"{name}_add", [skip, net.last])
    net.activation(f"{name}_out")


def unet(size=64, depth=3, filters=16):
    """An encoder and a decoder that reads what the encoder saw, too; from an image to a mask."""
    net, kept = Network(), []
    net.image("photo", size, BGR)
    count = 0

    def double_conv(filters):
        nonlocal count
        for _ in range(2):
            count += 1
            net.conv(f"conv2d_{count}", filters, 3)
            net.activation(f"conv2d_{count}__activation__")

    for level in range(depth):
        double_conv(filters << level)
        kept.append((net.last, net.channels))
        net.pool(f"max_pooling2d_{level + 1}", "max", kernelSize=[2, 2], stride=[2, 2], valid={})
    double_conv(filters << depth)
    for level in reversed(range(depth)):
        net.deconv(f"conv2d_transpose_{depth - level}", filters << level)
        blob, channels = kept[level]
        net.layer("concat", f"concatenate_{depth - level}", [blob, net.last])
        net.channels += channels
        double_conv(filters << level)
    net.conv(f"conv2d_{count + 1}", 1, 1)
    net.activation("mask", "sigmoid")
    add_array(net.spec.description.output, net.last, (1, size, size))
    return net.spec


# -- ML Programs, by coremltools' builder -------------------------------------------------------


def builder():
    """Coremltools' builder of programs; importing it takes seconds."""
    from coremltools.converters.mil import Builder

    return Builder


class Weights:
    """Random constants with names as coremltools derives them from PyTorch's."""

    def __init__(self):
        self.random = np.random.default_rng(0)

    def __call__(self, name, *shape, scale=None):
        mb = builder()

        scale = shape[-1] ** -0.5 if scale is None else scale
        return mb.const(
            val=(self.random.standard_normal(shape) * scale).astype(np.float32), name=name
        )

    def linear(self, x, owner, name, inputs, units):
        mb = builder()

        weight = self(f"{owner}_weight", units, inputs)
        bias = self(f"{owner}_bias", units, scale=0.1)
        return mb.linear(x=x, weight=weight, bias=bias, name=name)

    def norm(self, x, owner, name, size):
        mb = builder()

        gamma = mb.const(val=np.float32(self.random.uniform(0.5, 1, size)), name=f"{owner}_weight")
        beta = self(f"{owner}_bias", size, scale=0.1)
        return mb.layer_norm(x=x, axes=[-1], gamma=gamma, beta=beta, epsilon=1e-5, name=name)


def saved(program, path):
    """The program as a package, float16 as coremltools makes it by default."""
    import coremltools as ct

    ct.convert(program, convert_to="mlprogram", skip_model_load=True).save(str(path))
    return path


def lstm_classifier(path, vocabulary=100, units=16, steps=12, classes=3):
    """Words as numbers, an embedding, an LSTM whose last step is classified."""
    mb = builder()
    from coremltools.converters.mil.mil import types

    size, w = 2 * units, Weights()

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, steps), dtype=types.int32)])
    def program(words):
        table = w("embedding_weight", vocabulary, size, scale=1.0)
        x = mb.gather(x=table, indices=words, axis=0, name="input_1")
        x = mb.transpose(x=x, perm=[1, 0, 2], name="transpose_1")
        zeros = np.zeros((1, units), np.float32)
        _, x, _ = mb.lstm(
            x=x,
            initial_h=zeros,
            initial_c=zeros,
            weight_ih=w("lstm_weight_ih", 4 * units, size),
            weight_hh=w("lstm_weight_hh", 4 * units, units),
            bias=w("lstm_bias", 4 * units, scale=0.1),
            output_sequence=False,
            name="lstm_out",
        )
        x = mb.relu(x=w.linear(x, "hidden", "linear_0", units, units), name="input_2")
        x = w.linear(x, "classifier", "linear_1", units, classes)
        return mb.softmax(x=x, axis=-1, name="probabilities")

    return saved(program, path)


def transformer_encoder(path, layers=2, width=32, heads=4, steps=16, classes=4):
    """Two layers of a pre-norm encoder, traced by PyTorch, and a classifier of the mean."""
    mb = builder()

    w, depth = Weights(), width // heads

    def attention(x, owner, count):
        def split(role, number):
            y = w.linear(x, f"{owner}_{role}", f"linear_{count + number}", width, width)
            y = mb.reshape(x=y, shape=[1, steps, heads, depth], name=f"var_{10 * count + number}")
            return mb.transpose(x=y, perm=[0, 2, 1, 3], name=f"{role}_{count}")

        q, k, v = (split(role, i) for i, role in enumerate(("q_proj", "k_proj", "v_proj")))
        q = mb.mul(x=q, y=np.float32(depth**-0.5), name=f"mul_{count}")
        scores = mb.matmul(x=q, y=k, transpose_y=True, name=f"scores_{count}")
        attended = mb.matmul(x=mb.softmax(x=scores, axis=-1), y=v, name=f"context_{count}")
        x = mb.transpose(x=attended, perm=[0, 2, 1, 3], name=f"transpose_{count}")
        x = mb.reshape(x=x, shape=[1, steps, width], name=f"input_{count}")
        return w.linear(x, f"{owner}_out_proj", f"linear_{count + 3}", width, width)

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, steps, width))])
    def program(features):
        x = mb.add(x=features, y=w("position_embedding", 1, steps, width), name="x_1")
        for i in range(layers):
            owner, count = f"encoder_layers_{i}", 6 * i
            y = w.norm(x, f"{owner}_norm1", f"layer_norm_{2 * i}", width)
            x = mb.add(x=x, y=attention(y, f"{owner}_self_attn", count), name=f"x_{count + 2}")
            y = w.norm(x, f"{owner}_norm2", f"layer_norm_{2 * i + 1}", width)
            y = w.linear(y, f"{owner}_mlp_fc1", f"linear_{count + 4}", width, 2 * width)
            y = mb.gelu(x=y, mode="EXACT", name=f"gelu_{i}")
            y = w.linear(y, f"{owner}_mlp_fc2", f"linear_{count + 5}", 2 * width, width)
            x = mb.add(x=x, y=y, name=f"x_{count + 3}")
        x = w.norm(x, "encoder_norm", "layer_norm_last", width)
        x = mb.reduce_mean(x=x, axes=[1], keep_dims=False, name="pooled")
        x = w.linear(x, "head", "linear_last", width, classes)
        return mb.softmax(x=x, axis=-1, name="probabilities")

    return saved(program, path)


def small_cnn(path, classes=5):
    """Inverted residuals whose batch norms the converter merged, named by PyTorch's tracer."""
    mb, w = builder(), Weights()

    def conv(x, name, filters, inputs, kernel=1, stride=1, groups=1):
        weight = w(f"{name}_weight", filters, inputs // groups, kernel, kernel, scale=0.3)
        pad, bias = "same" if stride == 1 else "custom", w(f"{name}_bias", filters, scale=0.1)
        given = {"strides": [stride] * 2, "groups": groups, "pad_type": pad}
        given |= {"pad": [kernel // 2] * 4} if stride > 1 else {}
        return mb.conv(x=x, weight=weight, bias=bias, **given)

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 3, 32, 32))])
    def program(image):
        x = mb.relu6(x=conv(image, "features_0_0", 8, 3, 3, 2), name="input_1")
        channels = 8
        for i, filters in enumerate((8, 12, 12, 16), 1):
            y = mb.relu6(x=conv(x, f"features_{i}_conv_0_0", 4 * channels, channels))
            y = conv(y, f"features_{i}_conv_1_0", 4 * channels, 4 * channels, 3, 1, 4 * channels)
            y = conv(mb.relu6(x=y), f"features_{i}_conv_2", filters, 4 * channels)
            x = mb.add(x=x, y=y) if filters == channels else y
            channels = filters
        x = mb.reduce_mean(x=x, axes=[2, 3], keep_dims=True)
        x = mb.reshape(x=x, shape=[1, channels], name="flattened")
        x = w.linear(x, "classifier_1", "linear_0", channels, classes)
        return mb.softmax(x=x, axis=-1, name="probabilities")

    return saved(program, path)


DIGITS = Path(__file__).parents[2] / "data" / "digits.mlmodel"
NETWORKS = {
    "mobilenet_v2": mobilenet_v2,
    "resnet50": lambda: resnet50(width=16),
    "unet": unet,
}
PROGRAMS = {
    "lstm_classifier": lstm_classifier,
    "transformer_encoder": transformer_encoder,
    "small_cnn": small_cnn,
}


def write_all(folder):
    """All networks as files in the folder; by name, the model and further options of `cmlc`."""
    found = {"digits": (DIGITS, ())}
    for name, make in NETWORKS.items():
        path = folder / f"{name}.mlmodel"
        path.write_bytes(make().SerializeToString())
        found[name] = path, ()
    for name, make in PROGRAMS.items():
        found[name] = make(folder / f"{name}.mlpackage"), ("--batch=dynamic",)
    return found
