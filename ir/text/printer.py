"""IR to text: one op per line, deterministic, weights by name and hash."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..attributes import literal, quote
from ..dialects.builtin import Constant
from ..location import CallSite, Fused, InModel, Location, Unknown, leaves
from ..ssa import Block, Function, Module, Op, Region, Value
from ..types import Array, DType
from ..weights.encodings import Cast, EncodedResource
from ..weights.resources import FileResource, HashResource, RandomResource, Resource, SplatResource
from ..weights.statistics import statistics

INLINE_ELEMENTS = 16
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$")


@dataclass(frozen=True)
class PrintOptions:
    """What to print.

    Attributes:
        locations: append `loc(…)` to every op.
        canonical_names: number all values but arguments, so that equal structure is equal text.
        data: print resources that can be recreated (`splat`, `random`, `file`) as such; otherwise
            every resource is named by its hash.
        statistics: append to the lines of weights a comment: least, largest and mean element,
            standard deviation, fraction of zeros. There is none where only the hash is known.
        place: puts a resource where text can refer to it, and gives what stands for it; all weights
            are resources then, even small ones.
    """

    locations: bool = False
    canonical_names: bool = False
    data: bool = True
    statistics: bool = False
    place: Callable[[Resource], Resource] | None = None


def print_module(module: Module, options: PrintOptions | None = None) -> str:
    """The module as text, ending in a newline."""
    return _Printer(options or PrintOptions()).module(module)


def print_function(function: Function, options: PrintOptions | None = None) -> str:
    """One function with the resources it uses."""
    printer = _Printer(options or PrintOptions())
    printer.function(function, "")
    printer.resource_table()
    return printer.text()


def print_op(op: Op, options: PrintOptions | None = None) -> str:
    """One op on one line (its regions below); operands by their names."""
    printer = _Printer(options or PrintOptions())
    printer.op(op, "")
    return printer.text().rstrip("\n")


def op_lines(function: Function) -> tuple[dict[Op, str], dict[Value, str]]:
    """The lines of a function's ops (the first one of ops with regions), and its values' names.

    All are as `print_function` prints them.
    """
    printer = _Printer(PrintOptions())
    printer.function(function, "")
    lines = {op: printer.lines[start].strip() for op, start in printer.starts.items()}
    return lines, {value: _ssa(name) for value, name in printer.names.items()}


def dense_text(array: Array) -> str:
    """An array's elements as in `dense<…>`."""
    return _dense(array)


def value_names(function: Function) -> dict[Value, str]:
    """The name of each value in the function's text, including those in regions."""
    printer = _Printer(PrintOptions())
    printer.function(function, "")
    return printer.names


def structurally_equal(a: Module, b: Module) -> bool:
    """Whether two modules differ only in value names, resource names and locations."""
    options = PrintOptions(canonical_names=True, data=False)
    return print_module(a, options) == print_module(b, options)


