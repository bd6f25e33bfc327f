"""Windows follow people steadily."""

from dataclasses import replace

import numpy as np
from drawn_people import person

from pose_track.drawing.crops import crop_windows
from pose_track.structures.frames import TrackedPoses

RNG = np.random.default_rng(0)


def walk(noise: float = 0.0, missing: tuple[int, ...] = ()) -> list[TrackedPoses]:
    """A person who moves 4 px to the right in each of 50 frames, whose box jitters."""
    frames = []
    for frame in range(50):
        x = 20 + 4 * frame + noise * RNG.standard_normal()
        people = person(box=(x, 40, x + 60, 200))
        people = people[np.full(1, frame not in missing)]
        frames.append(replace(people, frame_index=frame, pts_seconds=frame / 25))
    return frames


def test_the_person_stays_in_the_middle() -> None:
    (windows,) = crop_windows(walk(), 25.0).values()
    truth = 50 + 4 * np.arange(50)
    assert np.abs(windows.centres[:, 0] - truth).max() < 0.01
    assert (windows.centres[:, 1] == 120).all()
    assert (windows.width, windows.height) == (76, 200)


def test_jitter_is_smoothed_away() -> None:
    (windows,) = crop_windows(walk(noise=6), 25.0).values()
    steps = np.diff(windows.centres[10:-10, 0])
    assert np.abs(steps - 4).max() < 1.5  # the boxes' own steps differ by more than 10


def test_gaps_are_interpolated_and_have_a_window() -> None:
    (windows,) = crop_windows(walk(missing=tuple(range(20, 30))), 25.0).values()
    assert len(windows.frame_indices) == 50
    assert abs(windows.centres[25, 0] - 150) < 4


def test_a_window_has_the_image_and_black_beyond_it() -> None:
    (windows,) = crop_windows(walk(), 25.0).values()
    image = np.full((240, 320, 3), 90, np.uint8)
    first = windows.crop(image, 0)
    assert first is not None
    assert first.shape == (200, 76, 3)
    assert (first[:, -20:] == 90).all()
    last = windows.crop(image, 49)
    assert last is not None
    left = round(windows.centres[49, 0] - 38)
    assert (last[:, : 320 - left - 1] == 90).all()
    assert windows.crop(image, 50) is None
    assert windows.crop(image, -1) is None


def test_far_outside_is_black() -> None:
    people = person(box=(5000, 5000, 5100, 5200))
    (windows,) = crop_windows([people], 25.0).values()
    window = windows.crop(np.full((240, 320, 3), 90, np.uint8), 0)
    assert window is not None
    assert not window.any()


def test_nobody() -> None:
    assert crop_windows([person()[np.zeros(1, bool)]], 25.0) == {}
