"""DeepLabCut's tables and movement's NetCDF, both ways; also through movement itself where it is installed."""

import numpy as np
import pytest
from moving_people import FPS, assert_same_motion, by_name, moving_people

from pose_track.formats.registry import FORMATS, identify_format, read_sequence

KINDS = {"deeplabcut.csv": (), "deeplabcut.h5": ("pandas", "tables"), "movement.nc": ("xarray", "h5netcdf")}
SINGLE = """scorer,net,net,net,net,net,net
bodyparts,snout,snout,snout,tail,tail,tail
coords,x,y,likelihood,x,y,likelihood
0,1.5,2,0.5,,,
1,,,,3,4,1
"""


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(tmp_path, kind):
    for package in KINDS[kind]:
        pytest.importorskip(package)
    sequence, path = moving_people(), tmp_path / kind
    name = path.stem
    FORMATS[name].write(sequence, path)
    assert identify_format(path) == name
    read = read_sequence(path)
    assert_same_motion(read, sequence)
    np.testing.assert_allclose(read.people.joint_scores, sequence.people.joint_scores, equal_nan=True)
    assert len(read.frames) == 5
    if name == "movement":
        assert read.extra["fps"] == FPS
        np.testing.assert_allclose([info.pts_seconds for info in read.frames], np.arange(5) / FPS)


@pytest.mark.parametrize("kind", KINDS)
def test_movement_reads_it(tmp_path, kind):
    pytest.importorskip("movement", reason="the package movement is not installed")
    import xarray
    from movement.io import load_poses
    from movement.kinematics import compute_velocity

    sequence, path = moving_people(), tmp_path / kind
    FORMATS[path.stem].write(sequence, path)
    if path.suffix == ".nc":
        dataset = xarray.load_dataset(path)
    else:
        dataset = load_poses.from_file(path, source_software="DeepLabCut", fps=FPS)
    assert dict(dataset.sizes) == {"time": 5, "space": 2, "keypoints": 17, "individuals": 2}
    assert (dataset.attrs["ds_type"], dataset.attrs["time_unit"], dataset.attrs["fps"]) == ("poses", "seconds", FPS)
    one = dataset.sel(individuals="person7", keypoints="nose")
    np.testing.assert_allclose(one.time, np.arange(5) / FPS)
    expected = by_name(sequence)
    for frame in range(5):
        place = expected.get((frame, 7), {"nose": (np.nan, np.nan)})["nose"]
        np.testing.assert_allclose(one.position.isel(time=frame), place)
    velocity = compute_velocity(dataset.position).sel(individuals="person3", keypoints="nose")
    places = np.array([expected[frame, 3]["nose"] for frame in range(5)])
    np.testing.assert_allclose(velocity, np.gradient(places, 1 / FPS, axis=0))


def test_a_table_of_one_animal(tmp_path):
    (tmp_path / "a.csv").write_text(SINGLE)
    read = read_sequence(tmp_path / "a.csv")
    assert by_name(read) == {(0, 1): {"snout": (1.5, 2)}, (1, 1): {"tail": (3, 4)}}
    assert read.people.joint_scores[0, 0] == 0.5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("coords,x", "coords,w", "coords must be x, y or likelihood"),
        ("coords", "axes", "its first rows must be scorer"),
        ("1.5", "far", "line 4: could not convert"),
        ("1.5", "1e300", "line 4: 1e300 is too large"),
        (",3,4", ",3", "line 5: 6 cells, 7 are expected"),
        ("\n1,", "\n99999999999,", "line 5: frame 99999999999 is too large"),
    ],
)
def test_invalid_tables_are_refused_in_one_line(tmp_path, old, new, message):
    (tmp_path / "a.csv").write_text(SINGLE.replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as error:
        read_sequence(tmp_path / "a.csv")
    assert "a.csv" in str(error.value)


def test_people_need_ids(tmp_path):
    with pytest.raises(ValueError, match="nobody in clip has a track id"):
        FORMATS["deeplabcut"].write(moving_people(with_ids=(-1, -1)), tmp_path / "a.csv")
