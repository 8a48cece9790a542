# make serve | test | train, and what they are made of. Each environment is set up once and again when its file changes.
PYTHON ?= python3
PORT ?= 8000
DATA ?= data/sample.csv
RECIPE ?= sample
RESUME ?=
OUT ?= build

ifeq ($(OS),Windows_NT)
BIN := Scripts
else
BIN := bin
endif
SERVE := .venv-serve/$(BIN)/python
DEV := .venv/$(BIN)/python

.PHONY: help serve test soak bench train lint types openapi slug figures clean

help:
	@echo "make serve [PORT=8000]                  serve artifacts/ at http://127.0.0.1:PORT/predict"
	@echo "make test                               lint, type-check, test"
	@echo "make soak                               the tests that take many minutes"
	@echo "make train [DATA= RECIPE= OUT= RESUME=1] train; by default data/sample.csv into build/"
	@echo "make bench                              the service beside others, in about ten minutes; needs wrk"
	@echo "make slug                               size of what Heroku would run, and its memory"
	@echo "make figures                            reprint the figures of the README"

serve: .venv-serve/ready
	PORT=$(PORT) $(SERVE) -m serving.server

test: .venv/ready .venv-serve/ready lint types
	$(DEV) -m pytest

soak: .venv/ready
	$(DEV) -m pytest -m soak

bench: .venv/ready .venv-serve/ready
	$(DEV) -m benchmarks.serving

lint: .venv/ready
	$(DEV) -m ruff check .
	$(DEV) -m ruff format --check .

types: .venv/ready
	$(DEV) -m mypy

train: .venv/ready
	$(DEV) -m training fit $(RECIPE) --data $(DATA) --out $(OUT) $(if $(RESUME),--resume)

openapi: .venv/ready
	$(DEV) -m serving openapi > docs/openapi.json.partial && mv docs/openapi.json.partial docs/openapi.json

slug: .venv-serve/ready
	$(SERVE) -m benchmarks.slug

figures: .venv/ready .venv-serve/ready
	$(DEV) -m benchmarks.figures

.venv-serve/ready: requirements.txt
	@$(PYTHON) .ci/make_environment.py .venv-serve requirements.txt

.venv/ready: requirements.txt requirements-train.txt requirements-dev.txt
	@$(PYTHON) .ci/make_environment.py .venv requirements-dev.txt

clean:
	rm -rf .venv .venv-serve .mypy_cache .pytest_cache .ruff_cache build
