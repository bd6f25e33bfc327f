# make track VIDEO=clip.mp4   set everything up and track the people in a video
# make test                   set everything up and run the tests
PYTHON ?= python3
VIDEO ?= data/sample/three_people.mp4
ARGS ?=
READY := .venv/.ready

.PHONY: track test check setup

track: $(READY)
	.venv/bin/python tools/track_video.py "$(VIDEO)" $(ARGS)

test: $(READY)
	.venv/bin/python -m pytest $(ARGS)

check: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

setup: $(READY)

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and f"pose_track needs Python 3.10 or newer, {sys.executable} is {sys.version.split()[0]}; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install -r requirements.txt -e '.[test]'
	@touch $@
