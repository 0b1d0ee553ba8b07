"""Constant data: immutable, lazily read, compared by content; weights know which weight they are.

A resource knows its type from the start and reads its bytes on demand. Weights of a model stay
where they are (a file range, a protobuf field) until a pass or a target needs them, are read once,
and can be released again.
"""

import hashlib
import json
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..types import Array, DType, Tensor, type_of

# Weights of fewer elements are not worth the ops that decode them.
LEAST_SIZE = 1024


@dataclass(frozen=True)
class Origin:
    """Which weight of a model it is: data of equal origins are one weight, whatever they hold.

    Two layers whose numbers happen to be equal have two origins; a weight that the model stores
    once and uses twice has one.

    Attributes:
        key: what the weight is known by; by default there is no other like it.
    """

    key: Hashable = field(default_factory=object)

    def then(self, *how: Hashable) -> "Origin":
        """The origin of what is made of the weight in this way: the same for the same way."""
        return Origin((self.key, *how))


class Resource:
    """Base of all constant data.

    Attributes:
        type: dtype and (static) shape.
        name: a readable name (`conv1.weight`), used by printers and targets; not part of equality.
        origin: which weight it is; None for numbers that are part of the computation. Not part of
            equality, either.
    """

    __slots__ = ("_array", "_digest", "name", "origin", "type")

    def __init__(self, type: Tensor, name: str = "", origin: Origin | None = None) -> None:
        self.type = type
        self.name = name
        self.origin = origin
        self._array: Array | None = None
        self._digest = ""

    def _load(self) -> Array:
        raise NotImplementedError

    def array(self) -> Array:
        """The data as a read-only array of exactly `type`."""
        if self._array is None:
            array = self._load()
            expected = self.type.static_shape
            if array.dtype != self.type.dtype.numpy or array.shape != expected:
                raise ValueError(
                    f"resource '{self.name}' is declared {self.type} but holds {type_of(array)}"
                )
            if array.flags.writeable:
                array = array.view()
                array.flags.writeable = False
            self._array = array
        return self._array

    def release(self) -> None:
        """Release the bytes if they can be read again."""

    @property
    def digest(self) -> str:
        """Hash of the contents (not of name or shape), 32 hexadecimal digits."""
        if not self._digest:
            was_loaded = self._array is not None
            self._digest = content_digest(self.array())
            if not was_loaded:
                self.release()
        return self._digest

    @property
    def is_weight(self) -> bool:
        """Whether training may change it, so targets keep it as a variable."""
        return self.origin is not None and self.type.dtype.is_float and self.size > 1

    @property
    def identity(self) -> Hashable:
        """Equal for resources that are one weight; numbers that are none are themselves."""
        return id(self) if self.origin is None else (self.origin, self.type)

    @property
    def merge_key(self) -> Hashable:
        """Equal for data that may be merged.

        Numbers may be if they are equal. Weights may be only if they are one weight: two that are
        equal would be trained together.
        """
        return (self.type, self.origin if self.is_weight else self.digest)

    def derived(self, *how: Hashable) -> Origin | None:
        """The origin of what is made of it in this way."""
        return None if self.origin is None else self.origin.then(*how)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.type.static_shape)

    @property
    def compressed(self) -> bool:
        """Whether targets store it in a compressed form, which changing the data would undo."""
        return False

    @property
    def stored_bytes(self) -> int:
        """The number of bytes that targets store."""
        return self.size * self.type.dtype.bytes

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Resource) and self.type == other.type and self.digest == other.digest
        )

    def __hash__(self) -> int:
        # Only the type: hashing must not read gigabytes; equality decides the rest.
        return hash(self.type)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}: {self.type})"


def content_digest(array: Array) -> str:
    """Hash of an array's elements in row-major order."""
    hasher = hashlib.blake2b(digest_size=16)
    if array.dtype.kind == "O":
        hasher.update(json.dumps(array.ravel().tolist()).encode())
    else:
        hasher.update(np.ascontiguousarray(array).data)
    return hasher.hexdigest()


class ArrayResource(Resource):
    """Data already in memory."""

    __slots__ = ()

    def __init__(self, array: Array, name: str = "", origin: Origin | None = None) -> None:
        super().__init__(type_of(array), name, origin)
        self._array = array.astype(object) if array.dtype.kind == "U" else array.view()
        self._array.flags.writeable = False


class LazyResource(Resource):
    """Data that `load` produces on first use, and again after a release, so it must be pure."""

    __slots__ = ("_loader",)

    def __init__(
        self,
        type: Tensor,
        load: Callable[[], Array],
        name: str = "",
        origin: Origin | None = None,
    ) -> None:
        super().__init__(type, name, origin)
        self._loader = load

    def _load(self) -> Array:
        return self._loader()

    def release(self) -> None:
        self._array = None


