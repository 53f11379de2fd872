# `make` alone lists the targets. PYTHON=python3.12 chooses the interpreter of .venv; STACK=onedl puts the OneDL forks in
# place of OpenMMLab's packages, in .venv-onedl.
STACK ?= openmmlab
PY := $(if $(filter openmmlab,$(STACK)),.venv,.venv-$(STACK))/bin/python

.PHONY: help venv demo demo-instances test test-onedl test-kill lint clean
help:
	@echo 'make demo            train and compare on the embedded data set, page in demo_out'
	@echo 'make demo-instances  from labels to instances, pictures in demo_out/instances'
	@echo 'make test            run the tests'
	@echo 'make test-onedl      run the same tests on the OneDL forks, in .venv-onedl'
	@echo 'make test-kill       kill trainings and tools at random moments, 20 times each'
	@echo 'make lint            check the style'
	@echo 'make venv            only set up .venv (the others do it when needed); STACK=onedl: .venv-onedl'
	@echo 'make clean           remove what the others wrote; .venv stays'

venv:
	@STACK=$(STACK) bash tools/setup_env.sh

demo: venv
	$(PY) tools/demo.py --out demo_out

demo-instances: venv
	$(PY) tools/demo.py --instances --out demo_out/instances

# A file's tests stay in one process, whose fixtures they share; each process computes with one thread. The slow files
# come first (tests/conftest.py).
test: venv
	OMP_NUM_THREADS=1 $(PY) -m pytest -ra -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-onedl:
	@$(MAKE) --no-print-directory test STACK=onedl

# KILLS='--kills 100 --seed 1 train-ema' goes to the script; it works in one process at a time, with one thread.
test-kill: venv
	$(PY) tests/interruption/kill.py $(KILLS)

lint: venv
	$(PY) -m ruff check .

clean:
	rm -rf build dist demo_out work_dirs .pytest_cache .ruff_cache .hypothesis
	find . -path './.venv*' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
