# One virtual environment, made from pyproject.toml with the tested versions of constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SHELL := /bin/bash

.PHONY: setup demo test chaos lint bench

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Andon needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Andon into $(VENV) (the first time: a few minutes, about 6.5 GB)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

demo: setup
	@$(BIN)/andon demo $(if $(DATA),--data "$(DATA)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(SIZE),--size $(SIZE)) $(if $(DEMO_FOLDER),--folder "$(DEMO_FOLDER)") $(if $(ONCE),--once)

test: setup
	@$(BIN)/python -m pytest $(ARGS)

chaos: setup
	@ANDON_CHAOS=1 ANDON_KILLS=1000 ANDON_SWAPS=100 ANDON_BACKLOG=72000 $(BIN)/python -m pytest -s tests/journeys/test_line.py $(ARGS)

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	@$(BIN)/python -m benchmarks $(if $(ROW),--row "$(ROW)") $(ARGS)
