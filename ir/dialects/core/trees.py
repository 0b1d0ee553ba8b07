"""Decision trees."""

from ...batch.kinds import leading
from ...declare import operand
from ...dims import differs
from ...reference import trees
from ...ssa import Op, Value
from ...types import FLOAT, Array, DType, Type

_I32 = (DType.I32,)


class TreeEnsemble(Op):
    """base + the values of the leaf that each row of x reaches in each of T trees.

    Operands: x [B, F]; roots [T], where each tree begins; of M branch nodes the features and
    thresholds that they compare, modes and missing, all [M], and children [M, 2]; values [L, W] of
    leaves; outputs [T, W]; base [D]. The result is [B, D], of x's dtype.

    Roots and children are references: node c if c is 0 or more, else leaf -1 - c. A node takes its
    second child if x[feature] ? threshold holds, else its first one; the mode says which comparison
    that is: 0 <=, 1 <, 2 >=, 3 >, 4 ==, 5 !=. Where x[feature] is NaN, a missing value, `missing`
    alone says whether the second child is taken, whatever the mode. Trees may share nodes and
    leaves. Number w of a leaf's values is added to column outputs[t, w] of the result, and to none
    if that is -1.

    Numbers are compared in x's dtype. They are added in it too, f16 in f32, in any order. It is a
    run-time error if a reference, feature, mode or column doesn't exist, or if a node is reached
    from itself, even if no row gets there.

    (C1) features, thresholds, modes and missing have one number for each of M nodes, and children
    is [M, 2].
    (C2) values is [L, W] and outputs [T, W], for T roots.

    Example:
        %y = tree.ensemble(%x, %roots, %features, %thresholds, %modes, %missing, %children, %values,
            %outputs, %base) : f64[8,1]
    """

    name = "tree.ensemble"
    batch = leading

    x: Value = operand(FLOAT, rank=2)
    roots: Value = operand(_I32, rank=1)
    features: Value = operand(_I32, rank=1)
    thresholds: Value = operand(FLOAT, rank=1, like="x")
    modes: Value = operand(_I32, rank=1)
    missing: Value = operand((DType.BOOL,), rank=1)
    children: Value = operand(_I32, rank=2)
    values: Value = operand(FLOAT, rank=2, like="x")
    outputs: Value = operand(_I32, rank=2)
    base: Value = operand(FLOAT, rank=1, like="x")

    def infer(self) -> Type:
        (count,) = self.features.type.shape
        for name in ("thresholds", "modes", "missing", "children"):
            kind = self.values_of(name)[0].type
            expected = (count, 2)[: kind.rank]
            fits = not any(map(differs, kind.shape, expected))
            sizes = ", ".join(map(str, expected))
            self.require("C1", fits, f"{name} is {kind}, expected [{sizes}] for the features")
        (trees,), width = self.roots.type.shape, self.values.type.shape[1]
        outputs = self.outputs.type
        fits = not any(map(differs, outputs.shape, (trees, width)))
        self.require("C2", fits, f"outputs is {outputs}, expected [{trees}, {width}]")
        return self.x.type.with_shape((self.x.type.shape[0], *self.base.type.shape))

    def evaluate(
        self,
        x: Array,
        roots: Array,
        features: Array,
        thresholds: Array,
        modes: Array,
        missing: Array,
        children: Array,
        values: Array,
        outputs: Array,
        base: Array,
    ) -> Array:
        tables = trees.Tables(
            *(roots, features, thresholds, modes, missing, children, values, outputs, base)
        )
        return trees.ensemble(x, tables)


OPS = (TreeEnsemble,)
