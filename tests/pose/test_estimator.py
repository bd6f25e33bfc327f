from __future__ import annotations

import json
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
import torch
from shared_data import shared

from pose_track.geometry.affine import crop_matrix, fit_boxes
from pose_track.geometry.boxes import xywh_to_xyxy
from pose_track.geometry.oks import oks_matrix, oks_nms
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import HeatmapType
from pose_track.models.hrnet import HRNet
from pose_track.models.inference_model import InferenceModel
from pose_track.pose.estimator import PoseEstimator, person_scores
from pose_track.pose.keypoints import CroppedKeypoints, KeypointFunction, Keypoints, Run, crop_people, sample_maps
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.structures.frames import Detections
from pose_track.structures.skeleton import COCO_17, Skeleton

# The joints of `ColourNetwork`: the reddest, greenest and bluest points of a crop.
THREE = Skeleton("three", ("nose", "left_eye", "right_eye"))
SIZE = (96, 128)
CODEC = Codec("gaussian", SIZE)


class ColourNetwork:
    """A stub network: joint k is where colour k is strongest; the strength is its score."""

    def __init__(self, stride: tuple[float, float] = (4, 4)) -> None:
        self.batches: list[int] = []
        self.cells = np.array([[stride[0], 0, 0], [0, stride[1], 0]], float)

    def __call__(self, crops: np.ndarray) -> tuple[np.ndarray, ...]:
        self.batches.append(len(crops))
        assert crops.shape[1:] == (SIZE[1], SIZE[0], 3)
        maps = [cv2.warpAffine(crop, self.cells, (24, 32), flags=cv2.WARP_INVERSE_MAP) for crop in crops]
        return (np.stack(maps).transpose(0, 3, 1, 2).astype(np.float32) / 255,)


def draw_spots(
    places: np.ndarray, size: tuple[int, int] = (320, 240), heights: tuple[float, ...] = (1, 1, 1)
) -> np.ndarray:
    """An image (H, W, 3) with blurred spots of colour k around each of places[:, k], in pixels."""
    ys, xs = np.mgrid[: size[1], : size[0]]
    image = np.zeros((size[1], size[0], 3))
    for person in places:
        for k, (x, y) in enumerate(person):
            spot = heights[k] * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * 8.0**2))
            image[..., k] = np.maximum(image[..., k], spot)
    return (image * 255).round().astype(np.uint8)


def estimator(run: Run, codec: Codec = CODEC, max_batch: int = 16, **options: float) -> PoseEstimator:
    return PoseEstimator(CroppedKeypoints(run, codec, max_batch), THREE, codec, **options)


PLACES = np.array([[[60.0, 60], [80, 100], [50, 150]], [[200, 70], [240, 110], [210, 160]]])
BOXES = np.array([[20.0, 30, 110, 190], [170, 30, 270, 200]])


@pytest.mark.parametrize(
    ("heatmap_type", "stride", "max_cells"),
    [("gaussian", (4, 4), 0.6), ("dark", (4, 4), 0.1), ("udp", (95 / 23, 127 / 31), 0.1)],
)
def test_known_joints_are_found_in_frame_pixels(
    heatmap_type: HeatmapType, stride: tuple[float, float], max_cells: float
) -> None:
    estimate = estimator(ColourNetwork(stride), Codec(heatmap_type, SIZE, sigma=1.2))
    poses = estimate(draw_spots(PLACES), Detections(BOXES, np.array([0.9, 0.8])))
    cell = 4 * 1.25 * max(170, 100 * 4 / 3) / SIZE[1]  # one heatmap cell in frame pixels
    np.testing.assert_allclose(poses.joints, PLACES, atol=max_cells * cell)
    assert np.abs(poses.joints - PLACES).mean() < max_cells / 2 * cell
    np.testing.assert_allclose(poses.joint_scores, 1, atol=0.15)
    np.testing.assert_array_equal(poses.boxes, BOXES.astype(np.float32))
    np.testing.assert_allclose(poses.scores, [0.9, 0.8], rtol=0.15)
    assert poses.skeleton is THREE


