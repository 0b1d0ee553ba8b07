"""Random modules: print and parse are inverse, the verifier agrees, and numbers stay the same."""

import numpy as np
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import PrintOptions, print_module, structurally_equal
from cmlc.ir.verify import verify
from hypothesis import given
from hypothesis import strategies as st
from support.modules.generation import is_repeatable, modules


@given(module=modules(helpers=True), n=st.integers(2, 3))
def test_text_says_everything(module, n):
    verify(module)
    text = print_module(module)
    again = parse(text)
    verify(again)
    assert print_module(again) == text
    assert structurally_equal(module, again)
    inputs = random_inputs(module.main, 0, N=n)
    ours, theirs = run(module, inputs), run(again, inputs)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.shape == theirs[name].shape
        if is_repeatable(module):
            np.testing.assert_array_equal(array, theirs[name])


@given(module=modules(helpers=True))
def test_canonical_names_are_stable(module):
    canonical = PrintOptions(canonical_names=True)
    text = print_module(module, canonical)
    assert print_module(parse(text), canonical) == text


@given(module=modules(helpers=True))
def test_spelling_does_not_matter(module):
    """Phrases that are one token as printed are read token by token in any other spelling."""
    text = print_module(module)
    spelled = text.replace("(", "( ").replace("[", "[//]\n").replace(" = ", " =//}\n")
    assert print_module(parse(spelled)) == text
