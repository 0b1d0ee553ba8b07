"""Small NeuralNetwork models built from protobuf messages, imported and run.

    model = network(layer("convolution", kernelSize=[3, 3], weights=[...]), x=(1, 4, 4))

Parameters are fields of the layer's message: numbers, lists, dictionaries for messages, arrays
for WeightParams. Layers without names of their own are chained.
"""

import re
from dataclasses import replace

import numpy as np
from cmlc.compiler.driver import with_batch
from cmlc.compiler.frontends.nn import import_model
from cmlc.compiler.options import Options
from cmlc.compiler.source.reading import read_model
from cmlc.compiler.source.spec import messages
from cmlc.ir.interpret import run
from cmlc.ir.text.printer import PrintOptions, print_function
from cmlc.ir.verify import verify
from support.running.refused import assert_told, problems_of

FLOAT32, DOUBLE, INT32 = 65568, 65600, 131104
RGB, BGR, GRAY, GRAY_FLOAT16 = 20, 30, 10, 40


def fill(message, values):
    """Set fields of a message from plain Python."""
    for key, value in values.items():
        field = getattr(message, key)
        descriptor = message.DESCRIPTOR.fields_by_name[key]
        kind = descriptor.message_type.name if descriptor.message_type else ""
        if kind == "WeightParams" and not isinstance(value, dict | list):
            field.floatValue.extend(np.ravel(np.asarray(value, np.float32)).tolist())
        elif isinstance(value, dict):
            field.SetInParent()
            fill(field, value)
        elif isinstance(value, list | tuple) and kind:
            for item in value:
                fill(field.add(), item)
        elif isinstance(value, list | tuple | np.ndarray):
            field.extend(value)
        else:
            setattr(message, key, value)


def layer(kind, inputs=None, outputs=None, name="", **fields):
    """What `network` makes a layer of."""
    return kind, inputs, outputs, name, fields


def network(*layers, rank5=False, outputs=None, kind="neuralNetwork", **inputs):
    """A Model message; inputs by name are shapes of float32 arrays, outputs names.

    `rank5`: the network is of the old kind, with five dimensions everywhere.
    """
    model = messages("Model_pb2").Model(specificationVersion=4)
    made = getattr(model, kind)
    made.arrayInputShapeMapping = made.imageInputShapeMapping = 0 if rank5 else 1
    for name, shape in inputs.items():
        add_array(model.description.input, name, shape)
    previous = list(inputs)
    for position, (variant, given, results, name, fields) in enumerate(layers):
        item = made.layers.add(name=name or f"l{position}")
        item.input.extend(previous if given is None else given)
        last = position == len(layers) - 1
        if results is None:
            results = ["y" if last else f"t{position}"]
        item.output.extend(results)
        getattr(item, variant).SetInParent()
        fill(getattr(item, variant), fields)
        previous = results or previous
    for name in previous if outputs is None else outputs:
        add_array(model.description.output, name, ())
    return model


def step(kind, inputs, output, **fields):
    """A layer that reads and assigns the blobs named."""
    return layer(kind, inputs if isinstance(inputs, list) else [inputs], [output], **fields)


def nested(*layers):
    """A network inside a layer, as a field."""
    rows: list = []
    for position, (kind, inputs, outputs, name, fields) in enumerate(layers):
        row = {"name": name or f"n{position}", "input": inputs, "output": outputs}
        rows.append({**row, kind: fields})
    return {"layers": rows}


def branch(condition, yes, no=None):
    """Layers to run where a blob is true, and others where it isn't."""
    sides = {"ifBranch": nested(*yes)} | ({} if no is None else {"elseBranch": nested(*no)})
    return layer("branch", [condition], [], **sides)


def loop(body, limit=0, condition=(), test="", inputs=()):
    """Layers to run again and again; `inputs` may name the blob that limits how often."""
    fields = {"bodyNetwork": nested(*body), "maxLoopIterations": limit, "conditionVar": test}
    if condition:
        fields["conditionNetwork"] = nested(*condition)
    return layer("loop", list(inputs), [], **fields)


BREAK, CONTINUE = layer("loopBreak", [], []), layer("loopContinue", [], [])


