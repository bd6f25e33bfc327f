import json
from pathlib import Path

import av
import numpy as np
import pytest

from pose_track.datasets.synthetic import render_scene
from pose_track.datasets.synthetic.appearance import random_appearance, random_proportions
from pose_track.datasets.synthetic.body import (
    FOREARM,
    SHIN,
    THIGH,
    UPPER_ARM,
    BodyProportions,
    Pose,
    pose_body,
    rotation,
)
from pose_track.datasets.synthetic.camera import Camera
from pose_track.datasets.synthetic.clip import FPS, NUM_FRAMES, three_people
from pose_track.datasets.synthetic.ground_truth import GroundTruthWriter
from pose_track.datasets.synthetic.motions import TAU, idle, jack, random_pose, run, squat, walk, wave
from pose_track.datasets.synthetic.scene import Person, Rendered, make_environment, render
from pose_track.formats.posetrack.frame_numbers import written_image_id
from pose_track.structures.sequence import FrameInfo
from pose_track.structures.skeleton import POSETRACK18_17, POSETRACK_15

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
MOTIONS = [walk, run, wave, squat, jack, idle]
BONES = [
    ("shoulder", "elbow", UPPER_ARM), ("elbow", "wrist", FOREARM), ("hip", "knee", THIGH), ("knee", "ankle", SHIN),
]  # fmt: skip


def render_people(people: list[Person], size: tuple[int, int] = (240, 240), focal: float = 400.0) -> Rendered:
    rng = np.random.default_rng(7)
    return render(make_environment(rng, Camera(*size, focal, eye=1.2, pitch=0.06)), people, rng)


def person(x: float = 0.0, z: float = -4.0, heading: float = 0.0, pose: Pose | None = None, seed: int = 3) -> Person:
    return Person(
        BodyProportions(1.75), random_appearance(np.random.default_rng(seed)), pose or Pose(), (x, z), heading
    )


@pytest.mark.parametrize("num_people", [0, 1, 3])
def test_scenes_are_the_same_for_the_same_seed_only(num_people: int) -> None:
    first, again = (render_scene(5, num_people, (160, 120)) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first[0].dtype == np.uint8
    assert [a.shape for a in first[1:]] == [(num_people, 15, 2), (num_people, 15), (num_people, 4)]
    assert (render_scene(6, num_people, (160, 120))[0] != first[0]).any()


def test_visible_joints_lie_on_the_body_they_belong_to() -> None:
    rng, hits = np.random.default_rng(1), []
    for _ in range(12):
        one = Person(random_proportions(rng), random_appearance(rng), random_pose(rng), (0.0, -4.5), rng.uniform(-3, 3))
        rendered = render_people([one, person(0.8, -5.5)])
        for i in range(2):
            for at, visible in zip(rendered.joints[i], rendered.visibility[i], strict=True):
                if visible == 2:
                    x, y = np.round(at * 2 + 0.5).astype(int)
                    near = rendered.owner[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5]
                    hits.append((near == i).any())
    assert np.mean(hits) > 0.99


def test_boxes_are_tight_around_the_drawn_pixels() -> None:
    rendered = render_people([person()])
    y, x = np.nonzero(rendered.owner == 0)
    drawn = (np.array([x.min(), y.min(), x.max(), y.max()]) - 0.5) / 2
    np.testing.assert_allclose(rendered.boxes[0], drawn, atol=1.5)


def test_boxes_ignore_occlusion_and_are_clipped() -> None:
    alone, covered = render_people([person(0.0, -5.0)]), render_people([person(0.0, -5.0), person(0.1, -4.0)])
    np.testing.assert_array_equal(alone.boxes[0], covered.boxes[0])
    assert render_people([person(-1.2, -4.0)]).boxes[0, 0] == 0.0


@pytest.mark.parametrize(("heading", "sign"), [(0.0, 1), (np.pi, -1)])  # facing the camera, and away from it
def test_left_joints_are_on_the_left_side(heading: float, sign: int) -> None:
    joints = render_people([person(heading=heading)]).joints[0]
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        left, right = (joints[POSETRACK_15.index(f"{side}_{name}")] for side in ("left", "right"))
        assert sign * (left[0] - right[0]) > 0, name


def test_the_nose_is_hidden_from_behind_only() -> None:
    nose = POSETRACK_15.index("nose")
    assert render_people([person(heading=0.0)]).visibility[0, nose] == 2
    assert render_people([person(heading=np.pi)]).visibility[0, nose] == 1


def test_occluded_people_are_hidden_and_outside_people_have_visibility_0() -> None:
    rendered = render_people([person(0.0, -5.0), person(0.0, -3.0), person(9.0, -5.0)], focal=300.0)
    trunk = [POSETRACK_15.index(n) for n in ("left_hip", "right_hip", "head_bottom", "left_knee")]
    assert (rendered.visibility[0, trunk] == 1).all()
    assert (rendered.visibility[1, trunk] == 2).all()
    assert (rendered.visibility[2] == 0).all()
    assert (rendered.joints[2, :, 0] > 240).all()


@pytest.mark.parametrize("motion", MOTIONS)
def test_bones_keep_their_lengths_and_feet_the_ground(motion) -> None:  # type: ignore[no-untyped-def]
    proportions = BodyProportions(1.8)
    for phase in np.linspace(0, TAU, 9):
        body = pose_body(proportions, motion(phase), heading=phase)
        for side in ("left", "right"):
            for start, end, share in BONES:
                length = np.linalg.norm(body.points[f"{side}_{start}"] - body.points[f"{side}_{end}"])
                assert length == pytest.approx(share * 1.8, abs=1e-9)
        assert min(body.points[f"{side}_ankle"][1] for side in ("left", "right")) > 0.0


@pytest.mark.parametrize("motion", MOTIONS)
def test_knees_bend_backward_and_elbows_forward(motion) -> None:  # type: ignore[no-untyped-def]
    for phase in np.linspace(0, TAU, 9):
        pose = motion(phase)
        assert (pose.arms[:, 3] >= 0).all()
        assert (pose.legs[:, 3] >= 0).all()


def test_a_bent_knee_moves_the_foot_back_and_a_bent_elbow_the_hand_forward() -> None:
    pose = Pose()
    pose.legs[:, 3], pose.arms[:, 3] = 1.2, 1.2
    body = pose_body(BodyProportions(), pose)
    assert body.points["left_ankle"][2] < body.points["left_knee"][2] - 0.2
    assert body.points["left_wrist"][2] > body.points["left_elbow"][2] + 0.1


def test_random_poses_stay_natural() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        pose = random_pose(rng)
        assert pose.arms[:, 3].min() > 0
        assert pose.legs[:, 3].min() > 0
        assert pose.arms[:, 3].max() <= 2.4
        assert np.isfinite(np.concatenate([pose.arms.ravel(), pose.legs.ravel(), pose.root, pose.head])).all()


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_rotations_are_rotations(axis: str) -> None:
    matrix = rotation(axis, 0.7)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1.0)


