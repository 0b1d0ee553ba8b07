"""Compiled neural networks (`.mlmodelc` folders) written from plain Python.

    folder = compiled(tmp_path, espresso("activation", [1, 3, 4, 4], mode=0), x=(1, 3, 4, 4))

Layers without names of their own are chained. Keys are those of Espresso; arrays become blobs:
`blob_weights=array`. Shapes are full ones, from the outside in: of five dimensions, [sequence,
batch, channel, height, width], or of any rank in networks that are `exact`.
"""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.source.reading import read_spec
from cmlc.compiler.source.spec import messages
from cmlc.ir.diagnostics import CompileError
from support.networks.builders import add_array, add_image

KINDS = {"neuralNetwork": 500, "neuralNetworkClassifier": 403, "mlProgram": 502, "pipeline": 202}
LETTERS = ("seq", "n", "k", "h", "w")


_PADS = dict.fromkeys(("pad_t", "pad_b", "pad_l", "pad_r", "pad_fill_mode", "pad_value"), 0)
_CONVOLUTION = {**_PADS, "pad_mode": 0, "n_groups": 1, "n_parallel": 1, "has_batch_norm": 0}
_CONVOLUTION |= {"fused_relu": 0, "fused_tanh": 0}
_SLICE = {"begin": 0, "end": 1, "stride": 1, "begin_mask": False, "end_mask": False}
_SLICE |= {"squeeze_mask": False, "static_sizes": 0}
# What compilers write into every layer of a type.
ALWAYS = {
    "convolution": _CONVOLUTION,
    "deconvolution": _CONVOLUTION,
    "pool": {**_PADS, "pad_mode": 0, "top_shape_style": 0, "average_count_exclude_padding": 1},
    "elementwise": {"alpha": 1, "beta": 0, "fused_relu": 0},
    "inner_product": {"has_biases": 0, "has_relu": 0, "has_tanh": 0, "has_prelu": 0},
    "batch_matmul": {"channel_mode": False},
    "reduce": {"use_version": 1},
    "general_padding": _PADS,
    "crop": dict.fromkeys("tblr", 0),
    "tensor_zero_pad": {f"pads_{i}": 0 for i in range(64)} | {"nd_mode": True, "value": 0},
    "general_slice": {f"{key}_{x}": value for x in LETTERS for key, value in _SLICE.items()},
    "space_to_depth": {"reverse": 0, "pixel_shuffle": 0},
}


def espresso(kind, *shapes, inputs=None, outputs=None, name="", **keys):
    """What `compiled` makes a layer of; `shapes` are those of its outputs."""
    return kind, shapes, inputs, outputs, name, ALWAYS.get(kind, {}) | keys


def compiled(
    folder,
    *layers,
    exact=True,
    outputs=None,
    images=None,
    labels=(),
    version=4,
    swapped=False,
    optionals=5,
    ranges=None,
    **inputs,
):
    """A folder with all files of a compiled network.

    Args:
        folder: where to put it.
        layers: see `espresso`.
        exact: blobs state their ranks.
        outputs: names of the outputs, if not those of the last layer.
        images: parameters of image inputs by name, as `image` makes them.
        labels: a classifier's; its last layer makes the probabilities.
        version: the specification version.
        swapped: the order of the first compiler.
        optionals: how many numbers neural_network_optionals has; None for no such file.
        ranges: (least, most) of every extent of flexible inputs, by name.
        inputs: shapes of the inputs, as the specification describes them.
    """
    folder = Path(folder) / "m.mlmodelc"
    for part in ("model", "neural_network_optionals"):
        (folder / part).mkdir(parents=True)
    description = messages("Model_pb2").ModelDescription()
    net, shapes, blobs = {"format_version": 200, "storage": "model.espresso.weights"}, {}, Blobs()
    for name, shape in inputs.items():
        if name in (images or {}):
            add_image(description.input, name, images[name]["color"], *shape[-2:])
        else:
            array = add_array(description.input, name, shape).multiArrayType
            for low, high in (ranges or {}).get(name, ()):
                array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
        shapes[name] = dims(shape if exact else five(shape), exact)
    net["layers"], last = network_layers(layers, list(inputs), shapes, blobs, exact)
    last = last if outputs is None else outputs
    for name in () if labels else dict.fromkeys(last):
        add_array(description.output, name, ())
    if labels:
        add_classes(description, labels)
    write_json(folder / "model.espresso.net", net)
    write_json(folder / "model.espresso.shape", {"layer_shapes": shapes})
    (folder / "model.espresso.weights").write_bytes(blobs.data())
    kind = "neuralNetworkClassifier" if labels else "neuralNetwork"
    tail = network_tail(kind, labels, last)
    (folder / "coremldata.bin").write_bytes(archive(kind, description, tail, version, swapped))
    write_images(folder, images or {})
    if optionals is not None:
        numbers = [0] * optionals
        if optionals == 5:
            numbers[2] = int(exact)
        path = folder / "neural_network_optionals/coremldata.bin"
        path.write_bytes(struct.pack(f"<{optionals}Q", *numbers))
    return folder


def five(shape):
    """[C] or [C, H, W] as a rank-5 shape."""
    return (1, 1, *shape, *(1,) * (3 - len(shape)))


