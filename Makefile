# `make help` lists what there is. Everything is made in .venv/ and var/, both of which may be
# deleted at any time.

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run demo test check format browser crash chaos bench schema adapter requirements clean python
# Targets are steps, not files that could be made side by side: `make -j` changes nothing.
.NOTPARALLEL:

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/runtime ## start everything, book one appointment before your eyes, and stay up
	@$(BIN)/python manage.py up --demo

demo: .venv/runtime ## the same, but end once the booking is confirmed (exit code 0) or not
	@$(BIN)/python manage.py up --demo --once

test: .venv/dev ## run the test-suite on its own PostgreSQL and Valkey
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/dev ## format, lint, types, import boundaries, migrations, API schema, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy accounts audit benchmarks config clinics encryption integrations metrics outreach sync tenancy webhooks writebacks manage.py
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn | cmp - docs/openapi.yaml \
		|| { echo 'docs/openapi.yaml is not what the code says: run `make schema`'; exit 1; }
	@$(MAKE) --no-print-directory test

browser: .venv/browser ## look at the live page in a real Chromium, which has to be installed
	@$(BIN)/pytest tests/browser

crash: .venv/dev ## kill processes of a running Frontdesk and see it recover (some minutes)
	@$(BIN)/pytest -m crash -n 3

chaos: .venv/dev ## the fault run: COUNT=500 asks SEED=1 in MINUTES=10, all of it failing meanwhile
	@$(BIN)/python -m tests.chaos --count $(or $(COUNT),500) --seed $(or $(SEED),1) \
		--minutes $(or $(MINUTES),10) --settle $(or $(SETTLE),20)

bench: .venv/dev ## measure budget decisions, entries of the audit, ticks of the dispatcher, and loads
	@$(BIN)/python manage.py bench budget
	@$(BIN)/python manage.py bench audit
	@$(BIN)/python manage.py bench dispatch
	@$(BIN)/python manage.py bench sync
	@$(BIN)/python -m benchmarks.live

format: .venv/dev ## bring the code into its one format
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

schema: .venv/dev ## write docs/openapi.yaml anew
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

adapter: .venv/dev ## lay out an adapter for another PMS, with its tests: make adapter name=dentrix
	@$(BIN)/python manage.py adapter $(name)

requirements: .venv/dev ## pin the dependencies of pyproject.toml anew, with hashes
	@$(PIP) install uv
	@for extra in "" -dev -browser; do $(BIN)/uv pip compile pyproject.toml \
		$${extra:+--extra $${extra#-} --constraint requirements.txt} --quiet \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--output-file requirements$$extra.txt; done

clean: ## delete .venv, var (with all demo data) and caches
	@test ! -x $(BIN)/python || env -u FRONTDESK_VAR $(BIN)/python -c "from config.embedded import erase, \
		var_folder; raise SystemExit(None if erase(var_folder()) else 'Frontdesk is running: stop it first.')"
	@rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp stands for a finished installation; one that was broken off is repeated.
.venv/runtime: requirements.txt | python
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv \
		|| { echo 'On Debian and Ubuntu: apt install python3-venv'; rm -rf .venv; exit 1; }
	@echo 'Installing dependencies into .venv (once, under a minute) …'
	@$(PIP) install --require-hashes -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt .venv/runtime
	@echo 'Installing development tools into .venv (once) …'
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

.venv/browser: requirements-browser.txt .venv/dev
	@$(PIP) install --require-hashes -r requirements-browser.txt
	@touch $@

python:
	@test -n "$(PYTHON)" || { echo "Frontdesk needs Python 3.11 or newer; here is \
	$$(python3 --version 2>&1 | tail -n 1). Install one, or name it: make PYTHON=/path/to/python3.11 …"; exit 1; }