def test_joint_scores_and_person_scores() -> None:
    image = draw_spots(PLACES[:1], heights=(1.0, 0.5, 0.1))
    poses = estimator(ColourNetwork())(image, Detections(BOXES[:1], np.array([0.5])))
    np.testing.assert_allclose(poses.joint_scores, [[1, 0.5, 0.1]], atol=0.06)
    assert poses.scores[0] == pytest.approx(0.5 * poses.joint_scores[0, :2].mean())
    strict = estimator(ColourNetwork(), min_joint_score=0.7)
    assert strict(image, Detections(BOXES[:1], np.array([0.5]))).scores[0] == pytest.approx(
        0.5 * poses.joint_scores[0, 0]
    )


@pytest.mark.parametrize(("level", "score"), [(-0.5, 0.0), (1.7, 1.0)])
def test_joint_scores_stay_between_0_and_1(level: float, score: float) -> None:
    def run(crops: np.ndarray) -> tuple[np.ndarray, ...]:
        heatmaps = np.full((len(crops), 3, 32, 24), level - 1, np.float32)
        heatmaps[..., 16, 12] = level  # the middle, which is within the image
        return (heatmaps,)

    poses = estimator(run)(draw_spots(PLACES), Detections(BOXES[:1], np.ones(1)))
    assert poses.joint_scores.tolist() == [[score] * 3]
    assert poses.scores.tolist() == [score]


def test_nan_heatmaps_are_an_error() -> None:
    """They do not count as an image without people."""

    def run(crops: np.ndarray) -> tuple[np.ndarray, ...]:
        return (np.full((len(crops), 3, 32, 24), np.nan, np.float32),)

    with pytest.raises(ValueError, match=r"NaN.*weights"):
        estimator(run)(draw_spots(PLACES), Detections(BOXES[:1], np.ones(1)))


def test_no_boxes_and_empty_boxes_do_not_run_the_network() -> None:
    run = ColourNetwork()
    estimate = estimator(run)
    image = draw_spots(PLACES)
    assert len(estimate(image, Detections.empty())) == 0
    empty = np.array([[10, 10, 10, 50], [10, 10, 50, 10], [50, 50, 10, 10], [0, 0, np.nan, 9], [0, 0, np.inf, 9]])
    poses = estimate(image, Detections(empty, np.ones(5)))
    assert len(poses) == 0
    assert poses.joints.shape == (0, 3, 2)
    assert run.batches == []


def test_empty_boxes_among_others_are_skipped() -> None:
    boxes = np.array([[10, 10, 10, 50], BOXES[0], [9, 9, 3, 3], BOXES[1]])
    poses = estimator(ColourNetwork())(draw_spots(PLACES), Detections(boxes, np.array([1, 0.9, 1, 0.8])))
    np.testing.assert_array_equal(poses.boxes, BOXES.astype(np.float32))


@pytest.mark.parametrize(
    "box", [[-500, -500, -400, -300], [-50, -50, 400, 300], [5, 5, 5.001, 5.001], [-1e6, -1e6, 1e6, 1e6]]
)
def test_boxes_outside_the_image_or_tiny_give_finite_poses(box: list[float]) -> None:
    poses = estimator(ColourNetwork())(draw_spots(PLACES), Detections(np.array([box]), np.ones(1)))
    assert len(poses) == 1
    assert np.isfinite(poses.joints).all()


@pytest.mark.parametrize(
    ("people", "max_batch", "batches"), [(5, 2, [2, 2, 1]), (4, 2, [2, 2]), (3, 16, [3]), (1, 1, [1])]
)
def test_batches(people: int, max_batch: int, batches: list[int]) -> None:
    run = ColourNetwork()
    boxes = np.repeat(BOXES[:1], people, axis=0) + 2 * np.arange(people)[:, None]
    detections = Detections(boxes, np.linspace(0.9, 0.5, people))
    estimate = estimator(run, max_batch=max_batch, max_oks=1)
    batched = estimate(draw_spots(PLACES), detections)
    assert run.batches == batches
    for n in range(people):
        alone = estimate(draw_spots(PLACES), detections[np.array([n])])
        row = int(np.flatnonzero((batched.boxes == alone.boxes).all(axis=1))[0])
        np.testing.assert_array_equal(batched.joints[row], alone.joints[0])


