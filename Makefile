# Two commands: `make run` and `make test`. Both set up everything they need.
PYTHON ?= python3
BIN := .venv/bin
export FLASK_APP := app.py

.PHONY: run dev test bench screenshots lint lock clean
.DEFAULT_GOAL := run

run: .venv/run                       ## start Duet on PORT (8000)
	@exec $(BIN)/flask serve

dev: .venv/run                       ## the same for designers: saved templates and styles show at once
	@DUET_ENV=development exec $(BIN)/flask serve

test: .venv/test                     ## the whole suite
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@BIN=$(BIN) tests/run $(ARGS)

bench: .venv/test                    ## measure, and print a table
	@$(BIN)/python -W ignore::UserWarning -m tests.bench $(ARGS)

screenshots: .venv/test              ## take the README's pictures again (needs chromium)
	@$(BIN)/python -W ignore::UserWarning -m tests.screenshots

lint: .venv/test
	@$(BIN)/ruff check . && $(BIN)/mypy

lock:                                ## after a change of dependencies in pyproject.toml
	@$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --group test -o requirements-test.lock

.venv/run: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"duet: Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Point to another with: make PYTHON=python3.12")'
	@test -x $(BIN)/python || { echo "Setting up the environment (once)…"; $(PYTHON) -m venv .venv; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/test: .venv/run requirements-test.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	@touch $@

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache
