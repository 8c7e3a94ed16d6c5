# Two commands do everything: `make demo` and `make test`. Both set up what they need.

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
PYVER := $(shell $(PYTHON) -c 'import sys; print("py%d%d" % sys.version_info[:2])')
LOCK = requirements/$(PYVER).txt
OUT ?= runs/demo
SEED ?= 0

export TF_CPP_MIN_LOG_LEVEL = 3
# XLA takes and gives back the memory of every step: see results/demo_profile.md.
export GLIBC_TUNABLES = glibc.malloc.hugetlb=1
export JAX_COMPILATION_CACHE_DIR = $(CURDIR)/.jax_cache
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS = 0.5

.PHONY: demo demo-plain test test-long test-colab test-parity test-beam versus lint clean

# ---- set-up: made once, made again when a requirement changes

$(VENV)/light: setup.py $(LOCK)
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c $(LOCK) -e .
	touch $@

$(VENV)/full: $(VENV)/light
	$(RUN) -m pip install --quiet --disable-pip-version-check -c $(LOCK) -e '.[data,test]'
	touch $@

# ---- the demo: every line is a command that you could type

demo: $(VENV)/light
	$(RUN) -m benchmarks.demo --out=$(OUT) --seed=$(SEED)

# The same without cycles, to compare.
demo-plain: OUT = runs/plain
demo-plain: $(VENV)/light
	$(RUN) -m benchmarks.demo --out=$(OUT) --seed=$(SEED) --cycle=none

# ---- the tests

# By file, so that what a file shares is made once.
test: $(VENV)/full
	$(RUN) -m ruff check .
	$(RUN) -m pytest -q -n 2 --dist=loadfile -m 'not long' tests

# Whole runs that take most of a minute each.
test-long: $(VENV)/full
	$(RUN) -m pytest -q -n 2 --dist=loadfile -m long tests

# Colab's TPU image has jax 0.7.2 on Python 3.13.
PYTHON313 ?= python3.13
.venv-colab/light: setup.py requirements/colab.txt
	$(PYTHON313) -m venv .venv-colab
	.venv-colab/bin/pip install --quiet --disable-pip-version-check -c requirements/colab.txt -e '.[test]'
	touch $@

test-colab: .venv-colab/light
	.venv-colab/bin/python -m pytest -q tests/test_tiny_configs.py

# Our networks beside torch, transformers, diffusers and taming on fresh random weights.
.venv-parity/ready: requirements/parity.txt requirements/parity_inception.txt
	$(PYTHON) -m venv .venv-parity
	.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/parity.txt
	.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check --no-deps taming-transformers-rom1504==0.0.6
	.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--target .venv-parity/inception -r requirements/parity_inception.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps \
		--target .venv-parity/java pycocoevalcap==1.2
	touch $@

test-parity: $(VENV)/light .venv-parity/ready
	.venv-parity/bin/python tests/weights/reference.py --out=build/golden --seed=$$(date +%s)
	.venv-parity/bin/python tests/weights/reference_settings.py --out=build/settings --seed=$$(date +%s)
	PYTHONPATH=.venv-parity/inception .venv-parity/bin/python -m tests.weights.reference_inception \
		--out=build/golden --seed=$$(date +%s)
	PYTHONPATH=.venv-parity/java $(RUN) -m tests.evaluation.odd_captions \
		--seed=$$(date +%s) --out=results/tokens.json
	$(RUN) -m tests.weights.parity --golden=build/golden --out=results/parity.json
	$(RUN) -m tests.weights.parity_settings --golden=build/settings --out=results/parity.json
	rm -rf build/export
	$(RUN) -m tests.serve.exported --out=build/export --seed=$$(date +%s)
	.venv-parity/bin/python tests/serve/open_export.py --export=build/export --out=results/parity.json

# Data sets made on Apache Beam beside those of the local builder. Beam conflicts with our pins.
.venv-beam/ready: requirements/beam.txt
	$(PYTHON) -m venv .venv-beam
	.venv-beam/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/beam.txt pytest hypothesis
	touch $@

test-beam: .venv-beam/ready
	.venv-beam/bin/python -m pytest -q tests/data_pipelines/test_beam.py

# Our speed beside that of peers of equal size, in turn. One core is enough; it wants a quiet machine.
.venv-versus/ready: requirements/parity.txt requirements/versus.txt
	$(PYTHON) -m venv .venv-versus
	.venv-versus/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/versus.txt
	.venv-versus/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		muse-maskgit-pytorch==0.3.5 memory-efficient-attention-pytorch==0.1.6 ema-pytorch==0.8.3 \
		vector-quantize-pytorch==1.32.0 torch-einops-utils==0.2.0
	touch $@

SIZE ?= small
versus: $(VENV)/light .venv-versus/ready
	$(RUN) -m benchmarks.versus --peers=.venv-versus/bin/python --size=$(SIZE) --out=results/versus.json

lint: $(VENV)/full
	$(RUN) -m ruff check --fix .

clean:
	rm -rf $(VENV) .venv-colab .venv-parity .venv-beam .venv-versus .jax_cache build .pytest_cache *.egg-info
