"""Every written form: declared soundly, written alike by commands and API, or refused by name."""

import json
import zipfile
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.backends.form import OfTarget
from cmlc.backends.table import TARGETS, forms_of
from cmlc.compiler.artefacts.foreign import FOREIGN
from cmlc.compiler.artefacts.forms import OfSource, OfStages
from cmlc.compiler.artefacts.meant import form_for
from cmlc.compiler.artefacts.table import all_forms, target_of
from cmlc.compiler.choices import choices
from cmlc.compiler.options import Options
from cmlc.ir.diagnostics import CompileError
from cmlc.tools import cmlc as command
from cmlc.tools.cli import console

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
FORMS = all_forms()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def left_behind():
    return sorted(path.name for path in Path().iterdir())


# -- declarations ---------------------------------------------------------------------------------


def test_names_and_suffixes_are_taken_once():
    every = [form for name in TARGETS for form in forms_of(name)]
    every += [form for form in FORMS.values() if not isinstance(form.made_of, OfTarget)]
    assert len({form.name for form in every}) == len(every) == len(FORMS)
    suffixes = [form.suffix for form in every if form.suffix]
    assert len(set(suffixes)) == len(suffixes)
    assert not set(suffixes) & FOREIGN.keys()


def test_choices_of_one_name_are_one_choice():
    found = {}
    for choice in (*choices(), *(c for form in FORMS.values() for c in form.choices)):
        assert found.setdefault(choice.name, choice) == choice


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_declared_soundly(name):
    form = FORMS[name]
    assert form.loading
    assert form.title
    assert not form.default or form.default.endswith(form.suffix)
    assert not (form.suffix and form.sign), "a file has no sign"
    fields = {choice.name for choice in choices()}
    assert form.without <= fields
    assert not {choice.name for choice in form.choices} & fields
    assert bool(target_of(form)) == isinstance(form.made_of, OfTarget)


def test_every_target_writes_something():
    for name in TARGETS:
        assert forms_of(name)
        assert form_for("out" + forms_of(name)[0].suffix, "", name) is forms_of(name)[0]


def test_fields_of_options_are_choices():
    assert [choice.name for choice in choices()] != []
    assert {choice.name for choice in choices()} == Options.__dataclass_fields__.keys()


# -- which one is meant ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("out", "savedmodel"),
        ("model.v2", "savedmodel"),
        ("mobilenet-1.0", "savedmodel"),
        ("run.2024-11-30", "savedmodel"),
        ("m.tflite", "tflite"),
        ("m.v2.tflite", "tflite"),
        ("m.cmir", "ir"),
        ("m.mlpackage", "mlpackage"),
    ],
)
def test_a_name_says_the_form(path, name):
    assert form_for(path).name == name


REFUSED = {
    "m.TFLITE": "'m.TFLITE' ends in .TFLITE; write .tflite",
    "m.tflit": "did you mean .tflite? add --emit=savedmodel to call a folder so",
    "m.model": "nothing is known that is called .model",
    "m.onnx": "'m.onnx' would be an ONNX model; tf2onnx makes one of a SavedModel",
    "m.H5": "'m.H5' would be a Keras 2 file; --emit=keras writes .keras",
    ".pb": "'.pb' is a suffix without a name; write NAME.pb",
    ".onnx": "'.onnx' is a suffix without a name",
    "m.savedmodel": "add --emit=savedmodel to call a folder so",
}


@pytest.mark.parametrize("path", [*REFUSED, *(f"m{suffix}" for suffix in FOREIGN)])
def test_a_name_that_says_something_else_is_refused(path, capsys):
    assert command.main([str(DIGITS), "-o", path]) == console.USAGE_ERROR
    said = capsys.readouterr().err
    assert REFUSED.get(path, FOREIGN.get(Path(path).suffix, ("",))[0]) in said
    with pytest.raises(CompileError) as caught:
        cmlc.write(DIGITS, path)
    assert said == f"{caught.value}\n"
    assert left_behind() == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"form": "nothing"}, "there is no form 'nothing'; the forms are savedmodel, graphdef"),
        ({"path": "x.pb", "loud": True}, "there is no choice 'loud'"),
        ({"path": "x.pb", "batch": "some"}, "batch is 'some', expected one of auto, dynamic"),
        ({"options": Options(), "batch": "static"}, "batch is chosen beside options"),
        ({"options": Options(precision="keep"), "form": "keras"}, "--precision means nothing for"),
    ],
)
def test_what_only_the_api_can_get_wrong(given, said):
    with pytest.raises(CompileError, match=said):
        cmlc.write(DIGITS, **{"path": "x.keras", **given})
    assert left_behind() == []


