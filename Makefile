# Everything a fresh machine needs: Python 3.11 to 3.13 and make.
#   make demo      measure B+ -> K+ nu nubar end to end, and fit the published likelihood when its file is there
#   make test      style, types, import contract, tests
#   make bench     rates side by side with peers      make validate  long physics comparisons      make docs  the pages
#   make curves    pictures of the pages on the detector, from a million particles each

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= out
WORKERS ?= 2
# the published likelihood (HEPData 10.17182/hepdata.166082), where it lies on this machine
PUBLISHED ?= ../shared/data/belle2-knunu/combined_likelihood.json

export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg

.PHONY: demo test lint types contract unit bench validate curves docs lock clean

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,docs]'
	touch $@

demo: $(VENV)/.ready
	$(BIN)/obf run knunu --preset quick --seed 1 --workers $(WORKERS) --output $(OUT)/knunu --overwrite
	@if [ -f "$(PUBLISHED)" ]; then \
	  $(BIN)/obf fit "$(PUBLISHED)" --poi mu --unit 4.97e-6 --json $(OUT)/published.json; \
	else \
	  echo "the published likelihood is not on this machine: download it from HEPData (doi 10.17182/hepdata.166082)"; \
	  echo "and run: make demo PUBLISHED=path/to/combined_likelihood.json"; \
	fi
	@echo "open $(OUT)/knunu/report.html"

test: lint types contract unit

lint: $(VENV)/.ready
	$(BIN)/ruff check .

types: $(VENV)/.ready
	$(BIN)/mypy

contract: $(VENV)/.ready
	$(BIN)/lint-imports --no-cache

unit: $(VENV)/.ready
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

validate: $(VENV)/.ready
	$(BIN)/python -m validation

curves: $(VENV)/.ready
	$(BIN)/python -m validation.figures_detector
	$(BIN)/python -m validation.trigger_figures
	$(BIN)/python -m validation.tracking_figures

docs: $(VENV)/.ready
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# renew the pinned versions from what pyproject.toml allows
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet -e '.[test,docs]'
	.venv-lock/bin/python -m pip freeze --exclude-editable > constraints.txt
	rm -rf .venv-lock

clean:
	rm -rf $(OUT) docs/_build .mypy_cache .ruff_cache .pytest_cache
