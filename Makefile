# Two commands matter: `make demo` and `make test`. Both build .venv themselves; `make help` lists the rest.
# Nothing here may hold an absolute path: the clone can be anywhere, in a directory with spaces too.

BIN := .venv/bin
PYTHON ?=
# Of the unit tests alone: measuring the others as well doubles their time. `make coverage` does, before a release.
# Raise both when coverage has risen; never lower them to make a change pass.
UNIT_FLOOR ?= 54
COVERAGE_FLOOR ?= 70
# A test that skips because something is missing has tested nothing. 0 relaxes that on your own machine; CI never does.
DR_DEMAND_ALL ?= 1
PYTEST := $(BIN)/python -m pytest
# The examples in docstrings are tests as well.
UNITS := --doctest-modules dr tests/unit
# Three at once on two cores: tests with servers wait for a good part of their time.
REST := tests --ignore=tests/unit -n 3 --dist loadfile --no-loadscope-reorder
PACKAGES := dr flows tasks blocks deployments

export PYTHON DR_DEMAND_ALL
# Hundreds of processes are begun by the tests; each would compile everything again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test unit rest thorough coverage lint fix up status down bench bench-wal incidents constraints clean FORCE

help: ## this list
	@sed -n 's/^\([a-z.-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: .venv ## protect a PostgreSQL, lose it, bring it back, and say how long it took
	@$(BIN)/dr demo

test: lint ## everything that must hold: lint, unit tests, then the ones with real servers
	@rm -f .coverage .coverage.*
	@echo "unit tests"
	@$(PYTEST) $(UNITS) -n 2 --cov --cov-report= --cov-fail-under=$(UNIT_FLOOR)
	@echo "tests with real servers"
	@$(PYTEST) $(REST)

unit: .venv ## unit tests alone, in less than 30 seconds
	@$(PYTEST) $(UNITS) -n 2

rest: .venv ## the tests with real servers alone
	@$(PYTEST) $(REST)

thorough: .venv ## unit tests with a thousand examples for each property
	@$(PYTEST) $(UNITS) -n 2 --hypothesis-profile=thorough

coverage: .venv ## everything once more, measured; takes twice as long
	@rm -f .coverage .coverage.*
	@$(PYTEST) $(UNITS) -n 2 --cov --cov-report=
	@$(PYTEST) $(REST) --cov --cov-append --cov-report=term --cov-fail-under=$(COVERAGE_FLOOR)

lint: .venv ## style, types, import arrows, file lengths
	@$(BIN)/ruff check --quiet . \
	  || { echo "lint: ruff found the above; 'make fix' repairs what it can, the rest is yours."; exit 1; }
	@$(BIN)/ruff format --quiet --check . \
	  || { $(BIN)/ruff format --check . ; echo "lint: not formatted; run 'make fix'."; exit 1; }
	@$(BIN)/mypy --no-error-summary \
	  || { echo "lint: mypy found the above; give the type that is meant rather than an ignore."; exit 1; }
	@said=$$($(BIN)/lint-imports --no-logo 2>&1) \
	  || { echo "$$said"; echo "lint: an import runs against the arrows; ARCHITECTURE.md draws them."; exit 1; }
	@$(BIN)/python tools/check_file_lengths.py
	@echo "lint: clean"

fix: .venv ## let ruff repair and format what it can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

up: .venv ## start a local Prefect server, a worker and the demo system
	@$(BIN)/python -m deployments.local up

status: .venv ## whether what `make up` started runs, and where
	@$(BIN)/python -m deployments.local status

down: .venv ## stop what `make up` started
	@$(BIN)/python -m deployments.local down

bench: .venv ## compare our backups with pg_dump, pg_basebackup and pgBackRest
	@$(BIN)/python -m benchmarks.backup

bench-wal: .venv ## compare WAL shipping with barman and pgBackRest, and time planning over a long history
	@$(BIN)/python -m benchmarks.wal

incidents: .venv ## which test covers which incident
	@$(BIN)/python tools/incidents.py

constraints: ## pin every dependency anew (needs uv)
	@command -v uv >/dev/null || { echo "make constraints needs uv on PATH"; exit 1; }
	@{ echo "# Every dependency, pinned, for Python 3.11 to 3.14. Made by 'make constraints'; do not edit."; \
	   uv pip compile --quiet --universal --python-version 3.11 --upgrade --extra dev --extra demo \
	     --no-annotate --no-header --no-emit-index-url --no-emit-find-links pyproject.toml; } > constraints.txt.new
	@mv constraints.txt.new constraints.txt

clean: ## remove .venv, caches and build leftovers, not backups
	@rm -rf .venv .bootstrap.log .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache \
	  .hypothesis build dist *.egg-info
	@find $(PACKAGES) tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# A real directory, but always asked about: its content decides whether it is built, not its date.
.venv: FORCE
	@sh tools/bootstrap.sh

FORCE:
