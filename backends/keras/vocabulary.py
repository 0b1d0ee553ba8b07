"""Vocabularies of lookups: short ones are in the code, long ones in a file beside it."""

import json
from collections.abc import Hashable, Iterator

import numpy as np

from ...ir.dialects.builtin import Constant, constant
from ...ir.names import unique
from ...ir.rewrite import replace_op
from ...ir.ssa import Module, Op
from ...ir.types import DType
from ...ir.weights.resources import Resource, as_resource
from ..names import quoted
from .dialect.lookup import Lookup

_FEW_KEYS = 20


def keys_of(op: Lookup) -> Resource:
    """What a layer looks up."""
    assert isinstance(op.vocabulary.op, Constant)
    return op.vocabulary.op.value


def texts_of_keys(op: Op) -> Iterator[tuple[str, list[str], str]]:
    """The argument that a layer's keys are: what is before them, they, and what is after."""
    if not isinstance(op, Lookup):
        return
    data = keys_of(op)
    if _is_kept(data):
        yield f"vocabulary=VOCABULARIES[{quoted(data.name)}]", [], ""
    elif data.size > _FEW_KEYS:
        yield f"vocabulary=np.arange({data.size})", [], ""
    else:
        keys = data.array().tolist()
        texts = [quoted(key) if isinstance(key, str) else str(key) for key in keys]
        yield "vocabulary=[", texts, "]"


def text_of_file(module: Module) -> str:
    """What the file holds: each kept vocabulary by its name; empty if there is none."""
    kept = {data.name: data for data in map(keys_of, _keeping(module))}
    lists = {name: data.array().tolist() for name, data in kept.items()}
    return json.dumps(lists, indent=0, ensure_ascii=False) + "\n" if kept else ""


def needing_tensorflow(module: Module) -> list[str]:
    """What no other backend of Keras has: the layers of lookups, or else inputs of strings."""
    calls = (op.call.rpartition(".")[2] for op in module.walk() if isinstance(op, Lookup))
    texts = any(value.type.dtype is DType.STR for value in module.main.arguments)
    return list(dict.fromkeys(calls)) or ["strings"] * texts


def tell_apart(module: Module) -> bool:
    """Name the vocabularies that the file holds after the inputs that are looked up in them.

    Returns:
        Whether a name changed.
    """
    names: dict[Hashable, str] = {}
    changed = False
    for op in list(_keeping(module)):
        data, source = keys_of(op), op.inputs
        if data.digest not in names:
            wanted = source.name if source.op is None else data.name
            names[data.digest] = unique(wanted or "keys", names.values())
        if data.name != (name := names[data.digest]):
            assert op.vocabulary.op is not None
            named = constant(as_resource(data.array(), name))
            replace_op(op.vocabulary.op, [named], by="hold-constants-keras")
            changed = True
    return changed


def _keeping(module: Module) -> Iterator[Lookup]:
    """The layers whose vocabularies the file holds."""
    return (op for op in module.walk() if isinstance(op, Lookup) and _is_kept(keys_of(op)))


def _is_kept(data: Resource) -> bool:
    """Whether there are many keys, which can't be counted."""
    if data.size <= _FEW_KEYS:
        return False
    keys = data.array()
    return keys.dtype == object or not np.array_equal(keys, np.arange(len(keys)))
