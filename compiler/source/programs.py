"""The operations of ML Programs, and their constants in weight files."""

from collections.abc import Iterator
from typing import Any

from .spec import parts


def operations(program: Any) -> Iterator[Any]:
    """Every Operation message of a Program; those in nested blocks follow the one around them."""
    for function in _sorted(program.functions):
        for block in _sorted(function.block_specializations):
            yield from _inside(block)


def _sorted(entries: Any) -> Iterator[Any]:
    """The values of a map by their keys: messages iterate in any order."""
    for key in sorted(entries):
        yield entries[key]


def _inside(block: Any) -> Iterator[Any]:
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from _inside(inner)


def stored_values(spec: Any) -> Iterator[tuple[str, Any]]:
    """The constants of a model that are in weight files: (name, Value message).

    Includes those of a pipeline's stages; each is listed where it is used, perhaps several times.
    """
    for part in parts(spec):
        for operation in operations(part.mlProgram):
            name = operation.outputs[0].name if operation.outputs else operation.type
            for value in _values(operation):
                for stored in _stored(value):
                    yield name, stored


def _values(operation: Any) -> Iterator[Any]:
    yield from _sorted(operation.attributes)
    for argument in _sorted(operation.inputs):
        for binding in argument.arguments:
            if binding.WhichOneof("binding") == "value":
                yield binding.value


def _stored(value: Any) -> Iterator[Any]:
    """The value itself, or the values inside it."""
    if value.WhichOneof("value") == "blobFileValue":
        yield value
        return
    held = value.immediateValue
    kind = held.WhichOneof("value")
    if kind in ("list", "tuple"):
        for item in getattr(held, kind).values:
            yield from _stored(item)
    elif kind == "dictionary":
        for pair in held.dictionary.values:
            yield from _stored(pair.key)
            yield from _stored(pair.value)