@pytest.mark.parametrize("max_batch", [1, 2, 16])
def test_crops_of_several_images_share_a_batch(max_batch: int) -> None:
    run = ColourNetwork()
    estimate = estimator(run, max_batch=max_batch)
    images = [draw_spots(PLACES), draw_spots(PLACES[:1]), draw_spots(PLACES[1:], size=(300, 220)), draw_spots(PLACES)]
    detections = [Detections.empty(), *(Detections(BOXES[i], np.full(len(BOXES[i]), 0.9)) for i in ([0], [1], [1, 0]))]
    found = estimate.run_batch(images, detections)
    assert run.batches == [max_batch] * (4 // max_batch) or run.batches == [4]
    assert [len(poses) for poses in found] == [0, 1, 1, 2]
    for image, boxes, poses in zip(images, detections, found, strict=True):
        alone = estimate.run_batch([image], [boxes])[0]
        np.testing.assert_array_equal(poses.joints, alone.joints)
        np.testing.assert_array_equal(poses.boxes, boxes.boxes)
    assert estimate.run_batch([], []) == []


def test_max_batch_is_positive() -> None:
    with pytest.raises(ValueError, match=r"max_batch .*0"):
        estimator(ColourNetwork(), max_batch=0)


def test_duplicates_are_dropped_and_sources_stay_with_their_people() -> None:
    boxes = np.array([BOXES[0] + 1, BOXES[1], BOXES[0]])
    sources = np.array(["detector", "flow", "recorded"])
    detections = Detections(boxes, np.array([0.4, 0.7, 0.9]), sources)
    poses = estimator(ColourNetwork(), max_oks=0.5)(draw_spots(PLACES), detections)
    assert poses.sources is not None
    assert poses.sources.tolist() == ["recorded", "flow"]
    np.testing.assert_array_equal(poses.boxes, boxes[[2, 1]].astype(np.float32))
    everyone = estimator(ColourNetwork(), max_oks=1)(draw_spots(PLACES), detections)
    assert everyone.sources is not None
    assert everyone.sources.tolist() == ["recorded", "flow", "detector"]


def test_padding_enlarges_the_crop() -> None:
    batches = []

    def run(crops: np.ndarray) -> tuple[np.ndarray, ...]:
        batches.append(crops)
        return (np.zeros((len(crops), 3, 32, 24), np.float32),)

    image = np.full((240, 320, 3), 200, np.uint8)
    for padding in (1.0, 1.5):
        estimator(run, padding=padding)(image, Detections(np.array([[0, 0, 320, 240]]), np.ones(1)))
    assert (batches[1] > 0).mean() < 0.6 * (batches[0] > 0).mean()


def test_second_peaks_are_in_frame_pixels() -> None:
    """Green and blue, the two eyes, are strongest in one place; blue is also in another."""
    image = draw_spots(PLACES[:1], heights=(1, 0.9, 0.6))
    image[..., 2] = np.maximum(image[..., 2], draw_spots(PLACES[:1])[..., 1])
    boxes = Detections(BOXES[:1], np.ones(1))
    find = CroppedKeypoints(ColourNetwork(), CODEC, twins=THREE.twins)
    poses = PoseEstimator(find, THREE, CODEC)(image, boxes)
    assert poses.second_peaks is not None
    np.testing.assert_allclose(poses.joints[0, 1:], PLACES[0, [1, 1]], atol=4)
    np.testing.assert_allclose(poses.second_peaks[0, 2], (*PLACES[0, 2], 0.6), atol=4)
    assert poses.second_peaks[0, 2, 2] == pytest.approx(0.6, abs=0.07)
    assert poses.second_peaks[0, :2, 2].tolist() == [0, 0]
    outside = PoseEstimator(_beside(find, 60), THREE, CODEC)(image, boxes)
    assert outside.second_peaks is not None
    assert outside.second_peaks[0, 2, 2] == 0
    assert estimator(ColourNetwork())(image, boxes).second_peaks is None


def _beside(find: KeypointFunction, pixels: float) -> KeypointFunction:
    """Second peaks that are some frame pixels further to the left."""

    def beside(images: Sequence[np.ndarray], matrices: Sequence[np.ndarray]) -> Keypoints:
        found = find(images, matrices)
        assert found.second_peaks is not None
        shift = np.float32([-pixels * matrices[0][0, 0, 0], 0, 0])
        return found._replace(second_peaks=found.second_peaks + shift)

    return beside


@pytest.mark.parametrize("max_batch", [1, 16])
def test_features_are_the_embedding_at_each_joint(max_batch: int) -> None:
    colours = ColourNetwork()

    def with_positions(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Heatmaps, and an embedding at twice their resolution that holds the position in the crop, in pixels."""
        ys, xs = np.mgrid[: SIZE[1] : 2, : SIZE[0] : 2].astype(np.float32)
        return *colours(crops), np.repeat(np.stack([xs, ys])[None], len(crops), axis=0)

    detections = Detections(BOXES, np.array([0.8, 0.9]))
    poses = estimator(with_positions, max_batch=max_batch)(draw_spots(PLACES), detections)
    plain = estimator(ColourNetwork())(draw_spots(PLACES), detections)
    np.testing.assert_array_equal(poses.joints, plain.joints)
    assert plain.features is None
    assert poses.features is not None
    centers, sizes = fit_boxes(poses.boxes, SIZE[0] / SIZE[1], 1.25)
    for joints, features, center, size in zip(poses.joints, poses.features, centers, sizes, strict=True):
        matrix = crop_matrix(center, size[0], SIZE)
        np.testing.assert_allclose(features, joints @ matrix[:, :2].T + matrix[:, 2], atol=1e-3)
    assert estimator(with_positions)(draw_spots(PLACES), Detections.empty()).features is None


def test_maps_are_sampled_between_cells_and_up_to_the_border() -> None:
    ys, xs = np.mgrid[:5, :7].astype(np.float32)
    maps = np.stack([[xs, ys], [10 * xs, 10 * ys]])  # (2, 2, 5, 7)
    cells = np.array([[[0, 0], [2.25, 3.5], [6, 4], [-3, 9]]] * 2)
    expected = np.clip(cells, 0, (6, 4))
    np.testing.assert_allclose(sample_maps(maps, cells), expected * [[[1]], [[10]]], rtol=1e-6)
    assert sample_maps(maps[:0], cells[:0]).shape == (0, 4, 2)


def recorded_network(heatmaps: np.ndarray, batches: list[np.ndarray]) -> Run:
    def run(crops: np.ndarray) -> tuple[np.ndarray, ...]:
        batches.append(crops)
        return (heatmaps,)

    return run


def test_recorded_crops() -> None:
    golden = np.load(shared("data/golden/pipeline.npz"))
    centers, sizes = fit_boxes(xywh_to_xyxy(golden["boxes_xywh"]), SIZE[0] / SIZE[1])
    np.testing.assert_allclose(centers, golden["center"], atol=1e-3)
    np.testing.assert_allclose(sizes / 200, golden["scale"], atol=1e-5)
    crop_boxes = np.column_stack([centers, sizes / 200, sizes.prod(axis=1)])
    np.testing.assert_allclose(crop_boxes, golden["flip_all_boxes"][:, :5], rtol=1e-5)
    matrices = np.stack([crop_matrix(c, s[0], SIZE) for c, s in zip(centers, sizes, strict=True)])
    difference = np.abs(crop_people([golden["image_rgb"]] * len(matrices), matrices, SIZE).astype(int) - golden["crop"])
    assert difference.max() <= 4
    assert difference.mean() < 0.06


@pytest.mark.parametrize("flip", [False, True])
def test_recorded_poses(flip: bool) -> None:
    """The image has a black margin here, so that its crops are the same and no joint is outside."""
    margin, golden = 256, np.load(shared("data/golden/pipeline.npz"))
    heatmaps = golden["flip_heatmaps" if flip else "heatmaps"]
    batches: list[np.ndarray] = []
    image = np.pad(golden["image_rgb"], ((margin, margin), (margin, margin), (0, 0)))
    boxes = xywh_to_xyxy(golden["boxes_xywh"]) + margin
    box_scores = golden["flip_all_boxes"][:, 5] if flip else np.array([0.9, 0.8, 0.7])
    estimate = PoseEstimator(CroppedKeypoints(recorded_network(heatmaps, batches), CODEC), COCO_17, CODEC, max_oks=1)
    poses = estimate(image, Detections(boxes, box_scores))
    assert np.abs(batches[0].astype(int) - golden["crop"]).max() <= 4
    assert len(poses) == len(boxes)
    recorded = golden["flip_all_preds"][..., :2] if flip else golden["preds"]
    for box, joints, joint_scores in zip(poses.boxes, poses.joints, poses.joint_scores, strict=True):
        n = int(np.abs(boxes - box).sum(axis=1).argmin())
        np.testing.assert_allclose(joints - margin, recorded[n], rtol=0, atol=1e-3)
        np.testing.assert_allclose(joint_scores, heatmaps[n].max(axis=(1, 2)).clip(0, 1))
        if flip:
            np.testing.assert_array_equal(joint_scores, golden["flip_all_preds"][n, :, 2].clip(0, 1))


def test_recorded_flip_test() -> None:
    golden = np.load(shared("data/golden/pipeline.npz"))
    network = HRNet(17, widths=(8, 16, 32, 64))
    with np.load(shared("data/golden/hrnet_tiny_weights.npz")) as weights:
        network.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights.files})
    heatmaps = TorchRuntime(InferenceModel(network, COCO_17.flip_indices), "cpu", "float32")(golden["crop"])[0]
    np.testing.assert_allclose(heatmaps, golden["flip_heatmaps"], rtol=0, atol=5e-4)


def test_recorded_rescoring_and_suppression() -> None:
    golden = np.load(shared("data/golden/coco_eval.npz"))
    recorded = json.loads(shared("data/golden/coco_eval_stats.json").read_text())["official_evaluate"]
    preds, areas = golden["preds"].astype(float), golden["all_boxes"][:, 4]
    scores = person_scores(golden["all_boxes"][:, 5], preds[..., 2], recorded["in_vis_thre"]).astype(float)
    kept = []
    for image_id in dict.fromkeys(golden["image_ids"].tolist()):
        people = np.flatnonzero(golden["image_ids"] == image_id)
        poses = preds[people, :, :2], preds[people, :, 2], areas[people]
        found = oks_nms(oks_matrix(*poses, *poses, COCO_17.sigmas), scores[people], recorded["oks_thre"])
        kept += [(image_id, float(scores[n]), preds[n, 0].tolist()) for n in people[found]]
    expected = [(k["image_id"], k["score"], k["nose"]) for k in recorded["hard"]["kept"]]
    assert len(kept) == len(expected) < len(preds)
    for found_pose, expected_pose in zip(kept, expected, strict=True):
        assert found_pose[0] == expected_pose[0]
        assert found_pose[1] == pytest.approx(expected_pose[1], abs=1e-5)
        assert found_pose[2] == pytest.approx(expected_pose[2], abs=1e-4)


@pytest.mark.parametrize(("moved", "is_inside"), [(0, True), (-20, True), (-24, False), (-60, False)])
def test_a_joint_outside_the_image_has_no_score(moved: float, is_inside: bool) -> None:
    """As of a person whom the border cuts off, in the black part of the crop. The joints lie at x = 20 + moved."""
    image = draw_spots(np.array([[[20.0, 40], [20, 80], [20, 120]]]))
    boxes = np.array([[-30.0, 20, 70, 160]])
    poses = PoseEstimator(_moved(ColourNetwork(), moved), THREE, CODEC)(image, Detections(boxes, np.ones(1)))
    np.testing.assert_allclose(poses.joints[..., 0], 20 + moved, atol=3)
    assert ((poses.joint_scores > 0.8) == is_inside).all()
    assert ((poses.joint_scores == 0) != is_inside).all()
    assert (poses.scores > 0) == is_inside


def _moved(run: Run, pixels: float) -> KeypointFunction:
    """The joints of a network, wrong by some frame pixels in x."""
    find = CroppedKeypoints(run, CODEC)

    def moved(images: Sequence[np.ndarray], matrices: Sequence[np.ndarray]) -> Keypoints:
        found = find(images, matrices)
        return found._replace(joints=found.joints + np.float32([pixels * matrices[0][0, 0, 0], 0]))

    return moved
