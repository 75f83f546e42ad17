# Everything runs in .venv, which the first target makes. Another Python: make PYTHON=python3.12 test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What prints the tables of docs/performance.md; other programs in benchmarks/ ask for images, or take longer.
BENCHMARKS := train_speed layer_speed step_profile step_overhead input_speed sampling_speed scaling
FIGURES := build/benchmarks
# What depends on the kernels that a processor gets. Older ones are had by telling the libraries to use less.
KERNEL_TESTS := tests/bundle/test_bundle_generator.py tests/bundle/test_inference.py \
  tests/networks/test_networks.py tests/networks/test_directions.py tests/networks/test_inversion.py \
  tests/evaluation/test_features.py tests/training/test_convolution.py tests/training/test_normalization.py
# TensorFlow 2.21 crashes in bfloat16 on a processor with AVX-512 that it may not use, which no older one has.
SSE41_ONLY := ONEDNN_MAX_CPU_ISA=SSE41 $(BIN)/python -m pytest -m "not bfloat16"
WITHOUT_ONEDNN := TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test test-kernels test-torch check lint app benchmark constraints clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

demo: $(STAMP) ## install, train on the embedded images for 5 minutes, say what to do next
	$(BIN)/python train.py --minutes 5
	@echo
	@echo "Next: make app   opens the generator in your browser."
	@echo "      make demo  again trains 5 minutes more."

test: $(STAMP) ## install, run all tests, in three processes
	$(BIN)/python -m pytest -n 3 --dist loadfile

test-kernels: $(STAMP) ## run the tests that depend on the processor as on older ones
	$(SSE41_ONLY) -n 2 --dist loadfile $(KERNEL_TESTS)
	$(WITHOUT_ONEDNN) -n 2 --dist loadfile $(KERNEL_TESTS)

test-torch: $(STAMP) ## test training on PyTorch: TORCH_PYTHON=PATH of a Python that has it and, but TensorFlow, all we need
	@test -n "$(TORCH_PYTHON)" || { \
	  echo "Give a Python with PyTorch and our dependencies but TensorFlow: make test-torch TORCH_PYTHON=PATH"; exit 1; }
	DCGAN_HUB_TORCH_PYTHON="$(TORCH_PYTHON)" $(BIN)/python -m pytest tests/torch_backend

check: lint ## style, types, and the direction of imports
	$(BIN)/python -m pytest tests/test_layers.py

lint: $(STAMP) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

app: $(STAMP) ## start the app
	$(BIN)/python app.py

benchmark: $(STAMP) ## measure speed, half an hour; TORCH_PYTHON=PATH compares with PyTorch
	@set -e; mkdir -p $(FIGURES); for name in $(BENCHMARKS); do echo "== python benchmarks/$$name.py"; \
	  $(BIN)/python "benchmarks/$$name.py" --json "$(FIGURES)/$$name.json"; echo; done
	@echo "All figures: $(FIGURES)"

constraints: $(STAMP) ## pin the newest versions that pyproject.toml allows
	$(BIN)/python tools/pin_constraints.py
	$(BIN)/python tools/pin_space.py

clean: ## remove the virtual environment and all caches; runs/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The pinned files fit Linux on x86-64 with Python 3.11, so there their hashes are checked. Elsewhere other files are
# needed: the same versions are asked for without hashes, and where one does not exist, any that pyproject.toml allows.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "dcgan_hub needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is none of them. Try: make PYTHON=python3.11"; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)
	@set -e; export PIP_DISABLE_PIP_VERSION_CHECK=1; \
	version=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	if [ "$$(uname -s) $$(uname -m) $$version" = "Linux x86_64 3.11" ]; then \
	  echo "Installing the pinned packages into $(VENV) (about 3 GB, once) ..."; \
	  $(BIN)/pip install --quiet --only-binary=:all: --require-hashes --no-deps -r constraints.txt; \
	  $(BIN)/pip install --quiet --no-build-isolation --no-deps -e .; \
	else \
	  echo "Installing into $(VENV) (about 3 GB, once) ..."; \
	  sed 's/ --hash=.*//' constraints.txt > $(VENV)/constraints.txt; \
	  $(BIN)/pip install --quiet -c $(VENV)/constraints.txt -e '.[dev]' || $(BIN)/pip install --quiet -e '.[dev]'; \
	fi
	@touch $(STAMP)
