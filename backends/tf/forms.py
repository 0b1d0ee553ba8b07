"""What the TensorFlow target writes."""

from typing import TYPE_CHECKING

from ..form import Form, OfTarget, plural

if TYPE_CHECKING:
    from ..artefact import Artefact, Request
    from .emit import TensorFlowModule


_KEPT = (
    "states, in variables; OpenVINO and tf2onnx freeze them: "
    "--states=arguments makes them inputs and outputs"
)

_BLOCKS = "by TensorFlow's own op on CPUs, and by loops that XLA and other programs read"


def _saved_model(made: "TensorFlowModule", request: "Request") -> "Artefact":
    from ..artefact import Artefact
    from ..names import facts_of, rows_of
    from .dialect import BlockLstm

    facts = {"endpoints": made.endpoints, **facts_of(made.renamed)}
    rows = rows_of(made.renamed, "assets.extra/cmlc.json")
    if made.states.variables:
        rows = (("keeps", _KEPT), *rows)
    blocks = sum(isinstance(op, BlockLstm) for op in made.module.walk())
    if blocks:
        rows = (("runs", f"{plural(blocks, 'LSTM')} {_BLOCKS}"), *rows)
    return Artefact(lambda folder: made.save(folder, {**request.about, **facts}), facts, rows)


def _graph_def(made: "TensorFlowModule", request: "Request") -> "Artefact":
    from ..artefact import Artefact
    from ..names import facts_of, rows_of
    from .frozen import frozen

    graph = frozen(made)
    tensors = {"inputs": graph.inputs, "outputs": graph.outputs}
    rows = [
        ("" if position else title, f"{name}: {tensor}")
        for title, named in (("input nodes", graph.inputs), ("output nodes", graph.outputs))
        for position, (name, tensor) in enumerate(named.items())
    ]
    facts = {"tensors": tensors, **facts_of(made.graph_renamed)}
    rows += rows_of(made.graph_renamed, "--json")
    return Artefact(graph.write, facts, tuple(rows))


FORMS = (
    Form(
        name="savedmodel",
        title="SavedModel",
        default="_savedmodel",
        sign="saved_model.pb",
        made_of=OfTarget(_saved_model, signatures=True),
        loading="import tensorflow as tf\n"
        'predict = tf.saved_model.load({path}).signatures["serving_default"]',
    ),
    Form(
        name="graphdef",
        title="frozen graph",
        suffix=".pb",
        default=".pb",
        without=frozenset(("weights",)),
        made_of=OfTarget(_graph_def),
        loading="import tensorflow as tf\ngraph = tf.compat.v1.GraphDef.FromString("
        'open({path}, "rb").read())\ntf.import_graph_def(graph, name="")',
    ),
)
