"""A model as it is stored, as a graph: layers, operations and models, without their meaning.

Nothing is imported and no weights are read, so this shows what can't be compiled, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...ir import alike
from ...ir.location import InModel
from ...ir.view.graph import Node, place
from ..source.counts import counts_of
from ..source.reading import ModelSource
from ..source.spec import NETWORKS, model_kind
from ..source.weight_params import encoding, weight_count
from .nn.nested import inside, nested_networks

LONGEST = 8  # entries of a list that are shown

_WEIGHTS = "CoreML.Specification.WeightParams"
_NETWORK = "CoreML.Specification.NeuralNetwork"


def stored_graph(source: ModelSource) -> list[Node]:
    """A node for each layer, operation or model, and for each input and output.

    Constants of ML Programs are attributes of the operations that use them.
    """
    drawing = _Drawing([])
    drawing.model(source.spec, (), source.name)
    place(drawing.nodes)
    return drawing.nodes


@dataclass
class _Drawing:
    """Draws a model below the layer `first`; `made` has the nodes of what has a name."""

    nodes: list[Node]
    first: int = 0

    def add(
        self, node: Node, made: Mapping[str, int], reads: Iterable[str], writes: Iterable[str]
    ) -> dict[str, int]:
        """Add a node that reads what is made; what is made then."""
        node.operands = list(dict.fromkeys(made[name] for name in reads if name in made))
        node.layer = max((self.first, *(self.nodes[i].layer + 1 for i in node.operands)))
        self.nodes.append(node)
        return {**made, **dict.fromkeys(writes, len(self.nodes) - 1)}

    def model(self, spec: Any, groups: tuple[str, ...], called: str) -> None:
        kind = model_kind(spec)
        groups = (*groups, f"{called}: {kind or 'a model of no type'}")
        made: dict[str, int] = {}
        for run in alike.runs(spec.description.input, _feature):
            names = [feature.name for feature in run]
            count = {"count": f"{len(run):,}"} if len(run) > 1 else {}
            node = Node("input", alike.named(names), _feature(run[0]), count, groups=groups)
            made = self.add(node, made, (), names)
        outputs = [feature.name for feature in spec.description.output]
        message: Any = getattr(spec, kind) if kind else None
        if kind in NETWORKS:
            made = self.network(message, groups, made, "layers")
        elif kind == "mlProgram":
            made = self.program(message, groups, made)
        elif kind.startswith("pipeline"):
            models = (message if kind == "pipeline" else message.pipeline).models
            made = self.pipeline(models, groups, made)
        else:
            counts = {name: f"{count:,}" for name, count in counts_of(spec).items()}
            shown = {**counts, **_fields(message)}
            node = Node(kind or "of no type", ", ".join(outputs), "", shown, groups=groups)
            made = self.add(node, made, list(made), outputs)
        for feature in spec.description.output:
            node = Node("output", feature.name, _feature(feature), groups=groups)
            self.add(node, made, (feature.name,), ())

    def pipeline(
        self, models: Iterable[Any], groups: tuple[str, ...], made: dict[str, int]
    ) -> dict[str, int]:
        for index, part in enumerate(models):
            place = f"pipeline.models[{index}]"
            inputs = [feature.name for feature in part.description.input]
            outputs = [feature.name for feature in part.description.output]
            node = Node(model_kind(part), ", ".join(outputs), "", {}, (place,), groups=groups)
            made = self.add(node, made, inputs, outputs)
            first, self.first = self.first, node.layer + 1
            start = len(self.nodes)
            self.model(part, groups, place)
            self.first = max(first, *(inner.layer + 1 for inner in self.nodes[start:]))
        return made

    def network(
        self, network: Any, groups: tuple[str, ...], made: dict[str, int], kind: str
    ) -> dict[str, int]:
        for index, layer in enumerate(network.layers):
            type_ = layer.WhichOneof("layer")
            attributes = _fields(getattr(layer, type_)) if type_ else {}
            origin = str(InModel(kind, index, layer.name))
            results = ", ".join(layer.output)
            node = Node(type_ or "of no type", results, "", attributes, (origin,), groups=groups)
            made = self.add(node, made, layer.input, layer.output)
            for name, inner in nested_networks(layer):
                scope = inside(InModel(kind, index, ""), name)
                made |= self.network(inner, (*groups, f"{layer.name}: {name}"), made, scope)
        return made

    def program(
        self, program: Any, groups: tuple[str, ...], made: dict[str, int]
    ) -> dict[str, int]:
        found = made
        for name in sorted(program.functions):
            for opset, block in sorted(program.functions[name].block_specializations.items()):
                inner = (*groups, f"@{name} ({opset})")
                found = {**found, **self.block(block, inner, made, {})}
        return found

    def block(
        self,
        block: Any,
        groups: tuple[str, ...],
        made: dict[str, int],
        constants: dict[str, str],
    ) -> dict[str, int]:
        for index, operation in enumerate(block.operations):
            results = [value.name for value in operation.outputs]
            if operation.type == "const":
                constants |= dict.fromkeys(results, _value(operation.attributes["val"]))
                continue
            attributes: dict[str, str] = {}
            reads: list[str] = []
            for name in sorted(operation.inputs):
                bound = [_binding(one, constants) for one in operation.inputs[name].arguments]
                reads += [one for one, known in bound if not known]
                if known := ", ".join(text for text, known in bound if known):
                    attributes[name] = known
            types = ", ".join(_type(value.type) for value in operation.outputs)
            origin = str(InModel("operations", index, results[0] if results else operation.type))
            shown = ", ".join(results)
            node = Node(operation.type, shown, types, attributes, (origin,), groups=groups)
            made = self.add(node, made, reads, results)
            for number, inner in enumerate(operation.blocks):
                self.block(inner, (*groups, f"{shown} {number}"), made, dict(constants))
        return made


def _feature(feature: Any) -> str:
    """What kind of feature it is: `image`, `multiArray`."""
    return (feature.type.WhichOneof("Type") or "").removesuffix("Type")


def _fields(message: Any) -> dict[str, str]:
    """What a message holds that can be read at a glance; of weights, how many and stored how."""
    found: dict[str, str] = {}
    for field, value in message.ListFields():
        kind = field.message_type.full_name if field.message_type else ""
        if kind == _NETWORK:
            continue
        if kind == _WEIGHTS and not isinstance(value, str) and hasattr(value, "floatValue"):
            found[field.name] = f"{weight_count(value):,} of {encoding(value)}"
        elif hasattr(value, "ListFields"):
            inner = _fields(value)
            found |= {f"{field.name}.{name}": text for name, text in inner.items()}
            found |= {} if inner else {field.name: ""}
        elif not isinstance(value, int | float | str | bool | bytes):
            found[field.name] = _entries(value)
        elif isinstance(value, bytes):
            found[field.name] = f"{len(value):,} bytes"
        else:
            choice = field.enum_type.values_by_number.get(value) if field.enum_type else None
            found[field.name] = choice.name if choice else str(value)
    return found


def _entries(values: Any) -> str:
    """A list in a message: its numbers or names, or how many there are."""
    if hasattr(values, "values"):  # a map
        values = sorted(values)
    if len(values) > LONGEST or any(hasattr(one, "ListFields") for one in values):
        return f"{len(values):,} entries"
    return f"[{', '.join(map(str, values))}]"


def _binding(binding: Any, constants: Mapping[str, str]) -> tuple[str, bool]:
    """(a name or a text, whether it is known what it is)."""
    if binding.WhichOneof("binding") == "value":
        return _value(binding.value), True
    return (constants[binding.name], True) if binding.name in constants else (binding.name, False)


def _value(value: Any) -> str:
    """A Value: its number or text if it is one, else its type, and where it is stored."""
    if value.WhichOneof("value") == "blobFileValue":
        return f"{_type(value.type)}, in {value.blobFileValue.fileName.rpartition('/')[2]}"
    tensor = value.immediateValue.tensor
    kind = tensor.WhichOneof("value")
    numbers = getattr(tensor, kind).values if kind else ()
    if isinstance(numbers, bytes) or len(numbers) > LONGEST or not numbers:
        return _type(value.type)
    if not value.type.tensorType.rank:
        return str(numbers[0])
    return f"[{', '.join(map(str, numbers))}]"


def _type(kind: Any) -> str:
    """A ValueType: `fp16[1, 3, ?]`."""
    if kind.WhichOneof("type") != "tensorType":
        return (kind.WhichOneof("type") or "").removesuffix("Type")
    tensor = kind.tensorType
    name = tensor.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_number
    sizes = [
        str(dim.constant.size) if dim.WhichOneof("dimension") == "constant" else "?"
        for dim in tensor.dimensions
    ]
    shown = name[tensor.dataType].name.lower().replace("float", "fp")
    return f"{shown}[{', '.join(sizes)}]"
