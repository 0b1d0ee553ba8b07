"""What is inside ML Programs: operations and stored constants, wherever they are."""

from cmlc.compiler.source.programs import operations, stored_values
from cmlc.compiler.source.spec import messages
from cmlc.compiler.source.survey import survey
from support.mil.files import MIL, const, op, program, tensor, value

KIND = tensor("uint4", 5)


def place(offset):
    return value(KIND, ("@model_path/weights/weight.bin", offset))


def everywhere():
    """Constants in attributes, arguments, lists, tuples, dictionaries and nested blocks."""
    both = MIL.Value()
    both.type.listType.type.CopyFrom(KIND)
    both.immediateValue.list.values.append(place(3))
    both.immediateValue.list.values.append(value(KIND, [1, 2, 3, 4, 5]))
    pair = MIL.Value()
    inside = pair.immediateValue.tuple.values.add().immediateValue.dictionary.values.add()
    inside.key.CopyFrom(value(tensor("string"), ["k"]))
    inside.value.CopyFrom(place(4))
    outer = op("while_loop", {"y": KIND}, {"a": place(1)}, b=["x", place(2)], c=both, d=pair)
    outer.blocks.add().operations.append(const("inner", KIND, ("@model_path/other.bin", 5)))
    return program(outer, op("write_state", {}, data=place(1)), outputs=["y"])


def test_stored_values():
    found = [(name, item.blobFileValue.offset) for name, item in stored_values(everywhere())]
    assert sorted(found) == [
        ("inner", 5),
        ("write_state", 1),
        *(("y", offset) for offset in (1, 2, 3, 4)),
    ]


def test_stages_of_pipelines():
    outer = messages("Model_pb2").Model()
    inner = outer.pipelineClassifier.pipeline.models.add().pipeline
    inner.models.append(everywhere())
    inner.models.append(everywhere())
    assert len(list(stored_values(outer))) == 12


def test_operations():
    kinds = [operation.type for operation in operations(everywhere().mlProgram)]
    assert kinds == ["while_loop", "const", "write_state"]


def test_models_without_programs():
    network = messages("Model_pb2").Model()
    network.neuralNetwork.SetInParent()
    assert not list(stored_values(network))
    assert network.WhichOneof("Type") == "neuralNetwork"


def test_survey():
    found = survey(everywhere())
    assert found.layers == {"while_loop": 1, "write_state": 1}
    assert found.encodings == {"uint4": 5}
    assert found.weight_bytes == 15
