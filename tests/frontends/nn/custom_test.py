"""Custom layers: defined by ops, or by functions; and what is said where that fails."""

import numpy as np
import pytest
from cmlc import compile as compile_model
from cmlc import register_custom_layer
from cmlc.compiler.frontends.nn.custom import DEFINITIONS, RULES
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.builtin import scalar
from cmlc.ir.dialects.core import elementwise
from support.networks.builders import assert_refused, imported, layer, network, result, text
from support.running.tensorflow_run import compare


@pytest.fixture(autouse=True)
def fresh():
    """No test sees another's definitions."""
    kept = [(table, dict(table)) for table in (RULES, DEFINITIONS)]
    yield
    for table, content in kept:
        table.clear()
        table.update(content)


def scaled(**fields):
    """y = x * weight + offset, as an app's layer."""
    parameters = {"offset": {"doubleValue": 0.5}, "label": {"stringValue": "hi"}}
    custom = {"className": "Scaled", "weights": [{"floatValue": [1, 2, 3]}], **fields}
    made = network(layer("custom", name="s", **custom), x=(3,))
    message = made.neuralNetwork.layers[0].custom
    for name, value in parameters.items():
        for kind, number in value.items():
            setattr(message.parameters[name], kind, number)
    return made


def rule(layer):
    (x,) = layer.inputs
    product = elementwise.Mul(x, layer.weight(0, (3,))).result
    assert (layer.name, layer.class_name, layer.outputs) == ("s", "Scaled", 1)
    assert layer.parameters["label"] == "hi"
    return elementwise.Add(product, scalar(layer.parameters["offset"], x)).result


def function(inputs, weights, parameters):
    return inputs[0] * weights[0] + parameters["offset"]


def test_a_rule():
    register_custom_layer("Scaled", rule)
    assert result(scaled(), [1, 1, 2]).tolist() == [1.5, 2.5, 6.5]
    ops = [line.split(" = ")[1].split()[0].split("(")[0] for line in text(scaled())[:-1]]
    assert sorted(ops) == ["const", "const", "tensor.add", "tensor.mul"]


def test_a_rule_keeps_a_dynamic_batch():
    register_custom_layer(
        "Scaled", lambda layer: elementwise.Add(layer.inputs[0], layer.inputs[0]).result
    )
    made = network(layer("custom", className="Scaled"), x=(1, 3))
    assert str(imported(made, batch="dynamic").main.arguments[0].type) == "f32[N,3]"


@pytest.mark.slow
def test_functions():
    register_custom_layer("Scaled", evaluate=function, tensorflow=function)
    module = imported(scaled())
    assert result(scaled(), [1, 1, 2]).tolist() == [1.5, 2.5, 6.5]
    compare(module)
    refused = network(layer("custom", className="Scaled"), x=(1, 3))
    assert_refused(
        refused, "works along dimensions that nobody knows", kind="unsupported", batch="dynamic"
    )


@pytest.mark.slow
def test_functions_with_shapes_and_several_results():
    def halves(inputs, weights, parameters):
        return inputs[0][:2], inputs[0][2:]

    register_custom_layer(
        "Halves",
        evaluate=halves,
        tensorflow=halves,
        shapes=lambda shapes, parameters: [(2,), (shapes[0][0] - 2,)],
    )
    made = network(layer("custom", outputs=["a", "b"], className="Halves"), x=(5,))
    module = imported(made)
    assert [str(value.type) for value in module.main.results] == ["f32[2]", "f32[3]"]
    compare(module)


def test_without_a_tensorflow_function():
    register_custom_layer("Scaled", evaluate=function)
    assert result(scaled(), [1, 1, 2]).tolist() == [1.5, 2.5, 6.5]
    with pytest.raises(CompileError, match="is defined without a TensorFlow function"):
        compile_model(scaled())


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["shape", "count"])
def test_results_of_other_types_than_declared(wrong):
    def one_more(inputs, weights, parameters):
        if wrong == "count":
            return inputs[0], inputs[0]
        return np.float32([1, 2, 3, 4])

    register_custom_layer("Scaled", evaluate=one_more, tensorflow=one_more)
    message = "returns 2 results, 1 were declared" if wrong == "count" else r"f32\[4\], expected"
    with pytest.raises(CompileError, match=message):
        result(scaled(), [1, 1, 2])
    with pytest.raises(CompileError, match="custom_call' failed") as caught:
        compile_model(scaled()).executable.graph("main")
    assert caught.value.diagnostics[0].kind == "unsupported"


def test_a_rule_that_fails():
    def broken(layer):
        raise KeyError("gain")

    register_custom_layer("Scaled", broken)
    assert_refused(scaled(), "layers[0] 's'", "has a definition that fails: KeyError: 'gain'")


def test_a_weight_that_is_not_there():
    register_custom_layer("Scaled", lambda layer: layer.weight(1, (3,)))
    assert_refused(scaled(), "has 1 weights, not number 1")
    register_custom_layer("Scaled", lambda layer: layer.weight(0, (4,)))
    assert_refused(scaled(), "has 3 values; shape [4] needs 4")


def test_no_inputs():
    register_custom_layer("Scaled", evaluate=function)
    made = network(layer("custom", [], className="Scaled"), x=(3,))
    assert_refused(made, "custom layer has no input")


def test_what_may_be_registered():
    with pytest.raises(TypeError, match="give a rule, or evaluate"):
        register_custom_layer("Scaled")
    with pytest.raises(TypeError, match="give a rule, or evaluate"):
        register_custom_layer("Scaled", rule, evaluate=function)


def test_the_last_definition_counts():
    register_custom_layer("Scaled", evaluate=function)
    register_custom_layer("Scaled", lambda layer: layer.inputs[0])
    assert result(scaled(), [1, 1, 2]).tolist() == [1, 1, 2]
