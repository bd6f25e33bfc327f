"""A PoseTrack data set on disk: its sequences, their frames, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.structures.sequence import PoseSequence
from pose_track.video.image_reader import list_images
from pose_track.video.paths import path_below, video_beside

DOWNLOAD_HINT = (
    "data/README.md says how to get the data: from posetrack.net, or, with the videos of 2018, "
    "github.com/anDoer/PoseTrack21"
)


@dataclass(frozen=True)
class Edition:
    """The data of one year.

    folders: folders below the root that may hold the annotations.
    layout: file format of the annotations.
    first_number: number of a sequence's first image.
    """

    folders: tuple[str, ...]
    layout: str
    first_number: int


EDITIONS = {
    "2017": Edition(("annotations",), "posetrack17", 1),
    "2018": Edition(("annotations",), "posetrack18", 0),
    "2021": Edition(("posetrack_data", "annotations"), "posetrack18", 0),
}
YEARS = (*EDITIONS, "21")

# (year, split) -> counts reported by a public reproduction
_PUBLISHED_COUNTS = {("2017", "val"): {"sequences": 50, "labelled frames": 2607, "people": 18536}}


@dataclass(frozen=True, eq=False)
class Clip:
    """One sequence of the data set.

    name: stem of its annotation file.
    annotations: that file.
    gt: its content; None where the file is invalid.
    source: its folder of images or its video; None where there is neither.
    image_names: all images of the folder, in order; empty for a video.
    missing: names of annotated images that do not exist.
    error: why it cannot be tracked; "" where it can.
    """

    name: str
    annotations: Path
    gt: PoseSequence | None = None
    source: Path | None = None
    image_names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    error: str = ""

    @property
    def num_frames(self) -> int:
        """Number of frames to track; for a video the number of annotated frames, since its own is not yet known."""
        return len(self.image_names) or (len(self.gt) if self.gt is not None else 0)


@dataclass(frozen=True, eq=False)
class PoseTrackDataset:
    """The sequences of one split."""

    root: Path
    year: str
    split: str
    clips: tuple[Clip, ...]

    @property
    def edition(self) -> Edition:
        return EDITIONS[self.year]

    @property
    def counts(self) -> dict[str, int]:
        """Number of sequences, and of frames and people in the readable annotation files.

        People are counted in labelled frames only.
        """
        sequences = [clip.gt for clip in self.clips if clip.gt is not None]
        labelled = [people for sequence in sequences for frame, people in sequence if frame.is_labelled]
        return {
            "sequences": len(self.clips),
            "frames": sum(map(len, sequences)),
            "labelled frames": len(labelled),
            "people": sum(map(len, labelled)),
        }

    def summary(self) -> str:
        """The counts and what is missing, in a few lines."""
        counts = self.counts
        lines = [f"PoseTrack {self.year} {self.split} in {self.root}: {format_counts(counts)}"]
        published = _PUBLISHED_COUNTS.get((self.year, self.split), {})
        if any(counts[name] != number for name, number in published.items()):
            lines.append(f"note: others counted {format_counts(published)}")
        incomplete = [clip for clip in self.clips if clip.missing]
        if incomplete:
            num_images, example = sum(len(clip.missing) for clip in incomplete), incomplete[0].missing[0]
            lines.append(f"missing: {num_images:,} images of {len(incomplete)} sequences, such as {example}")
            lines.append(DOWNLOAD_HINT)
        return "\n".join(lines)


def format_counts(counts: dict[str, int]) -> str:
    """Counts as text.

    >>> format_counts({"sequences": 50, "frames": 2607})
    '50 sequences, 2,607 frames'
    """
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def scan_dataset(root: Path, year: str, split: str) -> PoseTrackDataset:
    """Find the sequences of a split, and check that their images exist.

    Annotations are in root/annotations/SPLIT/*.json, for PoseTrack21 also in root/posetrack_data/SPLIT. Frames are in
    the folder that the image names give or, where there is none, in a video with the folder's name and a suffix of
    `video.paths.VIDEO_SUFFIXES`. A sequence that cannot be tracked is kept with its `error`.

    root: the data set's folder. Image names are relative to it, and may not leave it.
    year: one of YEARS.

    Raises FileNotFoundError where there are no annotations, ValueError where no sequence can be tracked; both say how
    to get the data.
    """
    year = "2021" if year == "21" else year
    edition = EDITIONS[year]
    folders = [root / folder / split for folder in edition.folders]
    files = next((files for folder in folders if (files := sorted(folder.glob("*.json")))), [])
    if not files:
        searched = " or ".join(repr(str(folder)) for folder in folders)
        raise FileNotFoundError(f"there are no .json files in {searched}; {DOWNLOAD_HINT}")
    dataset = PoseTrackDataset(root, year, split, tuple(scan_clip(root, file, edition) for file in files))
    if all(clip.error for clip in dataset.clips):
        first = dataset.clips[0]
        raise ValueError(f"none of {len(files)} sequences can be tracked; {first.name}: {first.error}; {DOWNLOAD_HINT}")
    return dataset


def scan_clip(root: Path, file: Path, edition: Edition) -> Clip:
    """The sequence of an annotation file, see `scan_dataset`."""
    gt = None
    try:
        gt = read_posetrack(file)
        _check_layout(file, gt, edition)
        folder = image_folder(root, gt)
        names = images_in(folder)
        source = folder if names else video_beside(folder)
    except (ValueError, OSError) as error:
        return Clip(file.stem, file, gt, error=str(error))
    is_video, existing = source is not None and not names, set(names)
    absent = {frame.image_name for frame in gt.frames if base_name(frame.image_name) not in existing}
    missing = () if is_video else tuple(sorted(absent))
    problem = f"{len(missing)} of {len(gt)} images are missing from {str(folder)!r}" if missing else ""
    return Clip(file.stem, file, gt, source, names, missing, problem)


def _check_layout(file: Path, gt: PoseSequence, edition: Edition) -> None:
    if gt.layout != edition.layout:
        years = " and ".join(year for year, other in EDITIONS.items() if other.layout == gt.layout)
        raise ValueError(f"{file} is in the layout of {years}; give another --year")


def image_folder(root: Path, gt: PoseSequence) -> Path:
    """The folder below `root` that holds a sequence's images.

    Raises ValueError where a name leaves the root, or the names give no folder or several.
    """
    folders = {path_below(root, frame.image_name).parent for frame in gt.frames}
    if len(folders) != 1:
        raise ValueError(f"{gt.name} must have its images in one folder, got {sorted(map(str, folders))[:3]}")
    return folders.pop()


def base_name(image_name: str) -> str:
    """An image's name without its folder.

    >>> base_name("images/val/000342_mpii_test/000017.jpg")
    '000017.jpg'
    """
    return PureWindowsPath(image_name).name


def images_in(folder: Path) -> tuple[str, ...]:
    """Names of the images in a folder, in order; none where the folder does not exist."""
    if not folder.is_dir():
        return ()
    try:
        return tuple(path.name for path in list_images(folder))
    except ValueError:  # it holds none; the caller reports that
        return ()


def numbered_names(like: str, first_number: int, count: int) -> list[str]:
    """Image names for the frames of a video, as its annotation file would name them.

    like: a name in that file; its number of digits and its suffix are used.

    Raises ValueError where `like` is not a number and a suffix.

    >>> numbered_names("000017.jpg", 0, 3)
    ['000000.jpg', '000001.jpg', '000002.jpg']
    """
    stem, dot, suffix = like.rpartition(".")
    if not stem.isdecimal():
        raise ValueError(f"the image names of a video must be numbers, got {like!r}; give the images as a folder")
    return [f"{number:0{len(stem)}d}{dot}{suffix}" for number in range(first_number, first_number + count)]