class FileResource(Resource):
    """A range of a file, memory-mapped: little-endian elements in row-major order from `offset`."""

    __slots__ = ("offset", "path")

    def __init__(
        self, type: Tensor, path: Path, offset: int, name: str = "", origin: Origin | None = None
    ) -> None:
        super().__init__(type, name, origin)
        self.path = path
        self.offset = offset

    def _load(self) -> Array:
        if self.size == 0:
            return np.zeros(self.type.static_shape, self.type.dtype.numpy)
        data = np.memmap(
            self.path, self.type.dtype.numpy.newbyteorder("<"), "r", self.offset, (self.size,)
        )
        return np.asarray(data).reshape(self.type.static_shape)

    def release(self) -> None:
        self._array = None


class SplatResource(Resource):
    """One value everywhere; takes no memory."""

    __slots__ = ("value",)

    def __init__(
        self, type: Tensor, value: float, name: str = "", origin: Origin | None = None
    ) -> None:
        super().__init__(type, name, origin)
        self.value = value

    def _load(self) -> Array:
        scalar: Array = np.asarray(self.value, self.type.dtype.numpy)
        return np.broadcast_to(scalar, self.type.static_shape)


class RandomResource(Resource):
    """Reproducible stand-in data, so that a module with large weights fits into a test.

    Floats are uniform in [-1, 1) scaled down by the square root of the fan-in, integers in [0, 8).
    In text, `random(7, f16)` is such data stored as f16 and kept so (`encodings.Cast`).
    """

    __slots__ = ("seed",)

    def __init__(
        self, type: Tensor, seed: int, name: str = "", origin: Origin | None = None
    ) -> None:
        super().__init__(type, name, origin)
        self.seed = seed

    def _load(self) -> Array:
        generator = np.random.default_rng(self.seed)
        shape, dtype = self.type.static_shape, self.type.dtype
        if dtype.is_float:
            scale = max(1.0, self.size / max(1, shape[0] if shape else 1)) ** -0.5
            return (generator.uniform(-1, 1, shape) * scale).astype(dtype.numpy)
        return generator.integers(0, 2 if dtype is DType.BOOL else 8, shape).astype(dtype.numpy)


class HashResource(Resource):
    """Data of which only the hash is known: what IR text holds without its weights."""

    __slots__ = ()

    def __init__(
        self, type: Tensor, digest: str, name: str = "", origin: Origin | None = None
    ) -> None:
        super().__init__(type, name, origin)
        self._digest = digest

    def _load(self) -> Array:
        raise MissingResourceError(self.name or self.digest)


class MissingResourceError(Exception):
    """A computation needs the contents of a resource of which the text has only the hash."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the contents of resource '{name}' are not here: the text holds only their hash. "
            "Print the module to a file (which writes the weights beside it) instead"
        )


class ViewResource(Resource):
    """Another resource transposed, then reshaped; the base's bytes are shared, not copied.

    It is the same weight, seen otherwise: `root` is what all views of it have in common.
    """

    __slots__ = ("base", "perm")

    def __init__(self, base: Resource, perm: tuple[int, ...], shape: tuple[int, ...]) -> None:
        is_whole = perm == tuple(range(len(perm))) and shape == base.type.shape
        origin = base.origin if is_whole else base.derived("view", perm, shape)
        super().__init__(base.type.with_shape(shape), base.name, origin)
        self.base = base
        self.perm = perm

    @property
    def compressed(self) -> bool:
        return self.base.compressed

    @property
    def stored_bytes(self) -> int:
        return self.base.stored_bytes

    def _load(self) -> Array:
        return self.base.array().transpose(self.perm).reshape(self.type.static_shape)

    def release(self) -> None:
        self._array = None
        self.base.release()


def root(resource: Resource) -> Resource:
    """What a view, or a view of views, is a view of; other resources themselves."""
    while isinstance(resource, ViewResource):
        resource = resource.base
    return resource


def as_resource(
    data: Resource | Array | float | list[Any], name: str = "", origin: Origin | None = None
) -> Resource:
    """Wrap an array (or leave a resource alone)."""
    return data if isinstance(data, Resource) else ArrayResource(np.asarray(data), name, origin)


def is_worth_keeping(resource: Resource) -> bool:
    """Whether decoding at run time saves something."""
    dense = resource.size * resource.type.dtype.bytes
    return resource.compressed and resource.size >= LEAST_SIZE and resource.stored_bytes < dense


def decoded(resource: Resource) -> Resource:
    """The same data as an uncompressed resource, decoded when they are read."""

    def load() -> Array:
        array = resource.array()
        resource.release()
        return array

    return LazyResource(resource.type, load, resource.name, resource.origin)
