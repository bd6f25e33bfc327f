"""A PoseTrack data set on disk: its sequences, their frames, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.structures.sequence import PoseSequence
from pose_track.video.image_reader import list_images

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov")

HOW_TO_GET = (
    "data/README.md tells how to get the data: from posetrack.net, or, with the videos of 2018, "
    "github.com/anDoer/PoseTrack21"
)


@dataclass(frozen=True)
class Edition:
    """What sets a year's data apart. folders: where, below the root, annotations may lie; layout: of their files;
    first_number: of a sequence's first picture."""

    folders: tuple[str, ...]
    layout: str
    first_number: int


EDITIONS = {
    "2017": Edition(("annotations",), "posetrack17", 1),
    "2018": Edition(("annotations",), "posetrack18", 0),
    "2021": Edition(("posetrack_data", "annotations"), "posetrack18", 0),
}
YEARS = (*EDITIONS, "21")

# as a public reproduction counted them
_KNOWN_COUNTS = {("2017", "val"): {"sequences": 50, "labelled frames": 2607, "people": 18536}}


@dataclass(frozen=True, eq=False)
class Clip:
    """One sequence of the data set.

    name: the stem of its annotation file; truth: what that says, None where it is at fault; source: the folder of its
    pictures, or its video, None where there is neither; image_names: the pictures of the folder in order, empty for a
    video; missing: names of listed pictures that are not there; fault: why it cannot be tracked, "" where it can.
    """

    name: str
    annotations: Path
    truth: PoseSequence | None = None
    source: Path | None = None
    image_names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    fault: str = ""

    @property
    def num_frames(self) -> int:
        """Frames to track; of a video, which tells its own number late, those that are listed."""
        return len(self.image_names) or (len(self.truth) if self.truth is not None else 0)


@dataclass(frozen=True, eq=False)
class DataSet:
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
        """Sequences, and what the readable ones list; people are those of labelled frames."""
        truths = [clip.truth for clip in self.clips if clip.truth is not None]
        frames = [(frame, people) for truth in truths for frame, people in truth if frame.is_labelled]
        return {
            "sequences": len(self.clips),
            "frames": sum(map(len, truths)),
            "labelled frames": len(frames),
            "people": sum(len(people) for _, people in frames),
        }

    def summary(self) -> str:
        """What there is and what is missing, in a few lines."""
        counts = self.counts
        lines = [f"PoseTrack {self.year} {self.split} in {self.root}: {listed(counts)}"]
        known = _KNOWN_COUNTS.get((self.year, self.split), {})
        if any(counts[name] != number for name, number in known.items()):
            lines.append(f"note: others counted {listed(known)}")
        without = [clip for clip in self.clips if clip.missing]
        if without:
            images = sum(len(clip.missing) for clip in without)
            lines.append(f"missing: {images:,} pictures of {len(without)} sequences, such as {without[0].missing[0]}")
            lines.append(HOW_TO_GET)
        return "\n".join(lines)


def listed(counts: dict[str, int]) -> str:
    """Counts in words.

    >>> listed({"sequences": 50, "frames": 2607})
    '50 sequences, 2,607 frames'
    """
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def check_data(root: Path, year: str, split: str) -> DataSet:
    """Find the sequences of a split and look whether their pictures are there.

    root: the data set's own folder, which the names of pictures are relative to; it is never left. year: one of YEARS.
    Annotations are at root/annotations/SPLIT/*.json, of PoseTrack21 also at root/posetrack_data/SPLIT; frames in the
    folder that the names of the pictures give, or, where there is none, in a video of the folder's name (.mp4, .avi,
    .mkv, .mov). A sequence at fault is kept with its `fault`. Raises FileNotFoundError where there are no annotations,
    ValueError where no sequence can be tracked; both tell how to get the data.
    """
    year = "2021" if year == "21" else year
    edition = EDITIONS[year]
    folders = [root / folder / split for folder in edition.folders]
    files = next((found for folder in folders if (found := sorted(folder.glob("*.json")))), [])
    if not files:
        places = " or ".join(repr(str(folder)) for folder in folders)
        raise FileNotFoundError(f"there are no .json files in {places}; {HOW_TO_GET}")
    data = DataSet(root, year, split, tuple(_check_clip(root, file, edition) for file in files))
    if all(clip.fault for clip in data.clips):
        first = data.clips[0]
        raise ValueError(f"none of {len(files)} sequences can be tracked; {first.name}: {first.fault}; {HOW_TO_GET}")
    return data


