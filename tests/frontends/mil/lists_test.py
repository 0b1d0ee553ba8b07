"""Lists: one tensor with the length in front, which grows."""

import numpy as np
from support.mil.programs import I32, assert_refused, fill_type, imported, op, program, results
from support.networks.builders import flexible


def listed(*operations, **inputs):
    """A program whose operations on lists declare a length of 1."""
    model = program(*operations, **inputs)
    function = model.mlProgram.functions["main"]
    for operation in function.block_specializations[function.opset].operations:
        if operation.type in ("make_list", "list_write", "list_scatter"):
            kind = operation.outputs[0].type
            kind.Clear()
            fill_type(kind.listType.type, (2,), 11)
            kind.listType.length.constant.size = 1
    return model


def test_lists_grow():
    """Places are constants or computed; what isn't written is zero."""
    model = listed(
        op("make_list", "l", (2,), init_length=2, elem_shape=2, dynamic_length=True, dtype="fp32"),
        op("list_write", "a", (2,), ls="l", index="i", value="x"),
        op("list_write", "b", (2,), ls="a", index=np.int32(3), value="x"),
        op("list_scatter", "c", (2,), ls="b", indices=[0], value=np.float32([[7, 8]])),
        op("list_length", "n", (), I32, ls="c"),
        op("list_gather", "y", (4, 2), ls="c", indices=[0, 1, 2, 3]),
        op("list_read", "z", (2,), ls="c", index="i"),
        outputs=["n", "y", "z"],
        dtypes={"i": I32},
        x=(2,),
        i=(1,),
    )
    found = results(model, [1, 2], [5])
    assert found["n"] == 6
    assert found["y"].tolist() == [[7, 8], [0, 0], [0, 0], [1, 2]]
    assert found["z"].tolist() == [1, 2]
    assert results(model, [1, 2], [1])["n"] == 4


def open_list(*sizes, **inputs):
    """A list whose elements have an extent that is only named, of `sizes` with what is written."""
    return listed(
        op("make_list", "l", (None, 2), init_length=2, elem_shape=("rows", np.int32(2))),
        op("list_write", "a", sizes, ls="l", index=np.int32(1), value="x"),
        op("list_gather", "y", (2, *sizes), ls="a", indices=[0, 1]),
        x=sizes,
        **inputs,
    )


def test_open_extents_of_elements_are_those_of_what_is_written():
    """They are taken for 1: what else is written is refused."""
    found = results(open_list(1, 2), [[3, 4]])
    assert found["y"].tolist() == [[[0, 0]], [[3, 4]]]
    message = "list_write has elements of a shape that is known only at run time"
    assert_refused(open_list(3, 2), message, kind="unsupported")


def test_flexible_shapes_give_way_to_the_default_one():
    """Where the default shape can be compiled, and says why others can't."""
    model = flexible(open_list(1, 2))
    module = imported(model)
    assert "list_write has elements of a shape" in module.attributes["fixed_shapes"]
    assert module.main.arguments[0].type.static_shape == (1, 2)
    assert_refused(flexible(open_list(3, 2)), "list_write has elements", kind="unsupported")


def test_lengths_of_lists_are_known():
    model = listed(
        op("make_list", "l", (2,), init_length="n", elem_shape=2),
        outputs=[],
        dtypes={"n": I32},
        n=(1,),
    )
    assert_refused(model, "has a length that is known only at run time", kind="unsupported")
