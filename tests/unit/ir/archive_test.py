import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.text.archive import ALIGNMENT, read_archive, write_archive
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import print_module, structurally_equal
from cmlc.ir.weights.resources import (
    FileResource,
    HashResource,
    MissingResourceError,
    RandomResource,
)

TEXT = """
func @f() -> (f32[40], f16[3,7], f32[40], str[20], bool[17], i64[0,30]) {
  %a = const {value = resource<"a">} : f32[40]
  %b = const {value = resource<"b">} : f16[3,7]
  %c = const {value = resource<"c">} : f32[40]
  %s = const {value = dense<[STRINGS]>} : str[20]
  %t = const {value = resource<"t">} : bool[17]
  %z = const {value = dense<[]>} : i64[0,30]
  return %a, %b, %c, %s, %t, %z
}
resources {
  "a" : f32[40] = random(1)
  "b" : f16[3,7] = random(2)
  "c" : f32[40] = random(1)
  "t" : bool[17] = random(3)
}
""".replace("STRINGS", ", ".join(f'"é{i}"' for i in range(20)))


def constants(module):
    return [op for op in module.walk() if op.name == "const"]


def with_arrays():
    """The module with its random weights as files would hold them: plain data."""
    from cmlc.ir.weights.resources import ArrayResource

    module = parse(TEXT)
    for op in constants(module):
        if isinstance(op.value, RandomResource):
            op.attributes["value"] = ArrayResource(op.value.array(), op.value.name)
    return module


def test_round_trip(tmp_path):
    module = with_arrays()
    weights = write_archive(module, tmp_path / "m.cmir")
    found = read_archive(tmp_path / "m.cmir")
    assert structurally_equal(found, module)
    for ours, theirs in zip(constants(module), constants(found), strict=True):
        np.testing.assert_array_equal(ours.value.array(), theirs.value.array())
    offsets = [op.value.offset for op in constants(found) if isinstance(op.value, FileResource)]
    assert offsets == [0, 192, 0, 256]  # equal weights once
    assert all(offset % ALIGNMENT == 0 for offset in offsets)
    assert weights.stat().st_size == 256 + 17
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.cmir", "m.weights"]


def test_no_weights_no_file(tmp_path):
    write_archive(parse(TEXT), tmp_path / "m.cmir")  # text alone makes random weights
    assert [p.name for p in tmp_path.iterdir()] == ["m.cmir"]


def test_strings_stay_in_the_text():
    text = print_module(parse(TEXT))
    assert '"é19"' in text
    assert structurally_equal(parse(text), parse(text))


def test_missing_contents_leave_nothing(tmp_path):
    module = with_arrays()
    first = constants(module)[0]
    first.attributes["value"] = HashResource(first.value.type, "0" * 32)
    with pytest.raises(MissingResourceError):
        write_archive(module, tmp_path / "m.cmir")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('f32[40] = file("m.weights", 0)', 'f32[40] = file("other", 0)', "missing"),
        ('f16[3,7] = file("m.weights", 192)', 'f16[3,7] = file("m.weights", 999)', "but there are"),
        ('f16[3,7] = file("m.weights", 192)', 'f16[3,7] = file("m.weights", -64)', "but there are"),
    ],
)
def test_wrong_ranges(tmp_path, old, new, message):
    path = tmp_path / "m.cmir"
    write_archive(with_arrays(), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(CompileError, match=message):
        read_archive(path)


def test_strings_are_never_mapped(tmp_path):
    path = tmp_path / "m.cmir"
    (tmp_path / "m.weights").write_bytes(bytes(1000))
    path.write_text(
        'func @f() -> str[20] {\n%s = const {value = resource<"s">} : str[20]\nreturn %s\n}\n'
        'resources { "s" : str[20] = file("m.weights", 0) }'
    )
    with pytest.raises(CompileError, match="holds strings"):
        read_archive(path)
