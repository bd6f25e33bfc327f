# make track VIDEO=clip.mp4   install what tracking needs and track the people in a video
# make test                   install everything and run the tests
# make test-slow              run the tests of hundreds of kills and damaged files, which take minutes
# make train-defaults         train the bundled networks again, from the data packs of data/README.md
# make bundle                 write the bundled networks as ONNX graphs, after their weights have changed
PYTHON ?= python3
VIDEO ?= data/sample/three_people.mp4
ARGS ?=
VENV := .venv/bin/python
CORE := .venv/.core
READY := .venv/.ready

TRAIN := $(VENV) tools/train.py configs/train
CALIBRATE := $(VENV) tools/calibrate.py configs/train
POSE_VAL := --val data/person_boxes/val_keypoints.json data/person_boxes/val.tar \
	--val data/gym/val_keypoints.json data/gym/val.tar --val data/pose_train/val_clean.json data/pose_train/val.tar
BOX_VAL := --val data/person_boxes/val.json data/person_boxes/val.tar --val data/gym/val_boxes.json data/gym/val.tar

.PHONY: track test test-slow check setup bundle train-defaults

track: $(CORE)
	$(VENV) tools/track_video.py "$(VIDEO)" $(ARGS)

test: $(READY)
	$(VENV) -m pytest --numprocesses auto --dist loadfile $(ARGS)

test-slow: $(READY)
	$(VENV) -m pytest -m slow --numprocesses auto --dist loadfile tests $(ARGS)

check: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# pose_track/assets/*.onnx refer to byte ranges of pose_track/assets/*.safetensors
bundle: $(READY)
	$(VENV) -m pose_track.export.bundle

# the bundled weights again, from the training data that data/README.md lists; takes hours, and resumes where it was interrupted
train-defaults: $(READY) data/figures/figures.json
	$(TRAIN)/pose_compact.yaml --out runs/pose_small --resume --pose.input_size '[96, 128]' --pose.sigma 1.5 --loop.epochs 7
	$(TRAIN)/pose_compact.yaml --out runs/pose --resume --init_weights runs/pose_small/weights.safetensors
	$(TRAIN)/detector_compact.yaml --out runs/detector --resume
	$(CALIBRATE)/pose_compact.yaml --weights runs/pose/weights.safetensors --decoding dark $(POSE_VAL)
	$(CALIBRATE)/detector_compact.yaml --weights runs/detector/weights.safetensors $(BOX_VAL)

data/figures/figures.json: $(READY)
	$(VENV) tools/make_figures.py --out data/figures --images 1500

setup: $(READY)

# the core, without PyTorch
$(CORE): requirements-core.txt pyproject.toml
	$(NEW_VENV)
	$(VENV) -m pip install -e .
	@touch $@

# everything; one pip command, so that torch and torchvision are a matching pair
$(READY): requirements.txt requirements-core.txt pyproject.toml
	$(NEW_VENV)
	$(VENV) -m pip install -r requirements.txt -e '.[test]'
	@touch $(CORE) $@

define NEW_VENV
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and f"pose_track needs Python 3.10 or newer, {sys.executable} is {sys.version.split()[0]}; try make PYTHON=python3.12")'
$(PYTHON) -m venv .venv
endef
