# smartroom: `make demo` to see it, `make test` to trust it, `make help` for the rest.
PYTHON ?= python3
PORT   ?= 8080
# Test processes; files are dealt out whole, so a file's fixtures are made once.
WORKERS ?= 2
# Before what must be done as root.
AS_ROOT ?= $(if $(filter 0,$(shell id -u)),,sudo -n env CI=$(CI))
# Seconds of fuzzing for each target.
SECONDS ?= 60

VENV   := .venv
STAMPS := $(VENV)/stamps
STATIC := smartroom/control/web/static
PY     := $(VENV)/bin/python
PIP    := PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install --quiet --no-input --only-binary :all:
WEB    := $(wildcard web/package-lock.json)
WEB_SOURCES := $(if $(WEB),$(shell find web \( -name node_modules -o -name dist -o -name '.*' -o -name coverage \) -prune -o -type f -print))

# The environment's own node and npm come before anything the machine has.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export npm_config_loglevel = error
export npm_config_audit = false
export npm_config_fund = false
export npm_config_update_notifier = false

.DEFAULT_GOAL := help
.PHONY: help setup dev-setup demo dev test test-durability test-netns test-deps lint fuzz bench wheel lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMPS)/project $(if $(WEB),$(STATIC)/.built) ## packages, project and pages, into .venv
	@true

demo: setup ## the demo room on http://localhost:8080 (PORT=, LAN=1 for HTTPS on the network)
	@exec $(VENV)/bin/smartroom demo --port $(PORT) $(if $(filter 1,$(LAN)),--lan)

dev: dev-setup ## the demo room with pages that reload while they are written (PORT=)
	@.ci/dev $(PORT)

test: dev-setup test-deps ## every test that ends within minutes (ARGS= goes to pytest)
	@$(if $(WEB),npm test --prefix web --if-present --silent)
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-durability: dev-setup test-deps ## kill -9, lost power, torn writes: 10,000 times each, minutes
	@$(PY) -m pytest -n $(WORKERS) --dist load -m durability $(ARGS)

test-netns: dev-setup test-deps ## real browsers behind bad networks, in network namespaces: two minutes, as root
	@$(AS_ROOT) $(PY) -m pytest -n 0 -m 'netns and not slow' $(ARGS)

test-deps: ## the Debian packages some tests need, installed when this user may
	@.ci/test-deps

lint: dev-setup ## style, types, import contracts, pages, nothing private in git
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) .ci/imports.py
	@$(PY) .ci/private.py
	@$(if $(WEB),npm run check --prefix web --if-present --silent)

fuzz: dev-setup ## coverage-guided fuzzing of what strangers send, a minute each (TARGET=sdp SECONDS=3600)
	@mkdir -p build/fuzz
	@for target in $(or $(TARGET),$(notdir $(wildcard tests/media/corpora/*))); do \
	  $(PY) -m tests.media.fuzzer $$target -max_total_time=$(SECONDS) -print_final_stats=1 >build/fuzz/$$target.log 2>&1 \
	    || { tail -n 60 build/fuzz/$$target.log; exit 1; }; \
	  awk -v target=$$target '/^stat::number_of_executed_units/ {printf "%-10s %9d inputs, none raised\n", target, $$2}' build/fuzz/$$target.log; \
	done

bench: dev-setup ## every bench, or BENCH=name: tables here, figures in build/bench/
	@$(PY) -m tests.bench $(BENCH)

wheel: setup ## dist/smartroom-*.whl, pages and site template inside
	@$(PY) -m hatchling build -t wheel -d dist

lock: dev-setup ## new versions into requirements/*.txt
	@.ci/lock

clean: ## everything built, and the environment
	rm -rf $(VENV) build dist $(STATIC) web/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

dev-setup: setup $(STAMPS)/dev
	@true

$(STAMPS)/venv:
	@echo "1/5 Python environment …"
	@.ci/venv $(VENV) $(PYTHON)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/packages: requirements/runtime.txt requirements/build.txt | $(STAMPS)/venv
	@echo "2/5 Python packages, Node 24 among them (a minute the first time) …"
	@$(PIP) --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@.ci/node $(VENV)
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/packages
	@echo "3/5 smartroom itself …"
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

web/node_modules/.package-lock.json: web/package-lock.json $(STAMPS)/packages
	@echo "4/5 Packages of the pages …"
	@npm ci --prefix web >/dev/null
	@touch $@

$(STATIC)/.built: $(WEB_SOURCES) web/node_modules/.package-lock.json
	@echo "5/5 The pages …"
	@npm run build --prefix web --silent >$(STAMPS)/pages.log 2>&1 || { cat $(STAMPS)/pages.log; false; }
	@touch $@

$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/project
	@echo "Packages for tests and checks …"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
