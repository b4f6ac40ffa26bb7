# `make demo` and `make test` need Python 3.11+, git and make, nothing else; the environment lives in .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup demo test lint pytest adapters bench clean

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "cifar-tui needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Both of the protocol's models on the digits that come with scikit-learn: the dashboard, or headless off a terminal.
demo: $(READY)
	$(BIN)/cifar-tui --start --data digits --epochs 23 --batch-size 64

# The tests wait for a sixth of their time: what only reads the code runs beside them.
test: $(READY)
	@$(MAKE) --no-print-directory --jobs 2 lint pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

pytest: $(READY)
	$(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

# The adapters for the training loops of other libraries, with these libraries, which the environment gets besides.
adapters: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,lightning,huggingface,keras]'
	$(BIN)/pytest tests/adapters

bench: $(READY)
	$(BIN)/python -m benchmarks.augmentation
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.dashboard
	$(BIN)/python -m benchmarks.costs.watching

clean:
	rm -rf .venv
