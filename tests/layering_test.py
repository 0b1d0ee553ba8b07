"""Who may import whom, and what importing may cost.

Imports are read from the source, those inside functions and under TYPE_CHECKING included: a layer
that needs another one "only for types" or "only sometimes" still needs it.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import networkx as nx
import pytest
from support.running.child_seconds import child_seconds

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("backends", "compiler", "ir", "passes", "tools")
MAX_LINES = 400
IMPORT_SECONDS = 0.3
HELP_SECONDS = 0.6 if os.environ.get("CI") else 0.3
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}

pytestmark = pytest.mark.slow  # `make check` runs them, so `make quick` needn't

Name = tuple[str, ...]  # dotted, below `cmlc`: () is the package itself

# A part of the package and what it may import of the others: the longest matching prefix counts.
# Each part may import itself; between backends there is a rule of its own below.
ANYTHING = LAYERS[:-1]
MAY_IMPORT: dict[Name, tuple[str, ...]] = {
    (): ANYTHING,
    ("ir",): (),
    ("passes",): ("ir",),
    ("compiler",): ("ir",),
    ("compiler", "source"): ("ir",),
    ("compiler", "frontends"): ("ir", "compiler.source", "compiler.options"),
    ("compiler", "choices"): ("ir", "backends"),
    ("compiler", "options"): ("ir", "backends", "compiler.choices"),
    ("compiler", "coremltools_predict"): ("ir", "compiler"),
    ("compiler", "plugins"): ("ir", "passes"),
    ("compiler", "driver"): ANYTHING,
    ("compiler", "stages"): ANYTHING,
    ("compiler", "artefacts"): ANYTHING,
    ("compiler", "state"): ("ir", "backends", "compiler.binding"),
    ("compiler", "runtime"): ANYTHING,
    ("compiler", "watch"): ("ir", "compiler.source", "passes"),
    ("backends",): ("ir", "passes"),
    ("tools",): ("", *ANYTHING),
}
BUILT_UPON = {("tflite", "tf")}  # the only target that may import another one

# Libraries that only some modules may import, and nobody at module level.
TENSORFLOW_USERS = (
    *("backends.tf.emit", "backends.tf.variables", "backends.tf.saved_model"),
    *("backends.tf.checkpoint", "backends.tf.tables", "backends.tf.saver"),
    "backends.tf.flat_call",
    *("backends.tf.names", "backends.tf.states", "backends.tf.decode", "backends.tf.kernels"),
    *("backends.tf.frozen", "backends.tflite", "backends.keras.emit", "tools"),
)
LATE_LIBRARIES: dict[str, tuple[str, ...]] = {
    "tensorflow": TENSORFLOW_USERS,
    "keras": TENSORFLOW_USERS,
    "coremltools": (
        *("compiler.source.spec", "compiler.coremltools_predict", "tools.make_digits"),
        "tools.bench.peer_process",
    ),
}
IR_LIBRARIES = {*sys.stdlib_module_names, "numpy", "lark", "ml_dtypes"}


@dataclass(frozen=True)
class Import:
    """One import statement, resolved."""

    module: Name  # who imports
    target: Name  # what: below `cmlc` if internal, else the library's dotted name
    internal: bool
    late: bool  # inside a function, or for type checkers only
    place: str

    def __str__(self) -> str:
        prefix = ("cmlc",) if self.internal else ()
        return f"{self.place} imports {'.'.join((*prefix, *self.target))}"


def sources() -> list[Path]:
    found = [path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")]
    return sorted([*ROOT.glob("*.py"), *found])


def module_of(path: Path) -> Name:
    name = path.relative_to(ROOT).with_suffix("").parts
    return name[:-1] if name[-1] == "__init__" else name


def imports_of(path: Path) -> Iterator[Import]:
    module = module_of(path)
    package = module if path.name == "__init__.py" else module[:-1]
    for node, late in statements(path):
        place = f"{path.relative_to(ROOT)}:{node.lineno}"
        for target, internal in targets(node, package):
            yield Import(module, target, internal, late, place)


Statement = ast.Import | ast.ImportFrom
# Where statements have statements: nothing else can hold an import, so expressions aren't entered.
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@cache
def statements(path: Path) -> list[tuple[Statement, bool]]:
    """The import statements of a file."""
    return list(walk(ast.parse(path.read_text()), late=False))


def walk(node: ast.AST, late: bool) -> Iterator[tuple[Statement, bool]]:
    """All import statements, and whether they run after the module is imported."""
    if isinstance(node, Statement):
        yield node, late
    typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for block in BLOCKS:
        for child in getattr(node, block, ()):
            yield from walk(child, late or typing_only or inside)


def targets(node: Statement, package: Name) -> Iterator[tuple[Name, bool]]:
    """What one statement imports: (dotted name, whether it is ours)."""
    if isinstance(node, ast.Import):
        absolute = [tuple(alias.name.split(".")) for alias in node.names]
    elif node.level == 0:
        absolute = [tuple((node.module or "").split("."))]
    else:
        base = package[: len(package) - node.level + 1]
        base += tuple(node.module.split(".")) if node.module else ()
        for alias in node.names:
            yield ((*base, alias.name) if is_module((*base, alias.name)) else base), True
        return
    for name in absolute:
        yield (name[1:], True) if name[0] == "cmlc" else (name, False)


@cache
def is_module(name: Name) -> bool:
    path = ROOT.joinpath(*name)
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def within(name: Name, prefix: str | Name) -> bool:
    """Whether a module is this one or below it."""
    parts = tuple(prefix.split(".")) if isinstance(prefix, str) else prefix
    return name[: len(parts)] == parts


def part_of(module: Name) -> Name:
    """The longest prefix the table of layers knows."""
    return max((prefix for prefix in MAY_IMPORT if within(module, prefix)), key=len)


def allowed(item: Import) -> bool:
    """Whether the layers permit an internal import."""
    part = part_of(item.module)
    if item.target == ():
        return "" in MAY_IMPORT[part]
    if within(item.module, "backends") and within(item.target, "backends"):
        return between_backends(item)
    if within(item.target, part) and part:
        return not (part == ("compiler",) and part_of(item.target) != part)
    return any(prefix and within(item.target, prefix) for prefix in MAY_IMPORT[part])


def between_backends(item: Import) -> bool:
    """A target imports itself and what all targets share; the shared part imports no target."""
    wanted = item.target[1] if len(item.target) > 1 else ""
    if not (ROOT / "backends" / wanted / "__init__.py").exists() or not wanted:
        return True
    mine = item.module[1] if len(item.module) > 1 else ""
    return mine == wanted or (mine, wanted) in BUILT_UPON


@cache
def imports() -> list[Import]:
    """All there are; reading them takes seconds, which collecting the tests doesn't wait for."""
    return [item for path in sources() for item in imports_of(path)]


