"""Probabilities of classes from those of pairs of them."""

from ...batch.kinds import leading
from ...declare import operand
from ...reference import coupling
from ...ssa import Op, Value
from ...types import FLOAT, Array, Type


class PairwiseCoupling(Op):
    """Probabilities [N, K] of K classes, from the log-odds [N, M] of one class over another.

    x is for the pairs (0, 1), (0, 2), …, (1, 2), …. The probability of class i, if it is i or j, is
    r(i, j) = sigmoid(x), limited to 1e-7 from 0 and 1; r(j, i) is 1 - r(i, j). The result
    minimizes p' Q p, where Q(t, t) is the sum of r(j, t)^2 over the others, and Q(t, j) is
    -r(j, t) r(t, j): the second method of Wu, Lin and Weng (Probability estimates for multi-class
    classification by pairwise coupling, 2004).

    What is meant is libsvm's iteration, which stops before the minimum: p begins at 1 / K, and a
    round moves it along every class in turn, t from 0: with d = (p' Q p - (Q p)(t)) / Q(t, t), d is
    added to p(t), and all of p is divided by 1 + d. A row ends before a round in which
    max |Q p - p' Q p| is below 0.005 / K, or after 100 rounds; with more classes, after K.

    (C1) M is K (K - 1) / 2 for a K of at least 2.

    Example:
        %p = nn.pairwise_coupling(%x) : f64[N,3]
    """

    name = "nn.pairwise_coupling"
    batch = leading

    x: Value = operand(FLOAT, rank=2)

    def infer(self) -> Type:
        rows, pairs = self.x.type.shape
        count = coupling.classes_of(pairs) if isinstance(pairs, int) else 0
        self.require("C1", count > 0, f"x has {pairs} columns, which are not the pairs of classes")
        return self.x.type.with_shape((rows, count))

    def evaluate(self, x: Array) -> Array:
        return coupling.pairwise_coupling(x)


OPS = (PairwiseCoupling,)
