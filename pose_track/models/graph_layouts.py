"""What a graph returns, recognised by the names and shapes of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from pose_track.models.codec import STRIDE
from pose_track.models.graph_boxes import STRIDES, BoxLayout
from pose_track.models.graph_input import Pixels, Port
from pose_track.models.graph_poses import PoseLayout

CropLayout = Literal["heatmaps", "simcc", "single_pose"]
"""What a network returns for the crop of a person: heatmaps (K, h / 4, w / 4); logits of x and of y, see `simcc`; or
MoveNet's (1, K, 3) y x and score of joints, in shares of the crop."""


class Layout(NamedTuple):
    """What a graph was taken for.

    kind: see `CropLayout`, `PoseLayout` and `BoxLayout`.
    outputs: the indices of the outputs that are read, in the order of the layout.
    num_joints: 0 of detectors.
    """

    kind: CropLayout | PoseLayout | BoxLayout
    outputs: tuple[int, ...]
    num_joints: int = 0

    @property
    def is_one_stage(self) -> bool:
        return self.kind in get_args(PoseLayout)

    def __str__(self) -> str:
        """In words, for messages.

        >>> str(Layout("simcc", (0, 1), 26))
        'a SimCC network (as RTMPose) of 26 joints'
        """
        return _WORDS[self.kind] + (f" of {self.num_joints} joints" if self.num_joints else "")


_WORDS = {
    "heatmaps": "a heatmap network",
    "simcc": "a SimCC network (as RTMPose)",
    "single_pose": "a network of one person in coordinates (as MoveNet)",
    "rtmo": "a one-stage network (as RTMO)",
    "yolo_pose": "a one-stage network (as YOLO-Pose)",
    "yolo_pose_end2end": "a one-stage network without suppression (as YOLO-Pose end to end)",
    "boxes": "a detector of finished boxes (as MMDeploy exports)",
    "yolox": "a YOLOX detector",
    "yolo": "a YOLO detector (as Ultralytics exports)",
    "rtmdet": "an RTMDet detector without its suppression",
    "picodet": "a PP-PicoDet detector without its suppression",
}

PIXELS: dict[str, Pixels] = {
    "heatmaps": "rgb_imagenet", "simcc": "rgb_imagenet", "single_pose": "rgb_255",
    "rtmo": "bgr_255", "yolo_pose": "rgb_unit", "yolo_pose_end2end": "rgb_unit",
    "yolox": "bgr_255", "yolo": "rgb_unit", "rtmdet": "bgr_imagenet", "picodet": "rgb_imagenet",
}  # fmt: skip
"""The pixels that the published networks of each layout take. Finished boxes come from networks of all kinds."""


def pose_layout(outputs: Sequence[Port], size: tuple[int, int]) -> Layout:
    """What a keypoint network returns for an input of `size` (w, h). Raises ValueError, listing the outputs, for any
    other network.

    outputs: with the batch first. A dimension that None stands for fits anything.

    >>> x, y = Port("simcc_x", (None, 26, 384), "float32"), Port("simcc_y", (None, 26, 512), "float32")
    >>> pose_layout([x, y], (192, 256))
    Layout(kind='simcc', outputs=(0, 1), num_joints=26)
    """
    for find in (_simcc, _rtmo, _heatmaps, _single_pose, _yolo_pose):
        layout = find(outputs, size)
        if layout is not None:
            return layout
    known = "heatmaps, SimCC logits, the people of RTMO or YOLO-Pose, or a single person as of MoveNet"
    raise ValueError(f"returns {_show(outputs)}, which are not {known}")


def box_layout(outputs: Sequence[Port], size: tuple[int, int]) -> Layout:
    """What a detector returns. Raises as `pose_layout`.

    >>> box_layout([Port("output", (1, 3549, 85), "float32")], (416, 416)).kind
    'yolox'
    """
    for find in (_finished_boxes, _rtmdet, _picodet, _yolo):
        layout = find(outputs, size)
        if layout is not None:
            return layout
    known = "the boxes of MMDeploy, YOLOX, YOLO, RTMDet or PP-PicoDet"
    raise ValueError(f"returns {_show(outputs)}, which are not {known}")


def _show(outputs: Sequence[Port]) -> str:
    return ", ".join(map(str, outputs)) or "nothing"


def _of_shape(outputs: Sequence[Port], *shape: int | None) -> list[int]:
    """The indices of the floating-point outputs of this shape, without the batch; None fits any length."""
    return [
        index
        for index, output in enumerate(outputs)
        if output.dtype.startswith("float")
        and len(output.shape) == len(shape) + 1
        and all(None in (side, given) or side == given for side, given in zip(shape, output.shape[1:], strict=True))
    ]


