# Everything a newcomer or CI runs. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin
NPM_CONSOLE := npm --prefix console run --silent

# make demo HEADLESS=1 DURATION=120 SEED=7
demo_options = $(if $(HEADLESS),--headless) $(if $(DURATION),--duration $(DURATION)) $(if $(SEED),--seed $(SEED))

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Set everything up and bring the city to life (HEADLESS=1 DURATION=120 SEED=7)
	@scripts/bootstrap
	@exec $(PY)/citygrid demo $(demo_options)

.PHONY: test
test: ## Set everything up and run the tests (ARGS="-k name" picks some, ARGS="-m long" the long ones)
	@scripts/bootstrap --tests
	$(PY)/pytest -n 2 --dist worksteal -m "not long" $(ARGS)

.PHONY: check
check: ## Format, lint, strict types, import contracts, console
	@scripts/bootstrap --tests
	$(PY)/ruff format --check .
	$(PY)/ruff check .
	$(PY)/pyright
	$(PY)/lint-imports
	if [[ -f console/package.json ]]; then scripts/with-node $(NPM_CONSOLE) check; fi

.PHONY: check-long
check-long: ## Fuzz every decoder: a minute of hypothesis, a minute of atheris (ARGS="--seconds 600")
	@scripts/bootstrap --tests
	$(PY)/python -m tests.fuzz $(ARGS)

.PHONY: fmt
fmt: ## Format and mend what can be mended
	@scripts/bootstrap --tests
	$(PY)/ruff format .
	$(PY)/ruff check --fix .
	if [[ -f console/package.json ]]; then scripts/with-node $(NPM_CONSOLE) format; fi

.PHONY: bench
bench: ## Measure what the documentation claims (tests/bench)
	@scripts/bootstrap --tests
	$(PY)/python -m tests.bench $(ARGS)

.PHONY: chaos
chaos: ## Break everything under full load and count what was lost (ARGS="--list")
	@scripts/bootstrap --chaos
	$(PY)/python -m tests.chaos $(ARGS)

.PHONY: console
console: ## Build the web console into console/dist
	@scripts/bootstrap

.PHONY: services
services: ## Start PostgreSQL and Mosquitto in .citygrid/
	@scripts/bootstrap
	@$(PY)/citygrid services start

.PHONY: pins
pins: ## Write requirements/*.txt from pyproject.toml (ARGS=--upgrade)
	@scripts/pin $(ARGS)

.PHONY: clean
clean: ## Stop the services and delete what can be made again; data in .citygrid/ stay
	@if [[ -x $(PY)/citygrid ]]; then $(PY)/citygrid services stop || true; fi
	rm -rf .venv build dist console/node_modules console/dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache
