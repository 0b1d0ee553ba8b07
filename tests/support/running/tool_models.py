"""Small models for the commands' tests, made of messages."""

from pathlib import Path

from cmlc.compiler.source.spec import messages


def network_file(path: Path, *layers: str, inputs: tuple[str, ...] = ("x",)) -> Path:
    """A network of float arrays [1, 3, 4, 4]: layers of these types, one after the other."""
    model = messages("Model_pb2").Model()
    model.specificationVersion = 4
    for name in inputs:
        _array(model.description.input.add(), name)
    _array(model.description.output.add(), "y")
    network = model.neuralNetwork
    network.arrayInputShapeMapping = 1
    previous = list(inputs)
    for position, kind in enumerate(layers):
        layer = network.layers.add()
        layer.name = f"{kind}{position}"
        layer.input.extend(previous)
        previous = ["y" if position == len(layers) - 1 else layer.name]
        layer.output.extend(previous)
        getattr(layer, kind).SetInParent()
        if kind == "activation":
            layer.activation.ReLU.SetInParent()
    path.write_bytes(model.SerializeToString())
    return path


def _array(feature, name: str) -> None:
    feature.name = name
    feature.type.multiArrayType.dataType = 65568
    feature.type.multiArrayType.shape.extend((1, 3, 4, 4))
