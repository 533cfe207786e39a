# Chartside. `make demo` to see it, `make test` to check it.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# Tests that run whole clinics with real browsers and the speech model: two files at a time, each with its own clinic.
# The longest files come first and the short ones last, so that both end together.
RUNNING := tests/crash tests/journeys tests/bad_input
# What others' pytest plugins import takes seconds in every process, and no test here uses them.
PYTEST := $(BIN)/python -m pytest -q -p no:schemathesis -p no:faker
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Without it, each of the hundred processes that the tests start would compile the whole product again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: bench-speech help demo test rows servers smart-trace trust forget journey check bench bench-live bench-draft browser faketime coturn php openemr-module mutate-fhir lock clean

help:  ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

$(VENV)/.installed: requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "Chartside needs Python 3.11 or newer. Install it (Debian: apt install python3 python3-venv), then run this again."; exit 1; fi
	@$(PYTHON) -c 'import shutil, sys; sys.exit(shutil.disk_usage(".").free < 3_000_000_000)' || { echo "Chartside needs 3 GB of free disk to install. Free some space, then run this again."; exit 1; }
	@echo "Installing Chartside's packages (about two minutes, once) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing. On Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/pip install --require-hashes -r requirements.lock | while read -r line; do if [ -t 1 ]; then printf '\r\033[K%.76s' "$$line"; fi; done; echo
	@PYTHONWARNINGS=ignore $(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

node_modules/.installed: package.json package-lock.json $(VENV)/.installed
	@PATH="$(abspath $(BIN)):$$PATH" npm ci --silent --no-fund --no-audit
	@touch $@

$(VENV)/.local-server: tests/draft/local_server.txt $(VENV)/.installed
	@$(BIN)/pip install -q --no-deps --require-hashes -r $<
	@touch $@

browser: $(VENV)/.installed  ## Find a Chromium, or install Debian's
	@$(BIN)/python -m plugin.browser --install

faketime:  # Debian's faketime, for the journey that looks 24 hours ahead
	@command -v faketime >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && { apt-get update -qq; apt-get install -y -qq --no-install-recommends faketime >/dev/null; }; } || echo "faketime is missing (Debian: apt install faketime): the 24-hour journey is skipped."

coturn:  # Debian's coturn, for the journey whose calls go through a relay
	@command -v turnserver >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && { apt-get update -qq; apt-get install -y -qq --no-install-recommends coturn >/dev/null; }; } || echo "coturn is missing (Debian: apt install coturn): the journey over bad lines is skipped."

php:  # Debian's PHP tools, for the OpenEMR module's tests
	@command -v php >/dev/null && command -v phpunit >/dev/null && command -v phpcs >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && { apt-get update -qq; apt-get install -y -qq --no-install-recommends php-cli php-xml php-mbstring php-sqlite3 phpunit php-codesniffer >/dev/null; }; } || echo "PHP is missing (Debian: apt install php-cli php-xml php-mbstring php-sqlite3 phpunit php-codesniffer): the OpenEMR module's tests are skipped."

openemr-module:  ## Build dist/oe-module-chartside.zip, to unzip into OpenEMR's custom_modules
	@$(PYTHON) -m plugin.openemr_zip dist/oe-module-chartside.zip

demo: $(VENV)/.installed  ## A whole clinic on this machine: sandbox EHR, web, worker, a finished sample visit
	@exec $(BIN)/chartside demo $(ARGS)

rows: $(VENV)/.installed  ## Which row of the behaviour table is proved by which test of the last `make test`; writes docs/rows.md
	$(BIN)/python -m tests.rows

smart-trace: $(VENV)/.installed  ## Each client requirement of SMART App Launch 2.2 and its test of the last `make test`; writes docs/smart-conformance.md
	$(BIN)/python -m tests.smart_trace

trust: $(VENV)/.installed  ## Each rule of trust, its tests, figures and goals of the last runs; writes docs/trust-report.md
	$(BIN)/python -m tests.trust.report

campaign-%: $(VENV)/.installed node_modules/.installed browser  # A long trial of a trust rule (docs/testing.md lists them); ARGS="--cases N"
	$(BIN)/python -m tests.campaigns.$* $(ARGS)

test: forget check $(VENV)/.local-server browser faketime coturn php  ## Everything: checks, unit tests, journeys in real browsers
	$(PYTEST) -n 2 $(addprefix --ignore=,$(RUNNING) tests/architecture) || $(BIN)/python -m tests.again
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder $(RUNNING) || $(BIN)/python -m tests.again

servers: $(VENV)/.installed node_modules/.installed  ## What each FHIR server takes of a visit and gives back; writes docs/servers.md
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m tests.peers.servers

forget: $(VENV)/.installed  # The record of which tests passed begins anew.
	@$(BIN)/python -m tests.rows --forget

journey: browser faketime coturn  ## All journeys in real browsers, one after another; renews the pictures of the documents, others go to build/screens
	CHARTSIDE_SCREENSHOTS=1 $(BIN)/python -m pytest tests/journeys -s

check: $(VENV)/.installed node_modules/.installed dist/chartside.cdx.json  ## Style, types, import contracts, ES modules, known holes, dist/chartside.cdx.json
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(abspath $(BIN)):$$PATH" npx --no-install tsc -p tsconfig.json
	PATH="$(abspath $(BIN)):$$PATH" node --test --test-reporter=dot "tests/js/*.test.mjs"
	$(BIN)/bandit -q -r smart_app fhir_mappings plugin -ll -c pyproject.toml
	$(BIN)/python -m tests.supply audit
	$(PYTEST) tests/architecture

dist/chartside.cdx.json: requirements.lock $(VENV)/.installed  # What is installed, with licences (CycloneDX)
	$(BIN)/python -m tests.supply sbom

bench: browser  ## Measure: note ready after End, memory, real-time factor, chunk uploads; printed and stored
	$(BIN)/python -m benchmarks

bench-draft: $(VENV)/.installed  ## Measure: what the built-in drafter keeps, in how many words, and what the check finds; DATA=folder
	$(BIN)/python -m benchmarks.draft --data "$(DATA)" --out benchmarks/results/draft.json
	$(BIN)/python -m benchmarks.grounding --data "$(DATA)" --out benchmarks/results/grounding.json
	$(BIN)/python -m benchmarks.omissions --data "$(DATA)" --out benchmarks/results/omissions.json

bench-live: $(VENV)/.installed  ## Measure: End Session to draft, CPU and memory, when the worker followed the recording; DATA=folder
	$(BIN)/python -m benchmarks.live --data "$(DATA)" --minutes 10 --times 5
	$(BIN)/python -m benchmarks.live --data "$(DATA)" --minutes 50 --times 1
	$(BIN)/python -m benchmarks.live --data "$(DATA)" --check

bench-speech: $(VENV)/.installed  ## Measure recognition beside plain faster-whisper: DATA=folder (minutes); printed and stored
	$(BIN)/python -m benchmarks.speech --data $(DATA)

mutate-fhir: $(VENV)/.installed  ## Break every FHIR resource in every way: how many the rules refuse; writes docs/fhir-quality.md
	$(BIN)/python -m tests.fhir_mappings.mutation

lock: ## Renew requirements.lock from pyproject.toml, with nothing younger than a week (needs uv)
	uv pip compile pyproject.toml --exclude-newer "$$(date -u -d '7 days ago' +%FT%TZ)" --all-extras --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal -o requirements.lock

clean: ## Remove what the make targets installed and the demo's data
	rm -rf $(VENV) node_modules var
