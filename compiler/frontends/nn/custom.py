"""Custom layers: their meaning is not in the model; users register it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ....ir.diagnostics import CompileError
from ....ir.dialects.core import custom as core
from ....ir.dialects.core.custom import DEFINITIONS, Definition, Function, Parameter
from ....ir.dims import Dim
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ...source.weight_params import weight_count
from ..rules import Result
from .context import LayerContext, LayerRules

rules = LayerRules("custom")

CustomRule: TypeAlias = Callable[["CustomLayer"], Value | tuple[Value, ...]]
# (shapes of the inputs, parameters) → shape of each output.
ShapeFunction: TypeAlias = Callable[
    [Sequence[tuple[Dim, ...]], Mapping[str, Parameter]], Sequence[Sequence[Dim]]
]

# Filled by `register_custom_layer`.
RULES: dict[str, CustomRule] = {}


@dataclass(frozen=True)
class CustomLayer:
    """A custom layer of a model, as a rule sees it.

    Attributes:
        name: the layer's name.
        class_name: the class that implements it in the app.
        inputs: its inputs, f32 values of the IR.
        parameters: its parameters by name.
        outputs: how many outputs it has.
    """

    name: str
    class_name: str
    inputs: tuple[Value, ...]
    parameters: Mapping[str, Parameter]
    outputs: int
    context: LayerContext

    def weight(self, index: int, shape: Sequence[int], role: str = "") -> Value:
        """One of the layer's weights as an f32 constant; the file has no shape for it.

        Raises:
            CompileError: there is no such weight, or it has another number of elements.
        """
        weights = self.context.layer.custom.weights
        self.require(0 <= index < len(weights), f"has {len(weights)} weights, not number {index}")
        return self.context.weight_of(weights[index], f"weight{index}", shape, role)

    def require(self, condition: bool, message: str) -> None:
        """Raise a diagnostic that names the layer unless the condition holds."""
        self.context.require(condition, message)

    def flat_weights(self) -> tuple[Value, ...]:
        """All weights, as vectors."""
        return tuple(
            self.context.weight_of(params, f"weight{i}", (weight_count(params),))
            for i, params in enumerate(self.context.layer.custom.weights)
        )


def register_custom_layer(
    name: str,
    rule: CustomRule | None = None,
    *,
    evaluate: Function | None = None,
    tensorflow: Function | None = None,
    shapes: ShapeFunction | None = None,
) -> None:
    """Define what the custom layers of a class compute; a second definition replaces the first.

    Args:
        name: the layer's class name in the model.
        rule: builds the layer's outputs from ops of `cmlc.ir.dialects.core`. This is the better
            way, because passes optimize such layers and every target has them. The alternative is:
        evaluate: computes (inputs, weights, parameters) → result or tuple of results with numpy.
            Weights are vectors, as in the file.
        tensorflow: the same with TensorFlow; without it, the layer can only be interpreted.
        shapes: (input shapes, parameters) → list of output shapes. Without it, every output has
            the shape of the first input.

    Raises:
        TypeError: neither a rule nor an evaluation is given, or both are.
    """
    if (rule is None) == (evaluate is None):
        raise TypeError("give a rule, or evaluate with or without tensorflow")
    if rule is not None:
        RULES[name] = rule
        DEFINITIONS.pop(name, None)
        return
    assert evaluate is not None
    DEFINITIONS[name] = Definition(evaluate, tensorflow)
    RULES[name] = lambda layer: _call(layer, shapes)


def _call(layer: CustomLayer, shapes: ShapeFunction | None) -> tuple[Value, ...]:
    layer.require(bool(layer.inputs), "has no input")
    known = [value.type.shape for value in layer.inputs]
    found = [known[0]] * layer.outputs if shapes is None else shapes(known, layer.parameters)
    weights = layer.flat_weights()
    op = core.Call(
        (*layer.inputs, *weights),
        definition=layer.class_name,
        parameters=tuple(layer.parameters.items()),
        weights=len(weights),
        results_are=tuple(Tensor(DType.F32, tuple(shape)) for shape in found),
    )
    return op.results


@rules("custom")
def custom(cx: LayerContext, p: Any) -> Result:
    """The definition registered for its class."""
    parameters = {
        name: getattr(value, value.WhichOneof("value") or "intValue")
        for name, value in sorted(p.parameters.items())
    }
    layer = CustomLayer(cx.layer.name, p.className, cx.inputs, parameters, len(cx.layer.output), cx)
    try:
        return RULES[p.className](layer)
    except CompileError:
        raise
    except Exception as error:
        raise cx.error(f"has a definition that fails: {type(error).__name__}: {error}") from error
