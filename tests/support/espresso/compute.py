"""Espresso layers that compute with numbers: activations, windows, arithmetic, products."""

from support.espresso.rows import F5, R3, V4, floats, one, row
from support.networks.builders import layer, numbers
from support.networks.compiled_models import espresso


def activation(name, mode, function, parameters=(), **keys):
    expected = layer("activation", **{function: dict(parameters)})
    return one(name, V4, ("activation", {"mode": mode, **keys}), expected, V4["x"])


def unary(operation, kind, since=None, **keys):
    made = ("elementwise", {"operation": operation, "alpha": 1, "beta": 0, "fused_relu": 0, **keys})
    return one(f"elementwise {operation}", V4, made, kind, V4["x"])


def binary(operation, kind, count=2, **keys):
    made = espresso(
        "elementwise", (1, 4, 6, 8), inputs=["x", "z", "w"][:count], operation=operation, **keys
    )
    inputs = {"x": (1, 4, 6, 8), "z": (1, 4, 6, 8), "w": (1, 4, 6, 8)}
    expected = layer(kind, ["x", "z", "w"][:count])
    return row(f"elementwise {operation} of {count}", inputs, [made], [expected])


ACTIVATIONS = [
    activation("relu", 0, "ReLU", beta=0),
    activation("tanh", 1, "tanh"),
    activation("leaky", 2, "leakyReLU", {"alpha": 0.25}, alpha=0.25),
    activation("sigmoid", 3, "sigmoid"),
    activation("scaled", 5, "scaledTanh", {"alpha": 2.0, "beta": 0.5}, alpha=2, beta=0.5),
    activation("linear", 6, "linear", {"alpha": -1.0, "beta": 3.0}, alpha=-1, beta=3),
    activation("linear's defaults", 6, "linear", {"alpha": 1.0, "beta": 0.0}),
    activation("hard", 7, "sigmoidHard", {"alpha": 1.0, "beta": 0.5}, beta=0.5),
    activation("elu", 8, "ELU", {"alpha": 0.5}, alpha=0.5),
    activation("thresholded", 9, "thresholdedReLU", {"alpha": 2.0}, alpha=2),
    activation("softplus", 10, "softplus"),
    activation("softsign", 12, "softsign"),
    one("gelu", V4, ("activation", {"mode": 19}), layer("gelu", mode=0), V4["x"]),
    one("gelu tanh", V4, ("activation", {"mode": 21}), layer("gelu", mode=1), V4["x"]),
    one("gelu sigmoid", V4, ("activation", {"mode": 22}), layer("gelu", mode=2), V4["x"]),
    one("erf", V4, ("activation", {"mode": 20}), layer("erf"), V4["x"]),
    one("softmax", R3, ("softmax", {"C": 2}), layer("softmax"), F5, exact=False),
    one("softmax_nd", V4, ("softmax_nd", {"nd_axis": -1}), layer("softmaxND", axis=-1), V4["x"]),
]
ARITHMETIC = [
    unary(1, layer("multiply", alpha=0.5), alpha=0.5),
    unary(2, layer("add", alpha=3.0), alpha=3),
    unary(3, layer("multiply", alpha=0.5), alpha=0.5),
    unary(10, layer("unary", type=2)),
    unary(10, layer("unary", type=2, epsilon=1e-4), eps=1e-4),
    unary(11, layer("unary", type=0)),
    unary(12, layer("unary", type=1)),
    unary(24, layer("unary", type=6)),
    unary(25, layer("unary", type=7, alpha=-6.0), alpha=-6, nd_mode=False),
    unary(26, layer("unary", type=5)),
    unary(27, layer("unary", type=4)),
    unary(35, layer("exp2")),
    unary(37, layer("round")),
    unary(38, layer("sign")),
    unary(114, layer("cos")),
    unary(115, layer("sin")),
    unary(117, layer("floor")),
    unary(118, layer("ceil")),
    unary(119, layer("clip", minVal=0.0, maxVal=6.0), alpha=0, beta=6),
    unary(121, layer("tan")),
    unary(122, layer("cosh")),
    unary(123, layer("sinh")),
    unary(124, layer("tanh")),
    unary(125, layer("acos")),
    unary(126, layer("asin")),
    unary(127, layer("atan")),
    unary(128, layer("acosh")),
    unary(129, layer("asinh")),
    unary(130, layer("atanh")),
    binary(0, "add", 3),
    binary(1, "multiply"),
    binary(22, "min"),
    binary(23, "max", 3),
    binary(0, "addBroadcastable", nd_mode=True),
    binary(1, "multiplyBroadcastable", nd_mode=True),
    binary(13, "powBroadcastable", nd_mode=True),
    binary(22, "minBroadcastable", nd_mode=True),
    binary(23, "maxBroadcastable", nd_mode=True),
    binary(33, "subtractBroadcastable", nd_mode=True),
    binary(36, "modBroadcastable", nd_mode=True),
    binary(100, "equal", nd_mode=True),
    binary(101, "whereBroadcastable", 3, nd_mode=True),
    binary(102, "divideBroadcastable", nd_mode=True),
    binary(107, "notEqual", nd_mode=True),
    binary(1021, "floorDivBroadcastable", nd_mode=True),
    row(
        "sum and relu",
        {"x": (2, 1), "z": (3,)},
        [espresso("elementwise", (2, 3), operation=0, fused_relu=1, nd_mode=True)],
        [
            layer("addBroadcastable", ["x", "z"], ["y_before_ReLU"]),
            layer("activation", ["y_before_ReLU"], ["y"], name="l0_ReLU", ReLU={}),
        ],
    ),
]
PRODUCTS = [
    one(
        "inner product and relu",
        {"x": (4,)},
        (
            "inner_product",
            {
                **{"nB": 4, "nC": 2, "has_biases": 1, "has_relu": 1, "has_tanh": 0, "has_prelu": 0},
                **{"blob_weights": numbers(2, 4), "blob_biases": floats(1, 2)},
            },
        ),
        [
            layer(
                "innerProduct",
                ["x"],
                ["y_before_ReLU"],
                **{"inputChannels": 4, "outputChannels": 2, "hasBias": True},
                **{"weights": numbers(2, 4), "bias": floats(1, 2)},
            ),
            layer("activation", ["y_before_ReLU"], ["y"], name="l0_ReLU", ReLU={}),
        ],
        (1, 1, 2, 1, 1),
        exact=False,
    ),
    one(
        "inner product of a matrix",
        {"x": (5, 4)},
        ("inner_product", {"nB": 4, "nC": 2, "blob_weights": numbers(2, 4)}),
        layer("innerProduct", inputChannels=4, outputChannels=2, weights=numbers(2, 4)),
        (5, 2),
    ),
    one(
        "inner product of images",
        V4,
        ("inner_product", {"nB": 192, "nC": 2, "blob_weights": numbers(2, 192)}),
        layer("innerProduct", inputChannels=192, outputChannels=2, weights=numbers(2, 192)),
        (1, 2, 1, 1),
    ),
    row(
        "batch_matmul",
        {"x": (2, 1, 3, 4), "z": (5, 4, 6)},
        [espresso("batch_matmul", (2, 5, 3, 6), channel_mode=False)],
        [layer("batchedMatmul")],
    ),
    row(
        "batch_matmul, transposed",
        {"x": (3, 4), "z": (6, 4)},
        [espresso("batch_matmul", (3, 6), transpose_y=True)],
        [layer("batchedMatmul", transposeB=True)],
    ),
    one(
        "instance normalization",
        R3,
        (
            "batchnorm",
            {
                **{"C": 4, "training": 1, "training_instancenorm": 1, "training_eps": 0.25},
                **{"training_momentum": 0.9},
                "blob_batchnorm_params": floats(*[[c + 1, c + 0.5, 0, 1] for c in range(4)]),
            },
        ),
        layer(
            "batchnorm",
            **{"channels": 4, "computeMeanVar": True, "instanceNormalization": True},
            **{"epsilon": 0.25, "gamma": floats(1, 2, 3, 4), "beta": floats(0.5, 1.5, 2.5, 3.5)},
        ),
        F5,
        exact=False,
    ),
    one(
        "sum of channels",
        R3,
        ("reduce", {"mode": 0, "axis_mode": 4, "use_version": 1}),
        layer("reduce", mode=0, axis=2),
        (1, 1, 1, 6, 8),
        exact=False,
    ),
    one(
        "product of channels",
        R3,
        ("reduce", {"mode": 2, "axis_mode": 4}),
        layer("reduce", mode=2, axis=2),
        (1, 1, 1, 6, 8),
        exact=False,
    ),
    one(
        "least of an axis",
        V4,
        ("reduce", {"mode": 10, "nd_mode": True, "nd_axis": -2, "axis_mode": 0}),
        layer("reduceMin", axes=[-2], keepDims=True),
        (1, 4, 1, 8),
    ),
    one(
        "l2 of an axis that goes",
        {"x": (3, 4)},
        ("reduce", {"mode": 5, "nd_mode": True, "nd_axis": 1}),
        layer("reduceL2", axes=[1]),
        (3,),
    ),
]
