"""Samples as coremltools builds them: programs with every default spelled out, and its own results.

What coremltools declares of an operation (parameters, defaults, types of results) and computes of
constants is a second opinion on our rules. Importing this module imports coremltools' converters.
"""

import contextlib
import logging
import warnings

import numpy as np
from cmlc.compiler.source.spec import messages
from support.mil.samples import Sample
from support.networks.builders import FLOAT32, INT32, add_array

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from coremltools.converters.mil.backend.mil import load
    from coremltools.converters.mil.mil import Builder, types
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry
    from coremltools.converters.mil.mil.types.type_mapping import numpy_type_to_builtin_type

    logging.disable(logging.NOTSET)
from coremltools import target

OPSETS = {version: getattr(target, f"iOS{version}") for version in range(15, 19)}


def parameters(kind, opset):
    """{parameter: whether it may be left out} of an operation; None where it isn't in the opset."""
    versions = SSAOpRegistry.core_ops[kind]
    if OPSETS[opset] not in versions:
        return None
    spec = versions[OPSETS[opset]].input_spec.input_types
    return {name: item.optional for name, item in spec.items() if not name.startswith("_")}


def kinds():
    """All operations of the registry."""
    return sorted(SSAOpRegistry.core_ops)


def _arrays(sample: Sample):
    """The program's inputs by name."""
    found = {}
    for name, value in sample.inputs.items():
        if isinstance(value, tuple):
            found |= {f"{name}_{i}": item for i, item in enumerate(value)}
        else:
            found[name] = value
    return {name: np.array(value) for name, value in found.items()}  # some are changed in place


def _arguments(sample: Sample, values):
    return {
        name: tuple(values[f"{name}_{i}"] for i in range(len(value)))
        if isinstance(value, tuple)
        else values[name]
        for name, value in sample.inputs.items()
    } | sample.constants


def _traced(names, body):
    """A function of these parameters; the builder looks at their names."""
    return eval(f"lambda {', '.join(names)}: body({', '.join(names)})", {"body": body})


def _built(sample: Sample, opset, names, body):
    arrays = _arrays(sample)
    specs = [
        Builder.TensorSpec(arrays[name].shape, numpy_type_to_builtin_type(arrays[name].dtype))
        for name in names
    ]
    return Builder.program(input_specs=specs, opset_version=OPSETS[opset])(_traced(names, body))


def model(sample: Sample, opset):
    """(the Model message of a sample with every default spelled out, its inputs by name)."""
    arrays = _arrays(sample)

    def body(*values):
        named = dict(zip(arrays, values, strict=True))
        return getattr(Builder, sample.kind)(**_arguments(sample, named))

    program = _built(sample, opset, list(arrays), body)
    with _all_immediate():
        exported = load.MILProtoExporter(program, "", opset - 9).export()
    made = messages("Model_pb2").Model(specificationVersion=opset - 9)
    made.mlProgram.ParseFromString(exported.SerializeToString())
    for name, array in arrays.items():
        kind = FLOAT32 if array.dtype.kind == "f" else INT32
        add_array(made.description.input, name, array.shape, kind)
    for value in program.functions["main"].outputs:
        kind = FLOAT32 if types.is_float(value.dtype) else INT32
        add_array(made.description.output, value.name, (), kind)
    return made, arrays


@contextlib.contextmanager
def _all_immediate():
    """Programs are exported without a file of weights."""
    before = load.should_use_weight_file
    load.should_use_weight_file = lambda *_: False
    try:
        yield
    finally:
        load.should_use_weight_file = before


# What coremltools' own evaluators leave out, against the documents and what Core ML recorded.
_SIMPLIFIED = {
    "scatter_along_axis": "always updates, whatever the mode",
    "concat": "doesn't interleave",
}


def evaluated(sample: Sample, opset):
    """What coremltools computes itself of constants: arrays by position; None if it doesn't."""
    if sample.kind in _SIMPLIFIED and sample.constants.keys() & {"mode", "interleave"}:
        return None
    if sample.kind == "scatter_along_axis":
        return None  # adds by default
    found = []

    def body(x):
        made = getattr(Builder, sample.kind)(**_arguments(sample, _arrays(sample)))
        found.extend(made if isinstance(made, list | tuple) else [made])
        return Builder.identity(x=x)

    spec = [Builder.TensorSpec((1,), types.fp32)]
    try:
        with np.errstate(all="ignore"):
            Builder.program(input_specs=spec, opset_version=OPSETS[opset])(_traced(["x"], body))
    except TypeError:  # evaluators that fail on some parameters
        return None
    if any(value.val is None for value in found):
        return None
    return [np.asarray(value.val) for value in found]


def without_defaults(model, kind, constants):
    """The model without the parameters that may be left out and aren't among `constants`."""
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    (operation,) = (item for item in block.operations if item.type == kind)
    opset = model.specificationVersion + 9
    for name, optional in parameters(kind, opset).items():
        if optional and name not in constants and name in operation.inputs:
            del operation.inputs[name]
    return model


def given(model, kind):
    """Parameters that the model has."""
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    (operation,) = (item for item in block.operations if item.type == kind)
    return set(operation.inputs) | set(operation.attributes) - {"name"}
