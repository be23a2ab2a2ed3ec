# Lambake's commands. `make` alone lists them; CI calls only these.

PYTHON ?= python3
PORT ?= 8080
INVOKE_PORT ?= 9001
WORKERS ?= 4
STAGE ?= dev
PYTHONS ?= $(wildcard $(foreach n,1 2 3,/usr/bin/python3.1$(n) $(HOME)/.pyenv/versions/3.1$(n).*/bin/python))

BIN := .venv/bin
# uv installs in seconds what takes pip minutes. pip follows where uv cannot be had, or fails for
# want of an index that only pip is set up for. The locks are complete: neither looks further.
LOCKED := --require-hashes --no-deps
# A company's proxy has a certificate that only the machine knows.
CERTIFICATES := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)
PIP = $(1) -m pip install --quiet --quiet --no-input --disable-pip-version-check $(LOCKED) -r $(2)
INSTALL = sh -c '$(BIN)/uv pip install --quiet $(CERTIFICATES) --compile-bytecode --python $(1) $(LOCKED) -r $(2) 2>/dev/null \
          || $(call PIP,$(1),$(2))'
PROGRESS := infra/cli/progress
NO_VENV = echo "Python's venv is missing: apt install python3-venv"; exit 1
UV := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
      --no-emit-index-url --custom-compile-command 'make lock' --quiet
CONVERTERS := model/bake/converters
CLIENTS := tests/function/protocols

# The folders whose tests take least, without the files in them that take longest.
QUICK_TESTS := tests/function tests/model/bundle tests/model/engines tests/model/recipes tests/model/tasks $(wildcard tests/model/test_*.py) \
         tests/infra/settings tests/test_architecture.py \
         $(addprefix --ignore tests/,function/protocols/test_clients.py function/http/test_browser.py \
         function/http/test_playground_browser.py model/bundle/test_drift.py model/recipes/digit)

# Secrets are known by their form. Entropy is high in hashes too, and the tests' passwords are dummies.
SEARCHED := ':!*requirements*.txt'
UNSEARCHED := $(foreach plugin,Base64HighEntropyString HexHighEntropyString KeywordDetector,--disable-plugin $(plugin))

.DEFAULT_GOAL := help
.PHONY: help bake run test test-quick check bench profile-cold train image plan deploy rollback destroy cloud-demo lock clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 21

run: .venv/.run ## start the local Lambda and send a sample; other ports: PORT=8000 INVOKE_PORT=9100
	@$(BIN)/lambake run --port $(PORT) --invoke-port $(INVOKE_PORT)

bake: .venv/.bake ## turn a model file into a bundle that is served: MODEL=churn.onnx, NAME=churn
	@$(BIN)/lambake bake $(if $(MODEL),"$(MODEL)") $(if $(NAME),--name "$(NAME)")

test: .venv/.dev .venv/.pythons build/rie/aws-lambda-rie build/clients ## run the whole suite; STRICT=1 fails where a tool is absent
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadscope

test-quick: .venv/.dev ## run in two minutes what needs no TensorFlow, container, Terraform or browser
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadscope $(QUICK_TESTS)

check: .venv/.dev ## check format, lint, types, Dockerfile, secrets
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/hadolint Dockerfile.lambda
	@files=$$(git ls-files -- $(SEARCHED)) && $(BIN)/detect-secrets-hook --no-verify $(UNSEARCHED) $$files

bench: .venv/.dev .venv/.pythons build/rie/aws-lambda-rie ## measure Lambake beside other functions, and write docs/benchmark.md; QUICK=1: a minute
	@$(BIN)/lambake bench $(if $(QUICK),--quick)

profile-cold: .venv/.dev .venv/.pythons ## draw where a cold start's time goes, into build/benchmark.md
	@$(BIN)/lambake bench --only start --out build

train: .venv/.dev ## train and bake the zoo's models in half an hour; digits alone, in two minutes: model/zoo/digits/train.py --quick
	@$(BIN)/python model/zoo/iris/train.py
	@$(BIN)/python model/zoo/progression/train.py
	@$(BIN)/python model/zoo/digits/train.py

image: .venv/.image ## build the image with docker or podman, and show what is in it
	@$(BIN)/lambake image $(if $(BASE_IMAGE),--base $(BASE_IMAGE))

plan: .venv/.image ## show what a deployment to AWS would change; STAGE=prod: another stage
	@$(BIN)/lambake plan --stage $(STAGE)

deploy: .venv/.image ## build, push, apply and shift traffic by a canary on AWS; asks before it changes anything (YES=1: not)
	@$(BIN)/lambake deploy --stage $(STAGE) $(if $(BASE_IMAGE),--base $(BASE_IMAGE)) $(if $(YES),--yes)

rollback: .venv/.image ## return all traffic to the previous version, in seconds
	@$(BIN)/lambake rollback --stage $(STAGE)

destroy: .venv/.image ## remove everything that deploy made, once its whole name is typed: lambake-dev
	@$(BIN)/lambake destroy --stage $(STAGE) $(if $(YES),--yes)

cloud-demo: .venv/.cloud ## play a release on a simulated cloud, without an account: five minutes
	@$(BIN)/lambake demo $(if $(BASE_IMAGE),--base $(BASE_IMAGE))