class _Printer:
    def __init__(self, options: PrintOptions) -> None:
        self.options = options
        self.lines: list[str] = []
        self.starts: dict[Op, int] = {}
        self.names: dict[Value, str] = {}
        self.taken: set[str] = set()
        self.counter = 0
        self.resources: dict[str, Resource] = {}
        self.resource_names: dict[int, str] = {}

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def module(self, module: Module) -> str:
        name = f" {_symbol(module.name)}" if module.name else ""
        self.lines.append(f"module{name}{_dict(module.attributes)} {{")
        for function in module.functions.values():
            self.function(function, "  ")
        self.lines.append("}")
        self.resource_table()
        return self.text()

    def function(self, function: Function, indent: str) -> None:
        self.names, self.taken, self.counter = {}, set(), 0
        # Arguments first: their names are the interface, so no other value may get them.
        for value in function.arguments:
            self.names[value] = self.unique(value.name)
        arguments = ", ".join(
            f"{_ssa(self.names[value])}: {value.type}{_dict(known.entries())}"
            for value, known in zip(function.arguments, function.inputs, strict=True)
        )
        classes = _dict(function.classifier.entries())
        extra = f" attributes{classes}" if classes else ""
        head = f"func {'' if function.public else 'private '}{_symbol(function.name)}({arguments})"
        self.lines.append(f"{indent}{head} -> {_results(function)}{extra} {{")
        self.block(function.block, indent + "  ")
        self.lines.append(f"{indent}}}")

    def block(self, block: Block, indent: str) -> None:
        for op in block:
            self.op(op, indent)

    def op(self, op: Op, indent: str) -> None:
        self.starts[op] = len(self.lines)
        if op.is_terminator:
            operands = ", ".join(self.ref(v) for v in op.operands)
            self.lines.append(f"{indent}{op.name} {operands}".rstrip())
            return
        head = f"{op.name}{self.operands(op)}{self.attributes(op)}"
        regions = op.all_regions()
        for value in op.results:
            self.names[value] = self.unique(self.wanted_name(op, value))
        results = ", ".join(_ssa(self.names[v]) for v in op.results)
        prefix = f"{results} = " if results else ""
        types = ", ".join(str(v.type) for v in op.results)
        suffix = f" : {types}" if types else ""
        if self.options.locations and not isinstance(op.location, Unknown):
            suffix += f" loc({_location(op.location)})"
        if not regions:
            self.lines.append(f"{indent}{prefix}{head}{suffix}")
            return
        self.lines.append(f"{indent}{prefix}{head} ({{")
        for position, body in enumerate(regions):
            if position:
                self.lines.append(f"{indent}}}, {{")
            self.region(body, indent + "  ")
        self.lines.append(f"{indent}}}){suffix}")

    def wanted_name(self, op: Op, value: Value) -> str:
        """The value's own name, or one made from the layer that it comes from."""
        if self.options.canonical_names or value.name:
            return "" if self.options.canonical_names else value.name
        last = leaves(op.location)[-1]
        kind = op.name.rpartition(".")[2]
        return f"{last.name}.{kind}" if isinstance(last, InModel) and last.name else ""

    def region(self, body: Region, indent: str) -> None:
        for value in body.block.arguments:
            self.names[value] = self.unique("" if self.options.canonical_names else value.name)
        if body.block.arguments:
            shown = ", ".join(f"{_ssa(self.names[v])}: {v.type}" for v in body.block.arguments)
            self.lines.append(f"{indent}^({shown}):")
        self.block(body.block, indent)

    def operands(self, op: Op) -> str:
        items = op.spec.operands
        if not items:
            return ""
        if len(items) == 1 and items[0].variadic:
            return f"({', '.join(self.ref(v) for v in op.operands)})"
        shown: list[str] = []
        for item in items:
            values = ", ".join(self.ref(v) for v in op.values_of(item.name))
            shown.append(f"[{values}]" if item.variadic else values or "none")
        while shown and shown[-1] == "none":
            shown.pop()
        return f"({', '.join(shown)})"

    def attributes(self, op: Op) -> str:
        shown = [
            f"{item.name} = {self.attribute(op, op.attributes[item.name])}"
            for item in op.spec.attributes
            if op.attributes[item.name] != item.default
        ]
        return f" {{{', '.join(shown)}}}" if shown else ""

    def attribute(self, op: Op, value: Any) -> str:
        if isinstance(value, Resource):
            return self.resource(value, op)
        return literal(value)

    def resource(self, resource: Resource, op: Op) -> str:
        if self.is_inline(resource):
            return f"dense<{_dense(resource.array())}>"
        if id(resource) not in self.resource_names:
            base = op.results[0].name if isinstance(op, Constant) else ""
            name = resource.name or base or "resource"
            if self.options.canonical_names:
                name = resource.digest
            self.resource_names[id(resource)] = self.resource_name(name, resource)
        return f"resource<{quote(self.resource_names[id(resource)])}>"

    def is_inline(self, resource: Resource) -> bool:
        if isinstance(resource, HashResource):
            return False
        if resource.type.dtype is DType.STR:  # of no fixed size: no file range can hold strings
            return True
        kept = self.options.place is not None and resource.origin is not None and resource.size > 1
        return resource.size <= INLINE_ELEMENTS and not kept

    def resource_name(self, name: str, resource: Resource) -> str:
        candidate, number = name, 0
        while candidate in self.resources:
            known = self.resources[candidate]
            if self._is_same(known, resource):
                return candidate
            number += 1
            candidate = f"{name}_{number}"
        self.resources[candidate] = resource
        return candidate

    def _is_same(self, a: Resource, b: Resource) -> bool:
        """Whether one entry is enough: for one weight, or for equal numbers that are none."""
        if self.options.canonical_names or (a.origin is None and b.origin is None):
            return a == b
        return a.origin == b.origin

    def resource_table(self) -> None:
        if not self.resources:
            return
        self.lines.append("resources {")
        for name, resource in self.resources.items():
            placed = self.options.place(resource) if self.options.place else resource
            source = _source(placed, self.options.data)
            told = _statistics(resource) if self.options.statistics else ""
            comment = f"  // {told}" if told else ""
            self.lines.append(f"  {quote(name)} : {resource.type} = {source}{comment}")
        self.lines.append("}")

    def unique(self, name: str) -> str:
        if not name:
            while str(self.counter) in self.taken:
                self.counter += 1
            name = str(self.counter)
        candidate, number = name, 0
        while candidate in self.taken:
            number += 1
            candidate = f"{name}_{number}"
        self.taken.add(candidate)
        return candidate

    def ref(self, value: Value) -> str:
        return _ssa(self.names.get(value) or value.name or "?")


