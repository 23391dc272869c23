# Two commands matter: `make quickstart` (set up, run the main job) and `make test` (set up, pass the tests).
# Everything is plain venv and pip; nothing is done twice.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# How many processes share the tests; a file of them stays in one process.
JOBS   ?= 2
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
export TOKENIZERS_PARALLELISM := false
# Threads that wait must not spin for long: on a busy machine that costs a factor of ten and more.
export GOMP_SPINCOUNT := 5000

.PHONY: quickstart test test-slow check docs format clean help
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

quickstart: $(VENV)/.run  ## set up, train three language models on real text, write a report
	@$(BIN)/likely quickstart $(ARGS)

test: $(VENV)/.test  ## set up and pass the tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow" $(ARGS)

test-slow: $(VENV)/.test  ## every test, the slow ones too
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: $(VENV)/.test  ## lint, format, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(VENV)/.docs  ## write the generated pages and build the site (ARGS=--check only compares)
	@$(BIN)/python -m scripts.make_docs $(ARGS)

format: $(VENV)/.test  ## put the code in its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# PyTorch first and alone: asked for through another package, pip may choose another build.
$(VENV)/.run: pyproject.toml constraints.txt
	@$(PYTHON) scripts/check_machine.py
	@echo "Setting up $(VENV) (a minute or two, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt torch
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@$(PIP) install --constraint constraints.txt --editable ".[coding,data,docs,figures,mauve,metrics,test,check]"
	@touch $@

$(VENV)/.docs: $(VENV)/.run
	@$(PIP) install --constraint constraints.txt --editable ".[docs]"
	@touch $@