def _check_clip(root: Path, file: Path, edition: Edition) -> Clip:
    truth = None
    try:
        truth = read_posetrack(file)
        _check_layout(file, truth, edition)
        folder = picture_folder(root, truth)
        names = picture_names(folder)
        source = folder if names else find_video(folder)
    except (ValueError, OSError) as error:
        return Clip(file.stem, file, truth, fault=str(error))
    is_video, there = source is not None and not names, set(names)
    lacking = {frame.image_name for frame in truth.frames if base_name(frame.image_name) not in there}
    missing = () if is_video else tuple(sorted(lacking))
    fault = f"{len(missing)} of {len(truth)} pictures are missing from {str(folder)!r}" if missing else ""
    return Clip(file.stem, file, truth, source, names, missing, fault)


def _check_layout(file: Path, truth: PoseSequence, edition: Edition) -> None:
    if truth.layout != edition.layout:
        years = " and ".join(year for year, other in EDITIONS.items() if other.layout == truth.layout)
        raise ValueError(f"{file} is in the layout of {years}; give another --year")


def picture_folder(root: Path, truth: PoseSequence) -> Path:
    """The folder below `root` that the names of a sequence's pictures give. Raises ValueError where a name leaves the
    root, there is none, or there are several folders."""
    parents = {_parent_below(root, frame.image_name) for frame in truth.frames}
    if len(parents) != 1:
        raise ValueError(f"{truth.name} must have its pictures in one folder, got {sorted(map(str, parents))[:3]}")
    return parents.pop()


def _parent_below(root: Path, image_name: str) -> Path:
    name = PureWindowsPath(image_name)  # knows the separators and drives of all systems
    if not name.name or name.anchor or ".." in name.parts:
        raise ValueError(f"the name of a picture must be a path below the data set's folder, got {image_name!r}")
    return root.joinpath(*name.parts[:-1])


def base_name(image_name: str) -> str:
    """A picture's name without its folder.

    >>> base_name("images/val/000342_mpii_test/000017.jpg")
    '000017.jpg'
    """
    return PureWindowsPath(image_name).name


def picture_names(folder: Path) -> tuple[str, ...]:
    """The pictures in a folder, in order; none where there is no such folder."""
    if not folder.is_dir():
        return ()
    try:
        return tuple(path.name for path in list_images(folder))
    except ValueError:  # it holds none, which is for the caller to tell
        return ()


def find_video(folder: Path) -> Path | None:
    """The video that stands in for a folder of pictures: beside it, of its name."""
    videos = [folder.with_name(folder.name + suffix) for suffix in VIDEO_SUFFIXES if folder.name]
    return next((video for video in videos if video.is_file()), None)


def numbered_names(like: str, first_number: int, count: int) -> list[str]:
    """Names for the pictures of a video, as its annotation file would call them.

    like: one of the file's own names, whose number of digits and suffix are taken up. Raises ValueError where that is
    not a number and a suffix.

    >>> numbered_names("000017.jpg", 0, 3)
    ['000000.jpg', '000001.jpg', '000002.jpg']
    """
    stem, dot, suffix = like.rpartition(".")
    if not stem.isdecimal():
        raise ValueError(f"the pictures of a video must be called by their numbers, got {like!r}")
    return [f"{number:0{len(stem)}d}{dot}{suffix}" for number in range(first_number, first_number + count)]
