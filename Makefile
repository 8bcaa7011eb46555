# Two commands on a fresh machine with git, make and Python >= 3.11:  make run   make test
PY ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
FRONT := node_modules/.stamp
# The lock files are whole, so nothing is resolved: a version published later can neither come in nor break an install.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -q --require-hashes --only-binary :all: --no-deps
WORKERS ?= 2
# A shell that forbids compiled modules would have every process of a node or a test compile all of them again.
export PYTHONDONTWRITEBYTECODE :=
ARGS ?=
# What exercises the modules of tools/covered.py.
MEASURED := tests/registration tests/parties tests/imports tests/notify tests/core tests/api tests/journeys tests/law \
  tests/evidence tests/backup tests/ledger tests/security tests/catalogue

.DEFAULT_GOAL := help
.PHONY: help setup run test long coverage soak lint lock bench relevance tour messages permissions reference clean

help:  ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) $(FRONT)  ## Set everything up from nothing: virtual environment, locked packages, translations

$(STAMP): requirements/dev.lock requirements/run.lock requirements/shapes.lock pyproject.toml $(wildcard src/dengji/locale/*/LC_MESSAGES/*.po)
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PY=python3.11 …")'
	@test -x $(BIN)/python || $(PY) -m venv $(VENV) || { echo "On Debian or Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }
	@echo "Installing locked packages …"
	@$(PIP) -r requirements/dev.lock
	@$(PIP) -r requirements/shapes.lock
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@$(BIN)/pybabel -q compile -d src/dengji/locale -D django --statistics >/dev/null 2>&1 || { echo "translations do not compile"; exit 1; }
	@touch $@

$(FRONT): package.json package-lock.json requirements/node.lock | $(STAMP)
	@echo "Installing front-end packages and fonts …"
	@$(BIN)/python tools/front.py
	@touch $@

run: setup  ## Run the platform with the example jurisdiction at http://127.0.0.1:8000
	@$(BIN)/dengji up --demo $(ARGS)

test: setup  ## Run the tests (browser tests where Chromium is installed)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || echo "No Chromium on this machine: the browser tests are left out (apt install chromium)."
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not long" $(ARGS)

long: setup  ## Run the tests a person does not wait for: whole nodes, whole page sets in the browser
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m long $(ARGS)

coverage: setup  ## Show the branch coverage of the law and of every service; fails where a module is below 95 %
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov=dengji --cov-branch --cov-report= $(MEASURED) $(ARGS)
	@$(BIN)/python -m tools.covered

soak: setup  ## Run the full counts of the heavy properties; the log stays in build/soak.log
	@mkdir -p build
	@DENGJI_SOAK=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests/properties tests/faults tests/ledger/test_kill.py \
	  tests/api/test_openapi.py tests/catalogue/test_facets.py tests/catalogue/test_engines.py $(ARGS) 2>&1 | tee build/soak.log

lint: setup  ## Check style, types and the rules of the house
	@$(BIN)/ruff check src tests bench
	@$(BIN)/ruff format --check -q src tests bench
	@$(BIN)/mypy
	@$(BIN)/lint-imports

reference: setup  ## Write the reference pages that follow from the tables in the code
	@$(BIN)/python -m tools.reference

messages: setup  ## Collect the texts for translation into src/dengji/locale
	@mkdir -p build; PYTHONPATH=. $(BIN)/pybabel -q extract -w 120 -F babel.cfg -k N_ -k C_:1c,2 -k _ -k gettext -k gettext_lazy --no-location --sort-output -o build/django.pot .
	@$(BIN)/pybabel -q update -w 120 -i build/django.pot -d src/dengji/locale -D django -l en --no-fuzzy-matching --ignore-obsolete

permissions: setup  ## Write docs/reference/permissions.md from what the tests find
	@DENGJI_WRITE_PERMISSIONS=1 $(BIN)/python -m pytest -q tests/api/permissions/test_permissions.py

bench: setup  ## Measure beside the peers in one run and print the ratios (PEERS=1 builds CKAN first)
	@$(BIN)/python -m bench $(ARGS)

tour: setup  ## Take the pictures of the main pages from the demonstration into docs/tour
	@$(BIN)/python -m tools.tour $(ARGS)

relevance: setup  ## Ask the judged queries and print recall@20 and nDCG@10
	@$(BIN)/python -m tests.relevance $(ARGS)

lock: setup  ## Renew the lock files; fails if an address of a package index gets in
	@$(BIN)/uv --no-config pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links requirements/dev.in -o requirements/dev.lock
	@$(BIN)/uv --no-config pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links -c requirements/dev.lock requirements/run.in -o requirements/run.lock
	@$(BIN)/uv --no-config pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links requirements/node.in -o requirements/node.lock
	@! grep -nE '"resolved"' package-lock.json
	@! grep -nEi 'https?://|--(extra-)?index-url|--find-links|file:' requirements/*.lock

clean:  ## Remove what setup and tests made
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
