"""Composed clips: the truth is what is seen, and the same seed gives the same clip."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pose_track.datasets.composed.clip import FPS, SIZE, ComposedClip, compose_clip
from pose_track.datasets.composed.drawn import drawn_people, drawn_scene
from pose_track.datasets.composed.effects import Effects, random_effects
from pose_track.datasets.composed.events import Event, people_events
from pose_track.datasets.composed.figures import Cast, Figure, cast_of, is_in_split
from pose_track.datasets.composed.options import ClipOptions
from pose_track.datasets.composed.paths import Path, Stage, random_path
from pose_track.datasets.composed.scene import Actor, FrameTruth, Prop, Shot, View, stand
from pose_track.datasets.cutouts import Cutout
from pose_track.datasets.synthetic.camera import Camera
from pose_track.structures.arrays import ImageArray

CAMERA = Camera(*SIZE, 600.0, eye=1.6, pitch=0.05)
STILL = View(0.5 * (SIZE[0] - 1), 0.5 * (SIZE[1] - 1), 1.0)
GREY = np.full((90, 160, 3), 128, np.uint8)
RED, GREEN, BLUE = (250, 10, 10), (10, 250, 10), (10, 10, 250)


def figure(name: str, colour: tuple[int, int, int]) -> Figure:
    """A board in the size of a person."""
    return Figure(name, (Cutout(np.full((120, 40, 3), colour, np.uint8), np.ones((120, 40), np.float32)),), 1.7)


def standing(x: float, z: float) -> Path:
    return Path(np.zeros(1), np.array([[x, z]]))


def shot(*actors: Actor, props: tuple[Prop, ...] = (), num_frames: int = 10, **changes: View) -> Shot:
    made = Shot(CAMERA, GREY, actors, props, STILL, STILL, num_frames, FPS, Effects())
    return replace(made, **changes)


def board_cast() -> Cast:
    """Eight people in shades of red, then eight in shades of blue."""
    colours = [(250 - 4 * k, 10, 10) for k in range(8)] + [(10, 10, 250 - 4 * k) for k in range(8)]
    figures = [figure(f"person_{k}", colour) for k, colour in enumerate(colours)]
    return cast_of((one.phases[0] for one in figures), figures.__getitem__)


def grey_scene(rng: np.random.Generator, camera: Camera) -> ImageArray:
    return np.full((90, 160, 3), int(rng.integers(100, 150)), np.uint8)


def test_boxes_are_those_of_the_pixels() -> None:
    image, truth = shot(Actor(figure("a", RED), standing(0.3, 6.0), 4, 1.0)).frame(0)
    rows, columns = np.nonzero((image[..., 0] > 180) & (image[..., 1] < 70))
    assert truth.ids.tolist() == [4]
    np.testing.assert_allclose(truth.boxes[0], [columns.min(), rows.min(), columns.max(), rows.max()], atol=1)
    assert truth.visibility[0] == 1
    (u, v), _ = CAMERA.project(np.array([0.3, 0.0, -6.0]))
    np.testing.assert_allclose([truth.boxes[0, [0, 2]].mean(), truth.boxes[0, 3]], [u, v], atol=2)
    assert truth.boxes[0, 3] - truth.boxes[0, 1] == pytest.approx(600 * 1.7 / 6, rel=0.05)


def test_who_hides_whom() -> None:
    """The nearer person hides the farther one; objects hide both; the edge of the image hides without a culprit."""
    near, far = (
        Actor(figure("a", RED), standing(0.0, 5.0), 1, 1.0),
        Actor(figure("b", BLUE), standing(0.1, 7.0), 2, 1.0),
    )
    _, truth = shot(far, near).frame(0)
    assert truth.ids.tolist() == [2, 1]
    assert truth.visibility[1] == 1
    assert truth.visibility[0] < 0.6
    assert truth.behind_people[0] == pytest.approx(1 - truth.visibility[0])
    board = Prop(GREY, (3.0, 1.0), (0.0, 4.5))
    _, behind = shot(far, near, props=(board,)).frame(0)
    assert (behind.behind_objects > 0.3).all()
    np.testing.assert_allclose(behind.visibility + behind.behind_people + behind.behind_objects, 1)
    edge = CAMERA.width / 2 / CAMERA.focal * 6.0
    _, cut = shot(Actor(figure("c", RED), standing(edge, 6.0), 3, 1.0)).frame(0)
    assert 0.3 < cut.visibility[0] < 0.7
    assert cut.behind_people[0] == cut.behind_objects[0] == 0
    assert cut.boxes[0, 2] == SIZE[0] - 1
    _, outside = shot(Actor(figure("c", RED), standing(2 * edge, 6.0), 3, 1.0)).frame(0)
    assert len(outside.ids) == 0


def test_the_camera_moves_over_people_and_scene_alike() -> None:
    actor = Actor(figure("a", RED), standing(0.0, 6.0), 1, 1.0)
    panned = shot(actor, last_view=STILL._replace(x=STILL.x + 90))
    boxes = [panned.frame(index)[1].boxes[0] for index in (0, 9)]
    np.testing.assert_allclose(boxes[0] - boxes[1], [90, 0, 90, 0], atol=1)
    zoomed = shot(actor, last_view=STILL._replace(zoom=1.1)).frame(9)[1].boxes[0]
    assert zoomed[3] - zoomed[1] == pytest.approx(1.1 * (boxes[0][3] - boxes[0][1]), abs=2)


def test_a_walking_figure_sways_about_its_feet() -> None:
    sprite = figure("a", RED).phases[0]
    extents = []
    for swing in (0.0, 1.0):
        patch, corner = stand(sprite, 100.3, 200.0, 80.0, swing)
        rows, columns = np.nonzero(patch.alpha >= 0.5)
        extents.append((columns[rows == rows.max()].mean() + corner[0], columns[rows == rows.min()].mean() + corner[0]))
    assert abs(extents[1][0] - extents[0][0]) < 0.6
    assert abs(extents[1][1] - extents[0][1]) > 1


def test_paths() -> None:
    path = Path(np.array([1.0, 2.0, 3.0, 5.0]), np.array([[0, 5], [2, 5], [2, 5], [2, 7]], float))
    assert path.position(0.0) == (0, 5)
    assert path.position(1.5) == (1, 5)
    assert path.walked(2.5) == 2
    assert path.walked(9.0) == 4
    stage = Stage(0.5, 5.0, 9.0, (0.0, 6.0, 2.5), 5.0)
    for seed in range(60):
        path = random_path(np.random.default_rng(seed), stage, 0.2)
        steps = np.linalg.norm(np.diff(path.points, axis=0), axis=1) / np.diff(path.seconds)
        assert (np.diff(path.seconds) > 0).all()
        assert steps.max() < 1.7
        assert (path.points[:, 1] >= stage.near).all()
        assert (path.points[:, 1] <= stage.far + 0.01).all()


def test_clothes() -> None:
    cast = board_cast()
    rng = np.random.default_rng(0)
    like = cast.choose(rng, 2, "like", set())
    unlike = cast.choose(rng, 2, "unlike", set())
    assert cast.distances(like[0])[like[1]] < 0.1
    assert cast.distances(unlike[0])[unlike[1]] > 0.9
    assert sorted(cast.choose(rng, 3, "like", set(range(3, 16)))) == [0, 1, 2]
    with pytest.raises(ValueError, match="14"):
        cast.choose(rng, 14, "like", {0, 1, 2})


def test_splits_share_nobody() -> None:
    names = [f"{number}.webp" for number in range(200)]
    assert all(is_in_split(name, "train") != is_in_split(name, "test") for name in names)
    assert all(is_in_split(name, "all") for name in names)


def truth(*people: tuple[int, list[float], float, float, float]) -> FrameTruth:
    columns = [np.array([one[k] for one in people], float) for k in range(5)]
    return FrameTruth(columns[0].astype(np.int64), columns[1].reshape(-1, 4), *columns[2:])


def test_events_of_people() -> None:
    """1 walks past 2 from left to right behind 2, then is away for a while; 3 is behind an object."""
    frames = []
    for index in range(40):
        x, share = 10.0 * index, 0.2 if index in (10, 11) else 1.0
        people = [(2, [100.0, 0.0, 140.0, 90.0], 1.0, 0.0, 0.0)]
        if not 25 <= index < 32:
            people.append((1, [x, 0.0, x + 40, 90.0], share, 1 - share, 0.0))
        hidden = 0.8 if 5 <= index < 9 else 0.0
        people.append((3, [500.0, 0.0, 540.0, 90.0], 1 - hidden, 0.0, hidden))
        frames.append(truth(*people))
    assert people_events(frames) == [
        Event("behind_object", 4, 9, (3,)),
        Event("crossing", 7, 13, (1, 2)),
        Event("behind_person", 9, 12, (1,)),
        Event("leave_and_return", 24, 32, (1,)),
    ]


@pytest.mark.parametrize(
    ("transition", "shared", "kind"),
    [("cut", 0, "cut_alike"), ("dissolve", 20, "dissolve_unlike"), ("fade", 24, "fade_unlike")],
)
def test_shots(transition: str, shared: int, kind: str) -> None:
    """Nobody is in two shots; frames add up; people fade with their shot."""
    options = ClipOptions(
        "a",
        1,
        people=(2, 3),
        shots=3,
        seconds=2,
        transition=transition,
        alike_scenes=transition == "cut",  # type: ignore[arg-type]
    )
    clip = compose_clip(options, board_cast(), grey_scene, 3)
    frames = list(clip.frames())
    assert len(frames) == 3 * 50 - 2 * shared
    assert clip.starts == [0, 50 - shared, 100 - 2 * shared]
    ids = [actor.track_id for one in clip.shots for actor in one.actors]
    names = [actor.figure.name for one in clip.shots for actor in one.actors]
    assert ids == list(range(1, len(ids) + 1))
    assert len(set(names)) == len(names)
    events = [event for event in clip.events([one for _, one in frames]) if event.kind == kind]
    assert [(event.first, event.last) for event in events] == [(s, s + shared) for s in clip.starts[1:]]
    assert [set(event.ids) for event in events] == [{a.track_id for a in shot.actors} for shot in clip.shots[1:]]
    if shared:
        before = {actor.track_id for actor in clip.shots[0].actors}
        for index in range(clip.starts[1], clip.starts[1] + shared // 2 - 1):
            seen = frames[index][1]
            old = [bool({int(i)} & before) for i in seen.ids]
            assert (seen.visibility[np.array(old, bool)] < 1).all()
        middle = frames[clip.starts[1] + shared // 2 - 1][0]
        assert (middle.mean() < 20) == (transition == "fade")
    else:
        assert not set(frames[49][1].ids.tolist()) & set(frames[50][1].ids.tolist())


def test_successive_scenes_are_unlike() -> None:
    """Of two places, drawn at random and mirrored at random, the next shot shows the other one."""
    left = np.tile(np.arange(0, 250, 10, dtype=np.uint8)[None, :, None], (14, 1, 3))

    def draw(rng: np.random.Generator, camera: Camera) -> ImageArray:
        scene = left if rng.random() < 0.8 else np.full_like(left, 250)
        return np.ascontiguousarray(scene[:, ::-1]) if rng.random() < 0.5 else scene

    options = ClipOptions("a", 1, people=(1, 1), shots=8, seconds=1)
    scenes = [one.backdrop for one in compose_clip(options, board_cast(), draw, 0).shots]
    assert all((a.std() == 0) != (b.std() == 0) for a, b in pairwise(scenes))


def test_the_seed_decides() -> None:
    options = ClipOptions("a", 1, people=(3, 5), seconds=1, objects=2, camera="any", degraded=True)
    clips = [compose_clip(options, board_cast(), grey_scene, seed) for seed in (1, 1, 2)]
    frames = [clip.shots[0].frame(5) for clip in clips]
    np.testing.assert_array_equal(frames[0][0], frames[1][0])
    np.testing.assert_array_equal(frames[0][1].boxes, frames[1][1].boxes)
    assert not np.array_equal(frames[0][0], frames[2][0])
    kinds = {event.kind for event in clips[0].events([one for _, one in clips[0].frames()])}
    assert kinds >= {"light", "blur"}
    assert kinds & {"pan", "zoom"}


def test_effects() -> None:
    effects = replace(random_effects(np.random.default_rng(0), 50), light=(10, 12), gain=0.5, blur=(20, 22), noise=0.0)
    image = np.tile(np.array([[100], [200]], np.uint8), (40, 60))[..., None].repeat(3, axis=2)
    dark = effects.apply(image, 30)
    assert dark.mean() == pytest.approx(75, abs=4)
    assert effects.apply(image, 9).mean() == pytest.approx(150, abs=4)
    assert not np.array_equal(effects.apply(image, 21), dark)
    noisy = replace(effects, noise=8.0, jpeg_quality=None, blur=None)
    assert (noisy.apply(image, 0).astype(int) - image).std() == pytest.approx(8, rel=0.2)


def test_drawn_people_walk_through_a_drawn_scene() -> None:
    cast = drawn_people(2, 5)
    assert cast.distances(0)[1] < 0.6  # they wear the same clothes
    clip = compose_clip(ClipOptions("a", 1, clothes="like", people=(2, 2), seconds=1), cast, drawn_scene, 0)
    assert isinstance(clip, ComposedClip)
    image, truth_ = clip.shots[0].frame(12)
    assert image.shape == (SIZE[1], SIZE[0], 3)
    assert image.std() > 10
    assert len(clip.shots[0].actors[0].figure.phases) > 1
    assert len(truth_.ids) <= 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"people": (3, 2)}, "people"),
        ({"shots": 0}, "shots"),
        ({"name": "a b"}, "a b"),
        ({"leave_chance": 2}, "leave_chance"),
    ],
)
def test_options_out_of_range(changes: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ClipOptions(**{"name": "a", "count": 1, **changes})  # type: ignore[arg-type]
