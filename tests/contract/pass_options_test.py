"""Options of passes as text: every type that they may have, what is refused, and back again."""

from dataclasses import dataclass, field
from typing import Literal

import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.passes.manager import Pass, parse_pipeline
from cmlc.passes.options import options_of
from hypothesis import given, settings
from hypothesis import strategies as st


@dataclass(frozen=True)
class Every(Pass):
    """Has options of every type."""

    name = "every"

    size: int = 3
    share: float = 0.5
    fast: bool = False
    side: Literal["left", "right", "a, b"] = "left"
    label: str = ""
    axes: tuple[int, ...] = ()
    names: tuple[str, ...] = ("x",)
    scales: tuple[float, ...] = field(default_factory=lambda: (1.0,))
    limit: int | None = None
    title: str | None = None


@dataclass(frozen=True)
class Needy(Pass):
    """Must be told."""

    name = "needy"

    count: int
    side: Literal["left", "right"]

    def __post_init__(self):
        if self.count < 0:
            raise ValueError("count must not be negative")


TABLE = {"every": Every, "needy": Needy}


def parsed(text):
    (made,) = parse_pipeline(text, TABLE)
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Every()),
        ("size=-7", Every(size=-7)),
        ("share=1e-3, fast=true", Every(share=1e-3, fast=True)),
        ("size = 7  share= 2", Every(size=7, share=2.0)),
        ('label="a, {b} = \\"c\\" \\\\ ]"', Every(label='a, {b} = "c" \\ ]')),
        ("label=conv1/weights:0", Every(label="conv1/weights:0")),
        ('side="a, b"', Every(side="a, b")),
        ("axes=[0, -1,2] size=1", Every(axes=(0, -1, 2), size=1)),
        ("axes=[]", Every(axes=())),
        ('names=["a, b", c, "]"]', Every(names=("a, b", "c", "]"))),
        ("scales=[0.5, inf]", Every(scales=(0.5, float("inf")))),
        ("limit=4", Every(limit=4)),
        ("limit=none", Every()),
        ('title=none label="none"', Every(label="none")),
        ('title="none"', Every(title="none")),
    ],
)
def test_values(text, expected):
    made = parsed(f"every{{{text}}}")
    assert made == expected
    assert parsed(made.spec) == made


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("every{size=1.5}", "option size can't be '1.5'", "expected int"),
        ('every{size="1"}', "option size can't be '1'", "expected int"),
        ("every{share=half}", "option share can't be 'half'", "expected float"),
        ("every{fast=yes}", "option fast can't be 'yes'", "expected true or false"),
        ("every{axes=3}", "option axes can't be '3'", "expected [int, …]"),
        ("every{axes=[1, x]}", "option axes can't be '[1, x]'", "expected int"),
        ("every{axes=[1 2]}", "option axes can't be '[1 2]'", "expected [int, …]"),
        ("every{limit=many}", "option limit can't be 'many'", "expected int"),
        ('every{label="\\q"}', "option label can't be", "escape quotes"),
        ("every{label=a,b}", "has no option 'b'", "its options are:"),
        ("every{label=[a]}", "option label can't be '[a]'", "expected str"),
        ("every{lable=a}", "has no option 'lable'", "did you mean 'label'?"),
        ("needy", "'needy' needs the option count", "write needy{count=int side=left|right}"),
        ("needy{count=1}", "'needy' needs the option side", "needy{side=left|right}"),
        ("needy{count=-1 side=left}", "can't be made: count must not be negative", ""),
    ],
)
def test_refusals(text, message, remedy):
    with pytest.raises(CompileError) as caught:
        parsed(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.kind == "usage"
    assert message in diagnostic.message
    assert remedy in diagnostic.remedy


@settings(max_examples=settings.default.max_examples // 2)
@given(
    st.builds(
        Every,
        size=st.integers(),
        share=st.floats(allow_nan=False),
        label=st.text(),
        title=st.none() | st.text(),
        names=st.lists(st.text()).map(tuple),
        axes=st.lists(st.integers()).map(tuple),
    )
)
def test_any_value_is_spelled_and_read_again(made):
    assert parsed(made.spec) == made


def test_kinds_for_people():
    kinds = {option.name: option.kind for option in options_of(Every)}
    assert kinds["side"] == "left|right|a, b"
    assert kinds["fast"] == "true|false"
    assert kinds["axes"] == "[int, …]"
    assert kinds["limit"] == "int|none"


def test_a_type_that_text_can_not_give():
    @dataclass(frozen=True)
    class Odd(Pass):
        """Takes a dictionary."""

        name = "odd"
        table: dict[str, int] = field(default_factory=dict)

    with pytest.raises(TypeError, match="its option 'table' is of type dict"):
        options_of(Odd)
