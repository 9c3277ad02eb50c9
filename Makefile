PYTHON ?= python3
PORT ?= 8000
PYTEST_WORKERS ?= 2
STOCK_POSTGRES ?= /usr/lib/postgresql/15/bin

python := .venv/bin/python
ready := .venv/.ready
ready_dev := .venv/.ready-dev

# A server is several Python processes, and tests start hundreds: each would compile all its modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run demo client test test-fast test-stock coverage lint bench
.DEFAULT_GOAL := help

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(ready)  ## make the venv and install what is needed to run

run: $(ready)  ## set up, migrate and serve on http://127.0.0.1:8000 (PORT=8001 make run for another port)
	@exec $(python) manage.py serve --port $(PORT)

demo: $(ready)  ## let three agents handle orders, live, on the server that runs (in another terminal: make run)
	@exec $(python) manage.py demo --url http://127.0.0.1:$(PORT)

client: $(ready)  ## build the wheel of the Python client, in client/dist
	.venv/bin/uv build --quiet --wheel --out-dir client/dist client

test: $(ready_dev)  ## run the tests
	$(python) -m pytest -n $(PYTEST_WORKERS) --ignore=tests/benchmarks

test-fast: $(ready_dev)  ## run the tests that need no browser and neither start nor kill a process
	$(python) -m pytest -n $(PYTEST_WORKERS) -m "not processes" tests/unit tests/integration

test-stock: export EVENTSITE_TEST_POSTGRES = $(STOCK_POSTGRES)
test-stock: $(ready_dev)  ## run the tests of the log, the projections and faults on Debian's Postgres and PgBouncer
	@if [ -x $(STOCK_POSTGRES)/postgres ] && PATH=$$PATH:/usr/sbin command -v pgbouncer >/dev/null; then \
		set -ex; \
		$(python) -m pytest -n $(PYTEST_WORKERS) $(addprefix tests/integration/,log faults otel postgres upgrade); \
		EVENTSITE_TEST_POOLER=1 $(python) -m pytest -n $(PYTEST_WORKERS) $(addprefix tests/integration/,log faults otel projections); \
	else \
		echo "Skipped: $(STOCK_POSTGRES)/postgres or pgbouncer is missing (apt-get install postgresql-15 pgbouncer)." >&2; \
		[ -z "$$CI" ]; \
	fi

coverage: $(ready_dev)  ## run the tests and print the share of statements that they execute, module by module
	$(python) -m pytest -n $(PYTEST_WORKERS) --ignore=tests/benchmarks --cov --cov-report=term:skip-covered

lint: export SECRET_KEY = for-lint-only
lint: export DATABASE_URL = postgresql:///none
lint: $(ready_dev)  ## check style, types, layers, templates, scripts and stylesheets
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy .
	PYTHONPATH=client .venv/bin/lint-imports
	$(python) -m mypy --python-version 3.10 client/eventsite_client
	.venv/bin/djhtml --check --tabwidth 2 templates
	.venv/bin/djlint --lint --quiet templates
	.venv/bin/oxlint static
	.venv/bin/oxfmt --check static

bench: $(ready_dev)  ## run the benchmarks (on a calm machine; `subscribing` alone takes about four minutes)
	PYTHONPATH=client $(python) -m tests.benchmarks

$(python):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Eventsite needs Python 3.11 or later, and $(PYTHON) is not. Name another: make PYTHON=python3.12 run"; exit 1; } >&2
	@$(PYTHON) -c 'import venv, ensurepip' || { \
		echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; } >&2
	$(PYTHON) -m venv --clear .venv

$(ready): requirements-uv.txt requirements.txt | $(python)
	$(python) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	.venv/bin/uv pip install --quiet --python $(python) --require-hashes -r requirements.txt
	@touch $@

$(ready_dev): requirements-dev.txt $(ready)
	.venv/bin/uv pip install --quiet --python $(python) --require-hashes -r requirements-dev.txt
	@touch $@
