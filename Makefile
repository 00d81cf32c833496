# Every target sets up the environment by itself: it installs again when a file is added or removed, not when one is edited.
# PYTHON=python3.12 VENV=.venv-3.12 make test   runs on another interpreter, in an environment of its own.
ROOMS := protocol session transports app fuzz
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
KEY := $(shell { find $(ROOMS) -type f -not -path '*/__pycache__/*' | LC_ALL=C sort; cat pyproject.toml; } | cksum | tr ' ' '-')
VENV ?= .venv
STAMP := $(VENV)/.installed-$(KEY)
BIN := $(VENV)/bin

help:
	@echo 'make demo        play annotated sessions on stdio and over HTTP, in a legacy and in the modern revision'
	@echo 'make test        run the whole test suite (ARGS="-k name" selects)'
	@echo 'make coverage    the same, with branch coverage of protocol/ and session/'
	@echo 'make lint        ruff, mypy strict, pyright strict, verifytypes'
	@echo 'make docs        write again what the pages show of the code: tables, outputs of programs'
	@echo 'make soak        a million hostile lines for a live server, and for a client (ARGS="--seed 7")'
	@echo 'make mutants     break protocol/ and session/ in small ways: a test must fail for each (ARGS="--slice 1/12")'
	@echo 'make conformance the official suite, strictly judged (ARGS="--side server --only ping")'
	@echo 'make strangers   one environment per foreign SDK, which make test then uses'
	@echo 'make transcripts record again what the foreign SDKs say, which make test replays (ARGS="mcp2 ts1")'
	@echo 'make bench       speed beside other SDKs, judged by its bars (ARGS="--quick --only client")'

install: $(STAMP)

$(STAMP):
	@test -n '$(PYTHON)' || { echo 'barewire needs Python 3.11 or newer on PATH'; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq -U 'pip>=25.1' 'setuptools>=77'
	@rm -rf build/__editable__.* $(VENV)/.installed-*
	@$(BIN)/python -m pip install -qq --no-build-isolation --group test -e .
	@touch $@

demo: install
	@$(BIN)/python -m examples.demo

test: install
	@$(BIN)/python -m pytest $(ARGS)

coverage: install
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m coverage run -m pytest $(ARGS)
	@$(BIN)/python -m coverage combine -q
	@$(BIN)/python -m coverage report --include='*/barewire/protocol/*,*/barewire/session/*,protocol/*,session/*' --fail-under=98

lint: install
	@$(BIN)/python -m pip install -qq --group lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy tests examples bench
	@cd build && ln -sfn __editable__.* lint
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --verifytypes barewire --ignoreexternal

soak: install
	@$(BIN)/python -m barewire.fuzz.soak --findings fuzz/corpus $(ARGS)

mutants: install
	@$(BIN)/python -m tests.mutants.run $(ARGS)

docs: install
	@$(BIN)/python -m tests.printed

conformance: install
	@$(BIN)/python -m tests.conformance $(ARGS)

strangers:
	@$(PYTHON) tests/interop/make_strangers.py

transcripts: install strangers
	@$(BIN)/python -m tests.record $(ARGS)

bench:
	@$(PYTHON) -m bench $(ARGS)

clean:
	@rm -rf .venv .venv-* .strangers .conformance .bench bench/results build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage*

.PHONY: help install demo test coverage lint soak mutants docs conformance strangers transcripts bench clean
