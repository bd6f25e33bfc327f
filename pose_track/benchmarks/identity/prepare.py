"""The clips of the benchmark: composed ones, rendered once into the folder of results, and real ones where present."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pose_track.benchmarks.identity.clips import LabelledClip, composed_clip, real_clip, write_clip
from pose_track.benchmarks.identity.config import IdentityConfig, Photographs
from pose_track.datasets.coco import load_boxes
from pose_track.datasets.composed.backdrops import Backdrops
from pose_track.datasets.composed.clip import DrawScene, compose_clip
from pose_track.datasets.composed.drawn import drawn_people, drawn_scene
from pose_track.datasets.composed.figures import Cast, photographed_people
from pose_track.datasets.cutouts import Cutouts, load_outlines
from pose_track.datasets.images import ImageStore
from pose_track.utils.atomic import atomic_text

CLIPS, MANIFEST = "clips", "clips.json"


class Clips(NamedTuple):
    """The clips, the names of those that are absent, and whether the people are photographed or drawn."""

    clips: list[LabelledClip]
    absent: list[str]
    people: str


def prepare_clips(config: IdentityConfig, roots: Sequence[Path], out: Path) -> Clips:
    """Compose the clips that are not in the folder `out` yet, and find the real ones below `roots`.

    Raises ValueError if `out` holds clips of other settings, and for broken files.
    """
    found = None if config.photographs is None else _find_photographs(config.photographs, roots)
    people = "drawn" if found is None else "photographed"
    real = [(clip, _find(roots, clip.video), _find(roots, clip.gt)) for clip in config.real]
    clips = [real_clip(clip, video, gt) for clip, video, gt in real if video is not None and gt is not None]
    absent = [clip.name for clip, video, gt in real if video is None or gt is None]
    names = [(group, f"{group.name}_{number:03d}") for group in config.clips for number in range(group.count)]
    composed = {"people": people, **config.model_dump(mode="json", include=_COMPOSING)}
    _check_manifest(out / MANIFEST, composed)
    missing = [(group, name) for group, name in names if not (out / CLIPS / name).is_dir()]
    if missing:
        (out / CLIPS).mkdir(parents=True, exist_ok=True)
        cast, draw_scene = _people_and_scenes(config, found)
        for number, (group, name) in enumerate(names):
            if (group, name) in missing:
                clip = compose_clip(group, cast, draw_scene, config.seed + 1000 * number)
                write_clip(clip, out / CLIPS / name)
    clips = [composed_clip(out / CLIPS / name, group.name, group.clothes) for group, name in names] + clips
    _write_manifest(out / MANIFEST, composed, clips)
    return Clips(clips, absent, people)


_COMPOSING = {"seed", "split", "photographs", "drawn_people", "clips"}


def _check_manifest(path: Path, composed: dict[str, Any]) -> None:
    """Raises ValueError if the clips beside the manifest were composed with other settings."""
    if path.is_file() and json.loads(path.read_text(encoding="utf-8"))["composed"] != composed:
        raise ValueError(f"{path.parent} holds clips of other settings; give another folder, or remove it")


def _write_manifest(path: Path, composed: dict[str, Any], clips: Sequence[LabelledClip]) -> None:
    """What other trackers need: the video of each clip and, for a folder of images, its frame rate."""
    entries = [{"name": clip.name, "video": str(clip.video.resolve()), "fps": clip.fps} for clip in clips]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_text(path) as file:
        json.dump({"composed": composed, "clips": entries}, file, indent=1)


def _find(roots: Sequence[Path], path: Path) -> Path | None:
    """The path below the first folder that holds it; None where none does."""
    return next((root / path for root in roots if (root / path).exists()), None)


def _find_photographs(data: Photographs, roots: Sequence[Path]) -> Photographs | None:
    annotations, images = _find(roots, data.annotations), _find(roots, data.images)
    if annotations is None or images is None:
        return None
    return data.model_copy(update={"annotations": annotations, "images": images})


def _people_and_scenes(config: IdentityConfig, found: Photographs | None) -> tuple[Cast, DrawScene]:
    if found is None:
        return drawn_people(config.drawn_people, config.seed), drawn_scene
    images = ImageStore(found.images)
    cutouts = Cutouts(images, load_outlines(found.annotations))
    return photographed_people(cutouts, config.split), _scenes(images, found)


def _scenes(images: ImageStore, found: Photographs) -> DrawScene:
    return Backdrops(images, load_boxes(found.annotations), found.scenes).draw
