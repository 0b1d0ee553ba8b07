"""Functions and classes that the generated code defines because Keras doesn't have them."""

from collections.abc import Iterable

from .dialect.base import KerasLayer
from .dialect.ops import Interpolate, WalkTrees
from .dialect.weighted import SparseConv2D, Weight
from .steps import Step

_WEIGHT = '''\
@keras.saving.register_keras_serializable()
class Weight(layers.Layer):
    """A tensor of weights; the layer ignores its inputs."""

    def __init__(self, shape, dtype="float32", trainable=True, **kwargs):
        """Make the tensor."""
        super().__init__(trainable=trainable, **kwargs)
        self.settings = {"shape": shape, "dtype": dtype}
        self.value = self.add_weight(**self.settings, trainable=trainable, name="value")

    def call(self, inputs):
        """Return the tensor."""
        return ops.convert_to_tensor(self.value)

    def get_config(self):
        """Return the arguments that make the same layer."""
        return {**super().get_config(), **self.settings}'''

_SPARSE_CONV = '''\
@keras.saving.register_keras_serializable()
class SparseConv2D(layers.Conv2D):
    """A dilated convolution, element by element of its kernel, for small images.

    TensorFlow computes dilated convolutions of batches of every nth pixel. If the
    dilation is about as large as the image, these are mostly padding.
    """

    def convolution_op(self, inputs, kernel):
        """Add what each element contributes where it is inside of the image."""
        kernel, total = ops.convert_to_tensor(kernel), 0.0
        for place in np.ndindex(*self.kernel_size):
            middle = np.array(self.kernel_size) // 2
            steps = (np.array(place) - middle) * self.dilation_rate
            rows, columns = (
                slice(max(step, 0), max(size + min(step, 0), 0))
                for size, step in zip(inputs.shape[1:3], steps.tolist(), strict=True)
            )
            if rows.start < rows.stop and columns.start < columns.stop:
                part = ops.matmul(inputs[:, rows, columns], kernel[place])
                above, left = np.maximum(-steps, 0).tolist()
                below, right = np.maximum(steps, 0).tolist()
                border = ((0, 0), (above, below), (left, right), (0, 0))
                total = total + ops.pad(part, border)
        return total'''

_HARD_SIGMOID = '''\
@keras.saving.register_keras_serializable()
def keras2_hard_sigmoid(x):
    """0.2 * x + 0.5 between 0 and 1: the hard sigmoid of Keras before version 3."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)'''

_QUICK_GELU = '''\
@keras.saving.register_keras_serializable()
def quick_gelu(x):
    """Approximately gelu(x)."""
    return x * ops.sigmoid(1.702 * x)'''

_INTERPOLATE = '''\
def interpolate(images, target_size, step, first=(0.0, 0.0)):
    """Resize images: along each dimension, pixel i is sampled at first + i * step."""
    for axis in (1, 2):
        last = images.shape[axis] - 1
        points = first[axis - 1] + step[axis - 1] * np.arange(target_size[axis - 1])
        points = np.clip(points, 0, last)
        low = points.astype("int32")
        high = np.minimum(low + 1, last)
        share = (points - low).astype("float32").reshape((-1,) + (1,) * (3 - axis))
        below, above = ops.take(images, low, axis), ops.take(images, high, axis)
        images = below + (above - below) * share
    return images'''

_WALK_TREES = '''\
def walk_trees(x, starts, columns, thresholds, children, values, depth):
    """Walk from where each tree starts to a leaf, by rows; return the leaves' values.

    Node i asks whether x[:, columns[i]] <= thresholds[i]; no leads to children[2 * i],
    yes to the next. Leaves come last, as values has them, and lead to themselves.
    """
    node = ops.zeros_like(x[:, :1], "int32") + starts
    for _ in range(depth):
        asked = ops.take_along_axis(x, ops.take(columns, node), axis=1)
        yes = ops.cast(asked <= ops.take(thresholds, node), "int32")
        node = ops.take(children, 2 * node + yes)
    return ops.take(values, node - (columns.shape[0] - values.shape[0]), axis=0)'''

# By name, in the order of writing.
DEFINITIONS = {
    Weight.call: _WEIGHT,
    SparseConv2D.call: _SPARSE_CONV,
    "keras2_hard_sigmoid": _HARD_SIGMOID,
    "quick_gelu": _QUICK_GELU,
    Interpolate.call: _INTERPOLATE,
    WalkTrees.call: _WALK_TREES,
}


def defined(steps: Iterable[Step]) -> list[str]:
    """The names in `DEFINITIONS` that the steps need."""
    used: set[str] = set()
    for step in steps:
        used.add(step.op.call)
        if isinstance(step.op, KerasLayer):
            used |= {value for value in step.op.attributes.values() if isinstance(value, str)}
    return [name for name in DEFINITIONS if name in used]


def registered(steps: Iterable[Step]) -> list[str]:
    """The definitions that `.keras` files name: `keras.models.load_model` needs them."""
    return [name for name in defined(steps) if DEFINITIONS[name].startswith("@")]
