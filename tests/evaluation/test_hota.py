from __future__ import annotations

import numpy as np
import pytest
from made_poses import Person, video
from shared_data import shared

from pose_track.evaluation.clear_mot import Candidates
from pose_track.evaluation.hota import THRESHOLDS, hota_figures, hota_sums, match_most_alike
from pose_track.evaluation.posetrack import Figures, evaluate_posetrack
from pose_track.formats.posetrack.reader import read_posetrack

# of all fifteen joints of case a17, by the code published with PoseTrack21
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


def test_published_code_gives_the_same() -> None:
    folder = shared("data/poseval_cases/a17")  # each frame has truth and predictions
    names = sorted(path.name for path in (folder / "gt").glob("*.json"))
    pairs = [tuple(read_posetrack(folder / side / name) for side in ("gt", "pred")) for name in names]
    figures = evaluate_posetrack(pairs).modes["clean"]
    for name, expected in PUBLISHED.items():
        np.testing.assert_allclose(getattr(figures, name)[:15], expected, atol=1e-8)


def figures_of(truth: list[list[Person]], found: list[list[Person]]) -> Figures:
    return evaluate_posetrack([(video(truth), video(found))]).modes["clean"]


def test_likeness_and_thresholds_by_hand() -> None:
    # 7.5 of a head of 30 is a distance of 0.25: a likeness of 0.5001 passes ten of nineteen thresholds
    figures = figures_of([[Person(0, 0.0)]], [[Person(5, 7.5)]])
    assert len(THRESHOLDS) == 19
    np.testing.assert_allclose(figures.det_a, 100 * 10 / 19)
    np.testing.assert_allclose(figures.ass_a, 100 * 10 / 19)
    np.testing.assert_allclose(figures.hota, 100 * 10 / 19)
    likeness = 1 - 0.25 / 0.5001
    np.testing.assert_allclose(figures.loc_a, 100 * (10 * likeness + 9) / 19)  # 1 where nothing is matched


def test_a_track_that_breaks_is_half_associated() -> None:
    truth = [[Person(0, 0.0)]] * 4
    figures = figures_of(truth, [[Person(1, 0.0)], [Person(1, 0.0)], [Person(2, 0.0)], [Person(2, 0.0)]])
    np.testing.assert_allclose(figures.det_a, 100)
    np.testing.assert_allclose(figures.ass_a, 50)
    np.testing.assert_allclose(figures.hota, 100 * np.sqrt(0.5))


def test_a_frame_without_predictions_counts_its_own_joints() -> None:
    truth = [[Person(0, 0.0)]] * 4
    figures = figures_of(truth, [[Person(1, 0.0)]] * 3 + [[]])  # type: ignore[list-item]
    np.testing.assert_allclose(figures.det_a, 75)
    np.testing.assert_allclose(figures.ass_a, 75)


@pytest.mark.parametrize(
    ("likeness", "expected"),
    [
        ([0.9, 0.8, 0.7], [False, True, True]),  # two together are more alike than the most alike pair
        ([0.9, 0.3, 0.3], [True, False, False]),
    ],
)
def test_the_sum_of_likeness_decides(likeness: list[float], expected: list[bool]) -> None:
    # truth 0 with predictions 0 and 1, truth 1 with prediction 0
    pairs = Candidates(*np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1], [0, 1, 0]]), np.zeros(3))
    assert match_most_alike(pairs, np.array(likeness)).tolist() == expected


def test_no_truth_is_undefined() -> None:
    nothing = Candidates(*np.zeros((5, 0), np.int64), np.zeros(0))
    sums = hota_sums(nothing, np.zeros(0, np.int64), 2, np.zeros(0, np.int64), np.ones(3, np.int64))
    figures = hota_figures(sums, np.array([0.0, 2.0]), np.array([3.0, 0.0]))
    assert np.isnan(figures["hota"][0])
    assert figures["hota"][1] == figures["det_a"][1] == figures["ass_a"][1] == 0
