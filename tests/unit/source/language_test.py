"""Parameters of the Natural Language framework: what is read, and what is refused."""

import plistlib
import struct

import numpy as np
import pytest
from cmlc.compiler.source.language import algorithm_of, read_sections
from cmlc.compiler.source.spec import parse_message
from cmlc.ir.diagnostics import CompileError
from support.running.shared_folder import FOREIGN, needs_models
from support.tables.language import BINARY, container, parameters, record, sections, texts

LABELS, WORDS = ["neg", "pos"], ["bad", "good", "naïve"]
WEIGHTS = [(0, 0, 0.5), (1, 1, -2.0), (2, 0, 0.25)]
GOOD = parameters(LABELS, WORDS, WEIGHTS, [3, 1])


def changed(**replaced):
    """The sections with some others in their place, by number: `s2=b""`."""
    parts = sections(LABELS, WORDS, WEIGHTS, [3, 1])
    for name, part in replaced.items():
        parts[int(name[1:])] = part
    return container(parts)


def test_what_a_container_holds():
    found = read_sections(GOOD)
    assert (found.labels, found.words) == (LABELS, WORDS)
    np.testing.assert_array_equal(found.word, [0, 1, 2])
    np.testing.assert_array_equal(found.label, [0, 1, 0])
    np.testing.assert_array_equal(found.weight, [0.5, -2, 0.25])
    np.testing.assert_array_equal(found.documents, [3, 1])
    assert found.weight.dtype == np.float32


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD, "a maximum-entropy model"),
        (parameters(LABELS, WORDS, [], kind=1), "a conditional random field"),
        (parameters(LABELS, WORDS, [], kind=6), "transfer learning"),
        (parameters(LABELS, WORDS, [], kind=9), "an unknown kind (9)"),
        (b"", ""),
        (b"something else", ""),
    ],
)
def test_the_algorithm(data, said):
    assert said in algorithm_of(data)
    assert bool(algorithm_of(data)) == bool(said)


@pytest.mark.parametrize("kind", [1, 6, 9])
def test_other_kinds_are_not_understood(kind):
    assert read_sections(parameters(LABELS, WORDS, WEIGHTS, kind=kind)) is None
    assert read_sections(b"") is None


def outside(data, number, place):
    """The container with another offset of a section."""
    return data[: 16 + 8 * number] + struct.pack("<I", place) + data[20 + 8 * number :]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD[:30], "they are cut short"),
        (GOOD[:-20], "section 4 of"),
        (outside(GOOD, 1, 40), "section 1 of 24 bytes at 40 is not inside, or overlaps"),
        (outside(GOOD, 3, 2**32 - 1), "section 3 of"),
        (changed(s0=b"bplist00"), "a property list is not one"),
        (changed(s0=plistlib.dumps([1], fmt=BINARY)), "or not of the type that is expected"),
        (changed(s1=b"123"), "3 bytes are not a number of weights"),
        (changed(s1=record(3, 0, 1.0)), "that of a word which isn't one of 3"),
        (changed(s1=record(-1, 0, 1.0)), "that of a word which isn't one of 3"),
        (changed(s1=record(0, 2, 1.0)), "that of a label which isn't one of 2"),
        (changed(s2=b"neg\0pos\0"), "a list of texts doesn't begin or end as such lists do"),
        (changed(s2=b"\0neg"), "a list of texts doesn't begin or end as such lists do"),
        (changed(s2=b"\0\xff\0pos\0"), "a text is not UTF-8"),
        (changed(s3=texts(WORDS, 3)), "a list of texts doesn't begin or end as such lists do"),
        (changed(s4=plistlib.dumps([0] * 16 + ["a"], fmt=BINARY)), "a number of documents"),
        (changed(s4=plistlib.dumps([0] * 20, fmt=BINARY)), "20 numbers of documents for 3 words"),
        (changed(s4=plistlib.dumps([0] * 2, fmt=BINARY)), "2 numbers of documents for 3 words"),
    ],
)
def test_damage(data, said):
    with pytest.raises(CompileError) as caught:
        read_sections(data)
    (problem,) = caught.value.diagnostics
    assert said in problem.message
    assert "Natural Language framework are damaged" in problem.message
    assert (problem.kind, bool(problem.remedy)) == ("malformed", True)


@needs_models
def test_words_of_a_real_classifier_have_weights_that_make_sense():
    (path,) = FOREIGN.glob("kodecocodes__mlt-materials/*SentimentClassifier.mlmodel")
    spec = parse_message(memoryview(path.read_bytes()), str(path))
    found = read_sections(spec.textClassifier.modelParameterData)
    positive = {
        found.words[word]: weight
        for word, label, weight in zip(found.word, found.label, found.weight, strict=True)
        if found.labels[label] == "pos"
    }
    assert positive["great"] > 0.3
    assert positive["terrible"] < -0.3
    assert abs(positive["the"]) < 0.01
