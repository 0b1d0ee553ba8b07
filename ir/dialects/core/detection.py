"""Selection among the boxes that detectors find."""

from ...attributes import Dims
from ...batch.kinds import shared_but
from ...batch.place import Place
from ...batch.rule import Given, Taken
from ...declare import attr, operand
from ...dims import differs
from ...reference import nms
from ...ssa import Op, Value
from ...types import FLOAT, INDEX, Array, DType, Tensor, Type


class NonMaximumSuppression(Op):
    """The best boxes that don't overlap, best first, for each entry of the batch.

    Operands: boxes [B, N, 4] as (centre x, centre y, width, height), scores [B, N, C], and three
    numbers. Results: boxes [B, M, 4], scores [B, M, C], their indices [B, M] and how many there
    are [B]; M is max_boxes, which `dims` declares: a number if known, or a symbol. After the
    last box, boxes and scores are 0 and indices -1.

    The score of a box is the largest of its C, where NaN counts as negative infinity. Boxes whose
    score is below score_threshold are dropped. Then the one with the highest score is kept (the
    lower index among equals), and all whose intersection over union with it is above iou_threshold
    are dropped; and so on until none is left, or M have been kept. With `per_class`, a box
    suppresses only boxes of its own class, the first with the highest score.

    If every score is below the threshold, the box with the highest one is the only result. A box
    without a positive width and height overlaps with none: the ratio is 0. It is computed in f32
    (f64 for f64) as common / (area + area of the better box - common). A max_boxes below 1 is a
    run-time error.

    (C1) boxes is [B, N, 4], scores [B, N, C], with N and C at least 1.
    (C2) dims has one entry, at least 1.

    Example:
        %b, %s, %i, %n = image.non_maximum_suppression(%boxes, %scores, %iou, %score, %max)
            {dims = [8]} : f32[1,8,4], f32[1,8,20], i32[1,8], i32[1]
    """

    name = "image.non_maximum_suppression"

    boxes: Value = operand(FLOAT, rank=3)
    scores: Value = operand(FLOAT, rank=3, like="boxes")
    iou_threshold: Value = operand(FLOAT, rank=0, like="boxes")
    score_threshold: Value = operand(FLOAT, rank=0, like="boxes")
    max_boxes: Value = operand(INDEX, rank=0)
    dims: Dims = attr()
    per_class: bool = attr(default=False)

    def infer(self) -> tuple[Type, ...]:
        boxes, scores = self.boxes.type, self.scores.type
        batch, count, four = boxes.shape
        fits = not differs(four, 4) and scores.shape[1] != 0 and scores.shape[2] != 0
        agree = not differs(batch, scores.shape[0]) and not differs(count, scores.shape[1])
        self.require(
            "C1",
            fits and agree,
            f"boxes is {boxes}, scores {scores}; expected [B, N, 4] and [B, N, C]",
        )
        declared = len(self.dims) == 1 and not (isinstance(self.dims[0], int) and self.dims[0] < 1)
        self.require(
            "C2", declared, f"dims is {list(map(str, self.dims))}, expected one entry of 1 or more"
        )
        lead = (batch, self.dims[0])
        indices = Tensor(DType.I32, lead)
        return (
            boxes.with_shape((*lead, 4)),
            scores.with_shape((*lead, scores.shape[2])),
            *(indices, indices.with_shape((batch,))),
        )

    def evaluate(
        self, boxes: Array, scores: Array, iou: Array, threshold: Array, most: Array
    ) -> tuple[Array, ...]:
        return nms.non_maximum_suppression(
            boxes, scores, float(iou), float(threshold), int(most), self.per_class
        )

    def batch(self, given: Given) -> Taken:
        """The first dimension is one of entries; numbers are the same for all."""
        shared_but(self, given, {0, 1})
        first = Place(0)
        return Taken((first,) * len(self.results), (first, first, None, None, None))


OPS = (NonMaximumSuppression,)
