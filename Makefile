# Everything below works from a bare clone with nothing but Python 3.10 to 3.13 and make.

PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13 3.10,$(shell python$(v) -c "import sys; print(sys.executable)" 2>/dev/null)) python3)
VENV := .venv
BIN := $(VENV)/bin

# Half as many again as cores: many tests wait for boards, brokers and browsers. A worker that ends itself, because a test
# hangs, ends the run.
WORKERS ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
BESIDE = -n $(WORKERS) --max-worker-restart 0

# Modules stay compiled between runs, and for every process that a test starts, whatever the surroundings say.
test test-unit test-fast test-arm fuzz: export PYTHONDONTWRITEBYTECODE =

.PHONY: help demo test test-unit test-fast test-arm fuzz bench networks demo-spread docs dist lint types format clean

help:
	@echo "make demo       train on rendered photos and classify with the result; OPEN=1 shows the report in a browser"
	@echo "make test       all tests except those on emulated Arm boards"
	@echo "make test-unit  the tests that need no network conversion, server, browser or SSH: for every change"
	@echo "make test-fast  the tests that convert no network"
	@echo "make test-arm   the device package on emulated Arm boards, 64-bit and 32-bit"
	@echo "make fuzz       mutated models, photos, requests, queues and caches; MINUTES=2, SEED=N, KINDS='photos http'"
	@echo "make bench      benchmarks against other programs, written to benchmarks/RESULTS.md; 20 minutes"
	@echo "make networks   milliseconds, size and accuracy of networks, on PHOTOS='folder …'; a quarter of an hour"
	@echo "make demo-spread  the demo with 20 seeds of its renderer: accuracy and answers, mean and worst; 10 minutes"
	@echo "make docs       the documentation, into build/site; fails on a warning or a broken link"
	@echo "make dist       wheel and source archive into dist/, checked and tried in a fresh environment"
	@echo "make lint       ruff"
	@echo "make types      mypy, strict"

# pnnx is the converter from ONNX to ncnn. Its package asks for PyTorch, which the converter does without; the tests on
# ncnn skip where it is not available.
$(BIN)/.ready: pyproject.toml
	$(PYTHON) -c "import sys; assert (3, 10) <= sys.version_info[:2] <= (3, 13), 'Python 3.10 to 3.13 is needed, this is ' + sys.version"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps "pnnx>=20250905"
	@touch $@

# The demo has an environment of its own, without what only development needs.
.demo/.ready: pyproject.toml
	$(PYTHON) -c "import sys; assert (3, 10) <= sys.version_info[:2] <= (3, 14), 'Python 3.10 to 3.14 is needed, this is ' + sys.version"
	@echo "installs graftkit[host] into .demo: 41 packages, about 130 MB to download, 450 MB on disk"
	$(PYTHON) -m venv .demo
	.demo/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[host]"
	@touch $@

demo: .demo/.ready
	.demo/bin/graft demo $(if $(OPEN),--open)

test: $(BIN)/.ready
	$(BIN)/python -m pytest $(BESIDE) --dist loadfile -m "not arm"

test-unit: $(BIN)/.ready
	GRAFT_TESTS_FORK=1 $(BIN)/python -m pytest -q $(BESIDE) --dist worksteal -m "not arm and not slow and not service"

test-fast: $(BIN)/.ready
	$(BIN)/python -m pytest $(BESIDE) --dist loadfile -m "not arm and not slow"

test-arm: $(BIN)/.ready
	$(BIN)/python -m pytest $(BESIDE) --dist loadfile -m arm

# atheris guides the inputs by the branches that they reach. It has packages for few systems; the lane does without it.
.fuzz/.ready: $(BIN)/.ready
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: "atheris>=3"
	@mkdir -p .fuzz
	@touch $@

MINUTES ?= 2
fuzz: $(BIN)/.ready .fuzz/.ready
	$(BIN)/python -m tests.fuzz $(KINDS) --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

# Its dependencies are left out: the environment has what it needs, and its version limits would change TensorFlow's.
# If it is not available, the table says so.
.bench/.ready: $(BIN)/.ready
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .bench/onnx \
		onnx onnxruntime tf2onnx
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .bench/quantizer \
		ai-edge-quantizer immutabledict litert-lm-builder
	@mkdir -p .bench
	@touch $@

bench: $(BIN)/.ready .bench/.ready
	$(BIN)/python -m benchmarks

networks: $(BIN)/.ready
	$(BIN)/python -m benchmarks.networks $(PHOTOS)

SEEDS ?= 20
demo-spread: $(BIN)/.ready
	$(BIN)/python -m benchmarks.demo_spread --seeds $(SEEDS)

# The variable turns off an announcement of the theme's about its successor, which is no warning about these pages.
docs: $(BIN)/.ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

dist: $(BIN)/.ready
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m tests.support.dist_contents dist
	tests/support/try_wheel.sh dist/*.whl

lint: $(BIN)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.ready
	$(BIN)/mypy

format: $(BIN)/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .demo .arm .bench .fuzz .pytest_cache .mypy_cache .ruff_cache
