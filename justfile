# Plain commands in the project's own environment; without `just`, type them as they stand or run .ci/run.

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

# List the recipes.
list:
    @{{ just_executable() }} --list --unsorted

# Make .venv from the lock, with the project itself editable.
install:
    test -x .venv/bin/python || python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --require-hashes -r requirements.lock
    .venv/bin/python -m pip install --quiet --no-deps -e .

# Format, lint, types, imports, tests: the same as CI.
check: format-check lint types imports test

# Rewrite the files: formatting and safe lint fixes.
format:
    ruff check --fix --exit-zero --quiet .
    ruff format .

# Fail where a file is not formatted.
format-check:
    ruff format --check .

# Lint with ruff.
lint:
    ruff check .

# Check types with mypy, strict.
types:
    mypy

# Check the import contracts.
imports:
    lint-imports

# Run the tests; arguments go to pytest.
test *arguments:
    .venv/bin/python -m pytest -q {{ arguments }}

# Run the tests that take no time, in parallel.
quick *arguments:
    .venv/bin/python -m pytest -q -n auto -m "not slow and not connected and not simulation" {{ arguments }}

# Fail where a branch of the pure packages is not tested.
coverage:
    coverage erase
    .venv/bin/python -m pytest -q --cov --cov-report=
    coverage report --include='vsm_core/*,vsm_controller/*' --fail-under=100
    coverage report

# Write docs/map.md again from the modules' own first sentences.
map:
    .venv/bin/python tests/test_map.py

# Write requirements.lock again: newest versions in range, with hashes. Needs uv.
lock:
    uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra crew --extra plots --extra postgres --extra test --extra lint --output-file requirements.lock pyproject.toml

# Build the sdist and the wheel into dist/. Needs uv.
build:
    uv build --quiet

# What CI does, from the installation on.
ci:
    .ci/run