def dims(shape, exact):
    """The row of `.shape`."""
    row = dict(zip(LETTERS[5 - len(shape) :], shape, strict=True))
    return {
        letter: row.get(letter, 1) for letter in LETTERS if letter in row or letter != "seq"
    } | ({"_rank": len(shape)} if exact else {})


def network_layers(layers, previous, shapes, blobs, exact):
    """(the layers as JSON, the last one's outputs); fills in shapes and blobs."""
    found = []
    for position, (kind, made, given, results, name, keys) in enumerate(layers):
        is_last = position == len(layers) - 1
        results = results or ["y" if is_last else f"t{position}"]
        bottom = previous if given is None else given
        row = {
            "type": kind,
            "name": name or f"l{position}",
            "bottom": ",".join(bottom),
            "top": ",".join(results),
            "weights": {},
            "debug_info": "anything",
        }
        if is_last:
            row["attributes"] = {"is_output": 1}
        row |= {key: numbered(value, blobs) for key, value in keys.items()}
        for result, shape in zip(results, made, strict=True):
            shapes[result] = dims(shape, exact)
        found.append(row)
        previous = results
    return found, previous


def numbered(value, blobs):
    """Arrays, also those inside dictionaries, as the numbers of blobs."""
    if isinstance(value, dict):
        return {key: numbered(item, blobs) for key, item in value.items()}
    return blobs.add(value) if isinstance(value, np.ndarray) else value


class Blobs:
    """The weights file: blobs have odd numbers, even ones are what aligns them."""

    def __init__(self):
        self.parts = []

    def add(self, array):
        self.parts.append(np.ascontiguousarray(array).tobytes())
        return 2 * len(self.parts) - 1

    def data(self):
        count = 2 * len(self.parts) + 1
        offset, sizes, body = 8 + 16 * count, [], b""
        for part in self.parts:
            gap = -(offset + len(body)) % 64
            sizes += [gap, len(part)]
            body += bytes(gap) + part
        sizes.append(0)
        table = [number for pair in enumerate(sizes) for number in pair]
        return struct.pack(f"<{2 * count + 1}Q", count, *table) + body


def write_json(path, content):
    path.write_text(json.dumps(content, indent=1))


def change_json(path, change):
    """Let `change` edit the content of a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    write_json(path, content)


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def archive(kind, description, tail=b"", version=4, swapped=False, signature="generic"):
    """A coremldata.bin; `description` is a message, or the bytes of what stands in its place."""
    number = KINDS[kind] if isinstance(kind, str) else kind
    head = struct.pack("<I3Q", number, 1, 2, 1)
    if swapped:
        head += struct.pack("<4Q", 0, version, 0, 0) + text(signature)
    else:
        head += text(signature) + struct.pack("<4Q", version, 0, 0, 0)
    if isinstance(description, bytes):
        return head + description + tail
    data = description.SerializeToString()
    return head + struct.pack("<Q", len(data)) + data + tail


def network_tail(kind, labels, outputs):
    tail = struct.pack("<Q", KINDS[kind])
    if labels:
        integers = isinstance(labels[0], int)
        tail += struct.pack("<2Q", 101 if integers else 100, len(labels))
        tail += b"".join(struct.pack("<q", label) if integers else text(label) for label in labels)
        tail += text(outputs[-1])
    return tail + struct.pack("<Q", len(outputs)) + b"".join(map(text, outputs))


def add_classes(description, labels):
    integers = isinstance(labels[0], int)
    probabilities = description.output.add(name="p").type.dictionaryType
    (probabilities.int64KeyType if integers else probabilities.stringKeyType).SetInParent()
    label = description.output.add(name="label").type
    (label.int64Type if integers else label.stringType).SetInParent()
    description.predictedFeatureName = "label"
    description.predictedProbabilitiesName = "p"


def image(color, scale=1.0, biases=(0.0, 0.0, 0.0), gray=0.0, factor=1.0):
    """Parameters of an image input; biases are blue, green, red."""
    return {"color": color, "maps": (factor, color == 30, color == 10, *biases, gray, scale)}


def write_images(folder, images):
    """model/coremldata.bin, and the same numbers in the network."""
    data = b""
    for place in range(8):
        data += struct.pack("<Q", len(images))
        for name, given in images.items():
            data += text(name) + struct.pack("<f", given["maps"][place])
    (folder / "model/coremldata.bin").write_bytes(data)
    params = {name: transform(given["maps"]) for name, given in images.items()}
    if params:
        change_json(folder / "model.espresso.net", lambda net: net.update(transform_params=params))


def transform(maps):
    """An entry of transform_params."""
    _, is_bgr, _, blue, green, red, _, scale = maps
    return {
        **{"bias_b": blue, "bias_g": green, "bias_r": red, "bias_a": 0, "center_mean": 0},
        **{"scale": float(np.float32(scale)), "is_network_bgr": int(is_bgr)},
    }


def problems(folder):
    """Every diagnostic of a folder that can't be read."""
    with pytest.raises(CompileError) as caught:
        read_spec(folder)
    return list(caught.value.diagnostics)


def problem(folder):
    """The only one."""
    (found,) = problems(folder)
    return found
