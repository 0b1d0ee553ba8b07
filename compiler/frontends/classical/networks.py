"""Networks and ML Programs inside pipelines: functions of their own, with the forms they take."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Call, constant, shapes_may_agree
from ....ir.dialects.core.reshaping import ExpandDims, Reshape
from ....ir.dims import product
from ....ir.interface import Argument, Result
from ....ir.ssa import Function, Value
from ..table import import_model
from ..values import cast
from .body import Body, Place
from .forms import Entry, Form, Image, Keyed, Sequence, Whole, shown, whole_of


def network_call(
    body: Body, place: Place, given: Mapping[str, Form]
) -> tuple[Call, Mapping[str, Form]]:
    """A detached call of a network's or a program's function, and its outputs.

    Raises:
        CompileError: it can't be imported, or an input is of another form than it takes.
    """
    options = replace(body.options, fixed_shapes=not body.flexible, function="")
    names = {feature.name for feature in place.interface.inputs}
    shapes = {name: sizes for name, sizes in options.shapes.items() if name in names}
    source = replace(body.source, spec=place.spec, name=place.where.name, origin=place.origin)
    module = import_model(source, replace(options, shapes=shapes))
    if body.flexible and "fixed_shapes" in module.attributes:
        reason = module.attributes["fixed_shapes"]
        raise CompileError(Diagnostic(reason, "unsupported", place.where))
    function = module.main
    if any(known.kind == "state" for known in function.inputs):
        message = "a model with states inside a pipeline is not supported"
        raise CompileError(Diagnostic(message, "unsupported", place.where))
    for other in module.functions.values():
        if other is not function:
            body.add(other, other.name)
    body.add(function, place.where.name)
    call = Call.to(function, *_operands(place, function, given))
    return call, dict(_outputs(function, call))


def _operands(place: Place, function: Function, given: Mapping[str, Form]) -> Iterator[Value]:
    for argument, known in zip(function.arguments, function.inputs, strict=True):
        form = given.get(argument.name)
        if form is None:
            yield constant(known.absent(argument.type), argument.name)
            continue
        value = _operand(argument, known, form)
        if value is None:
            message = (
                f"input '{argument.name}' is {shown(form)}, expected {_expected(argument, known)}"
            )
            raise CompileError(Diagnostic(message, "malformed", place.where, subject=argument.name))
        yield value


def _expected(argument: Value, known: Argument) -> str:
    return f"an image, {argument.type}" if known.kind == "image" else str(argument.type)


def _operand(argument: Value, known: Argument, form: Form) -> Value | None:
    """A form as an argument; None if it can't be."""
    match form:
        case Image(value) if known.kind == "image":
            return value if value.type.dtype is argument.type.dtype else None
        case Sequence(value) if known.kind == "sequence":
            return value
        case Entry() | Whole() if known.kind not in ("image", "sequence", "dictionary"):
            value = cast(whole_of(form), argument.type.dtype)
            if shapes_may_agree(value.type, argument.type):
                return value
            fits = value.type.is_static and argument.type.is_static
            if fits and product(value.type.shape) == product(argument.type.shape):
                return Reshape(value, argument.type.shape).result
    return None


def _outputs(function: Function, call: Call) -> Iterator[tuple[str, Form]]:
    rows = zip(function.result_names, function.outputs, call.results, strict=True)
    labels = function.classifier.class_labels
    for name, known, value in rows:
        if known.kind == "dictionary":
            row = value if value.type.rank > 1 else ExpandDims(value, (0,)).result
            yield name, Keyed(labels, row)
        else:
            yield name, _output(known, value)


def _output(known: Result, value: Value) -> Form:
    if known.kind == "image":
        assert known.color is not None
        return Image(value, known.color)
    if known.kind == "sequence":
        return Sequence(value)
    has_entry = known.batch == "added" or (known.kind in ("string", "int64") and value.type.rank)
    return Entry(value) if has_entry else Whole(value)
