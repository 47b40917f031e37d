# gridwarden: everything a developer or CI runs. `make help` lists it.
# Needs make and Python 3.11 or newer; all else goes into .venv, pinned by hash.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check

# one lock for every system and Python from 3.11 on; with hashes, without the address of an index
COMPILE := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-sources

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo test check servers bench lock clean setup node-red

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## a station, its broker and its siren in this terminal
	$(VENV)/bin/gridwarden demo

test: $(VENV)/.dev ## every test that this machine can run
	$(PY) -m pytest

check: $(VENV)/.dev ## what CI runs: format, lint, types, import contracts, tests
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports --no-logo
	$(PY) -m pytest

setup: $(VENV)/.dev ## only the environment in .venv, with `gridwarden` in .venv/bin

servers: ## install the real servers that tests use (Debian packages, Kafka by Maven; root or sudo)
	sh tests/servers/install.sh

bench: $(VENV)/.dev node-red ## figures beside their budgets
	$(PY) -m benchmarks

lock: $(VENV)/.dev ## pin the dependencies of pyproject.toml anew
	$(PIP) install --quiet uv
	$(COMPILE) --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --constraints requirements/runtime.txt --group build --output-file requirements/build.txt
	$(COMPILE) --constraints requirements/runtime.txt --constraints requirements/build.txt \
		--group dev --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --constraints requirements/dev.txt --extra fast --extra train \
		--output-file requirements/train.txt pyproject.toml

clean: ## remove what was built here, the environment too
	rm -rf $(VENV) build dist tests/servers/node-red/node_modules
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The peer of one benchmark. Without npm the benchmark says that it is missing.
node-red:
	@if command -v npm >/dev/null 2>&1; then sh tests/servers/node-red/install.sh; \
	else echo "npm is not here: no Node-RED in this run"; fi

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "gridwarden needs Python 3.11 or newer on the PATH"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo \
		"$(PYTHON) cannot make an environment: on Debian, apt-get install python3-venv"; exit 1; }

$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	@echo "setting up $(VENV), once: this downloads some 100 MB"
	$(PIP) install --quiet --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
