"""The colours of one person: of the box, the joints and the lines between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pose_track.drawing.palette import CENTRE, LEFT, RIGHT, palette_colour, score_colour, shade
from pose_track.drawing.style import ColourBy, Style
from pose_track.structures.arrays import Float32Array
from pose_track.structures.skeleton import Colour, Skeleton
from pose_track.structures.skeleton_record import is_built_in

_RIGHT_SHADE = 0.6


@dataclass(frozen=True)
class PersonColours:
    """The colours of one person of a frame.

    base: RGB, of box, id and trail. scores: (K,) of the joints.
    """

    base: Colour
    style: Style
    skeleton: Skeleton
    scores: Float32Array

    def joint(self, k: int) -> Colour:
        """Of a joint."""
        return self._colour(k, k)

    def edge(self, a: int, b: int) -> Colour:
        """Of the line between two joints: that of their common side or lower score, or of the second joint."""
        return self._colour(a, b)

    def _colour(self, a: int, b: int) -> Colour:
        by, (left, right) = self._by, self._sides
        if by == "joint":
            own = self.skeleton.colours
            return palette_colour(b, self.style.palette) if own is None else own[b]
        if by == "side":
            return RIGHT if {a, b} <= right else LEFT if {a, b} <= left else CENTRE
        if by == "score":
            return score_colour(float(min(self.scores[a], self.scores[b])))
        is_darker = by == "id" and {a, b} <= right
        return shade(self.base, _RIGHT_SHADE) if is_darker else self.base

    @cached_property
    def _sides(self) -> tuple[frozenset[int], frozenset[int]]:
        """The joints on the left and on the right."""
        left, right = zip(*self.skeleton.twins, strict=True) if self.skeleton.twins else ((), ())
        return frozenset(left), frozenset(right)

    @cached_property
    def _by(self) -> ColourBy:
        return resolved(self.style.colour_by, self.skeleton)


def resolved(colour_by: ColourBy, skeleton: Skeleton) -> ColourBy:
    """What "auto" means for a skeleton."""
    if colour_by != "auto":
        return colour_by
    return "id" if skeleton.colours is None or is_built_in(skeleton) else "joint"


def base_colour(style: Style, track_id: int, score: float) -> Colour:
    """RGB, of a person's box, id and trail."""
    if style.colour_by == "one":
        return style.colour
    return score_colour(score) if style.colour_by == "score" else palette_colour(track_id, style.palette)
