# `make retrain` and `make test` need Python 3.11-3.13 and make; everything else is set up here.
.DELETE_ON_ERROR:
.PHONY: help setup retrain results test test-fast lint bench bench-torch lock server worker clean

# Without byte code every worker would compile TensorFlow's thousands of modules anew at each start.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
TORCH := $(VENV)/torch
export PREFECT_SERVER_ANALYTICS_ENABLED := false

help:  ## Say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.done  ## Build the virtual environment

$(VENV)/.done: requirements.lock pyproject.toml deployments/check_machine.py
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11, 3.12 or 3.13 on the path. Install one (Debian: apt-get install python3 python3-venv) or run: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) deployments/check_machine.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

retrain: setup  ## Retrain two coins of the simulated market, small settings: about five minutes on 2 cores
	$(BIN)/retrain --crypto BTC,ETH --epochs 2 --seq-length 30 --max-features 40 --folds 3

results: setup  ## Write RESULTS.md from the newest reports below training_output
	$(BIN)/retrain results --to RESULTS.md

test: setup  ## All tests: fast ones, those that train networks, those that start a Prefect server
	$(BIN)/python -m pytest -m ""

test-fast: setup  ## The fast tests alone
	$(BIN)/python -m pytest

lint: setup  ## Style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

BENCHES := "throughput --rounds 2" start "orchestration --quick" "memory --quick" "growth --quick"
bench: setup  ## Measure speed, memory, start and growth, quickly; figures go to build/bench; a missed must fails at the end
	@mkdir -p build/bench; missed=""; for each in $(BENCHES); do \
		$(BIN)/python -m benchmarks.$$each --to build/bench/$${each%% *}.json || missed="$$missed $${each%% *}"; \
	done; test -z "$$missed" || { echo "Missed or failed:$$missed" >&2; exit 1; }

bench-torch: $(TORCH)/.done  ## Training throughput beside PyTorch: about six minutes on 2 quiet cores
	PYTHONPATH=$(CURDIR)/$(TORCH) $(BIN)/python -m benchmarks.torch_throughput

$(TORCH)/.done: requirements-torch.lock $(VENV)/.done
	rm -rf $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $(TORCH) --constraint requirements.lock --requirement requirements-torch.lock
	touch $@

lock:  ## Pin versions anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --no-emit-index-url --no-header --output-file requirements.lock
	# PyTorch as resolved for Windows, where it names no CUDA packages: elsewhere the pins are the same
	uv pip compile --group torch --python-platform windows --python-version 3.11 --constraint requirements.lock --no-emit-index-url --no-header --output-file requirements-torch.lock

server: setup  ## A Prefect server with its UI on http://127.0.0.1:4200
	$(BIN)/prefect server start --host 127.0.0.1

worker: export PREFECT_API_URL ?= http://127.0.0.1:4200/api
worker: setup  ## Register the deployments, then run what is scheduled or asked for
	@for i in $$(seq 60); do $(BIN)/python -c "import urllib.request as r; r.urlopen('$(PREFECT_API_URL)/health')" \
		2>/dev/null && break || sleep 1; done
	$(BIN)/prefect work-pool inspect retrain >/dev/null 2>&1 || $(BIN)/prefect work-pool create retrain --type process
	$(BIN)/prefect --no-prompt deploy --all --prefect-file deployments/prefect.yaml
	$(BIN)/prefect worker start --pool retrain

clean:  ## Remove the environment; models, reports and the MLflow database stay
	rm -rf $(VENV)
