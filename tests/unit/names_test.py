"""What names become: unique, right for each format, unchanged where possible."""

import json
import keyword
import random
import re

import pytest
from cmlc.backends import names
from cmlc.ir.names import ARRAY, FILE, LINE, SYMBOL, distinct, unique
from support.modules.names import KINDS, drawn_names

_IDENTIFIER = r"[A-Za-z][A-Za-z0-9_]*"
# What each format takes, said another way than by the grammars.
FORMS = {
    "node": (names.NODE, lambda n: re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_./-]*", n), str.lower),
    "argument": (
        names.ARGUMENT,
        lambda n: re.fullmatch(_IDENTIFIER, n) and not keyword.iskeyword(n) and n != "self",
        str.lower,
    ),
    "input": (
        names.INPUT,
        lambda n: names.parameter(n).isidentifier() and n != "self" and "\0" not in n,
        names.parameter,
    ),
    "key": (names.KEY, lambda n: n and "\0" not in n and n.encode(), str),
    "layer": (names.LAYER, lambda n: n and "/" not in n and n.encode(), str),
    "variable": (names.VARIABLE, lambda n: n.isidentifier() and not keyword.iskeyword(n), str),
    "lite": (names.LITE_INPUT, lambda n: n and n != "self" and "\0" not in n, str),
    "file": (
        FILE,
        lambda n: 0 < len(n.encode()) <= 200 and not set(n) & set('/\\:*?"<>|') and n[0] != ".",
        str.casefold,
    ),
    "array": (ARRAY, lambda n: n and not n.endswith(".npy") and "\0" not in n, str),
    "line": (LINE, lambda n: len(n.splitlines()) <= 1 and not n.endswith(("\n", "\r")), str),
    "symbol": (SYMBOL, lambda n: re.fullmatch(r"[A-Za-z_]\w*", n, re.ASCII), str),
}


@pytest.mark.parametrize("form", FORMS)
def test_names_are_unique_and_right(form):
    grammar, takes, alike = FORMS[form]
    given = drawn_names(2000, seed=7)
    written = distinct(grammar, given)
    for name, other in zip(given, written, strict=True):
        assert takes(other), (name, other)
        assert grammar.fits(other), (name, other)
    assert len(set(map(alike, written))) == len(given)
    assert distinct(grammar, given) == written
    # What fits stays, unless something before it is the same to the format.
    seen = set()
    for name, other in zip(given, written, strict=True):
        if grammar.fits(name) and alike(name) not in seen:
            assert other == name
            seen.add(alike(name))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_name_is_drawn(kind):
    drawn = KINDS[kind](random.Random(3))
    assert drawn
    for grammar, takes, _ in FORMS.values():
        assert all(takes(written) for written in distinct(grammar, drawn))


def test_the_order_of_what_fits_does_not_matter():
    """A name that has to change never takes the place of one that needn't."""
    for given in (["input.1", "input_1"], ["input_1", "input.1"]):
        written = dict(zip(given, distinct(names.ARGUMENT, given), strict=True))
        assert written == {"input_1": "input_1", "input.1": "input_1_1"}


@pytest.mark.parametrize(
    ("grammar", "name", "written"),
    [
        (names.NODE, "_fc_weight", "fc_weight"),
        (names.NODE, "/fc", "fc"),
        (names.NODE, "(0): Linear", "0___Linear"),
        (names.NODE, "a\\b", "a_b"),
        (names.NODE, "conv1/kernel", "conv1/kernel"),
        (names.NODE, "слово", "node"),
        (names.INPUT, "слово", "слово"),
        (names.INPUT, "_x", "_x"),
        (names.INPUT, "in:0", "in:0"),
        (names.INPUT, "class", "class_"),
        (names.INPUT, "self", "self_"),
        (names.INPUT, "", "input"),
        (names.LITE_INPUT, "class", "class"),
        (names.KEY, "a\0b", "a_b"),
        (names.LAYER, "in/1", "in_1"),
        (FILE, "../etc", "_etc"),
        (ARRAY, "x.npy", "x_"),
        (LINE, "cat\r", "cat "),
    ],
)
def test_the_nearest_name(grammar, name, written):
    assert distinct(grammar, [name]) == [written]


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        *(("2nd Conv", "x_2nd_conv"), ("class", "class_"), ("x", "x_"), ("Layers", "layers_")),
        *(("", "value"), ("слово", "value"), ("_a.b", "a_b")),
    ],
)
def test_variables_of_generated_code(name, variable):
    assert names.variable(name) == variable


def test_equal_names_are_several_things():
    assert distinct(names.NODE, ["a", "A", "a"]) == ["a", "A_1", "a_2"]
    assert unique("reset", ["reset", "reset_1"]) == "reset_2"
    assert names.one_line_each(["cat\r", "cat ", "cat\r"]) == ["cat _1", "cat ", "cat _1"]


def test_text_in_code_means_the_text():
    for text in drawn_names(300, seed=11):
        assert eval(names.quoted(text)) == text
        assert len(names.quoted(text).splitlines()) == 1
        code = f'"""{names.documented(text)}.\n"""'
        assert eval(code) == f"{text}.\n"


def test_what_people_are_told():
    found = [
        *names.changed("input", ["class", "x"], ["class_", "x"], "main"),
        *names.changed("weight", ["_w", "_w", "a b"], ["w", "w_1", "a_b"]),
    ]
    assert list(map(str, found)) == [
        "input class of main is called class_",
        "weight _w is called w",
        'weight "a b" is called a_b',
    ]
    facts = names.facts_of(found)
    assert json.loads(json.dumps(facts))["renamed"][0] == {
        "kind": "input",
        "name": "class",
        "written": "class_",
        "function": "main",
    }
    many = [*names.changed("weight", map(str, range(9)), map(chr, range(97, 106)))]
    rows = names.rows_of(many, "--json")
    assert [title for title, _ in rows] == ["renamed"] + [""] * 6
    assert rows[-1][1] == "and 3 more, listed in --json"
