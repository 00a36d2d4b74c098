# Each verb does all its own set-up: a fresh clone needs Python 3.11 or newer, make and git, nothing else.
#   make run            installs what serving needs (no TensorFlow) and starts the app; PORT=8001 for another port
#   make test           installs the training and development extras and runs the whole suite;
#                       ARGS='-m "not slow" --no-cov tests/imaging' runs a part, WORKERS=0 in one process
#   make lint           ruff (rules and format) and mypy (strict)
# One .venv serves all three: run fills it with the base package, test and lint add to it. Each stamp below stands
# for one finished installation and is made again when pyproject.toml changes. pip's settings and cache are the user's.

VENV := .venv
PORT := $(or $(RADIOLENS_PORT),8000)
ARGS :=
# Test files go to this many processes; a file stays with one, since its tests share a server or a trained network.
WORKERS := 2

# Asked by running it, since a name on the PATH may be a shim without an interpreter behind it. Recursive on purpose:
# only the rule that makes the environment looks for it.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$name"; break; }; done)

.DELETE_ON_ERROR:
.PHONY: help run test lint

help:
	@sed -n '2,5s/^# *//p' Makefile

run: $(VENV)/installed-base
	@echo "radiolens: http://127.0.0.1:$(PORT) (stop with Ctrl+C)"
	@$(VENV)/bin/radiolens serve --port $(PORT)

# One thread each for linear algebra: those of two processes on two cores would wait for each other.
test: $(VENV)/installed-dev
	OPENBLAS_NUM_THREADS=1 $(VENV)/bin/python -m pytest --cov --numprocesses $(WORKERS) --dist loadfile $(ARGS)

lint: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

$(VENV)/installed-base: pyproject.toml | $(VENV)/bin/pip
	@echo "Installing radiolens (about 600 MB the first time) ..."
	@$(VENV)/bin/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/pip
	@echo "Installing radiolens with its training and development extras (about 4 GB the first time) ..."
	@$(VENV)/bin/python -m pip install --quiet --editable '.[train,dev]'
	@touch $(VENV)/installed-base $@

$(VENV)/bin/pip:
	@test -n "$(PYTHON)" || { \
	  echo "radiolens needs Python 3.11 or newer, and none was found. Install it (https://www.python.org/downloads/,"; \
	  echo "on Debian 12 and Ubuntu 24.04: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3"; \
	  exit 1; } >&2
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: its venv module is not installed."; \
	  echo "On Debian and Ubuntu: apt-get install python3-venv"; \
	  exit 1; } >&2
	@"$(PYTHON)" -m venv $(VENV)