def test_the_ground_seen_at_a_pixel_projects_back_to_it() -> None:
    camera = Camera(80, 60, 70.0, eye=1.5, pitch=0.3, roll=0.1)
    x, z, down = camera.ground()
    for row, column in ((50, 10), (40, 70), (59, 0)):
        assert down[row, column] > 0
        pixel, _ = camera.project(np.array([x[row, column], 0.0, z[row, column]]))
        np.testing.assert_allclose(pixel, [column, row], atol=1e-3)


@pytest.fixture(scope="module")
def ground_truth() -> dict:  # type: ignore[type-arg]
    return json.loads((SAMPLE / "annotations/val/three_people.json").read_text(encoding="utf-8"))


def test_sample_clip_has_the_frames_of_its_ground_truth(ground_truth) -> None:  # type: ignore[no-untyped-def]
    with av.open(str(SAMPLE / "three_people.mp4")) as container:
        frames = [(f.width, f.height, f.time) for f in container.decode(video=0)]
    assert len(frames) == len(ground_truth["images"]) == NUM_FRAMES
    assert all(image["is_labeled"] and image["nframes"] == NUM_FRAMES for image in ground_truth["images"])
    assert {f[:2] for f in frames} == {(640, 360)}
    np.testing.assert_allclose([f[2] for f in frames], np.arange(NUM_FRAMES) / FPS, atol=1e-6)


def test_sample_ids_are_those_of_exported_tracks(ground_truth) -> None:  # type: ignore[no-untyped-def]
    ids = [written_image_id(FrameInfo(index), "three_people") for index in range(NUM_FRAMES)]
    assert [image["id"] for image in ground_truth["images"]] == ids
    assert {annotation["image_id"] for annotation in ground_truth["annotations"]} <= set(ids)
    people = [annotation["id"] for annotation in ground_truth["annotations"]]
    assert min(people) > 0
    assert len(set(people)) == len(people)


@pytest.mark.parametrize("index", [0, 48, 72, 149])
def test_sample_ground_truth_matches_the_scene(ground_truth, index: int) -> None:  # type: ignore[no-untyped-def]
    rendered, ids = three_people(0).frame(index)
    writer = GroundTruthWriter("again", 1)
    writer.add(rendered, ids)
    again = writer.document()["annotations"]
    image_id = ground_truth["images"][index]["id"]
    stored = [a for a in ground_truth["annotations"] if a["image_id"] == image_id]
    assert [a["track_id"] for a in stored] == ids
    for a, b in zip(stored, again, strict=True):
        np.testing.assert_allclose(a["keypoints"], b["keypoints"], atol=2e-6)
        np.testing.assert_allclose(a["bbox"], b["bbox"], atol=2e-6)


def test_sample_frames_match_the_scene() -> None:
    with av.open(str(SAMPLE / "three_people.mp4")) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24")
    rendered = three_people(0).frame(0)[0].image
    assert np.abs(first.astype(float) - rendered).mean() < 4.0


def test_sample_contains_occlusion_entering_and_leaving(ground_truth) -> None:  # type: ignore[no-untyped-def]
    frames: dict[int, list[int]] = {image["id"]: [] for image in ground_truth["images"]}
    hidden = np.zeros(NUM_FRAMES)
    order = {image_id: i for i, image_id in enumerate(frames)}
    for a in ground_truth["annotations"]:
        frames[a["image_id"]].append(a["track_id"])
        if a["track_id"] == 1:
            hidden[order[a["image_id"]]] = np.sum(np.array(a["keypoints"])[2::3] == 1)
    present = list(frames.values())
    assert present[0] == [0, 1]  # one person enters late
    assert present[-1] == [1]  # two people have left
    assert any(p == [0, 1, 2] for p in present)
    assert hidden.max() >= 10  # one person occludes another
    ears = [3 * POSETRACK18_17.index(f"{side}_ear") for side in ("left", "right")]
    assert all(a["keypoints"][e : e + 3] == [0, 0, 0] for a in ground_truth["annotations"] for e in ears)
