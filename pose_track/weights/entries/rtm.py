"""Networks of MMPose that run as ONNX files: RTMPose, RTMW and RTMO, and the detectors that are published with them.

MMPose's host has zip archives of MMDeploy, each with one network. The author of RTMPose and the author of Pose2Sim keep
copies on Hugging Face, the latter without the archive. None of them publishes digests. Those here are of the network in
the archive, as stated by other projects that pin it. Results: MMPose's projects/rtmpose and projects/rtmo, and rtmlib's
README for bodies with feet.
"""

from __future__ import annotations

from pose_track.models.graph_input import Pixels
from pose_track.structures.skeleton import SkeletonName
from pose_track.weights.entries.entry import GraphOutputs, Licence, PublishedGraph, Use

_MMPOSE = "https://download.openmmlab.com/mmpose/v1/projects/"
_AUTHOR = "https://huggingface.co/Tau-J/RTMPose/resolve/main/"
_POSE2SIM = "https://huggingface.co/datasets/DavidPagnon/rtmlib_models/resolve/main/mmpose/"
_MEGVII = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"

_RTMPOSE, _RTMW, _RTMO = "rtmposev1/onnx_sdk/", "rtmw/onnx_sdk/", "rtmo/onnx_sdk/"

_BODY7 = (
    "COCO, AI Challenger (non-commercial), CrowdPose, MPII, sub-JHMDB, Halpe and PoseTrack18, "
    "so figures on PoseTrack are not held out"
)
_COCKTAIL14 = "14 data sets, among them AI Challenger (non-commercial)"
_HUMAN_ART = "COCO and Human-Art (non-commercial)"
_OBJECTS365 = "COCO and Objects365, with terms of their own"
_COCO = "COCO, images of many licences"

# name, file without suffix, SHA-256 of the network, AP on COCO val2017 without flip test
_BODY = (
    ("rtmpose_t_256x192", "rtmpose-t_simcc-body7_pt-body7_420e-256x192-026a1439_20230504",
     "a6c2f6a3896a4d51131d14d7a80a3d08b50f559af5a58a45d5b098aef510a70f", 65.9),
    ("rtmpose_s_256x192", "rtmpose-s_simcc-body7_pt-body7_420e-256x192-acd4a1ef_20230504",
     "9aeb635b83f86aea45cf45d85798f7eba1a162de8e0d721c44e54fe5eebaf47d", 69.7),
    ("rtmpose_m_256x192", "rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504",
     "5c0a4bf67953e6d2ac43ce15e77dc9d5d354ae18430a47d2c5963a7bc5683e3c", 74.9),
    ("rtmpose_l_256x192", "rtmpose-l_simcc-body7_pt-body7_420e-256x192-4dba18fc_20230504",
     "cff059fd58a2c0d5fabaddcd66a96abcfb327563bcb0149ea59c9de4a8990fe2", 76.7),
    ("rtmpose_l_384x288", "rtmpose-l_simcc-body7_pt-body7_420e-384x288-3f5a1437_20230504",
     "62425affc6b9edba8f8a65f55f5e278fec5d905d0c90578e0f8503bdf3954587", 78.3),
    ("rtmpose_x_384x288", "rtmpose-x_simcc-body7_pt-body7_700e-384x288-71d7b7e9_20230629",
     "df0c0fa91e9870b1515dcaff741fd76cc753dcfb12786862f61b243bae81cd52", 78.8),
)  # fmt: skip

