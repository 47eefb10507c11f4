# The commands of the house. A fresh machine needs make and Python 3.11 or newer, nothing else.
#   PYTHON=/path/to/python make demo   uses that Python
#   PYTEST="-k auroc -x" make test     hands options to pytest

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

PYTHON ?=
PYTEST ?=
BENCH ?= --write
OUT := out/nhanes-depression
RUN := .venv/bin/python -m
PIP := $(RUN) pip install --quiet --disable-pip-version-check --no-input --constraint constraints.txt
export PIP_ROOT_USER_ACTION := ignore

.PHONY: help demo test test-slow engines lint bench lock clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | \
	  while IFS= read -r line; do printf '  make %-10s %s\n' "$${line%%:*}" "$${line##*## }"; done

demo: .venv/.primum ## audit a depression-risk model on a national survey; writes a report
	@$(RUN) primum audit nhanes-depression --out $(OUT)
	@printf '\nThe report:  %s\n' "$(CURDIR)/$(OUT)/report.html"

test: .venv/.dev ## run the tests (not the slow ones)
	@$(RUN) pytest -n 2 --dist loadfile $(PYTEST)

test-slow: .venv/.spark ## run all tests, the slow ones too (those of Spark need Java 17)
	@$(RUN) pytest -m 'slow or not slow' $(PYTEST)

engines: .venv/.spark ## ask every engine every question, and write docs/engines.md
	@.venv/bin/python scripts/engines_table.py

lint: .venv/.dev ## check style, types, and that imports go down only
	@bad=0; \
	echo 'ruff check';    $(RUN) ruff check --quiet . || bad=1; \
	echo 'ruff format';   $(RUN) ruff format --quiet --diff . || bad=1; \
	echo 'mypy';          $(RUN) mypy --no-error-summary || bad=1; \
	echo 'import-linter'; .venv/bin/python .venv/bin/lint-imports --no-logo --no-cache || bad=1; \
	if [ $$bad = 0 ]; then echo 'lint: clean'; else echo 'lint: see above'; exit 1; fi

bench: .venv/.dev ## time primum and its peers side by side (BENCH="--quick": minutes; --large: 100 million rows)
	@sh scripts/bench-peers
	@.venv/bin/python bench/run.py $(BENCH)

lock: .venv/.dev ## write constraints.txt from this environment
	@.venv/bin/python scripts/lock.py

clean: ## remove what was made here: environment, caches, reports
	rm -rf .venv .venv-peers out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp is written only after everything before it succeeded, so an interrupted
# installation is taken up again; it is renewed when the dependencies or their pinned versions change.

.venv/.python:
	@if .venv/bin/python -m pip --version >/dev/null 2>&1; then \
	  echo 'Keeping the .venv that is here'; \
	else \
	  python=$$(PYTHON='$(PYTHON)' sh scripts/find-python) && \
	  echo "Making .venv with $$("$$python" --version 2>&1) ($$python)" && \
	  "$$python" -m venv --clear .venv; \
	fi
	@touch $@

.venv/.primum: .venv/.python pyproject.toml constraints.txt
	@echo 'Installing primum and what it needs, at the versions in constraints.txt (a minute or two, the first time)'
	@$(PIP) --upgrade pip hatchling
	@$(PIP) --no-build-isolation --editable '.[all]'
	@touch $@

.venv/.dev: .venv/.primum
	@echo 'Installing what tests and checks need'
	@$(PIP) --group dev
	@touch $@

.venv/.spark: .venv/.dev
	@echo 'Installing Spark (400 MB), for the slow tests'
	@$(PIP) --editable '.[spark]' --no-build-isolation
	@touch $@