LATE = "means nothing for the stage 'imported'"
WRONG = [
    ("x.pb", {"quantize": "int8"}, "--quantize means nothing for --emit=graphdef"),
    ("x.tflite", {"quantize": "int8"}, "--quantize=int8 needs typical inputs"),
    ("x.tflite", {"representative": "x.npz"}, "means nothing without --quantize=int8"),
    ("x.tflite", {"precision": "keep"}, "--precision means nothing for --emit=tflite"),
    ("x.keras", {"weights": "compressed"}, "--weights means nothing for --emit=keras"),
    ("x.pb", {"weights": "compressed"}, "--weights means nothing for --emit=graphdef"),
    ("x.keras", {"target": "tf"}, "--emit=keras is made for the target keras, not tf"),
    ("x.mlmodel", {"target": "tf"}, "--target means nothing for --emit=mlmodel"),
    ("x.mlmodel", {"batch": "static"}, "--batch means nothing for --emit=mlmodel"),
    ("x.pb", {"stage": "lowered"}, "--stage means nothing for --emit=graphdef"),
    ("x.cmir", {"stage": "imported", "passes": "dce"}, f"--passes {LATE}"),
    ("x.cmir", {"stage": "imported", "batch": "dynamic"}, f"--batch {LATE}"),
    ("x.dot", {"stage": "imported", "io_layout": "nhwc"}, f"--io-layout {LATE}"),
    ("x.cmir", {"stage": "imported", "target": "keras"}, f"--target {LATE}"),
]


