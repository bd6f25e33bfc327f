"""SLEAP's files, through sleap-io; skipped where that is not installed."""

import numpy as np
import pytest
from moving_people import FPS, assert_same_motion, by_name, moving_people

from pose_track.formats.registry import FORMATS, identify_format, read_sequence

pytest.importorskip("sleap_io", reason="sleap-io is not installed")


def test_round_trip(tmp_path):
    sequence, path = moving_people(), tmp_path / "a.slp"
    FORMATS["sleap"].write(sequence, path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert identify_format(path) == "sleap"
    read = read_sequence(path)
    assert_same_motion(read, sequence, 1e-4)
    assert len(read.frames) == 5
    np.testing.assert_allclose(
        np.sort(read.people.joint_scores, axis=None), np.sort(sequence.people.joint_scores, axis=None), atol=1e-6
    )


def test_sleap_io_reads_it(tmp_path):
    import sleap_io

    sequence = moving_people()
    FORMATS["sleap"].write(sequence, tmp_path / "a.slp")
    labels = sleap_io.load_slp(str(tmp_path / "a.slp"), open_videos=False)
    assert [track.name for track in labels.tracks] == ["person3", "person7"]
    assert labels.skeletons[0].node_names == list(sequence.skeleton.joint_names)
    names = sequence.skeleton.joint_names
    edges = {(names[a], names[b]) for a, b in sequence.skeleton.edges}
    assert set(map(tuple, labels.skeletons[0].edge_names)) == edges
    (first,) = [frame for frame in labels.labeled_frames if frame.frame_idx == 0]
    assert first.instances[0].numpy()[0].tolist() == list(by_name(sequence)[0, 3]["nose"])


def test_movement_reads_it(tmp_path):
    pytest.importorskip("movement", reason="the package movement is not installed")
    from movement.io import load_poses

    sequence, path = moving_people(), tmp_path / "a.slp"
    FORMATS["sleap"].write(sequence, path)
    dataset = load_poses.from_file(path, source_software="SLEAP", fps=FPS)
    assert set(dataset.individuals.to_numpy()) == {"person3", "person7"}
    place = dataset.position.sel(individuals="person7", keypoints="nose").to_numpy()
    np.testing.assert_allclose(place[np.isfinite(place[:, 0])][-1], by_name(sequence)[3, 7]["nose"], atol=1e-4)


def test_a_broken_file_is_refused_in_one_line(tmp_path):
    FORMATS["sleap"].write(moving_people(), tmp_path / "a.slp")
    data = (tmp_path / "a.slp").read_bytes()
    (tmp_path / "b.slp").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="broken HDF5") as error:
        read_sequence(tmp_path / "b.slp")
    assert "b.slp" in str(error.value)
