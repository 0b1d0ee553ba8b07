"""coremltools' `predict` on any machine, by replacing the class that runs models.

coremltools passes a model to `_MLModelProxy`, a binding of Apple's framework that only its wheels
for macOS contain, and asks for the version of macOS. `enable_coremltools_predict` replaces it by a
class with the same methods, which compiles the model. It returns the types of the binding
(coremlpython/CoreMLPython.mm, CoreMLPythonUtils.mm).
"""

import functools
import importlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from ..ir.diagnostics import CompileError, Diagnostic
from .binding import ShapesByName, inputs_of, shapes_given
from .options import Options
from .runtime import KEPT_SHAPES, compile
from .source.interface import read_interface
from .source.reading import read_model
from .source.spec import KNOWN_VERSION, NETWORKS, model_kind, network_of

_NEEDS_MACOS = "only Apple's own runtime on macOS can do that"


class PredictError(CompileError, RuntimeError):
    """A model can't run; a RuntimeError, which coremltools raises and catches."""


def enable_coremltools_predict(**choices: Any) -> "CoremltoolsPredict":
    """Make coremltools' models predict, until the result's `disable` or the end of a `with` block.

    This applies to `MLModel` and `CompiledMLModel` objects created in between, in all threads; they
    keep predicting afterwards. If calls are nested, the innermost applies. A model is compiled when
    it first predicts; compute units and optimization hints have no effect.

    Args:
        **choices: fields of `Options`.

    Raises:
        CompileError: coremltools is not installed, or its version has unknown internals; a choice
            is wrong.
        TypeError: there is no such choice.
    """
    return CoremltoolsPredict(Options(**choices))