def _last_side(outputs: Sequence[Port], index: int, axis: int) -> int:
    return outputs[index].shape[axis] or 0


def _heatmaps(outputs: Sequence[Port], size: tuple[int, int]) -> Layout | None:
    found = _of_shape(outputs, None, size[1] // STRIDE, size[0] // STRIDE)
    return Layout("heatmaps", (found[0],), _last_side(outputs, found[0], 1)) if len(found) == 1 else None


def _simcc(outputs: Sequence[Port], size: tuple[int, int]) -> Layout | None:
    """Two distributions whose lengths are the same multiple of the two sides; x first, or by name."""
    if len(outputs) != 2 or _of_shape(outputs, None, None) != [0, 1]:
        return None
    for x, y in ((0, 1), (1, 0)):
        lengths = [outputs[index].shape[2] or 0 for index in (x, y)]
        joints = outputs[x].shape[1]
        is_fitting = lengths[0] * size[1] == lengths[1] * size[0] and lengths[0] >= size[0]
        if is_fitting and joints is not None and joints == outputs[y].shape[1]:
            is_named_otherwise = outputs[x].name.endswith("_y") and outputs[y].name.endswith("_x")
            return Layout("simcc", (y, x) if is_named_otherwise else (x, y), joints)
    return None


def _single_pose(outputs: Sequence[Port], size: tuple[int, int]) -> Layout | None:
    found = _of_shape(outputs, 1, None, 3)
    return Layout("single_pose", (found[0],), _last_side(outputs, found[0], 2)) if found else None


def _rtmo(outputs: Sequence[Port], size: tuple[int, int]) -> Layout | None:
    boxes = [index for index in _of_shape(outputs, None, 5) if outputs[index].shape[2] == 5]
    joints = [index for index in _of_shape(outputs, None, None, 3) if outputs[index].shape[3] == 3]
    if not boxes or not joints:
        return None
    return Layout("rtmo", (boxes[0], joints[0]), _last_side(outputs, joints[0], 2))


def _yolo_pose(outputs: Sequence[Port], size: tuple[int, int]) -> Layout | None:
    """One output, of 5 + 3 K values first and all cells last, or of 6 + 3 K values last."""
    if len(outputs) != 1 or not _of_shape(outputs, None, None):
        return None
    first, last = (side or 0 for side in outputs[0].shape[1:])
    cells = _num_cells(size)
    if first > 5 and (first - 5) % 3 == 0 and last == cells:
        return Layout("yolo_pose", (0,), (first - 5) // 3)
    if last > 6 and (last - 6) % 3 == 0 and cells not in (first, last):
        return Layout("yolo_pose_end2end", (0,), (last - 6) // 3)
    return None


def _num_cells(size: tuple[int, int]) -> int:
    """Cells of the strides 8, 16 and 32."""
    return sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES)


def _finished_boxes(outputs: Sequence[Port], size: tuple[int, int]) -> Layout | None:
    boxes = [index for index in _of_shape(outputs, None, 5) if outputs[index].shape[2] == 5]
    classes = [index for index, output in enumerate(outputs) if len(output.shape) == 2]
    return Layout("boxes", (boxes[0], classes[0])) if boxes and classes else None


def _rtmdet(outputs: Sequence[Port], size: tuple[int, int]) -> Layout | None:
    """The maps of class logits, finest first, then those of distances. With four classes they cannot be told apart."""
    found: list[int] = []
    for is_distance in (False, True):
        for stride in STRIDES:
            maps = _of_shape(outputs, None, size[1] // stride, size[0] // stride)
            fitting = [index for index in maps if (outputs[index].shape[1] == 4) == is_distance]
            if len(fitting) != 1:
                return None
            found += fitting
    return Layout("rtmdet", tuple(found)) if len(outputs) == len(found) else None


def _picodet(outputs: Sequence[Port], size: tuple[int, int]) -> Layout | None:
    boxes = [index for index in _of_shape(outputs, None, 4) if outputs[index].shape[2] == 4]
    if len(outputs) != 2 or len(boxes) != 1:
        return None
    scores = 1 - boxes[0]
    is_fitting = len(outputs[scores].shape) == 3 and outputs[scores].shape[2] == outputs[boxes[0]].shape[1]
    return Layout("picodet", (boxes[0], scores)) if is_fitting else None


def _yolo(outputs: Sequence[Port], size: tuple[int, int]) -> Layout | None:
    """One output of all cells: with five or more values last (YOLOX), or first (YOLO)."""
    if len(outputs) != 1 or not _of_shape(outputs, None, None):
        return None
    first, last = outputs[0].shape[1:]
    if first == _num_cells(size) and (last or 0) > 5:
        return Layout("yolox", (0,))
    if last == _num_cells(size) and (first or 0) > 4:
        return Layout("yolo", (0,))
    return None
