# Lambake's commands. `make` alone lists them; CI calls only these.

PYTHON ?= python3
PORT ?= 8080
INVOKE_PORT ?= 9001
SOAK_MINUTES ?= 10
PYTHONS ?= $(wildcard $(foreach n,1 2 3,/usr/bin/python3.1$(n) $(HOME)/.pyenv/versions/3.1$(n).*/bin/python))

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --require-hashes
UV := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
      --no-emit-index-url --custom-compile-command 'make lock' --quiet pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run test check fix train soak lock clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: .venv/.run ## start the local Lambda and its API Gateway, and send one sample prediction
	@$(BIN)/python -m infra run --port $(PORT) --invoke-port $(INVOKE_PORT)

test: .venv/.dev .venv/.pythons build/rie/aws-lambda-rie ## run the whole suite; STRICT=1 fails where a tool is absent
	@$(BIN)/python -m pytest

check: .venv/.dev ## look over format, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

fix: .venv/.dev ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

train: .venv/.dev ## train and bake both models
	@$(BIN)/python -m model.zoo.iris.train
	@$(BIN)/python -m model.zoo.digits.train

soak: .venv/.dev ## load the emulator for ten minutes and watch for leaks
	@$(BIN)/python -m tests.load.soak --minutes $(SOAK_MINUTES)

lock: .venv/.dev ## resolve the dependencies anew, with hashes
	@$(UV) -o function/requirements.txt $(UPGRADE)
	@$(UV) --group local -c function/requirements.txt -o infra/requirements.txt $(UPGRADE)
	@$(UV) --group local --group train --group test --group check -c infra/requirements.txt -o requirements-dev.txt $(UPGRADE)

clean: ## remove what was built and set up
	@rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	|| { echo "Lambake needs Python 3.11 to 3.13: make PYTHON=/path/to/python3.13"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv is missing: apt install python3-venv"; exit 1; }

.venv/.run: infra/requirements.txt | .venv/bin/python
	@echo "Setting up what serving needs: ten packages or so, a minute at the most …"
	@$(PIP) -r infra/requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt | .venv/bin/python
	@echo "Setting up what the tests need, TensorFlow among it: some minutes the first time …"
	@$(PIP) -r requirements-dev.txt
	@touch $@ .venv/.run

# The suite runs awslambdaric on every Python that the machine has.
.venv/.pythons: function/requirements.txt | .venv/bin/python
	@for python in $(PYTHONS); do \
	  minor=$$($$python -c 'import sys; print("3.%d" % sys.version_info[1])' 2>/dev/null) || continue; \
	  [ -e build/python-$$minor ] && continue; \
	  echo "Setting up build/python-$$minor …"; \
	  $$python -m venv build/python-$$minor && build/python-$$minor/bin/python -m pip install \
	    --quiet --disable-pip-version-check --require-hashes -r $< || exit 1; \
	done
	@touch $@

# The real Runtime Interface Emulator, as an oracle beside ours.
build/rie/aws-lambda-rie: tests/contract/rie-requirements.txt | .venv/.dev
	@$(BIN)/python -m tests.contract.fetch_rie
	@touch $@
