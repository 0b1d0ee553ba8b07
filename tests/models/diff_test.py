"""Edits of other people's models are found, each as what it is; compiled forms are equal.

Without the shared folder these are skipped.
"""

from random import Random

import cmlc
import pytest
from cmlc.compiler.options import Options
from cmlc.ir.diff import compare
from support.modules.module_edits import EDITS, both
from support.modules.module_twins import NO_EDITS
from support.running.shared_folder import FOREIGN, needs_models

pytestmark = [pytest.mark.slow, needs_models]
VAD = "FluidInference__mobius/models__vad__silero-vad__coreml__"
MODELS = (
    "getbouncer__cardscan-ios/OriginalModels__FindFour.mlmodel",
    "pypi__basic_pitch/basic_pitch__saved_models__icassp_2022__nmp.mlpackage",
)


@pytest.fixture(scope="module", params=MODELS)
def module(request):
    return cmlc.compiler.driver.load(FOREIGN / request.param, Options(precision="keep"))


@pytest.mark.parametrize("name", [*NO_EDITS, *EDITS])
def test_exactly_the_edit_is_found(module, name):
    made = both(module, Random(0), {**NO_EDITS, **EDITS}[name])
    if made is None:
        pytest.skip("the model has nothing to edit so")
    twin, expected = made
    assert compare(module, twin).counts() == expected


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_a_model_and_its_compiled_form(bits):
    source = f"{VAD}quantized_models__unified_standard__unified_palette_{bits}bit.mlpackage"
    old = cmlc.load(FOREIGN / source)
    new = cmlc.load(FOREIGN / f"{VAD}compiled__unified_palette_{bits}bit.mlmodelc")
    found = compare(old, new)
    assert found.equal, found.edits


def test_palettes_of_other_sizes_differ_in_weights_only():
    old, new = (
        cmlc.load(
            FOREIGN
            / f"{VAD}quantized_models__unified_standard__unified_palette_{bits}bit.mlpackage"
        )
        for bits in (2, 4)
    )
    found = compare(old, new)
    assert set(found.counts()) == {"weight"}
    assert found.matched == found.ops[0] == found.ops[1]
