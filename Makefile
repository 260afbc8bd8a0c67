# Plain `python3 -m venv` and pip; every version is pinned in constraints.txt.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
WORKERS ?= 2
STAMP := $(VENV)/.installed

.PHONY: help install lint test test-all bench demo

help:
	@echo "make install   create $(VENV) with mgit and its test tools"
	@echo "make demo      install, then simulate, refine, score and audit a tilt series"
	@echo "make lint      format, lint, types, import contracts"
	@echo "make test      lint and the fast tests"
	@echo "make test-all  the slow tests too"
	@echo "make bench     measure; needs an idle machine"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

lint: $(STAMP)
	$(RUN)/ruff format --check mgit kernels tests benchmarks
	$(RUN)/ruff check mgit kernels tests benchmarks
	$(RUN)/mypy
	$(RUN)/lint-imports --no-cache --no-logo

test: lint
	$(RUN)/python -m pytest -n $(WORKERS)

test-all: lint
	$(RUN)/python -m pytest -n $(WORKERS) -m "not gpu and not benchmark"

bench: $(STAMP)
	$(RUN)/python -m pytest -m benchmark

demo: $(STAMP)
	$(RUN)/mgit demo