def _source(resource: Resource, data: bool) -> str:
    if data and isinstance(resource, SplatResource):
        return f"splat({literal(resource.value)})"
    if data and isinstance(resource, RandomResource):
        return f"random({resource.seed})"
    if data and isinstance(resource, EncodedResource):
        match resource.encoding:
            case Cast(RandomResource() as numbers):
                return f"random({numbers.seed}, {numbers.type.dtype.value})"
            case _:
                pass
    if data and isinstance(resource, FileResource):
        return f"file({quote(str(resource.path))}, {resource.offset})"
    return f"hash({quote(resource.digest)})"


def _statistics(resource: Resource) -> str:
    """The comment for a weight; empty if its elements are missing or are not numbers."""
    if isinstance(resource, HashResource):
        return ""
    found = statistics(resource.array())
    resource.release()
    return "" if found is None else found.text


def _results(function: Function) -> str:
    types = [value.type for value in function.results]
    if not function.result_names:
        shown = [str(item) for item in types]
        return shown[0] if len(shown) == 1 else f"({', '.join(shown)})"
    rows = zip(function.result_names, types, function.outputs, strict=True)
    parts = [f"{quote(name)}: {item}{_dict(known.entries())}" for name, item, known in rows]
    return f"({', '.join(parts)})"


def _dict(attributes: Mapping[str, Any]) -> str:
    if not attributes:
        return ""
    shown = (f"{_key(key)} = {literal(value)}" for key, value in attributes.items())
    return f" {{{', '.join(shown)}}}"


def _key(key: str) -> str:
    return key if _NAME.fullmatch(key) else quote(key)


def _ssa(name: str) -> str:
    return f"%{name}" if name and _BARE.issuperset(name) else f"%{quote(name)}"


def _symbol(name: str) -> str:
    return f"@{name}" if name and _BARE.issuperset(name) else f"@{quote(name)}"


def _location(location: Location) -> str:
    if isinstance(location, Fused):
        return f"fused<{quote(location.by)}>[{', '.join(map(_location, location.parts))}]"
    if isinstance(location, CallSite):
        return f"callsite({_location(location.callee)} at {_location(location.caller)})"
    return quote(str(location))


def _dense(array: Array) -> str:
    if array.ndim:
        return f"[{', '.join(_dense(np.asarray(row, array.dtype)) for row in array)}]"
    if array.dtype.kind in "OSU":
        return quote(str(array.item()))
    if array.dtype.kind == "f":
        return _float(array)
    return literal(array.item())


def _float(number: Array) -> str:
    """The shortest decimal that reads back as the same number of this dtype."""
    if DType.of(number) is DType.F64:
        return repr(float(number))
    scalar: Any = number[()]
    if not np.isfinite(scalar):
        return repr(float(scalar))
    if _is_extreme(float(scalar)):
        return np.format_float_scientific(scalar, unique=True, trim="0")
    return np.format_float_positional(scalar, unique=True, trim="0")


def _is_extreme(number: float) -> bool:
    return number != 0 and not 1e-4 <= abs(number) < 1e16


def print_types(values: Iterable[Value]) -> str:
    """Comma-separated types, for messages."""
    return ", ".join(str(value.type) for value in values)
