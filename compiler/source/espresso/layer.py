"""What the rule of an Espresso layer type works with: keys, shapes, weights, and the network.

A rule consumes every key that it understands; whatever is left over is refused by name. It returns
the shapes of its results, which must be the compiled ones: the meaning that a rule gives to a layer
is checked against the shapes that the compiler computed.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.location import InModel
from .files import BlobShapes, Dims, Net, WeightFile

Rule: TypeAlias = Callable[["EspressoLayer"], tuple[Dims, ...]]
RuleTable: TypeAlias = dict[str, Rule]

_FLOATS, _HALVES = "blob_weights", "blob_weights_f16"
_MOST = 1 << 31
# Tag of the packed field `floatValue` of WeightParams: number 1, of bytes.
_FLOAT_VALUE = b"\x0a"


@dataclass
class EspressoLayer:
    """One layer being turned into layers of the specification.

    Attributes:
        keys: the keys that have not been consumed yet.
        kind: the layer's type.
        location: where diagnostics point.
        inputs: the names of the input blobs.
        outputs: the names of the output blobs.
        network: the message to which layers are added.
        version: the specification version that the layers made so far need.
    """

    keys: dict[str, Any]
    kind: str
    location: InModel
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    net: Net
    shapes: BlobShapes
    blobs: WeightFile
    network: Any
    version: int = 1
    _names: set[str] = field(default_factory=set[str])

    # -- diagnostics ---------------------------------------------------------------------------

    def error(self, message: str) -> CompileError:
        """An error for a layer that contradicts itself or its shapes."""
        return self._error(message, "malformed")

    def unsupported(self, message: str) -> CompileError:
        """An error for a layer that has no exact equivalent, or none that is known."""
        return self._error(message, "unsupported")

    def _error(self, message: str, kind: Any) -> CompileError:
        text = f"{self.kind} layer {message}"
        file = str(self.net.path)
        return CompileError(Diagnostic(text, kind, self.location, file, subject=self.kind))

    def require(self, condition: bool, message: str) -> None:
        if not condition:
            raise self.error(message)

    def unknown(self, key: str, value: object) -> CompileError:
        """An error for a key, or a value, whose meaning is unknown."""
        shown = json.dumps(value)
        shown = shown if len(shown) < 60 else f"{shown[:56]} …"
        return self.unsupported(f"has {key} = {shown}, which is not understood")

    # -- keys ----------------------------------------------------------------------------------

    def expect(self, key: str, *known: float) -> float:
        """One of few known values."""
        value = self._present(key, None)
        if not isinstance(value, int | float) or value not in known:
            raise self.unknown(key, value)
        return value

    def optional(self, key: str, *known: float) -> float:
        """The same, or the first value if the key is absent, because compilers leave it out."""
        return self.expect(key, *known) if key in self.keys else known[0]

    def flag(self, key: str) -> bool:
        """True or false, also spelled 1 or 0; false if absent."""
        return bool(self.optional(key, 0, 1))

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._present(key, default)
        if type(value) is not int or not -_MOST < value < _MOST:
            raise self.error(f"has {key} = {json.dumps(value)[:60]}, expected a whole number")
        return value

    def size(self, key: str, default: int | None = None) -> int:
        """A whole number of at least 1."""
        value = self.integer(key, default)
        self.require(value > 0, f"has {key} = {value}, expected 1 or more")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        value = self._present(key, default)
        is_number = isinstance(value, int | float) and type(value) is not bool
        if not is_number or not abs(value) < 3.5e38:
            raise self.error(f"has {key} = {json.dumps(value)[:60]}, expected a number")
        return float(value)

    def _present(self, key: str, default: float | None) -> Any:
        value = self.keys.pop(key, default)
        if value is None:
            raise self.error(f"has no {key}")
        return value

    def optional_only(self, values: dict[str, float]) -> None:
        """Keys that must have the given values or be absent; other values would have a meaning."""
        for key, value in values.items():
            self.optional(key, value)

    def amounts(self, *keys: str) -> tuple[int, ...]:
        """Whole numbers of at least 0; either all or none of the keys are present."""
        default = None if any(key in self.keys for key in keys) else 0
        found = tuple(self.integer(key, default) for key in keys)
        self.require(
            min(found) >= 0, f"has the padding {list(found)}, expected numbers of 0 or more"
        )
        return found

    # -- shapes --------------------------------------------------------------------------------

    @property
    def exact(self) -> bool:
        """Whether blobs have ranks of their own."""
        return self.shapes.exact

    def arity(self, inputs: int | None = None, outputs: int | None = 1) -> None:
        """Raise an error unless the layer has so many blobs; None means one or more."""
        for found, wanted, what in (
            (self.inputs, inputs, "input"),
            (self.outputs, outputs, "output"),
        ):
            fits = len(found) == wanted if wanted is not None else bool(found)
            shown = "one or more" if wanted is None else wanted
            self.require(fits, f"has {len(found)} {what}s, expected {shown}")

    def shape(self, index: int = 0) -> Dims:
        """The shape of an input."""
        return self.shapes.dims[self.inputs[index]]

    def image(self) -> Dims:
        """The shape of the only input, with channel, height and width at its end."""
        self.arity(1)
        shape = self.shape()
        self.require(len(shape) > 2, f"has an input of shape {list(shape)}, expected rank 3")
        return shape

    def result(self, index: int = 0) -> Dims:
        """The compiled shape of an output, for layers that don't determine it themselves."""
        return self.shapes.dims[self.outputs[index]]

    def only_exact(self) -> None:
        """Refuse a layer that needs blobs of any rank, in a network where all have rank 5."""
        if not self.exact:
            raise self.unsupported("counts dimensions, in a network where no blob states its rank")

    def axis(self, value: int, rank: int, key: str) -> int:
        """An axis from the front."""
        self.require(-rank <= value < rank, f"has {key} = {value} for rank {rank}")
        return value % rank

    # -- making layers -------------------------------------------------------------------------

    def add(
        self,
        kind: str,
        *,
        inputs: Iterable[str] | None = None,
        outputs: Iterable[str] | None = None,
        suffix: str = "",
        since: int = 1,
    ) -> Any:
        """A new layer of the specification, between this one's blobs; returns its parameters.

        Args:
            kind: the type's name in the `layer` oneof.
            inputs: the input blobs, if they are not this layer's.
            outputs: the output blobs, likewise.
            suffix: distinguishes its name from those of other layers made from the same one.
            since: the specification version that introduced the type, or the fields used.
        """
        self.version = max(self.version, since)
        made = self.network.layers.add(name=f"{self.location.name}{suffix}")
        made.input.extend(self.inputs if inputs is None else inputs)
        made.output.extend(self.outputs if outputs is None else outputs)
        params = getattr(made, kind)
        params.SetInParent()
        return params

    def fused(self, **keys: str) -> str:
        """The activation in this layer: the value of the only key that is set, or ""."""
        found = [function for key, function in keys.items() if self.flag(key)]
        if len(found) > 1:
            raise self.unsupported(f"is followed by {' and '.join(found)}, in an unknown order")
        return found[0] if found else ""

    def before(self, function: str) -> tuple[str, ...]:
        """The outputs of the layer that `activate` will follow."""
        if not function:
            return self.outputs
        name = f"{self.outputs[0]}_before_{function}"
        while name in self.shapes or name in self._names:
            name += "_"
        self._names.add(name)
        return (name,)

    def activate(self, function: str, inputs: tuple[str, ...]) -> None:
        """Add the activation that `fused` found."""
        if function:
            made = self.add("activation", inputs=inputs, suffix=f"_{function}")
            getattr(made, function).SetInParent()

    # -- weights -------------------------------------------------------------------------------

    def weights(self, params: Any, dims: Dims) -> None:
        """Fill WeightParams from `blob_weights` or its half-precision form."""
        if _HALVES in self.keys and _FLOATS not in self.keys:
            params.float16Value = self.blobs.read(self._number(_HALVES, prod(dims), 2))
            self.version = max(self.version, 2)
        else:
            self.floats(_FLOATS, params, prod(dims))

    def floats(self, key: str, params: Any, count: int) -> None:
        """Fill WeightParams from a blob of float32, without a Python number for each."""
        number = self._number(key, count, 4)
        params.MergeFromString(self.blobs.read(number, _packed(4 * count)))

    def bias(self, params: Any, count: int) -> None:
        """Fill WeightParams from `blob_biases`.

        Some compilers reserve four times the space and leave the rest after the biases empty.
        """
        data = self.blobs.read(self._number("blob_biases", count, 4, spare=3))
        self.require(not any(data[4 * count :]), "has numbers after its biases")
        store_floats(params, data[: 4 * count])

    def blob(self, key: str, count: int, width: int = 4) -> bytes:
        """The data of `count` elements: float32, or of another width."""
        return self.blobs.read(self._number(key, count, width))

    def _number(self, key: str, count: int, width: int, spare: int = 0) -> int:
        """The number of a blob of `count` elements, perhaps with `spare` times as many unused."""
        number = self.integer(key)
        found, wanted = self.blobs.size(number), count * width
        self.require(found is not None, f"has {key} = {number}, but there are no such weights")
        self.require(
            found in {wanted, wanted * (spare + 1)},
            f"has {found} bytes of {key}, but {count:,} numbers take {wanted:,}",
        )
        return number


def store_floats(params: Any, data: bytes) -> None:
    """Fill `floatValue` with little-endian float32."""
    params.MergeFromString(_packed(len(data)) + data)


def _packed(length: int) -> bytes:
    """The bytes before those of `floatValue`: the field's tag, and its length."""
    head = bytearray(_FLOAT_VALUE)
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head)
