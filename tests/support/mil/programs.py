"""Small ML Programs built from protobuf messages, imported and run.

    model = program(op("relu", "y", (2, 3), x="x"), x=(2, 3))

Parameters are names of values, or constants: arrays, numbers, texts, truth values and lists of
numbers; a tuple of names is a parameter that takes several values.
"""

import numpy as np
from cmlc.compiler.frontends.mil import import_model
from cmlc.compiler.options import Options
from cmlc.compiler.source.reading import ModelSource
from cmlc.compiler.source.spec import messages
from cmlc.compiler.source.weight_files import WeightFiles
from cmlc.ir.interpret import run
from cmlc.ir.verify import verify
from support.networks.builders import FLOAT32, INT32, add_array
from support.running.refused import assert_told, problems_of

FP16, FP32, I32, INT64, BOOL, STRING = 10, 11, 23, 24, 1, 2
FLOAT16 = 65552
_NUMBERS = {"f4": FP32, "f2": FP16, "i4": I32, "i8": I32, "b1": BOOL, "i1": 21, "u1": 31}
_FEATURES = {FP16: FLOAT16, FP32: FLOAT32, I32: INT32, BOOL: INT32}
_OPSETS = {15: "CoreML5", 16: "CoreML6", 17: "CoreML7", 18: "CoreML8"}


def op(kind, outputs, shape=(), dtype=FP32, blocks=(), /, **parameters):
    """What `program` makes an operation of.

    Args:
        kind: the operation's type.
        outputs: the name of its result, or [(name, shape, dtype), …] for several.
        shape: of the result; None for an open extent.
        dtype: of the result.
        blocks: (inputs, operations, outputs) of nested blocks.
        parameters: see above.
    """
    rows = [(outputs, shape, dtype)] if isinstance(outputs, str) else outputs
    return kind, rows, parameters, blocks


def program(*operations, outputs=None, opset=15, dtypes=None, states=None, **inputs):
    """A Model message; inputs by name are shapes, of float32 unless `dtypes` says otherwise.

    So are states, which are float16 otherwise.
    """
    model = messages("Model_pb2").Model(specificationVersion=opset - 9)
    made = model.mlProgram
    made.version = 1
    function = made.functions["main"]
    function.opset = _OPSETS[opset]
    for name, shape in inputs.items():
        dtype = (dtypes or {}).get(name, FP32)
        add_array(model.description.input, name, shape, _FEATURES[dtype])
        fill_type(function.inputs.add(name=name).type, shape, dtype)
    for name, shape in (states or {}).items():
        dtype = (dtypes or {}).get(name, FP16)
        add_state(model.description.state, name, shape, _FEATURES[dtype])
        wrapped = function.inputs.add(name=name).type.stateType.wrappedType
        fill_type(wrapped, shape, dtype)
    block = function.block_specializations[function.opset]
    known = {name: (dtypes or {}).get(name, FP32) for name in inputs}
    known |= {name: (dtypes or {}).get(name, FP16) for name in states or {}}
    fill_block(block, operations, known)
    last = [row[0] for row in operations[-1][1]] if outputs is None else outputs
    block.outputs.extend(last)
    for name in last:
        add_array(model.description.output, name, (), _FEATURES[known[name]])
    return model


def add_state(features, name, shape, dtype):
    """Describe a state."""
    array = features.add(name=name).type.stateType.arrayType
    array.shape.extend(shape)
    array.dataType = dtype


def several(default="", **models):
    """A Model message whose functions are those of the given models, by name."""
    made = messages("Model_pb2").Model(specificationVersion=9)
    made.mlProgram.version = 1
    made.description.defaultFunctionName = default
    for name, model in models.items():
        made.mlProgram.functions[name].CopyFrom(model.mlProgram.functions["main"])
        described = made.description.functions.add(name=name)
        described.input.extend(model.description.input)
        described.output.extend(model.description.output)
        described.state.extend(model.description.state)
    return made


