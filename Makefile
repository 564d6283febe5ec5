# make check: judge the embedded models and write the report.   make test: test the harness itself.
# make mutants: change the code of measures and criteria in thousands of places and see which changes no test notices.
PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python -m

.PHONY: check approve test lint benchmark mutants clean

check: $(VENV)/installed
	$(RUN) pytest checks/ --model tiny-gpt2 --model tiny-llama --gate baseline

approve: $(VENV)/installed
	$(RUN) pytest checks/ --model tiny-gpt2 --model tiny-llama --approve

test: $(VENV)/installed
	$(RUN) pytest tests/ -n 2 --dist worksteal

lint: $(VENV)/installed
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports

benchmark: $(VENV)/installed
	$(RUN) benchmarks.extraction
	$(RUN) benchmarks.statistics
	$(RUN) benchmarks.interventions
	$(RUN) benchmarks.report

mutants: $(VENV)/installed
	$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutation]'
	OMP_NUM_THREADS=1 $(VENV)/bin/mutmut run --max-children 1
	$(VENV)/bin/mutmut results

# torch comes first and pinned: a range would fetch the largest CUDA build.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) reports mutants