def flexible(model):
    """With every extent of the first input from 1 to 9."""
    array = model.description.input[0].type.multiArrayType
    array.ClearField("shapeRange")
    for size in array.shape:
        array.shapeRange.sizeRanges.add(lowerBound=1, upperBound=max(9, size))
    return model


def add_array(features, name, shape, data_type=FLOAT32):
    feature = features.add(name=name)
    feature.type.multiArrayType.shape.extend(shape)
    feature.type.multiArrayType.dataType = data_type
    return feature.type


def add_image(features, name, color=RGB, height=2, width=3):
    feature = features.add(name=name)
    image = feature.type.imageType
    image.colorSpace, image.height, image.width = color, height, width
    return feature.type


def lstm_weights(size, hidden, seed=0):
    """All fields of LSTMWeightParams."""
    made = {}
    for i, name in enumerate(("inputGate", "forgetGate", "outputGate", "blockInput")):
        made[f"{name}WeightMatrix"] = numbers(hidden, size, seed=seed + i)
        made[f"{name}RecursionMatrix"] = numbers(hidden, hidden, seed=seed + 10 + i)
        made[f"{name}BiasVector"] = numbers(hidden, seed=seed + 20 + i)
        if name != "blockInput":
            made[f"{name}PeepholeVector"] = numbers(hidden, seed=seed + 30 + i)
    return made


def edges(top, bottom, left, right):
    """Border amounts, as `valid` padding has them."""
    rows = [
        {"startEdgeSize": top, "endEdgeSize": bottom},
        {"startEdgeSize": left, "endEdgeSize": right},
    ]
    return {"paddingAmounts": {"borderAmounts": rows}}


def imported(model, **options):
    """The verified module of a Model message, with the batch that options choose."""
    chosen = Options(**options)
    module = with_batch(import_model(replace(read_model(model), name="m"), chosen), chosen)
    verify(module)
    return module


def text(model, **options):
    """The body of @main, one op per line, numbered values, without constants' data."""
    printed = print_function(imported(model, **options).main, PrintOptions(canonical_names=True))
    printed = re.sub(r'resource<"[^"]*">', "resource<…>", printed)
    lines = printed.partition("\nresources {")[0].strip().split("\n")
    return [line.strip() for line in lines[1:-1]]


def results(model, *arrays, **options):
    """All outputs on the given inputs, by name."""
    module = imported(model, **options)
    types = [value.type.dtype.numpy for value in module.main.arguments]
    given = [np.asarray(a, t) for a, t in zip(arrays, types, strict=True)]
    return run(module, given, "main")


def result(model, *arrays, **options):
    """The only output."""
    (only,) = results(model, *arrays, **options).values()
    return only


def layer_result(kind, *inputs, **fields):
    """The result of a network of one layer with the inputs given."""
    named = {f"x{i}": np.shape(x) for i, x in enumerate(inputs)}
    return result(network(layer(kind, **fields), **named), *inputs)


def constant(name, *values):
    """A layer that makes the blob `name`, a vector of constants."""
    data = np.asarray(values, np.float32)
    return layer("loadConstantND", [], [name], shape=[len(values)], data=data)


def problems(model, **options):
    """Every diagnostic of a model that can't be imported."""
    return problems_of(lambda: imported(model, **options))


def assert_refused(model, *fragments, kind="malformed", **options):
    """The first diagnostic has the fragments."""
    assert_told(problems(model, **options)[0], *fragments, kind=kind)


def numbers(*shape, seed=0):
    """Standard normal float32 numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def assert_close(found, expected, tolerance=1e-5):
    assert found.shape == np.shape(expected), (found.shape, np.shape(expected))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def photo(color=RGB, *layers, rank5=False, outputs=None, **preprocessing):
    """A network that reads an image; without layers it gives what its layers would see."""
    items = layers or (layer("copy", ["image"], ["y"]),)
    model = network(*items, rank5=rank5, outputs=outputs or ["y"])
    add_image(model.description.input, "image", color)
    if "scaler" in preprocessing:
        item = model.neuralNetwork.preprocessing.add(featureName="image")
        for key, value in preprocessing["scaler"].items():
            setattr(item.scaler, key, value)
    if "mean" in preprocessing:
        item = model.neuralNetwork.preprocessing.add(featureName="image")
        item.meanImage.meanImage.extend(np.ravel(preprocessing["mean"]).tolist())
    return model
