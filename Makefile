PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow test-lowest bench fuzz docs lint clean

# One environment, made once and renewed when the project's requirements change.
# torch comes first and by its exact version, so that nothing else chooses one.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/.installed
	$(BIN)/python -m sklearn_mm.demo --output demo_output

# One thread each, so that two workers do not ask for four cores. Each begins with one
# half of the files, so that hardly a fixture is made in both.
test: .venv/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: .venv/.installed
	$(BIN)/python -m pytest -m slow

# The lowest versions that pyproject.toml allows, but for torch: constraints-lowest.txt.
.venv-lowest/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --upgrade pip
	.venv-lowest/bin/python -m pip install --quiet torch==2.13.0
	.venv-lowest/bin/python -m pip install --quiet \
		--constraint constraints-lowest.txt --editable '.[test]'
	touch $@

test-lowest: .venv-lowest/.installed
	OMP_NUM_THREADS=1 .venv-lowest/bin/python -m pytest -n 2 --dist worksteal

# Every benchmark at a small size. PYTHONPATH may name a folder with what they need.
bench: .venv/.installed
	$(BIN)/python benchmarks/small.py

# Damaged inputs for each reader and for stores; with atheris, if it is installed:
# .venv/bin/python -m pip install -c constraints.txt -e '.[fuzz]'
fuzz: .venv/.installed
	$(BIN)/python benchmarks/fuzz.py

# The site, docs/_build/html/index.html; a warning is an error. It runs the gallery.
docs: .venv/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf .venv .venv-lowest demo_output docs/_build docs/about docs/auto_gallery
	rm -rf docs/api/backreferences docs/api/generated docs/sg_execution_times.rst
