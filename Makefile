# make track VIDEO=clip.mp4   set everything up and track the people in a video
# make test                   set everything up and run the tests
# make train-defaults         train the bundled networks again, from the data packs of data/README.md
PYTHON ?= python3
VIDEO ?= data/sample/three_people.mp4
ARGS ?=
READY := .venv/.ready

TRAIN := .venv/bin/python tools/train.py configs/train

.PHONY: track test check setup train-defaults

track: $(READY)
	.venv/bin/python tools/track_video.py "$(VIDEO)" $(ARGS)

test: $(READY)
	.venv/bin/python -m pytest $(ARGS)

check: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# the bundled weights again, from data/pose_train and data/person_boxes; hours, and what was interrupted goes on
train-defaults: $(READY) data/figures/figures.json
	$(TRAIN)/pose_compact.yaml --out runs/pose_small --resume --pose.input_size '[96, 128]' --pose.sigma 1.5 --loop.epochs 7
	$(TRAIN)/pose_compact.yaml --out runs/pose --resume --init_weights runs/pose_small/weights.safetensors
	$(TRAIN)/detector_compact.yaml --out runs/detector --resume

data/figures/figures.json: $(READY)
	.venv/bin/python tools/make_figures.py --out data/figures --images 1500

setup: $(READY)

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and f"pose_track needs Python 3.10 or newer, {sys.executable} is {sys.version.split()[0]}; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install -r requirements.txt -e '.[test]'
	@touch $@
