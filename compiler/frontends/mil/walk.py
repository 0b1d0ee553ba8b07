"""The walk over the operations of a program: names in, ops in a block out.

MIL is in SSA form: each name has one value. Blocks of control flow can use the names around them.
States are the exception: the name of a state means the value written last. So writing has no side
effect in the IR; the new value of a state that a block writes is an additional result of the block.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Yield, constant, shapes_may_agree
from ....ir.interface import Labels
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Block, Value
from ....ir.types import DType, Tensor
from ....ir.weights.encodings import Cast, EncodedResource
from ....ir.weights.resources import ArrayResource, Resource
from ...source.blob import BlobResource
from ..rules import Result
from .constants import about, immediate_array, is_blob, open_extent, tensor_type
from .context import MilContext, MilRule, cast

# The only operations that take a state; the others take its value.
STATE_OPERATIONS = ("read_state", "coreml_update_state", "write_state")

Names = dict[str, Value | None]  # None: the operation that makes it failed


class Weights(Protocol):
    """The source of constants that are not stored in the program itself."""

    def resource(self, value: Any, tensor_type: Any, name: str) -> Resource:
        """The data of a BlobFileValue message, of the type of a TensorType message.

        Raises:
            CompileError: the file or the data are missing or damaged.
        """
        ...


@dataclass
class Walk:
    """The state that all scopes of one import share.

    Attributes:
        table: rules by name and opset.
        opset: the opset of the function.
        weights: the source of constants in files.
        singles: float16 is computed in float32.
        problems: the problems of operations, in order.
        scopes: how many blocks were begun, to distinguish their symbols.
        labels: the class labels, if the program is a classifier.
        has_open_lists: whether open dimensions of list elements were assumed to be 1.
    """

    table: Mapping[str, Mapping[int, MilRule]]
    opset: int
    weights: Weights | None
    singles: bool
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    scopes: int = 0
    labels: Labels = ()
    has_open_lists: bool = False


@dataclass
class Scope:
    """One block being filled.

    Attributes:
        walk: the state that all scopes share.
        block: the block that ops are added to.
        names: the values of names; for the name of a state, its current value.
        states: the names of the function's states.
        tag: distinguishes the symbols of this block's operations from those of others.
        own: the names of the block's arguments and operations, which may shadow names around it.
    """

    walk: Walk
    block: Block
    names: Names
    states: frozenset[str] = frozenset()
    tag: str = ""
    own: set[str] = field(default_factory=set[str])

    def nested(self, names: Iterable[str], types: Iterable[Tensor]) -> "Scope":
        """A nested scope, whose block has arguments of these names."""
        self.walk.scopes += 1
        names = list(names)
        block = Block(types, names)
        inner = {**self.names, **dict(zip(names, block.arguments, strict=True))}
        tag = f"{self.walk.scopes}_"
        return replace(self, block=block, names=inner, tag=tag, own=set(names))

    def put(self, value: Value, location: InModel) -> Value:
        """The value, after its ops have been added to this block."""
        adopt([value], self.block, location=location)
        return value

    def written_states(self, outer: "Scope") -> list[str]:
        """The states of the surrounding block that this block writes."""
        return sorted(name for name in self.states if self.names[name] is not outer.names[name])

    def finish(self, values: Iterable[Value], location: InModel) -> None:
        """End the block, yielding the values."""
        values = tuple(self.put(value, location) for value in values)
        self.block.insert(Yield(values)).location = location

    def run(self, block: Any, kind: str = "operations") -> tuple[Value, ...] | None:
        """Lower a block's operations; its outputs, or None if one of them failed."""
        for position, operation in enumerate(block.operations):
            names = [output.name for output in operation.outputs]
            location = InModel(kind, position, names[0] if names else operation.type)
            for name, value in zip(names, self.lowered(operation, location), strict=True):
                self.names[name] = value if self._is_new(name, operation, location) else None
                self.own.add(name)
        found = [self.names.get(name) for name in block.outputs]
        return tuple(v for v in found if v is not None) if None not in found else None

    def _is_new(self, name: str, operation: Any, location: InModel) -> bool:
        if name not in self.own:
            return True
        message = f"{operation.type} makes '{name}', a name that is already defined"
        self.walk.problems.append(
            Diagnostic(message, "malformed", location, subject=operation.type)
        )
        return False

    def lowered(self, operation: Any, location: InModel) -> tuple[Value | None, ...]:
        """The results of one operation, added to the block; all None if it fails."""
        missing = (None,) * len(operation.outputs)
        try:
            values = self._values(operation, location)
        except CompileError as error:
            self.walk.problems += [
                d
                if isinstance(d.location, InModel)
                else replace(d, kind=_kind(d), location=location, subject=operation.type)
                for d in error.diagnostics
            ]
            return missing
        if values is None:
            return missing
        adopt(values, self.block, location=location)
        for output, value in zip(operation.outputs, values, strict=True):
            value.name = value.name or output.name
        return values

    def _values(self, operation: Any, location: InModel) -> tuple[Value, ...] | None:
        """The results of the operation; None if one of its operands failed."""
        if operation.type == "const":
            return (self.constant(operation.attributes["val"], operation.outputs[0].name),)
        operands = self._operands(operation, location)
        if operands is None:
            return None
        walk = self.walk
        cx = MilContext(operation, location, walk.opset, operands, self, walk.singles)
        versions = walk.table[operation.type]
        since = max((v for v in versions if v <= walk.opset), default=min(versions))
        result: Result = versions[since](cx)
        values = result if isinstance(result, tuple) else (result,)
        assert all(isinstance(value, Value) for value in values)
        for name in cx.left_over():
            raise cx.unsupported(f"has a parameter '{name}', which is not understood")
        return self._checked(cx, values)  # type: ignore[arg-type]  asserted above

    def _checked(self, cx: MilContext, values: tuple[Value, ...]) -> tuple[Value, ...]:
        """The results, after checking that they have the declared types."""
        outputs = cx.operation.outputs
        cx.require(
            len(values) == len(outputs), f"names {len(outputs)} outputs, but has {len(values)}"
        )
        made: list[Value] = []
        for output, value in zip(outputs, values, strict=True):
            if output.type.WhichOneof("type") in ("dictionaryType", "listType"):
                made.append(value)  # a classifier's probabilities, or a list of another length
                continue
            with about(f"'{output.name}'"):
                declared = tensor_type(output.type, cx.fresh_symbol)
            expected = declared.with_dtype(cx.dtype(declared.dtype))
            if value.type.dtype.is_float and expected.dtype.is_float:
                value = cast(value, expected.dtype)  # where operands differ in precision
            made.append(value)
            cx.require(
                shapes_may_agree(value.type, expected),
                f"makes {value.type} by our rule, but declares {expected}",
            )
        return tuple(made)

    def _operands(self, operation: Any, location: InModel) -> dict[str, tuple[Value, ...]] | None:
        found: dict[str, tuple[Value, ...]] = {}
        for parameter in sorted(operation.inputs):
            row: list[Value] = []
            for binding in operation.inputs[parameter].arguments:
                value = self._bound(binding, parameter, operation, location)
                if value is None:
                    return None
                row.append(value)
            found[parameter] = tuple(row)
        return found | self._attributes(operation, location)

    def _attributes(self, operation: Any, location: InModel) -> dict[str, tuple[Value, ...]]:
        """Operands of `constexpr` operations, which are attributes up to iOS 17."""
        if not operation.type.startswith("constexpr_"):
            return {}
        return {
            name: (self.constant(value, f"{location.name}.{name}"),)
            for name, value in sorted(operation.attributes.items())
            if name != "name"
        }

    def _bound(self, binding: Any, parameter: str, operation: Any, location: InModel) -> Any:
        if binding.WhichOneof("binding") == "value":
            return self.constant(binding.value, f"{location.name}.{parameter}")
        if binding.name not in self.names:
            message = f"{operation.type} reads '{binding.name}', which nothing before it makes"
            raise CompileError(Diagnostic(message, "malformed", location, subject=operation.type))
        if binding.name in self.states and operation.type not in STATE_OPERATIONS:
            message = f"{operation.type} takes the state '{binding.name}' itself"
            remedy = f"it takes the result of {' or '.join(STATE_OPERATIONS)}"
            raise CompileError(
                Diagnostic(message, "malformed", location, subject=operation.type, remedy=remedy)
            )
        return self.names[binding.name]

    # -- constants -----------------------------------------------------------------------------

    def constant(self, value: Any, name: str) -> Value:
        """A constant of the program, in the type that its elements are computed in."""
        if is_blob(value):
            return self._stored(value, name)
        with about(f"the constant '{name}'"):
            array = immediate_array(value)
        return constant(self._computed(ArrayResource(array, name)), name)

    def _stored(self, value: Any, name: str) -> Value:
        with about(f"the constant '{name}'"):
            tensor_type(value.type, open_extent)
        if self.walk.weights is None:
            message = f"the constant '{name}' is in a weight file, which is missing"
            remedy = "give the path of the package, not only its specification"
            raise CompileError(Diagnostic(message, "malformed", remedy=remedy))
        tensor = value.type.tensorType
        resource = self.walk.weights.resource(value.blobFileValue, tensor, name)
        return constant(self._computed(resource), name)

    def _computed(self, resource: Resource) -> Resource:
        """The stored data as an encoding in the dtype that they are computed in."""
        if isinstance(resource, BlobResource):
            resource = resource.stored()
        if self.walk.singles and resource.type.dtype is DType.F16:
            return EncodedResource(Cast(resource, DType.F32), resource.name)
        return resource


def _kind(problem: Diagnostic) -> Any:
    """The kind of a problem: an op that is invalid means a malformed program."""
    return "malformed" if problem.kind == "invalid" else problem.kind