def classifier(labels, shape=(1, 3), predicted="label"):
    """A Model message that classifies its input "x", which is the probabilities."""
    dtype = STRING if isinstance(labels[0], str) else INT64
    rows = [("label", (), I32), ("chances", (), I32)]
    model = program(op("classify", rows, probabilities="x"), x=shape)
    function = model.mlProgram.functions["main"]
    operation = function.block_specializations[function.opset].operations[0]
    fill_type(operation.outputs[0].type, (), dtype)
    operation.outputs[1].type.dictionaryType.keyType.tensorType.dataType = dtype
    value = operation.inputs["classes"].arguments.add().value
    fill_type(value.type.listType.type, (), dtype)
    for label in labels:
        item = value.immediateValue.list.values.add()
        if dtype == STRING:
            fill_value(item, label)
        else:
            fill_type(item.type, (), INT64)
            item.immediateValue.tensor.longInts.values.append(label)
    description = model.description
    description.predictedFeatureName = predicted
    description.predictedProbabilitiesName = "chances"
    label, chances = description.output
    (label.type.stringType if dtype == STRING else label.type.int64Type).SetInParent()
    key = chances.type.dictionaryType
    (key.stringKeyType if dtype == STRING else key.int64KeyType).SetInParent()
    return model


def fill_block(block, operations, known):
    """Add operations to a block; `known` collects the types of what they make."""
    for kind, rows, parameters, blocks in operations:
        operation = block.operations.add(type=kind)
        for parameter, value in parameters.items():
            arguments = operation.inputs[parameter].arguments
            several = value if isinstance(value, tuple) else (value,)
            for item in several:
                if isinstance(item, str) and item in known:
                    arguments.add().name = item
                else:
                    fill_value(arguments.add().value, item)
        for given, inner, results in blocks:
            nested = operation.blocks.add()
            visible = dict(known)
            for name, shape, dtype in given:
                fill_type(nested.inputs.add(name=name).type, shape, dtype)
                visible[name] = dtype
            fill_block(nested, inner, visible)
            nested.outputs.extend(results)
        for name, shape, dtype in rows:
            fill_type(operation.outputs.add(name=name).type, shape, dtype)
            known[name] = dtype


def fill_type(message, shape, dtype):
    """Make a ValueType a tensor's."""
    tensor = message.tensorType
    tensor.dataType, tensor.rank = dtype, len(shape)
    for size in shape:
        dimension = tensor.dimensions.add()
        if size is None:
            dimension.unknown.variadic = False
        else:
            dimension.constant.size = size


def fill_value(message, value):
    """Make a Value message hold a constant."""
    array = np.asarray(value)
    if array.dtype.kind == "U":
        fill_type(message.type, array.shape, STRING)
        message.immediateValue.tensor.strings.values.extend(np.ravel(array).tolist())
        return
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    dtype = _NUMBERS[array.dtype.str[1:]]
    fill_type(message.type, array.shape, dtype)
    tensor = message.immediateValue.tensor
    if dtype in (FP16, 21, 31):
        tensor.bytes.values = array.tobytes()
    elif dtype == FP32:
        tensor.floats.values.extend(np.ravel(array).tolist())
    elif dtype == BOOL:
        tensor.bools.values.extend(np.ravel(array).tolist())
    else:
        tensor.ints.values.extend(np.ravel(array).tolist())


def imported(model, weights=None, **options):
    """The verified module of a Model message."""
    source = ModelSource(model, weights or WeightFiles(None), "m")
    module = import_model(source, Options(**options))
    verify(module)
    return module


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


def problems(model, **options):
    """Every diagnostic of a program that can't be imported."""
    return problems_of(lambda: imported(model, **options))


def assert_refused(model, *fragments, kind="malformed", **options):
    """The first diagnostic has the fragments."""
    assert_told(problems(model, **options)[0], *fragments, kind=kind)
