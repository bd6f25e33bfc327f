"""What a group of composed clips shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pose_track.datasets.options import check_unit_interval, option, required_option

Clothes = Literal["like", "unlike"]
Transition = Literal["cut", "dissolve", "fade"]


@dataclass(frozen=True)
class ClipOptions:
    """A group of clips. Raises ValueError for values out of range."""

    name: str = required_option("Name of the group in the tables, and of its clips with a number behind.")
    count: int = required_option("Number of clips.")
    clothes: Literal["like", "unlike"] = option("unlike", "Whether the people of a shot wear like or unlike clothes.")
    people: tuple[int, int] = option((2, 8), "Least and largest number of people in a shot.")
    seconds: float = option(5.0, "Length of a shot in seconds.")
    shots: int = option(1, "Number of shots of a clip; each shows other people.")
    transition: Literal["cut", "dissolve", "fade"] = option("cut", "How a shot passes into the next one.")
    alike_scenes: bool = option(False, "Whether the shots of a clip show other views of one scene.")
    objects: int = option(0, "Largest number of objects that hide people, in a shot.")
    camera: Literal["still", "pan", "zoom", "any"] = option("still", "Camera movement in each shot.")
    degraded: bool = option(False, "Whether shots have a change of light, a spell of blur, noise and compression.")
    leave_chance: float = option(0.15, "Probability that a person leaves the image and comes back.")

    def __post_init__(self) -> None:
        low, high = self.people
        if not 1 <= low <= high:
            raise ValueError(f"people must be two numbers from 1, the smaller first, got {list(self.people)}")
        for name, least in {"count": 0, "shots": 1, "objects": 0, "seconds": 1}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)!r}")
        if not self.name.replace("_", "").isalnum():
            raise ValueError(f"name must consist of letters, digits and _, got {self.name!r}")
        check_unit_interval(self, "leave_chance")