@pytest.mark.parametrize(("path", "chosen", "said"), WRONG)
def test_choices_that_mean_nothing(path, chosen, said, capsys):
    """The same words for commands and for the API."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
    assert command.main([str(DIGITS), "-o", path, *options]) == console.USAGE_ERROR
    told = capsys.readouterr().err
    assert said in told
    with pytest.raises(CompileError) as caught:
        cmlc.write(DIGITS, path, **chosen)
    assert told == f"{caught.value}\n"
    assert left_behind() == []


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("choice", choices(), ids=lambda choice: choice.name)
def test_what_means_nothing_for_a_target_is_told_at_once(target, choice):
    """When options are made, so that nothing is compiled as nobody asked for."""
    chosen = {"target": target, choice.name: OTHER_VALUES.get(choice.name, "other")}
    if choice.name in TARGETS[target].without:
        expected = f"{choice.spelled} means nothing for the target {target}; it is for tf"
        for make in (Options, lambda **chosen: cmlc.compile(DIGITS, **chosen)):
            with pytest.raises(CompileError, match=expected):
                make(**chosen)
    else:
        Options(**chosen)


OTHER_VALUES = {
    "target": "tf",
    "batch": "static",
    "io_layout": "nhwc",
    "fixed_shapes": True,
    "shapes": {"x": (1, 2, 3, 4, 5)},
    "precision": "keep",
    "weights": "compressed",
    "states": "arguments",
    "omit": ["x"],
    "features": "matrix",
    "inputs": ["x"],
    "outputs": ["x"],
    "verify_each": True,
}


def test_a_compiled_model_is_not_chosen_again():
    model = cmlc.compile(DIGITS, precision="keep")
    with pytest.raises(CompileError, match="batch can't be chosen any more; give batch to"):
        model.write("x.pb", batch="static")
    with pytest.raises(CompileError, match="--precision means nothing for --emit=keras;"):
        model.write("x.keras")
    model.write("x.mlmodel")  # as it is stored, however it was compiled
    assert left_behind() == ["x.mlmodel"]


def test_ir_has_no_stored_model(capsys):
    command.main([str(DIGITS), "-o", "d.cmir"])
    capsys.readouterr()
    for form in (form for form in FORMS.values() if isinstance(form.made_of, OfSource)):
        with pytest.raises(CompileError, match="needs the model as it is stored, not IR"):
            cmlc.compile("d.cmir").write(f"x{form.suffix}", form.name)
    assert left_behind() == ["d.cmir", "d.weights"]


# -- the same from commands and from the API ------------------------------------------------------


def content(path):
    """What was written, without what differs from one writing to the next."""
    if path.is_dir():
        return {str(item.relative_to(path)): content(item) for item in files(path)}
    if path.suffix == ".keras":  # a zip archive with dates
        with zipfile.ZipFile(path) as archive:
            return {name: archived(name, archive.read(name)) for name in archive.namelist()}
    return archived(path.name, path.read_bytes())


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def archived(name, data):
    if name.endswith(".h5"):
        return weights(data)
    if name == "metadata.json":
        return {key: value for key, value in json.loads(data).items() if key != "date_saved"}
    return data


def weights(data):
    """The arrays of an HDF5 file, which has dates."""
    import h5py

    Path("weights.h5").write_bytes(data)
    found = {}
    with h5py.File("weights.h5") as file:
        file.visititems(
            lambda name, item: (
                found.update({name: np.asarray(item)}) if isinstance(item, h5py.Dataset) else None
            )
        )
    Path("weights.h5").unlink()
    return {name: (array.shape, array.tobytes()) for name, array in found.items()}


def signature(folder):
    """What a SavedModel computes: names of functions count up in a process, and hashes differ."""
    import tensorflow as tf

    predict = tf.saved_model.load(str(folder)).signatures["serving_default"]
    images = np.load(DIGITS.with_suffix(".npz"))["images"][:5, ..., None]
    outputs = {name: value.numpy().tolist() for name, value in predict(image=images).items()}
    names = [str(path.relative_to(folder)) for path in files(folder)]
    return outputs, names, (folder / "assets.extra" / "cmlc.json").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
def test_the_api_writes_what_the_command_writes(name, capsys):
    form, look = FORMS[name], signature if name == "savedmodel" else content
    Path("a").mkdir()
    Path("b").mkdir()
    said, called = f"a/m{form.suffix}", f"b/m{form.suffix}"
    assert command.main([str(DIGITS), f"--emit={name}", "-o", said]) == 0
    made = cmlc.compile(DIGITS).write(called, name)
    assert made == Path(called)
    assert [path.name for path in files(Path("a"))] == [path.name for path in files(Path("b"))]
    assert look(Path(called)) == look(Path(said))
    cmlc.write(DIGITS, called, name)  # replaces its like
    assert look(Path(called)) == look(Path(said))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "chosen"),
    [
        ("m.tflite", {"quantize": "float16"}),
        ("m.tflite", {"quantize": "int8", "representative": "samples.npz"}),
        ("m.cmir", {"stage": "lowered", "locations": True}),
        ("m.cmir", {"stage": "optimized", "statistics": True}),
        ("m.dot", {"stage": "lowered"}),
    ],
)
def test_choices_of_forms_mean_the_same(path, chosen, capsys):
    np.savez("samples.npz", image=np.load(DIGITS.with_suffix(".npz"))["images"][:4])
    options = [
        f"--{name}" if value is True else f"--{name}={value}" for name, value in chosen.items()
    ]
    assert command.main([str(DIGITS), "-o", f"said.{path}", *options]) == 0
    cmlc.compile(DIGITS).write(f"called.{path}", **chosen)
    said, called = Path(f"said.{path}").read_bytes(), Path(f"called.{path}").read_bytes()
    assert called.replace(b"called.", b"said.") == said


@pytest.mark.slow
def test_typical_inputs_may_be_in_memory():
    images = np.load(DIGITS.with_suffix(".npz"))["images"][:4]
    np.savez("samples.npz", image=images)
    model, made = cmlc.compile(DIGITS), []
    for samples in ("samples.npz", {"image": images}, [{"image": image} for image in images]):
        path = model.write("m.tflite", quantize="int8", representative=samples)
        made.append(path.read_bytes())
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([], "typical inputs: there are none"),
        ([{"image": np.zeros((8, 8))}, 1], "one of them is not a dictionary"),
        (3, "typical inputs can't be a int"),
        ({"image": np.zeros((0, 8, 8))}, "here are 0 of 'image'"),
        ([{"picture": 1}], "there is no input 'picture'"),
    ],
)
def test_what_no_typical_inputs_are(samples, said):
    with pytest.raises(CompileError, match=said):
        cmlc.compile(DIGITS).write("m.tflite", quantize="int8", representative=samples)
    assert left_behind() == []


def test_text_forms_go_to_standard_output(capsys):
    for form in (
        form for form in FORMS.values() if isinstance(form.made_of, OfStages) and form.made_of.text
    ):
        assert command.main([str(DIGITS), f"--emit={form.name}"]) == 0
        assert len(capsys.readouterr().out) > 1000
    assert left_behind() == []
