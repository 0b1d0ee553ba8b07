# `make demo` first, `make test` second; `make` alone lists everything.

# The first of these that runs and fits makes the environment; PYTHON=/path/to/python names another.
PYTHON ?= python3.11 python3.12 python3.13 python3
VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check

# make conformance SUITE="nn-numpy torch" LAYERS=convolution,pooling LIMIT=200 JOBS=2
SUITE  ?=
LAYERS ?=
LIMIT  ?=
JOBS   ?= 2

# make coremltools-tests TESTS=coremltools.test.neural_network.test_model EVERY=10 (one test in ten)
TESTS  ?= coremltools.converters.mil.mil.ops.tests coremltools.test.neural_network
EVERY  ?= 1

# make fuzz COUNT=500 MODELS="model.mlmodel other.mlmodelc"; small models of our own by default
COUNT  ?= 500
MODELS ?=

# Tests are independent of each other; TensorFlow takes memory, so no more workers than this. A file's
# tests stay together: what they share (compiled models, fresh processes) is made once.
TEST_JOBS ?= 2

# make matrix ROWS="3.12-oldest 3.12-newest"; all by default
ROWS   ?=
# make clients CLIENTS="openvino xla"; all by default
CLIENTS ?=

export TF_CPP_MIN_LOG_LEVEL ?= 3
# Tests start many interpreters: without bytecode each compiles the whole package again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test quick quick-laws quick-others check format docs pictures bench conformance \
  coremltools-tests fuzz matrix keras-backends clients constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed ## compile the sample model to a SavedModel and read real digits with it
	@$(PY) -m cmlc.tools.demo

test: check ## everything: style, types, layering, and all tests
	$(PY) -m pytest -n $(TEST_JOBS) --dist loadfile

# Two processes that share the folders about evenly: workers of pytest-xdist, which collect all tests
# each and send every result, take half as long again for tests as short as these.
QUICKLY := -q -m "not slow" --hypothesis-profile=quick
LAWS    := tests/contract tests/frontends tests/unit/ir

quick: $(VENV)/installed-dev ## the tests that need no TensorFlow, in a minute
	@$(MAKE) --no-print-directory -j2 --output-sync=target quick-laws quick-others

quick-laws:
	$(PY) -m pytest $(QUICKLY) $(LAWS)

quick-others:
	$(PY) -m pytest $(QUICKLY) $(LAWS:%=--ignore=%) --ignore=tests/differential tests

check: $(VENV)/installed-dev ## style, types, and who may import whom
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright --threads 2 --pythonpath $(PY)
	$(PY) -m pytest -q tests/layering_test.py
	$(PY) -m cmlc.tools.docs --check

format: $(VENV)/installed-dev ## format the code and mend what ruff can
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format .
	$(PY) -m ruff check .

docs: $(VENV)/installed-dev ## write the generated documents anew
	$(PY) -m cmlc.tools.docs

pictures: $(VENV)/installed ## take the pictures of the README anew (needs Chromium)
	$(PY) -m cmlc.tools.docs.pictures

bench: $(VENV)/installed ## how long import, load, passes, compilation and inference take
	$(PY) -m cmlc.tools.bench

conformance: $(VENV)/installed ## replay recorded cases (SUITE= LAYERS= LIMIT= JOBS=)
	$(PY) tests/conformance/replay.py --jobs $(JOBS) \
	  $(if $(SUITE),--suite $(SUITE)) $(if $(LAYERS),--layers $(LAYERS)) $(if $(LIMIT),--sample $(LIMIT))

coremltools-tests: $(VENV)/installed-dev ## coremltools' own tests, predicting by cmlc (TESTS= EVERY=)
	@$(PIP) install -q -c constraints.txt --no-build-isolation -e '.[dev,samples]'  # brings scipy
	PYTHONPATH=tests $(PY) -m pytest -q -W ignore --continue-on-collection-errors -p coremltools_suite --every $(EVERY) --pyargs $(TESTS)

fuzz: $(VENV)/installed-dev ## compile damaged models (COUNT=, MODELS=): none may crash, hang or take 2 GB
	$(PY) tests/fuzz.py --count $(COUNT) --jobs $(JOBS) $(MODELS)

matrix: $(VENV)/installed-dev ## where it runs: each Python here, oldest and newest libraries (ROWS=)
	@$(PY) -m cmlc.tools.release.matrix --jobs $(JOBS) $(ROWS)

clients: $(VENV)/installed-dev ## which other programs read what is written, with which numbers (CLIENTS=)
	@$(PY) -m cmlc.tools.clients.table $(CLIENTS)

keras-backends: $(VENV)/installed-dev ## Keras code on TensorFlow, JAX and torch, in an environment of its own
	@$(PY) -m cmlc.tools.release.keras_backends

constraints: ## pin the newest environment that pyproject.toml allows
	rm -rf build/constraints
	@$(FIND_PYTHON); $$python -m venv build/constraints
	build/constraints/bin/python -m pip --disable-pip-version-check install -q -e '.[dev,samples]'
	{ sed -n '/^#/p;/^[^#]/q' constraints.txt; \
	  build/constraints/bin/python -m pip --disable-pip-version-check freeze --all --exclude-editable \
	  | grep -v '^pip=='; } > build/constraints.txt
	mv build/constraints.txt constraints.txt && rm -rf build/constraints

clean: ## remove the environment, built things and caches
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

# A name on the PATH may be a shim of a Python that isn't installed, or lack what makes environments
# (Debian's python3-venv): so each is run. TensorFlow 2.21 has no wheels for Python 3.14.
FITS := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
define FIND_PYTHON
python=; \
for one in $(PYTHON); do $$one -c '$(FITS)' 2>/dev/null && python=$$one && break; done; \
test -n "$$python" || { \
  echo "No Python 3.11, 3.12 or 3.13 that can make environments; tried:"; \
  for one in $(PYTHON); do echo "  $$one: $$($$one -V 2>&1 | head -n 1)"; done; \
  echo "Install one (on Debian and Ubuntu: apt install python3 python3-venv),"; \
  echo "or name one: make PYTHON=/path/to/python3.12"; \
  exit 1; } >&2
endef

# A stamp is as old as what it was installed from: a changed dependency is never hidden by a cached
# environment. The build requirements come first, pinned as well, so nothing is fetched unpinned.
$(VENV)/bin/python:
	@$(FIND_PYTHON); set -x; $$python -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install -q -c constraints.txt setuptools wheel
	$(PIP) install -q -c constraints.txt --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) install -q -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@
