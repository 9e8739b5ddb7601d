# Every job of this project, on a laptop and in CI alike. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DATE   ?= 2025-11-04
DATA   ?= ../shared/data
MODULES ?= trading steps
MINUTES ?= 10
WINDOWS ?= 90
PARAMETERS := shared/kalshi_alpha/pricing/parameters
SAMPLE := shared/kalshi_alpha/research/sample
# The two rehearsed days and the twin need no key and no account; nothing here reaches AWS.
export AWS_EC2_METADATA_DISABLED := true

.DEFAULT_GOAL := help
.PHONY: help setup rehearse campaign test check audit site emulate mutation guards synth backtest bench parameters format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make the virtual environment (every other target does this by itself)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is %d.%d: name another with PYTHON=..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m stacks.bundling
	@touch $@

rehearse: $(READY) ## play the noon and the close of a recorded day; DATE=2025-10-31 for the other one
	@$(BIN)/kalshi-alpha rehearse --date $(DATE)

campaign: $(READY) ## break everything that can break in WINDOWS windows; out/campaign/campaign.html
	@$(BIN)/kalshi-alpha campaign --faults all --windows $(WINDOWS) --seed 1 --workers 2 --out out/campaign

test: $(READY) ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(READY) ## lint, types, import rules, spelling, dependencies, documents, synth with its security rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(MAKE) --no-print-directory audit
	$(MAKE) --no-print-directory site
	$(MAKE) --no-print-directory synth

audit: $(READY) ## hold the dependencies to their pins, hashes and licences; needs no network
	$(BIN)/python -m tests.audit

site: $(READY) ## build the documents as a site, out/site; a link that leads nowhere fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

emulate: $(READY) synth ## deploy the templates to a local emulator, look, and tear down
	@test -x $(VENV)/emulator/bin/ministack || { $(PYTHON) -m venv $(VENV)/emulator && \
	  $(VENV)/emulator/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/emulator.txt; }
	$(BIN)/python -m tests.emulator $(VENV)/emulator/bin/ministack

mutation: $(READY) ## break MODULES on purpose for MINUTES and see which tests mind; out/mutation.json
	$(BIN)/python -m tests.mutation --minutes $(MINUTES) $(MODULES)

guards: $(READY) ## remove each guard of docs/GUARDS.md in a copy and see its test fail; out/guards.json
	$(BIN)/python -m tests.mutation.guards

synth: $(READY) ## write the CloudFormation templates to cdk.out; no account, no docker, no system node
	$(BIN)/python app.py
	$(BIN)/cfn-lint --ignore-checks W3005 --template 'cdk.out/*.template.json'

backtest: $(READY) ## play the strategy over the recorded days that are shipped; opens its page
	@$(BIN)/kalshi-alpha backtest --series KXINXU --workers 2 --out out/backtest \
	  --data $(SAMPLE)/kxinxu-trades.parquet --results $(SAMPLE)/kxinxu-results.parquet \
	  --params $(PARAMETERS)/index-2025-11-03.json
	@if [ -t 1 ]; then $(BIN)/python -m webbrowser "file://$(abspath out/backtest/backtest.html)"; fi

bench: $(READY) ## time the hot jobs against their peers; writes out/bench.json
	$(BIN)/python -m tests.bench

parameters: $(READY) ## fit the shipped parameters anew from DATA (../shared/data) and write them in place
	@for day in 2025-10-30 2025-11-03 2026-02-09; do for part in hourly close; do \
	  $(BIN)/kalshi-alpha calibrate $$part --symbol SPX --through $$day --created-at $${day}T20:00 \
	    --bars $(DATA)/spx_1m/bars.parquet $(DATA)/spx_5m/bars.parquet \
	    --out $(PARAMETERS)/index-$$day.json || exit 1; \
	  $(BIN)/kalshi-alpha calibrate $$part --symbol NDX --through $$day --created-at $${day}T20:00 \
	    --bars $(DATA)/etf_1m/bars.parquet $(DATA)/etf_5m/bars.parquet $(DATA)/ndx_1m/bars.parquet \
	    --out $(PARAMETERS)/index-$$day.json || exit 1; \
	done; done

format: $(READY) ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## resolve the pinned requirements anew (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file requirements/dev.txt
	uv pip compile requirements/emulator.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file requirements/emulator.txt
	uv pip compile layers/core/requirements.in --python-version 3.13 --python-platform aarch64-manylinux_2_28 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file layers/core/requirements.txt
	uv pip compile pyproject.toml --extra sentry --python-version 3.13 --python-platform aarch64-manylinux_2_28 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file functions/_task/requirements.txt
	uv pip compile pyproject.toml --extra research --extra cli --universal --python-version 3.11 --constraint requirements/dev.txt --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file functions/research/requirements.txt

clean: ## remove what was built, keep the environment
	rm -rf out cdk.out dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
