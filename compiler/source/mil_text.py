"""Reads the text of compiled ML Programs (`model.mil`) as the message that was compiled.

The compiler prints a program faithfully, with the same ops and constants under names that may
differ, so one frontend serves both. Versions 1.0 and 1.3 of the text are known from compiled
models; how nested blocks are written is unknown, so they are refused.
"""

import functools
import re
from importlib import resources as package_resources
from pathlib import Path
from typing import Any, NoReturn

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput

from ...ir.diagnostics import CompileError, Diagnostic, caret_excerpt
from ...ir.location import InText
from .mil_values import (
    Blob,
    Pairs,
    TextError,
    Typed,
    compound_type,
    element_value,
    make_value,
    scalar_type,
    tensor_type,
)
from .spec import FETCH, GIT_LFS, POINTER, messages

_VERSIONS = ("1.0", "1.1", "1.2", "1.3")
# Operation sets: the name in text, and the name in the specification.
OPSETS = {
    "ios15": "CoreML5",
    "ios16": "CoreML6",
    "ios17": "CoreML7",
    "ios18": "CoreML8",
    "ios26": "CoreML9",
}
_WITH_BLOCKS = ("while_loop", "cond")
_NESTED = re.compile(rf"\b({'|'.join(_WITH_BLOCKS)})\s*\(")
_LARGEST = 1 << 28


def read_program(path: Path) -> Any:
    """The MILSpec Program message of a `model.mil`.

    Raises:
        CompileError: the file is missing or is not such text.
    """
    file = str(path)
    try:
        if path.stat().st_size > _LARGEST:
            _fail("the file is larger than the text of any program", file)
        content = path.read_bytes()
        if content.startswith(GIT_LFS):
            raise CompileError(Diagnostic(f"this is {POINTER}", file=file, remedy=FETCH))
        return parse_program(content.decode(), file)
    except FileNotFoundError:
        _fail("the file is missing", file)
    except UnicodeDecodeError as error:
        _fail(f"this is not the text of a program: byte {error.start:,} is not UTF-8", file)
    except OSError as error:
        _fail(f"the file can't be read: {error.strerror or error}", file)


def parse_program(text: str, file: str = "<text>") -> Any:
    """The MILSpec Program message that the text describes.

    Raises:
        CompileError: with line, column and excerpt.
    """
    try:
        return _lark().parse(text)
    except UnexpectedInput as error:
        raise _syntax_error(error, text, file) from None
    except TextError as error:
        kind = "unsupported" if error.unsupported else "malformed"
        raise _error(str(error), text, file, error.token, kind) from None


@functools.cache
def _lark() -> Lark:
    grammar = package_resources.files(__package__ or "").joinpath("mil_text.lark").read_text()
    return Lark(grammar, parser="lalr", maybe_placeholders=True, transformer=_Builder())