def test_layers():
    wrong = [str(item) for item in imports() if item.internal and not allowed(item)]
    assert not wrong, "\n".join(wrong)


# An op has values, a value has an op: the two classes are one thing in two files.
ONE_THING = {frozenset({("ir", "ssa"), ("ir", "values")})}


def test_no_circles():
    graph: nx.DiGraph = nx.DiGraph()
    modules = {module_of(path) for path in sources() if path.name != "__init__.py"}
    inside = [item for item in imports() if {item.module, item.target} <= modules]
    graph.add_edges_from((item.module, item.target) for item in inside)
    circles = {frozenset(part) for part in nx.strongly_connected_components(graph) if len(part) > 1}
    assert circles == ONE_THING


def test_imports_inside_the_package_are_relative():
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node, _ in statements(path)
        if "cmlc" in [name.split(".")[0] for name in absolute_names(node)]
    ]
    assert not wrong, "\n".join(wrong)


def absolute_names(node: Statement) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if node.level == 0 else []


def test_ir_needs_numpy_and_lark_only():
    wrong = [
        str(item)
        for item in imports()
        if not item.internal and within(item.module, "ir") and item.target[0] not in IR_LIBRARIES
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", LATE_LIBRARIES)
def test_heavy_libraries(library):
    users = [item for item in imports() if not item.internal and item.target[0] == library]
    early = [str(item) for item in users if not item.late]
    assert not early, "at module level:\n" + "\n".join(early)
    permitted = LATE_LIBRARIES[library]
    strangers = [
        str(item) for item in users if not any(within(item.module, name) for name in permitted)
    ]
    assert not strangers, f"only {', '.join(permitted)} may:\n" + "\n".join(strangers)


def fake(module: str, target: str) -> Import:
    return Import(tuple(module.split(".")), tuple(filter(None, target.split("."))), True, True, "")


@pytest.mark.parametrize(
    ("module", "target", "fine"),
    [
        ("ir.ssa", "ir.types", True),
        ("ir.ssa", "passes.manager", False),
        ("passes.dce", "ir.ssa", True),
        ("passes.dce", "compiler.options", False),
        ("compiler.frontends.nn.conv", "compiler.source.spec", True),
        ("compiler.frontends.table", "compiler.options", True),
        ("compiler.frontends.nn.conv", "passes.dce", False),
        ("compiler.frontends.nn.conv", "compiler.driver", False),
        ("compiler.source.spec", "compiler.frontends.rules", False),
        ("compiler.options", "compiler.driver", False),
        ("compiler.driver", "backends.table", True),
        ("compiler.runtime", "tools.cmlc", False),
        ("backends.tf.emit", "passes.manager", True),
        ("backends.tf.emit", "compiler.options", False),
        ("backends.tf.forms", "compiler.artefacts.write", False),
        ("compiler.artefacts.write", "backends.form", True),
        ("compiler.artefacts.write", "tools.cli.console", False),
        ("compiler.binding", "compiler.artefacts.write", False),
        ("tools.cmlc", "compiler.driver", True),
        ("tools.demo", "", True),
        ("ir.ssa", "", False),
    ],
)
def test_the_rules_themselves(module, target, fine):
    assert allowed(fake(module, target)) == fine


def test_imports_are_found_wherever_they_stand():
    code = "import a\ndef f():\n  from ..ir import x\nif TYPE_CHECKING:\n  from .b import c\n"
    found = [(ast.unparse(node), late) for node, late in walk(ast.parse(code), late=False)]
    assert found == [
        ("import a", False),
        ("from ..ir import x", True),
        ("from .b import c", True),
    ]


def test_files_are_short():
    files = [*sources(), *(ROOT / "tests").rglob("*.py")]
    lengths = {path: len(path.read_text().splitlines()) for path in files}
    long = [f"{path.relative_to(ROOT)}: {n}" for path, n in lengths.items() if n > MAX_LINES]
    assert not long, f"over {MAX_LINES} lines:\n" + "\n".join(long)


def test_module_names_say_something():
    assert not [str(path) for path in sources() if path.stem in VAGUE_NAMES]


@pytest.mark.parametrize("name", LAYERS)
def test_folders_refuse_to_be_imported_under_another_name(name):
    """`import ir` from the repository root would be a second copy of every class."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {name}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode != 0
    assert "ImportError" in result.stderr


@pytest.mark.parametrize("name", ["cmlc", "cmlc.ir", "cmlc.passes"])
def test_importing_is_fast_and_light(name):
    """Processor time, the best of five: other processes must not decide."""
    code = (
        "import sys, time; start = time.process_time()\n"
        f"import {name}\n"
        "print(time.process_time() - start)\n"
        "print(*{'tensorflow', 'keras', 'coremltools'} & sys.modules.keys())\n"
    )
    outputs = [output_of("-c", code).splitlines() for _ in range(5)]
    assert all(lines[1] == "" for lines in outputs), f"{name} imports {outputs[0][1]}"
    assert min(float(lines[0]) for lines in outputs) < IMPORT_SECONDS


def test_help_is_fast():
    assert min(help_seconds() for _ in range(3)) < HELP_SECONDS


def help_seconds() -> float:
    with child_seconds() as seconds:
        output_of("-m", "cmlc.tools.cmlc", "--help")
    return seconds[0]


def output_of(*arguments: str) -> str:
    """What Python prints; away from the repository root, whose folders must not be found."""
    result = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT / "tests"
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