lock: .venv/.dev ## resolve the dependencies again, with hashes
	@$(UV) pyproject.toml $(foreach name,argcomplete psutil pyyaml,--no-emit-package $(name)) -o function/requirements.txt $(UPGRADE)
	@$(UV) --group tokenizers -c function/requirements.txt -o function/requirements-tokenizers.txt $(UPGRADE)
	@$(UV) pyproject.toml -c function/requirements.txt -o infra/requirements.txt $(UPGRADE)
	@$(UV) pyproject.toml --group tokenizers --group bake -c infra/requirements.txt -c function/requirements-tokenizers.txt -o model/bake/requirements.txt $(UPGRADE)
	@$(UV) pyproject.toml --group image -c infra/requirements.txt -o infra/image/requirements.txt $(UPGRADE)
	@$(UV) pyproject.toml --group image --group cloud -c infra/image/requirements.txt -o infra/cloud/requirements.txt $(UPGRADE)
	@$(UV) pyproject.toml --group image --group cloud --group tokenizers --group bake --group train --group test --group check -c infra/cloud/requirements.txt -c model/bake/requirements.txt -o requirements-dev.txt $(UPGRADE)
	@for name in keras trees; do $(UV) --group $$name -c requirements-dev.txt --override $(CONVERTERS)/overrides.txt \
	  -o $(CONVERTERS)/$$name.txt $(UPGRADE) || exit 1; done
	@$(UV) $(CLIENTS)/requirements.in -o $(CLIENTS)/requirements.txt $(UPGRADE)

clean: ## remove everything that was built and set up
	@rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	|| { echo "Lambake needs Python 3.11 to 3.13: make PYTHON=/path/to/python3.13"; exit 1; }
	@$(PROGRESS) "Making .venv" $(PYTHON) -m venv .venv || { rm -rf .venv; $(NO_VENV); }

# An environment that uv has made, or that Ctrl-C has left half made, has no pip.
.venv/.uv: | .venv/bin/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null 2>&1 \
	|| { rm -rf .venv; $(NO_VENV); }
	@sed -n '/^uv==/,/# via/p' requirements-dev.txt >$@
	@$(PROGRESS) "Fetching uv, which installs the rest" $(call PIP,$(BIN)/python,$@) || echo "uv cannot be had: pip sets up, which takes longer"

.venv/bin/lambake: infra/cli/launcher | .venv/.uv
	@install $< $@

.venv/.run: infra/requirements.txt | .venv/bin/lambake
	@$(PROGRESS) "Setting up what serving needs, some 35 packages" $(call INSTALL,$(BIN)/python,infra/requirements.txt)
	@touch $@

.venv/.bake: model/bake/requirements.txt | .venv/bin/lambake
	@$(PROGRESS) "Setting up what baking needs: what serving does, and ONNX" $(call INSTALL,$(BIN)/python,model/bake/requirements.txt)
	@touch $@ .venv/.run

.venv/.image: infra/image/requirements.txt | .venv/bin/lambake
	@$(PROGRESS) "Setting up what looks into the image" $(call INSTALL,$(BIN)/python,infra/image/requirements.txt)
	@touch $@ .venv/.run

.venv/.cloud: infra/cloud/requirements.txt | .venv/bin/lambake
	@$(PROGRESS) "Setting up the simulated cloud, a hundred packages" $(call INSTALL,$(BIN)/python,infra/cloud/requirements.txt)
	@touch $@ .venv/.run .venv/.image

.venv/.dev: requirements-dev.txt | .venv/bin/lambake
	@$(PROGRESS) "Setting up what the tests need, TensorFlow among it: a minute or two" $(call INSTALL,$(BIN)/python,requirements-dev.txt)
	@touch $@ .venv/.run .venv/.bake .venv/.image .venv/.cloud

# The suite runs awslambdaric on every Python that the machine has.
.venv/.pythons: function/requirements.txt | .venv/.uv
	@for python in $(PYTHONS); do \
	  minor=$$($$python -c 'import sys; print("3.%d" % sys.version_info[1])' 2>/dev/null) || continue; \
	  export minor; \
	  [ -e build/python-$$minor ] && continue; \
	  $$python -m venv build/python-$$minor \
	  && $(PROGRESS) "Setting up build/python-$$minor" $(call INSTALL,build/python-$$minor/bin/python,$<) \
	  || { rm -rf build/python-$$minor; exit 1; }; \
	done
	@touch $@

# Clients of other model servers, whose packages do not go together with ours. Little of them is
# imported, so what is not is not compiled either.
build/clients: $(CLIENTS)/requirements.txt | .venv/.uv
	@$(BIN)/python -m venv --clear $@
	@$(PROGRESS) "Setting up the protocols' clients, half a gigabyte" \
	  $(subst --compile-bytecode,,$(call INSTALL,$@/bin/python,$<)) || { rm -rf $@; exit 1; }
	@touch $@

# The real Runtime Interface Emulator, as an oracle beside ours.
build/rie/aws-lambda-rie: tests/contract/rie-requirements.txt | .venv/.dev
	@$(BIN)/python -m tests.contract.fetch_rie
	@touch $@