# name, folder, file without suffix, SHA-256 of the network, skeleton, data, result; the name ends with the input's size
_POSE: tuple[tuple[str, str, str, str, SkeletonName, str, str], ...] = (
    ("rtmpose_t_halpe26_256x192", _RTMPOSE, "rtmpose-t_simcc-body7_pt-body7-halpe26_700e-256x192-6020f8a6_20230605",
     "", "halpe_26", _BODY7, "Body8 AP 68.0"),
    ("rtmpose_s_halpe26_256x192", _RTMPOSE, "rtmpose-s_simcc-body7_pt-body7-halpe26_700e-256x192-7f134165_20230605",
     "", "halpe_26", _BODY7, "Body8 AP 72.0"),
    ("rtmpose_m_halpe26_256x192", _RTMPOSE, "rtmpose-m_simcc-body7_pt-body7-halpe26_700e-256x192-4d3e73dd_20230605",
     "26f3a19e61304a600dfb82d1001d41d24343b89fc70a33ffc84657e0b0bf2ecf", "halpe_26", _BODY7, "Body8 AP 76.7"),
    ("rtmpose_l_halpe26_256x192", _RTMPOSE, "rtmpose-l_simcc-body7_pt-body7-halpe26_700e-256x192-2abb7558_20230605",
     "", "halpe_26", _BODY7, "Body8 AP 78.4"),
    ("rtmpose_x_halpe26_384x288", _RTMPOSE, "rtmpose-x_simcc-body7_pt-body7-halpe26_700e-384x288-7fb6e239_20230606",
     "21bdaefd1a9b7934160987e754d8eca191bc44cccbfa3ba2ef71142c6dd05a9a", "halpe_26", _BODY7, "Body8 AP 80.0"),
    ("rtmw_l_256x192", _RTMW, "rtmw-dw-x-l_simcc-cocktail14_270e-256x192_20231122",
     "9a9bc17c13ff0a1e37507f45a037a21bc410cd08374b0e664c57d0080843aa58", "coco_wholebody_133", _COCKTAIL14,
     "COCO-WholeBody val AP 66.0"),
    ("rtmw_l_384x288", _RTMW, "rtmw-dw-x-l_simcc-cocktail14_270e-384x288_20231122",
     "bd033156e5104c4f5d2edfe0453e02661e30a2f3da453ec93c8764d561b83054", "coco_wholebody_133", _COCKTAIL14,
     "COCO-WholeBody val AP 70.1"),
)  # fmt: skip

# name, file without suffix, SHA-256 of the network, side of the input, result
_ONE_STAGE = (
    ("rtmo_t", "rtmo-t_8xb32-600e_body7-416x416-f48f75cb_20231219",
     "20aad6e2e42359cac1c5b4a0b2da00e29bfe91a72a782fdcf287d273a04c1b24", 416, "COCO val2017 AP 57.4"),
    ("rtmo_s", "rtmo-s_8xb32-600e_body7-640x640-dac2bf74_20231211",
     "d0703d40d19f3921da51ae725402d5fdae4d2478c7442072d3101bd396f370d8", 640, "COCO val2017 AP 68.6"),
    ("rtmo_m", "rtmo-m_16xb16-600e_body7-640x640-39e78cc4_20231211", "", 640, "COCO val2017 AP 72.6"),
    ("rtmo_l", "rtmo-l_16xb16-600e_body7-640x640-b37118ce_20231211", "", 640, "COCO val2017 AP 74.8"),
)  # fmt: skip

# name, file without suffix, SHA-256 of the network, side of the input, data, result
_DETECTORS = (
    ("yolox_nano_humanart", "yolox_nano_8xb8-300e_humanart-40f6f0d0",
     "1450966de24902b18aada1a78913d7efd8fc8dcd51bd4d0d5591476bd4a38821", 416, _HUMAN_ART, "38.9"),
    ("yolox_tiny_humanart", "yolox_tiny_8xb8-300e_humanart-6f3252f9",
     "ceb11c07298f95c50d7c5abeb906d03340c85f23aa79e3e66966e7fb6c307250", 416, _HUMAN_ART, "47.7"),
    ("yolox_s_humanart", "yolox_s_8xb8-300e_humanart-3ef259a7",
     "332e09ea9696e3401049b6c5314851db020b6430f85da159e65f37034ab3aee8", 640, _HUMAN_ART, "54.6"),
    ("yolox_m_humanart", "yolox_m_8xb8-300e_humanart-c2c7a14a",
     "3dea6513388889f0fff4b77bf7a26013600321b9eb9ceb0e9a400a82572f5f23", 640, _HUMAN_ART, "59.1"),
    ("yolox_l_humanart", "yolox_l_8xb8-300e_humanart-ce1d7a62",
     "0e7a169bb6b2f439c318f727fd894b1405c30280baca676e6a5c7d1f8cb52876", 640, _HUMAN_ART, "60.2"),
    ("yolox_x_humanart", "yolox_x_8xb8-300e_humanart-a39d44ed",
     "8e9ea96a176bd48501eaaa77216e49ee30794d2f8ba80c7b9862beca4ea972da", 640, _HUMAN_ART, "61.3"),
    ("rtmdet_nano_person", "rtmdet_nano_8xb32-100e_coco-obj365-person-05d8511e",
     "8297e829ccc5590c8e2d32d5a211f322a0585fb7467eec85eb12c9525b0b95d6", 320, _OBJECTS365, "40.3"),
    ("rtmdet_m_person", "rtmdet_m_8xb32-100e_coco-obj365-person-235e8209", "", 640, _OBJECTS365, "62.5"),
)  # fmt: skip

