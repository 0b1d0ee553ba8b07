"""Models that tests cut in two."""

import numpy as np
from support.mil.programs import FP16, op, program
from support.networks.builders import add_image, layer, network, numbers, step


def conv(inputs, output, channels, **fields):
    """A convolution of three channels by three numbers in each direction."""
    return step(
        "convolution",
        inputs,
        output,
        kernelSize=[3, 3],
        outputChannels=channels,
        kernelChannels=3,
        weights=numbers(channels, 3, 3, 3),
        same={},
        **fields,
    )


def images(outputs=("y",)):
    """A network of rank 5 of one image, with a blob that is assigned twice."""
    model = network(
        conv("image", "c", 3, name="conv"),
        layer("activation", ["c"], ["c"], "relu", ReLU={}),
        conv("c", "d", 3),
        step("flatten", "d", "f"),
        step("softmax", "f", "y"),
        rank5=True,
        outputs=list(outputs),
    )
    add_image(model.description.input, "image", height=6, width=6)
    return model


def arrays():
    """A network of exact shapes; what skips the middle needs the input as well."""
    return network(
        conv("x", "c", 3),
        step("activation", "c", "r", ReLU={}),
        conv("r", "d", 3),
        layer("addBroadcastable", ["d", "c"], ["s"]),
        step("activation", "s", "y", tanh={}),
        x=(1, 3, 5, 5),
    )


def halves():
    return program(
        op("cast", "h", (2, 3), FP16, x="x", dtype="fp16"),
        op("mul", "m", (2, 3), FP16, x="h", y=np.float16(3)),
        op("tanh", "t", (2, 3), FP16, x="m"),
        op("identity", "u", (2, 3), FP16, x="t"),
        op("exp", "e", (2, 3), FP16, x="u"),
        op("cast", "y", (2, 3), x="e", dtype="fp32"),
        x=(2, 3),
    )


def sums():
    """y = tanh(x) * (s += x)."""
    return program(
        op("cast", "h", (2,), FP16, x="x", dtype="fp16"),
        op("tanh", "t", (2,), FP16, x="h"),
        op("read_state", "r", (2,), FP16, input="s"),
        op("add", "a", (2,), FP16, x="r", y="h"),
        op("coreml_update_state", "u", (2,), FP16, state="s", value="a"),
        op("mul", "m", (2,), FP16, x="t", y="u"),
        op("cast", "y", (2,), x="m", dtype="fp32"),
        opset=18,
        states={"s": (2,)},
        x=(2,),
    )