class CoremltoolsPredict:
    """The effect of `enable_coremltools_predict`, undone by `disable` or at the end of `with`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        with _lock:
            if not _enabled:
                _replace()
            _enabled.append(self)

    def disable(self) -> None:
        """Undo it; a second time does nothing."""
        with _lock:
            if self in _enabled:
                _enabled.remove(self)
                if not _enabled:
                    _restore()

    def __enter__(self) -> "CoremltoolsPredict":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.disable()


_lock = threading.RLock()
_enabled: list[CoremltoolsPredict] = []  # in the order of enabling: the last one applies
_originals: list[tuple[Any, str, Any]] = []  # module, name, the original


class ModelProxy:
    """A model as `MLModel` runs it.

    The constructor reads the model, so a `.mlmodel` may be removed afterwards (`MLModel` does so
    for messages); the weight files of a package are read when it first predicts.
    """

    def __init__(
        self,
        path: str,
        compute_units: str,
        function: str,
        optimization_hints: Mapping[str, str],
        asset: object = None,
    ) -> None:
        if asset is not None:
            _refuse("models from assets are not supported", "give the path of the model")
        with _lock:
            options = _enabled[-1].options if _enabled else Options()
        self._options = replace(options, function=function) if function else options
        self._compiling = threading.Lock()
        self._load_duration: int | None = None
        self._predict_duration: int | None = None
        with _runtime_errors():
            self._source = read_model(path)
        self._compiled = functools.lru_cache(KEPT_SHAPES)(self._compile)

    def _compile(self, shapes: ShapesByName) -> Any:
        """The CompiledModel for full shapes of inputs; some networks only compile for these."""
        begun, options = time.perf_counter_ns(), self._options
        model = compile(self._source, replace(options, shapes={**options.shapes, **dict(shapes)}))
        self._load_duration = time.perf_counter_ns() - begun
        return model

    def _model(self, inputs: Mapping[str, Any] | None = None) -> Any:
        with self._compiling:
            return self._compiled(shapes_given(self._sequences, inputs or {}))

    @functools.cached_property
    def _sequences(self) -> dict[str, tuple[int, ...]]:
        """Declared shapes of the arrays that may have a sequence and a batch."""
        spec, options = self._source.spec, self._options
        if model_kind(spec) not in NETWORKS or options.batch == "dynamic":
            return {}
        if network_of(spec).arrayInputShapeMapping:
            return {}
        arrays = (f for f in read_interface(spec).inputs if f.kind == "array")
        return {f.name: f.shape for f in arrays if f.name not in options.shapes}

    def predict(
        self, inputs: Mapping[str, Any], state: "StateProxy | None" = None
    ) -> dict[str, Any]:
        """Outputs by name.

        Multi-arrays are float32 (also for float16), float64, int32 or int8 arrays; images are PIL
        images of mode RGBA, L or F; class labels are str or int, probabilities {label: float}.
        Numbers are float or int, dictionaries {str or int: float}, sequences lists of str or int.

        Raises:
            PredictError: the model can't be compiled, or the inputs are wrong.
        """
        held = None if state is None else state.held
        (found,) = self._predicted(
            inputs, lambda model: [model.predict(self._entry(model, inputs), held)]
        )
        return found

    def batchPredict(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: N802
        """Outputs by name for each entry; they run together if the model has a batch dimension.

        Raises:
            PredictError: as of `predict`; the message names the entry.
        """
        if len({shapes_given(self._sequences, inputs) for inputs in batch}) > 1:
            return [self.predict(inputs) for inputs in batch]  # by models for these shapes
        return self._predicted(
            batch[0] if batch else {},
            lambda model: model.predict([self._entry(model, inputs) for inputs in batch]),
        )

    def _entry(self, model: Any, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The inputs of one entry of a table: coremltools' callers may give arrays one row of many.

        Raises:
            CompileError: an array has several rows, which `predict` takes as a list.
        """
        if model_kind(self._source.spec) in (*NETWORKS, "mlProgram"):
            return inputs
        found = dict(inputs)
        for value, known in inputs_of(model.function):
            given = inputs.get(value.name)
            rank = value.type.rank
            if known.batch != "added" or not isinstance(given, np.ndarray) or given.ndim != rank:
                continue
            if len(given) != 1:
                message = f"input '{value.name}' has {len(given)} entries, not one"
                remedy = "give a list of dictionaries"
                raise CompileError(Diagnostic(message, "usage", remedy=remedy))
            found[value.name] = given[0]
        return found

    def _predicted(
        self, example: Mapping[str, Any], run: Callable[[Any], list[dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        """What the CompiledModel for inputs such as these gives, in the binding's form."""
        with _runtime_errors():
            model = self._model(example)
            begun = time.perf_counter_ns()
            with _failed_predictions(model_kind(self._source.spec)):
                found = run(model)
            self._predict_duration = time.perf_counter_ns() - begun
            function = model.function
        rows = zip(function.result_names, function.outputs, strict=True)
        kinds = {name: known.kind for name, known in rows}
        return [
            {name: _converted(value, kinds.get(name)) for name, value in entry.items()}
            for entry in found
        ]

    def newState(self) -> "StateProxy":  # noqa: N802
        """States that are zero."""
        with _runtime_errors():
            return StateProxy(self._model().make_state())

    def get_load_duration_in_nano_seconds(self) -> int | None:
        """How long compilation took; None before the first prediction."""
        return self._load_duration

    def get_last_predict_duration_in_nano_seconds(self) -> int | None:
        """How long the last prediction took; the first one includes TensorFlow's preparations."""
        return self._predict_duration

    def get_compiled_model_path(self) -> str:
        _refuse("there is no compiled model in Core ML's format")

    @staticmethod
    def maximum_supported_specification_version() -> int:
        return KNOWN_VERSION

    @staticmethod
    def get_available_compute_devices() -> list[Any]:
        _refuse("the devices that Core ML would compute on are not known")

    @staticmethod
    def create_model_asset_from_path(path: str) -> Any:
        _refuse("models from assets are not supported", "give the path of the model")

    @staticmethod
    def create_model_asset_from_memory(spec: bytes, blobs: Mapping[str, bytes]) -> Any:
        _refuse("models from assets are not supported", "save a .mlpackage")


class StateProxy:
    """States as `MLState` reads and writes them.

    Attributes:
        held: the result of `CompiledModel.make_state`.
    """

    def __init__(self, held: Any) -> None:
        self.held = held

    def read_state(self, name: str) -> Any:
        """A copy, float32 instead of float16.

        Raises:
            PredictError: there is no such state.
        """
        with _runtime_errors():
            return _converted(self.held.read_state(name), "state")

    def write_state(self, name: str, value: Any) -> None:
        """Set a state to an array of its shape.

        Raises:
            PredictError: there is no such state, or it has another shape.
        """
        with _runtime_errors():
            self.held.write_state(name, value)


def _converted(value: Any, kind: Any) -> Any:
    """An output in the binding's form: its convertValueToPython."""
    if isinstance(value, np.ndarray):
        if kind == "double":
            return float(value.item())
        return value.astype(np.float32) if value.dtype == np.float16 else value
    if getattr(value, "mode", "") == "RGB":
        return value.convert("RGBA")  # Core ML's colour images are BGRA
    return value


@contextmanager
def _runtime_errors() -> Iterator[None]:
    try:
        yield
    except PredictError:
        raise
    except CompileError as error:
        raise PredictError(error.diagnostics) from error.__cause__


@contextmanager
def _failed_predictions(kind: str) -> Iterator[None]:
    """Problems begin like Core ML's own messages, because tests look for that."""
    using = {"mlProgram": "ML Program", **dict.fromkeys(NETWORKS, "a neural network model")}
    what = using.get(kind, f"a model of type {kind}")
    try:
        yield
    except CompileError as error:
        began = f"Unable to compute the prediction using {what}"
        problems = [replace(d, message=f"{began}: {d.message}") for d in error.diagnostics]
        raise PredictError(problems) from error.__cause__


def _refuse(message: str, remedy: str = _NEEDS_MACOS) -> NoReturn:
    raise PredictError(Diagnostic(message, "unsupported", remedy=remedy))


# The version that `make_state` and optimization hints need: that of KNOWN_VERSION.
def _is_macos() -> bool:
    return True


def _macos_version() -> tuple[int, int]:
    return (26, 0)


# Names in coremltools' modules, and their replacements.
_MODEL, _COMPILED = "coremltools.models.model", "coremltools.models._compiled_model"
_REPLACEMENTS: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    (_MODEL, "_MLModelProxy", ModelProxy),
    (_MODEL, "_is_macos", _is_macos),
    (_MODEL, "_macos_version", _macos_version),
    (_COMPILED, "_MLModelProxy", ModelProxy),
    (_COMPILED, "_macos_version", _macos_version),
)


def _replace() -> None:
    """Replace all names or none.

    Raises:
        CompileError: coremltools is missing, or lacks some of them.
    """
    try:
        import coremltools
    except ModuleNotFoundError:
        raise CompileError(Diagnostic("coremltools is not installed", "usage")) from None
    found: list[tuple[Any, str, Any]] = []
    for module_name, name, _ in _REPLACEMENTS:
        try:
            module = importlib.import_module(module_name)
            found.append((module, name, getattr(module, name)))
        except (ModuleNotFoundError, AttributeError):
            version = getattr(coremltools, "__version__", "of an unknown version")
            message = f"coremltools {version} has no {module_name}.{name} to be replaced"
            remedy = "install coremltools 9.0, or predict with cmlc.compile(model)"
            diagnostic = Diagnostic(message, "unsupported", subject="coremltools", remedy=remedy)
            raise CompileError(diagnostic) from None
    _originals.extend(found)
    for (module, name, _), (_, _, replacement) in zip(found, _REPLACEMENTS, strict=True):
        setattr(module, name, replacement)


def _restore() -> None:
    while _originals:
        setattr(*_originals.pop())