# name, file, SHA-256, box AP over all classes
_MEGVII_DETECTORS = (
    ("yolox_nano", "yolox_nano.onnx", "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d", "25.8"),
    ("yolox_tiny", "yolox_tiny.onnx", "427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7", "32.8"),
)


def _graph(
    name: str,
    folder: str,
    stem: str,
    sha256: str,
    use: Use,
    outputs: GraphOutputs,
    pixels: Pixels,
    input_size: tuple[int, int],
    skeleton: SkeletonName | None,
    data: str,
    result: str,
    ap: float | None = None,
) -> PublishedGraph:
    """A network in an archive of MMPose's host, with its copies."""
    return PublishedGraph(
        name=name,
        file=f"{stem}.onnx",
        urls=(f"{_MMPOSE}{folder}{stem}.zip", f"{_AUTHOR}{folder}{stem}.zip", f"{_POSE2SIM}{folder}{stem}.onnx"),
        sha256=sha256,
        use=use,
        licence=Licence("Apache-2.0", "Apache-2.0", data),
        source="MMPose, https://github.com/open-mmlab/mmpose",
        result=result,
        outputs=outputs,
        pixels=pixels,
        input_size=input_size,
        skeleton=skeleton,
        ap=ap,
    )


def _body(name: str, stem: str, sha256: str, ap: float) -> PublishedGraph:
    size, result = _size(name), f"COCO val2017 AP {ap} without flip test"
    return _graph(name, _RTMPOSE, stem, sha256, "pose", "simcc", "rgb_imagenet", size, "coco_17", _BODY7, result, ap)


def _size(name: str) -> tuple[int, int]:
    """The (w, h) at the end of a name, which has the height first.

    >>> _size("rtmpose_t_256x192")
    (192, 256)
    """
    height, width = name.rpartition("_")[2].split("x")
    return int(width), int(height)


def _megvii(name: str, file: str, sha256: str, ap: str) -> PublishedGraph:
    return PublishedGraph(
        name=name,
        file=file,
        urls=(_MEGVII + file,),
        sha256=sha256,
        use="detector",
        licence=Licence("Apache-2.0", "not stated apart from the code's", _COCO),
        source="Megvii, https://github.com/Megvii-BaseDetection/YOLOX",
        result=f"COCO val2017 box AP {ap}",
        outputs="yolox",
        pixels="bgr_255",
        input_size=(416, 416),
    )


POSE_GRAPHS = (
    *(_body(*row) for row in _BODY),
    *(
        _graph(name, folder, stem, sha256, "pose", "simcc", "rgb_imagenet", _size(name), skeleton, data, result)
        for name, folder, stem, sha256, skeleton, data, result in _POSE
    ),
)
ONE_STAGE_GRAPHS = tuple(
    _graph(name, _RTMO, stem, sha256, "one_stage", "rtmo", "bgr_255", (side, side), "coco_17", _BODY7, result)
    for name, stem, sha256, side, result in _ONE_STAGE
)
DETECTOR_GRAPHS = (
    *(
        _graph(
            name,
            _RTMPOSE,
            stem,
            sha256,
            "detector",
            "boxes",
            "bgr_255" if name.startswith("yolox") else "bgr_imagenet",
            (side, side),
            None,
            data,
            f"box AP of people {ap}",
        )
        for name, stem, sha256, side, data, ap in _DETECTORS
    ),
    *(_megvii(*row) for row in _MEGVII_DETECTORS),
)