def _given(items: tuple[Any, ...]) -> list[Any]:
    """The items without placeholders of absent ones."""
    return [item for item in items if item is not None]


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Builds messages from the bottom up while the text is parsed, so that no tree is kept."""

    def start(self, version: Token, attributes: Any, *functions: Any) -> Any:
        if version not in _VERSIONS:
            message = f"version {version} of the text is not known, only {', '.join(_VERSIONS)}"
            raise TextError(message, version, unsupported=True)
        program = messages("MIL_pb2").Program(version=1)
        _set_attributes(program.attributes, attributes)
        for name, inputs, opset, own, (operations, outputs) in functions:
            if name in program.functions:
                raise TextError(f"the function '{name}' is defined twice", name)
            function = program.functions[name]
            function.inputs.extend(inputs)
            function.opset = opset
            _set_attributes(function.attributes, own)
            block = function.block_specializations[opset]
            block.operations.extend(operations)
            block.outputs.extend(outputs)
        return program

    def function(self, name: Token, opset: Token, inputs: Any, attributes: Any, block: Any) -> Any:
        if opset not in OPSETS:
            message = f"the operation set '{opset}' is not known"
            raise TextError(message, opset, unsupported=True)
        return name, inputs or [], OPSETS[opset], attributes, block

    def block(self, *parts: Any) -> Any:
        *operations, outputs = parts
        return operations, outputs or []

    def names(self, *names: Token) -> Any:
        return [str(name) for name in names]

    def statement(self, outputs: Any, kind: Token, arguments: Any, attributes: Any) -> Any:
        if kind in _WITH_BLOCKS:
            raise _nested(kind, kind)
        operation = messages("MIL_pb2").Operation(type=kind, outputs=outputs)
        for name, bindings in arguments or ():
            if name in operation.inputs:
                raise TextError(f"'{name}' is given twice", name)
            operation.inputs[name].arguments.extend(bindings)
        _set_attributes(operation.attributes, attributes)
        return operation

    def declarations(self, *declarations: Any) -> Any:
        return list(declarations)

    def declaration(self, kind: Typed, name: Token) -> Any:
        return messages("MIL_pb2").NamedValueType(name=name, type=kind.message)

    def arguments(self, *arguments: Any) -> Any:
        return arguments

    def argument(self, name: Token, bindings: Any) -> Any:
        given = bindings if isinstance(bindings, list) else [bindings]
        return name, [_binding(item) for item in _given(tuple(given))]

    def bindings(self, *bindings: Any) -> Any:
        return list(bindings)

    def attributes(self, *attributes: Any) -> Any:
        return _given(attributes)

    def attribute(self, name: Token, value: Any) -> Any:
        return name, value

    def value(self, kind: Typed, literal: Any) -> Any:
        return make_value(kind.message, literal, kind.token)

    def element(self, token: Token) -> Any:
        return element_value(token)

    # -- types -----------------------------------------------------------------------------------

    def tensor_type(self, token: Token) -> Typed:
        return tensor_type(token)

    def scalar_type(self, token: Token) -> Typed:
        return scalar_type(token)

    def list_type(self, token: Token, kind: Typed, length: Token) -> Typed:
        return compound_type(token, "listType", kind, length)

    def tuple_type(self, token: Token, *kinds: Typed | None) -> Typed:
        return compound_type(token, "tupleType", *kinds)

    def dict_type(self, token: Token, key: Typed, value: Typed) -> Typed:
        return compound_type(token, "dictionaryType", key, value)

    def state_type(self, token: Token, kind: Typed) -> Typed:
        return compound_type(token, "stateType", kind)

    # -- literals --------------------------------------------------------------------------------

    def sequence(self, items: Any) -> Any:
        return items or []

    def items(self, *items: Any) -> Any:
        return [*items]

    def pairs(self, *pairs: Any) -> Pairs:
        return Pairs(_given(pairs))

    def pair(self, key: Any, value: Any) -> Any:
        return key, value

    def blob(self, path: Any, offset: Any) -> Blob:
        return Blob(path, offset)


def _binding(item: Any) -> Any:
    binding = messages("MIL_pb2").Argument.Binding
    return binding(name=item) if isinstance(item, Token) else binding(value=item)


def _set_attributes(field: Any, attributes: Any) -> None:
    for name, value in attributes or ():
        if name in field:
            raise TextError(f"the attribute '{name}' is given twice", name)
        field[name].CopyFrom(value)


# -- errors ----------------------------------------------------------------------------------------


def _nested(kind: str, token: Token) -> TextError:
    message = f"'{kind}' has nested blocks; how compiled programs write them is not known"
    return TextError(message, token, unsupported=True)


def _syntax_error(error: UnexpectedInput, text: str, file: str) -> CompileError:
    token = getattr(error, "token", None)
    if token is None:
        position = error.pos_in_stream or 0
        token = Token("", text[position : position + 1], position, error.line, error.column)
    if token.type == "$END":
        lines = text.split("\n")
        end = Token("", "", len(text), len(lines), len(lines[-1]) + 1)
        return _error("unexpected end of the text", text, file, end)
    before = text[: token.start_pos]
    statement = before[max(map(before.rfind, ";{")) + 1 :]
    if nested := _NESTED.search(statement):
        return _error(str(_nested(nested[1], token)), text, file, token, "unsupported")
    whole = token.strip()
    shown = whole.split("\n")[0][:40]
    shown = whole if shown == whole else f"{shown}…"
    return _error(f"unexpected '{shown}'", text, file, token)


def _error(
    message: str, text: str, file: str, token: Token, kind: Any = "malformed"
) -> CompileError:
    line, column = token.line or 1, token.column or 1
    remedy = "copy or compile the whole .mlmodelc folder again" if kind == "malformed" else ""
    if kind == "unsupported":
        remedy = "compile the .mlpackage that this folder was made from"
    excerpt = caret_excerpt(text, line, column)
    location = InText(file, line, column)
    return CompileError(Diagnostic(message, kind, location, remedy=remedy, excerpt=excerpt))


def _fail(message: str, file: str) -> NoReturn:
    remedy = "copy or compile the whole .mlmodelc folder again"
    raise CompileError(Diagnostic(message, "malformed", file=file, remedy=remedy))
