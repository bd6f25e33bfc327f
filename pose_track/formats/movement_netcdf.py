"""NetCDF in the layout of the package `movement`, for xarray.

    position    (time, space, keypoints, individuals)  pixels, y down; NaN where a joint is absent
    confidence  (time, keypoints, individuals)         NaN where missing
    attributes  ds_type "poses", fps, time_unit "seconds", source_software

Layout: movement.neuroinformatics.dev, "The movement datasets".
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pose_track.formats.deeplabcut import track_ids_of
from pose_track.formats.motions import Motion, motions, sequence_of_motions, skeleton_of_markers
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseSequence
from pose_track.utils.atomic import atomic_path
from pose_track.utils.extras import require

if TYPE_CHECKING:
    import xarray

LAYOUT = "movement"


def write_movement(source: FrameSource, path: str | Path) -> None:
    """Write the people with a track id; the file appears only when it is complete.

    Raises ImportError where xarray or h5netcdf are not installed, and ValueError as `motions` does.
    """
    dataset = movement_dataset(source)
    with atomic_path(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf")


def movement_dataset(source: FrameSource) -> xarray.Dataset:
    """The data set that `write_movement` writes. Times are those of the frames, which may be unequal."""
    require("xarray", "h5netcdf", purpose="the format movement")
    import xarray

    video = motions(source)
    joints, scores = video.arrays()  # (F, N, K, 2), (F, N, K)
    dims = ("time", "space", "keypoints", "individuals")
    position = xarray.DataArray(joints.transpose(0, 3, 2, 1), dims=dims, attrs={"units": video.unit})
    confidence = xarray.DataArray(scores.transpose(0, 2, 1), dims=("time", "keypoints", "individuals"))
    return xarray.Dataset(
        {"position": position, "confidence": confidence},
        {
            "time": video.seconds,
            "space": ["x", "y"],
            "keypoints": list(video.skeleton.joint_names),
            "individuals": [f"person{person.track_id}" for person in video.people],
        },
        {
            **{"ds_type": "poses", "fps": video.fps, "time_unit": "seconds", "source_software": "pose_track"},
            "source_file": video.name,
        },
    )


def read_movement(path: str | Path) -> PoseSequence:
    """Read a data set of poses. Ids as in `read_deeplabcut`; `extra` has "fps" where it is stated.

    Raises ValueError, with the file, for a data set of another layout, and ImportError where xarray or h5netcdf are
    not installed.
    """
    require("xarray", "h5netcdf", purpose="the format movement")
    import xarray

    path = Path(path)
    with xarray.open_dataset(path) as stored:
        dataset = stored.load()
    dims = ("time", "space", "keypoints", "individuals")
    if "position" not in dataset or set(dataset["position"].dims) != set(dims):
        raise ValueError(f"{path} is not a movement data set of poses: position must have {', '.join(dims)}")
    joints = dataset["position"].transpose("time", "individuals", "keypoints", "space").sel(space=["x", "y"])
    scores = np.full(joints.shape[:3], np.nan)
    if "confidence" in dataset:
        scores = dataset["confidence"].transpose("time", "individuals", "keypoints").to_numpy().astype(np.float64)
    skeleton, order = skeleton_of_markers([str(name) for name in joints["keypoints"].to_numpy()], LAYOUT)
    values, scores = joints.to_numpy().astype(np.float64)[:, :, order], scores[:, :, order]
    ids = track_ids_of([str(name) for name in joints["individuals"].to_numpy()])
    people = [Motion(id, 0, values[:, n], scores[:, n]) for n, id in enumerate(ids)]
    in_seconds = dataset.attrs.get("time_unit") == "seconds"
    times = joints["time"].to_numpy().astype(np.float64).tolist() if in_seconds else [None] * len(values)
    infos = [FrameInfo(index, pts_seconds=time) for index, time in enumerate(times)]
    extra = {"fps": float(dataset.attrs["fps"])} if dataset.attrs.get("fps") else {}
    return sequence_of_motions(path.stem, skeleton, people, infos, LAYOUT, extra)
