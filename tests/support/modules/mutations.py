"""Models that are damaged at random, reproducibly: what a seed does to a file never changes."""

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator, MutableSequence
from pathlib import Path
from typing import Any

from cmlc.compiler.source.spec import messages

_BLOB = (0xDEADBEEF).to_bytes(4, "little")  # how the description of a blob begins
# Numbers that sizes, counts and indices are never ready for.
PATHS = (
    "../../../../etc/passwd",
    "/etc/passwd",
    "@model_path/../../x",
    "a/../..",
    "\0",
    "x" * 5000,
)
EXTREMES = (0, 1, -1, 3, 255, 65536, 2**31 - 1, -(2**31), 2**32, 2**63 - 1)
# Names that lead out of a model's folder, or mean nothing.
PATHS = (
    *("../../../../etc/passwd", "/etc/passwd", "@model_path/../../x"),
    *("a/../..", "\0", "x" * 5000),
)


def flip(data: bytes, chance: random.Random) -> bytes:
    """One to eight bits, most of them near an end: there is the structure, between are weights."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        near = min(len(made), 4096)
        places = (chance.randrange(near), -chance.randint(1, near), chance.randrange(len(made)))
        made[chance.choice(places)] ^= 1 << chance.randrange(8)
    return bytes(made)


def truncate(data: bytes, chance: random.Random) -> bytes:
    """The file ends too early."""
    return data[: chance.randrange(len(data))]


def splice(data: bytes, chance: random.Random) -> bytes:
    """Some bytes are replaced by more or fewer others."""
    at, length = chance.randrange(min(len(data), 8192)), chance.randint(0, 16)
    return data[:at] + chance.randbytes(chance.randint(0, 16)) + data[at + length :]


def damage_message(data: bytes, chance: random.Random) -> bytes:
    """One to three fields of a valid message hold an extreme number, or lose or repeat items.

    Numbers first: they are sizes, counts, axes and modes. Those that aren't set are 0.
    """
    model = messages("Model_pb2").Model.FromString(data)
    for _ in range(chance.randint(1, 3)):
        parent = chance.choice(list(_inside(model)))
        numbers = [f for f in parent.DESCRIPTOR.fields if f.message_type is None]
        set_fields = [field for field, _ in parent.ListFields()]
        fields = numbers if chance.random() < 0.7 and numbers else set_fields
        if fields:
            field = chance.choice(fields)
            _damage_field(parent, field, getattr(parent, field.name), chance)
    return model.SerializeToString()


def _damage_field(parent: Any, field: Any, value: Any, chance: random.Random) -> None:
    repeated = isinstance(value, MutableSequence)
    if repeated and field.message_type is not None and not hasattr(value, "items"):
        if chance.random() < 0.5 and len(value):
            del value[chance.randrange(len(value)) :]
        elif len(value):
            value.add().CopyFrom(chance.choice(value))
    elif isinstance(value, str):
        setattr(parent, field.name, chance.choice(("", "x", value + "_", *PATHS)))
    elif field.message_type is not None or field.cpp_type == field.CPPTYPE_STRING:
        parent.ClearField(field.name)
    else:
        number = chance.choice(EXTREMES)
        try:
            if not repeated:
                setattr(parent, field.name, type(value)(number))
            elif chance.random() < 0.3 and len(value):
                del value[chance.randrange(len(value)) :]
            elif len(value):
                value[chance.randrange(len(value))] = type(value[0])(number)
            else:
                value.append(number)
        except (TypeError, ValueError):  # the field doesn't hold such numbers
            parent.ClearField(field.name)


def _inside(message: Any) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            children = [value[key] for key in sorted(value)]
        else:
            children = value if isinstance(value, MutableSequence) else (value,)
        for child in children:
            if hasattr(child, "ListFields"):  # a map's values may be numbers
                yield from _inside(child)


def damage_json(data: bytes, chance: random.Random) -> bytes:
    """One to three entries of a JSON document are replaced, lost or renamed."""
    content = json.loads(data)
    for _ in range(chance.randint(1, 3)):
        parent, key = chance.choice(list(_entries(content)))
        action = chance.random()
        if action < 0.2:
            del parent[key]
        elif action < 0.3 and isinstance(parent, dict):
            parent[f"{key}_"] = parent.pop(key)
        else:
            parent[key] = chance.choice((*EXTREMES, *PATHS, "", "x", None, [], {}, 1e300, -0.5))
    return json.dumps(content).encode()


def _entries(content: Any) -> Iterator[tuple[Any, Any]]:
    if not isinstance(content, dict | list):
        return
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        yield content, key
        yield from _entries(value)


def damage_program(data: bytes, chance: random.Random) -> bytes:
    """One to three words of a program's text are exchanged, or statements lost, repeated, moved.

    So names mean nothing, or two things, or themselves; types and extents are wrong.
    """
    lines = data.decode().split("\n")
    for _ in range(chance.randint(1, 3)):
        at, action = chance.randrange(len(lines)), chance.random()
        if action < 0.1:
            del lines[at]
        elif action < 0.2:
            lines.insert(chance.randrange(len(lines)), lines[at])
        else:
            words = list(re.finditer(r"[A-Za-z_]\w*|-?\d+", lines[at]))
            others = re.findall(r"[A-Za-z_]\w*", chance.choice(lines)) or ["x"]
            if words:
                word = chance.choice(words)
                number = word[0].lstrip("-").isdecimal()
                new = str(chance.choice(EXTREMES)) if number else chance.choice(others)
                lines[at] = lines[at][: word.start()] + new + lines[at][word.end() :]
    return "\n".join(lines).encode()


def damage_blob(data: bytes, chance: random.Random) -> bytes:
    """A number in the header or in the description of a blob is extreme."""
    made = bytearray(data)
    starts = [0, *(at for at in range(64, len(made), 64) if made[at : at + 4] == _BLOB)]
    start = chance.choice(starts)
    size, at = chance.choice([(4, 0), (4, 4), (8, 8), (8, 16), (8, 24)])
    number = chance.choice((*EXTREMES, len(made), len(made) - 64, 1 << 62))
    made[start + at : start + at + size] = (number % (1 << 8 * size)).to_bytes(size, "little")
    return bytes(made)


def damage(source: Path, target: Path, seed: int) -> str:
    """Write a damaged copy of a model (a file or a folder); returns what was done to which file."""
    chance = random.Random(seed)
    if not source.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        return _damage_file(source, target, chance)
    shutil.copytree(source, target)
    files = sorted(path for path in target.rglob("*") if path.is_file() and path.stat().st_size)
    victim = chance.choice(files)
    if chance.random() < 0.05:
        victim.unlink()
        return f"{victim.name} removed"
    return _damage_file(victim, victim, chance)


def _damage_file(source: Path, target: Path, chance: random.Random) -> str:
    data = source.read_bytes()
    ways: list[Callable[[bytes, random.Random], bytes]] = [flip, truncate, splice]
    if source.suffix in (".mlmodel", ".pb"):
        ways += [damage_message] * 3
    elif source.suffix == ".mil":
        ways += [damage_program] * 3
    elif source.suffix == ".bin" and _BLOB in data[:128]:
        ways += [damage_blob] * 3
    elif data[:1] in (b"{", b"["):
        ways += [damage_json] * 3
    way = chance.choice(ways)
    target.write_bytes(way(data, chance))
    return f"{source.name}: {way.__name__}"
