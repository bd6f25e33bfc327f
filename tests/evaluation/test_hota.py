from __future__ import annotations

import numpy as np
import pytest
from shared_data import shared
from synthetic_poses import Person, video

from pose_track.evaluation.clear_mot import Candidates
from pose_track.evaluation.hota import THRESHOLDS, hota_metrics, match_by_weight, sum_hota
from pose_track.evaluation.posetrack import Metrics, evaluate_posetrack
from pose_track.formats.posetrack.reader import read_posetrack

# all 15 joints of case a17, by the code published with PoseTrack21
PUBLISHED = {
    "hota": [
        *(44.61991567, 45.984332595, 45.145177506, 42.544873446, 52.30309263, 47.676522977, 49.874093721, 45.737296156),
        *(48.081666632, 41.720482576, 43.427390341, 49.078482539, 46.190068262, 44.806489831, 41.080722907),
    ],
    "det_a": [
        *(52.714118529, 56.552576299, 55.243555721, 49.839783402, 60.981595641, 57.857965611, 58.07347865, 54.90756259),
        *(57.554936556, 50.188495045, 54.724536691, 58.179206378, 56.283656501, 52.735056428, 50.393661821),
    ],
    "ass_a": [
        *(37.92204436, 37.549433399, 36.995033006, 36.382683118, 45.146553168, 39.42484874, 42.948150146, 38.276337281),
        *(40.523056301, 34.810754495, 34.641941786, 41.493801337, 38.025154976, 38.22524102, 33.655204747),
    ],
    "loc_a": [
        *(78.599952544, 78.437669266, 79.598787688, 78.882433422, 79.57153684, 78.329550605, 79.171381736),
        *(79.664205383, 78.459799098, 79.110325024, 77.758302423, 78.679998977, 79.553567776, 78.100396591),
        *(78.563983741,),
    ],
}


def test_metrics_equal_those_of_the_published_code() -> None:
    folder = shared("data/poseval_cases/a17")  # each frame has gt and predictions
    names = sorted(path.name for path in (folder / "gt").glob("*.json"))
    pairs = [tuple(read_posetrack(folder / side / name) for side in ("gt", "pred")) for name in names]
    metrics = evaluate_posetrack(pairs).modes["clean"]
    for name, expected in PUBLISHED.items():
        np.testing.assert_allclose(getattr(metrics, name)[:15], expected, atol=1e-8)


def evaluate(gt: list[list[Person]], prediction: list[list[Person]]) -> Metrics:
    return evaluate_posetrack([(video(gt), video(prediction))]).modes["clean"]


def test_similarity_and_thresholds() -> None:
    # 7.5 px of a head of 30 px is a distance of 0.25: a similarity of 0.5001 passes 10 of 19 thresholds
    metrics = evaluate([[Person(0, 0.0)]], [[Person(5, 7.5)]])
    assert len(THRESHOLDS) == 19
    np.testing.assert_allclose(metrics.det_a, 100 * 10 / 19)
    np.testing.assert_allclose(metrics.ass_a, 100 * 10 / 19)
    np.testing.assert_allclose(metrics.hota, 100 * 10 / 19)
    similarity = 1 - 0.25 / 0.5001
    np.testing.assert_allclose(metrics.loc_a, 100 * (10 * similarity + 9) / 19)  # 1 without matches


def test_a_track_split_in_halves_has_half_the_association_accuracy() -> None:
    gt = [[Person(0, 0.0)]] * 4
    metrics = evaluate(gt, [[Person(1, 0.0)], [Person(1, 0.0)], [Person(2, 0.0)], [Person(2, 0.0)]])
    np.testing.assert_allclose(metrics.det_a, 100)
    np.testing.assert_allclose(metrics.ass_a, 50)
    np.testing.assert_allclose(metrics.hota, 100 * np.sqrt(0.5))


def test_a_frame_without_predictions_counts_its_own_joints() -> None:
    gt = [[Person(0, 0.0)]] * 4
    metrics = evaluate(gt, [[Person(1, 0.0)]] * 3 + [[]])  # type: ignore[list-item]
    np.testing.assert_allclose(metrics.det_a, 75)
    np.testing.assert_allclose(metrics.ass_a, 75)


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        ([0.9, 0.8, 0.7], [False, True, True]),  # two pairs have a larger sum than the most similar pair
        ([0.9, 0.3, 0.3], [True, False, False]),
    ],
)
def test_the_sum_of_similarities_decides(similarity: list[float], expected: list[bool]) -> None:
    # gt 0 with predictions 0 and 1, gt 1 with prediction 0
    pairs = Candidates(*np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1], [0, 1, 0]]), np.zeros(3))
    assert match_by_weight(pairs, np.array(similarity)).tolist() == expected


def test_metrics_without_gt_are_undefined() -> None:
    empty = Candidates(*np.zeros((5, 0), np.int64), np.zeros(0))
    sums = sum_hota(
        empty, np.zeros(0), np.zeros(0, bool), np.zeros(0, np.int64), 2, np.zeros(0, np.int64), np.ones(3, np.int64)
    )
    metrics = hota_metrics(sums, np.array([0.0, 2.0]), np.array([3.0, 0.0]))
    assert np.isnan(metrics["hota"][0])
    assert metrics["hota"][1] == metrics["det_a"][1] == metrics["ass_a"][1] == 0
