"""The content of a TFLite file: its operations and signatures; and running it."""

import functools
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...ir.types import Array
from ..executable import decoded, failed_run

# What Python's interpreter says of an output without elements, which it doesn't give.
_UNREADABLE = "Invalid tensor size"


def with_inputs_called(file: bytes, names: Mapping[str, Mapping[str, str]]) -> bytes:
    """The file with other names of inputs.

    Args:
        file: the file; the same is returned if nothing changes.
        names: by signature, the new name of each input by the old one.
    """
    if all(old == new for renamed in names.values() for old, new in renamed.items()):
        return file
    from tensorflow.lite.tools import flatbuffer_utils

    model: Any = flatbuffer_utils.convert_bytearray_to_object(file)
    for signature in model.signatureDefs:
        renamed = names[signature.signatureKey.decode()]
        for entry in signature.inputs:
            entry.name = renamed[entry.name.decode()]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


class Contents:
    """A TFLite file that can be inspected and run."""

    def __init__(self, file: bytes) -> None:
        from tensorflow.lite.python import schema_py_generated as schema

        self._file = file
        self._schema = schema
        self._model: Any = schema.Model.GetRootAs(file, 0)

    # -- operations ----------------------------------------------------------------------------

    def operations(self) -> Counter[str]:
        """The number of operations of each kind, such as `CONV_2D`, in all subgraphs."""
        return Counter(name for name, _ in self._walk())

    def floating(self) -> Counter[str]:
        """Operations that compute floating-point numbers, except dequantizing ones."""
        half, single = self._schema.TensorType.FLOAT16, self._schema.TensorType.FLOAT32
        rows = ((name, types) for name, types in self._walk() if name != "DEQUANTIZE")
        return Counter(name for name, types in rows if {half, single} & types)

    def foreign(self) -> list[str]:
        """The operations that only some runtimes have."""
        codes = [self._model.OperatorCodes(i) for i in range(self._model.OperatorCodesLength())]
        return [code.CustomCode().decode() for code in codes if code.CustomCode()]

    def _walk(self) -> Iterator[tuple[str, set[int]]]:
        """(kind, types of the results) of every operation."""
        numbers = vars(self._schema.BuiltinOperator).items()
        names = {number: name for name, number in numbers if not name.startswith("_")}
        for graph in map(self._model.Subgraphs, range(self._model.SubgraphsLength())):
            for operation in map(graph.Operators, range(graph.OperatorsLength())):
                code = self._model.OperatorCodes(operation.OpcodeIndex())
                # Old files have only the second one.
                name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
                outputs = map(operation.Outputs, range(operation.OutputsLength()))
                yield name, {graph.Tensors(int(place)).Type() for place in outputs if place >= 0}

    def tensors(self, signature: str, kind: str) -> tuple[int, list[str]]:
        """(a signature's subgraph, its tensors' names in the order of that).

        Args:
            signature: its key.
            kind: "Inputs" or "Outputs".
        """
        model = self._model
        defs = [model.SignatureDefs(i) for i in range(model.SignatureDefsLength())]
        found = next(item for item in defs if item.SignatureKey().decode() == signature)
        graph = model.Subgraphs(found.SubgraphIndex())
        maps = [getattr(found, kind)(i) for i in range(getattr(found, f"{kind}Length")())]
        names = {item.TensorIndex(): item.Name().decode() for item in maps}
        order = [int(getattr(graph, kind)(i)) for i in range(getattr(graph, f"{kind}Length")())]
        return found.SubgraphIndex(), [names.get(tensor, "") for tensor in order]

    # -- running -------------------------------------------------------------------------------

    @functools.cached_property
    def _interpreter(self) -> Any:
        import tensorflow as tf

        with warnings.catch_warnings():  # about moving to a package of its own, which is not needed
            warnings.simplefilter("ignore")
            return tf.lite.Interpreter(model_content=self._file)

    def run(
        self, inputs: Mapping[str, Array], signature: str = "serving_default"
    ) -> dict[str, Array]:
        """Outputs by name for inputs by name.

        Raises:
            CompileError: an operation fails on the inputs' numbers, as a division by 0.
        """
        runner = self._interpreter.get_signature_runner(signature)
        try:
            found = runner(**{name: _encoded(array) for name, array in inputs.items()})
        except (RuntimeError, ValueError) as error:
            if _UNREADABLE not in str(error):
                raise failed_run("the TFLite file", error) from error
            found = self._with_empty(runner, signature)
        return {name: decoded(np.asarray(array)) for name, array in found.items()}

    def _with_empty(self, runner: Any, signature: str) -> dict[str, Array]:
        """The outputs of the run that has just been, of which some have no elements."""
        graph, _ = self.tensors(signature, "Outputs")
        return {
            name: self._interpreter.get_tensor(told["index"], graph)
            if np.all(told["shape"])
            else np.empty(told["shape"], told["dtype"])
            for name, told in runner.get_output_details().items()
        }


def _encoded(array: Array) -> Array:
    """Strings as the interpreter takes them; other arrays as they are.

    Of a single Python object it takes the address for the text, of numpy's text four bytes for each
    character.
    """
    if array.dtype.kind not in "OU":
        return array
    if not array.ndim:
        return np.asarray(array.item().encode())
    found = np.empty(array.shape, object)
    for index in np.ndindex(array.shape):
        found[index] = str(array[index]).encode()
    return found
