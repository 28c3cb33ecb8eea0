# Everything a newcomer or CI runs. Needs Python 3.11 or newer and nothing else; all tools live in .venv.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: install demo lab test check format bench bench-api bench-webhooks bench-verdict lock replay-record clean

install: $(VENV)/installed

$(VENV)/installed: requirements.lock pyproject.toml
	@echo "installing into $(VENV) (a minute or two, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	@$(BIN)/sluice demo

lab: install
	@$(BIN)/sluice lab

test: install
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

check: install
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/architecture

format: install
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install
	@$(BIN)/python -m tests.bench.release

bench-api: install
	@$(BIN)/python -m tests.bench.api

bench-webhooks: install
	@$(BIN)/python -m tests.bench.webhooks

bench-verdict: install
	@$(BIN)/python -m tests.bench.verdict

replay-record: install
	@$(BIN)/python -m tests.replay.record

# Writes the lock: hashes, no addresses. Needs `uv` on the path.
lock:
	uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-annotate --no-header --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .sluice .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
