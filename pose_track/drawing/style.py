"""What is drawn, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from pose_track.drawing.palette import HUES, PALETTES
from pose_track.structures.skeleton import Colour

ColourBy = Literal["auto", "id", "side", "score", "joint", "one"]
Privacy = Literal["none", "blur_heads", "pixelate_heads", "blur_people", "pixelate_people"]
Background = Literal["video", "black", "dimmed", "transparent"]


@dataclass(frozen=True)
class Style:
    """What is drawn of the people of a frame, and how; the default is that of `pose-track track`.

    skeleton: joints, and the lines between them. boxes: those of the optical flow are dashed. ids: of the tracks, or
    the names of the people. scores: of the people, beside the id. joint_labels: the name of each joint.
    trail_seconds: how long the way of a person's box remains visible; 0 for no trails.
    line_width: pixels; None for one that suits the size of the video.
    joint_radius: pixels; None for one that suits the lines.
    colour_by: what the colour of a skeleton tells: the track (right limbs are darker), the side of the body, the score
        (blue to yellow), the joint, or nothing, which is `colour`; auto is joint for a user's skeleton with
        colours, else id. Boxes, ids and trails have the colour of the track, or that of score and one.
    colour: RGB, for colour_by "one".
    palette: the colours of tracks and joints: petroff or okabe_ito, which colour-blind people tell apart and which
        repeat, or hues, which do not.
    fade_unsure: joints and lines are the fainter, the lower their score.
    names: of people, by track id. only_ids: the tracks that are drawn; empty for all.
    privacy: what is made unrecognisable before anything is drawn, of all people, also those who are not drawn.
    background: the video, black, the dimmed video, or nothing: a transparent image, see `draw`.
    frame_number, time: text in the lower left corner.
    min_joint_score: joints with at least this score, and above 0, are drawn, and the lines between two of them.

    Raises ValueError for an unknown choice and for numbers out of range.
    """

    skeleton: bool = True
    boxes: bool = True
    ids: bool = True
    scores: bool = False
    joint_labels: bool = False
    trail_seconds: float = 0.0
    line_width: int | None = None
    joint_radius: float | None = None
    colour_by: ColourBy = "auto"
    colour: Colour = (255, 255, 255)
    palette: str = "petroff"
    fade_unsure: bool = False
    names: Mapping[int, str] = field(default_factory=dict)
    only_ids: tuple[int, ...] = ()
    privacy: Privacy = "none"
    background: Background = "video"
    frame_number: bool = False
    time: bool = False
    min_joint_score: float = 0.4

    def __post_init__(self) -> None:
        choices = {
            "colour_by": get_args(ColourBy),
            "palette": (*PALETTES, HUES),
            "privacy": get_args(Privacy),
            "background": get_args(Background),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if not self.trail_seconds >= 0:
            raise ValueError(f"trail_seconds must be at least 0, got {self.trail_seconds!r}")
        for name in ("line_width", "joint_radius"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value!r}")
        if len(self.colour) != 3 or not all(0 <= channel <= 255 for channel in self.colour):
            raise ValueError(f"colour must be red, green and blue from 0 to 255, got {self.colour!r}")

    def label(self, track_id: int, score: float) -> str:
        """The text at a person; "" for none.

        >>> Style(scores=True, names={2: "Ann"}).label(2, 0.931), Style(ids=False).label(2, 0.931)
        ('Ann 0.93', '')
        """
        name = self.names.get(track_id, str(track_id)) if self.ids else ""
        return " ".join(filter(None, (name, f"{score:.2f}" if self.scores else "")))
