"""Pipelines as text: what they mean, how they print, which make no sense."""

from dataclasses import dataclass
from typing import Literal

import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.passes import OPTIMIZE, PASSES, SIMPLIFY
from cmlc.passes.manager import (
    Pass,
    load_pass,
    make_pass,
    parse_pipeline,
)


@dataclass(frozen=True)
class Nothing(Pass):
    """Does nothing, with options of every kind."""

    name = "nothing"

    count: int = 3
    share: float = 0.5
    fast: bool = False
    side: Literal["left", "right"] = "left"

    def apply(self, module, instrumentation):
        return False


OWN = {Nothing.name: Nothing}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dce",
        "canonicalize, cse, dce",
        "layout{to=channels_first}",
        "constant-fold{limit=7}",
        "(cse, dce)*",
        "cse, (canonicalize, (cse, dce)*)*, dce",
        SIMPLIFY,
    ],
)
def test_pipelines_print_as_they_are_written(text):
    assert parse_pipeline(text).spec == text
    assert parse_pipeline(parse_pipeline(text).spec) == parse_pipeline(text)


def test_defaults_and_space_are_not_printed():
    text = "  layout{ to=channels_last },constant-fold{limit=65536}\n, ( cse ,dce ) * "
    assert parse_pipeline(text).spec == "layout, constant-fold, (cse, dce)*"
    assert parse_pipeline(OPTIMIZE).spec == OPTIMIZE.replace("{to=channels_last}", "")


def test_options_of_every_kind():
    made = make_pass("nothing", "count=7 share=0.25,fast=true side=right", OWN)
    assert made == Nothing(7, 0.25, True, "right")
    assert made.spec == "nothing{count=7 share=0.25 fast=true side=right}"
    assert parse_pipeline(made.spec, OWN).stages == (made,)
    assert make_pass("nothing", "fast=false", OWN) == Nothing(fast=False)


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("dcee", "no pass called 'dcee'", "the passes are canonicalize, chain-"),
        ("cannonicalize", "no pass called 'cannonicalize'", "did you mean 'canonicalize'?"),
        ("dce{x=1}", "'dce' has no option 'x'", "its options are: none"),
        ("layout{too=1}", "'layout' has no option 'too'", "did you mean 'to'? its options are: to"),
        ("layout{to}", "'layout': option to has no value", "write to=channels_first|channels_last"),
        ("layout{to=}", "'layout': option to has no value", "write to="),
        ("layout{to=channels_last, to=channels_last}", "option to is given twice", ""),
        ("layout{to=a b}", "option to can't be 'a'", "one of channels_first"),
        ("layout{=}", "'layout': '=' is not an option", "write key=value"),
        ("layout{to=[channels_last]}", "option to can't be '[channels_last]'", "one of"),
        ("layout{to=up}", "option to can't be 'up'", "one of channels_first, channels_last"),
        ("constant-fold{limit=many}", "option limit can't be 'many'", "expected int"),
        ("dce cse", "unexpected text in pipeline: 'cse'", "write 'a, b{option=value}, (c, d)*'"),
        ("dce)", "unexpected text in pipeline: ')'", ""),
        ("(dce, cse)", "expected '*' at the end of pipeline '(dce, cse)'", "a group repeats"),
        ("(dce, cse", "expected ')' at the end of pipeline '(dce, cse'", ""),
        ("(dce cse)*", "expected ')' before 'cse)*' of pipeline", ""),
        ("DCE", "no pass called 'DCE'", "did you mean 'dce'?"),
        ("fold_scale", "no pass called 'fold_scale'", "did you mean 'fold-scale'?"),
        ("dce; cse", "unexpected text in pipeline: '; cse'", ""),
    ],
)
def test_pipelines_that_make_no_sense(text, message, remedy):
    with pytest.raises(CompileError) as caught:
        parse_pipeline(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.kind == "usage"
    assert message in diagnostic.message
    assert remedy in diagnostic.remedy


def test_passes_are_loaded_by_name_or_given():
    assert load_pass("dce", PASSES).name == "dce"
    assert load_pass("nothing", OWN) is Nothing


def test_a_pipeline_gives_its_passes_in_order():
    names = [
        item.name
        for item in parse_pipeline("cse, (dce, (canonicalize)*)*, layout")
        if isinstance(item, Pass)
    ]
    assert names == ["cse", "dce", "canonicalize", "layout"]
