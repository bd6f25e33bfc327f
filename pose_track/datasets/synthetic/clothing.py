"""The surface of a clothed body: trunk, arms, hands, legs and feet."""

from __future__ import annotations

import numpy as np

from pose_track.datasets.synthetic.appearance import Appearance
from pose_track.datasets.synthetic.body import SIDES, THIGH, Array, PosedBody
from pose_track.datasets.synthetic.head import head
from pose_track.datasets.synthetic.surface import (
    Surface,
    curve,
    frames_along,
    join_surfaces,
    ring_angles,
    rings,
    skin,
    smooth_curve,
)  # fmt: skip

# Fractions of the body height. Trunk: height above the hips, half width, half depth, centre forward of the spine.
_TRUNK = np.array([
    [-0.085, 0.030, 0.035, -0.002], [-0.06, 0.080, 0.058, -0.006], [-0.02, 0.099, 0.070, -0.010],
    [0.02, 0.097, 0.066, -0.006], [0.07, 0.083, 0.056, 0.002], [0.11, 0.082, 0.056, 0.004],
    [0.16, 0.092, 0.064, 0.004], [0.205, 0.100, 0.067, 0.004], [0.24, 0.101, 0.058, 0.000],
    [0.262, 0.098, 0.047, -0.004], [0.280, 0.076, 0.040, -0.006], [0.298, 0.047, 0.036, -0.006],
    [0.318, 0.034, 0.033, -0.004], [0.345, 0.030, 0.032, 0.000], [0.385, 0.030, 0.034, 0.004],
])  # fmt: skip
# Limbs: position (0 = first joint, 1 = elbow or knee, 2 = wrist or ankle), half width, half depth.
_ARM = np.array([
    [-0.12, 0.004, 0.004], [-0.095, 0.018, 0.019], [-0.03, 0.028, 0.030], [0.14, 0.030, 0.034],
    [0.45, 0.026, 0.030], [0.8, 0.023, 0.025], [1.0, 0.023, 0.024], [1.25, 0.025, 0.025],
    [1.6, 0.020, 0.020], [1.9, 0.016, 0.014], [2.0, 0.016, 0.013],
])  # fmt: skip
_LEG = np.array([
    [-0.2, 0.012, 0.012], [-0.1, 0.044, 0.052], [0.08, 0.050, 0.058], [0.35, 0.047, 0.052],
    [0.75, 0.036, 0.038], [1.0, 0.031, 0.034], [1.12, 0.030, 0.033], [1.32, 0.034, 0.036],
    [1.6, 0.026, 0.028], [1.88, 0.019, 0.021], [2.05, 0.019, 0.023],
])  # fmt: skip


def _wrinkles(appearance: Appearance, part: int, at: Array, num_angles: int) -> Array:
    """(S, A) displacement by the folds of loose cloth, in metres."""
    rng = np.random.default_rng(appearance.wrinkle_seed + part)
    angles = np.arange(num_angles) * (2.0 * np.pi / num_angles)
    total = np.zeros((len(at), num_angles))
    for _ in range(3):
        around, along, shift, twist = rng.integers(1, 4), rng.uniform(3, 11), rng.uniform(0, 6, 2), rng.uniform(-2, 2)
        total += np.sin(along * at[:, None] + shift[0] + twist * np.sin(angles + shift[1])) * np.sin(
            around * angles + shift[1]
        )
    return np.asarray(total * 0.16 * appearance.loose)


def _limb_path(body: PosedBody, names: list[str], at: Array) -> tuple[Array, Array]:
    """Centres (S, 3) and frames (S, 3, 3) along three joints, rounded at the second."""
    a, b, c = (body.points[n] for n in names)
    start, end = a + (a - b), c + (c - b)
    centres = curve(
        np.array([-1.0, 0.0, 0.97, 1.03, 2.0, 3.0]),
        np.stack([start, a, 0.97 * b + 0.03 * a, 0.97 * b + 0.03 * c, c, end]),
        at,
    )
    upper, lower = body.frames[names[0]], body.frames[names[1]]
    return centres, frames_along(np.array([0.82, 1.18]), [upper, lower], at)


def _limb(body: PosedBody, appearance: Appearance, part: str, side: str, detail: int) -> Surface:
    """An arm or a leg with its sleeve or trouser leg."""
    arm = part == "arm"
    table, names = (_ARM, ("shoulder", "elbow", "wrist")) if arm else (_LEG, ("hip", "knee", "ankle"))
    cover, cloth = (
        (appearance.sleeve, appearance.shirt)
        if arm
        else (appearance.leg if not appearance.skirt else 0.0, appearance.trousers)
    )
    top = table[0, 0] if arm or not appearance.skirt else 0.8 * appearance.skirt / (THIGH * body.proportions.height)
    at = np.unique(
        np.concatenate([np.linspace(top, table[-1, 0], detail + 8), [max(cover, top), max(cover, top) + 0.012]])
    )
    centres, frames = _limb_path(body, [f"{side}_{n}" for n in names], at)
    scale = body.proportions.height * body.proportions.width ** (0.8 if arm else 0.75)
    width, depth = (smooth_curve(table[:, 0], table[:, i], at) * scale for i in (1, 2))
    covered = at <= cover
    slack = appearance.loose * (0.7 + 0.35 * np.clip(at, 0, 2)) * covered * np.clip((at - table[0, 0]) * 5, 0, 1)
    num_angles = detail
    points = rings(centres, frames, width + slack, depth + slack, num_angles)
    if not arm:  # the calf is behind the shin bone
        bulge = np.interp(at, [1.0, 1.3, 1.9], [0.0, 0.009, 0.0]) * body.proportions.height
        points -= bulge[:, None, None] * frames[:, None, :, 2]
    folds = _wrinkles(appearance, len(side) + 10 * arm, at * 2, num_angles) * covered[:, None]
    points += (points - centres[:, None]) * (folds / np.maximum(width, 0.01)[:, None])[..., None]
    albedo = np.where((covered[:-1] & covered[1:])[:, None, None], cloth, appearance.skin)
    if arm:
        albedo = _pattern(appearance, albedo, (covered[:-1] & covered[1:]), at[:-1] * 0.17, num_angles, arm=True)
    return skin(points, albedo)


def _pattern(
    appearance: Appearance, albedo: Array, covered: Array, along: Array, num_angles: int, arm: bool = False
) -> Array:
    """(S, A, 3) colours of the shirt's pattern. covered: (S,) rows with cloth; along: (S,) metres along the cloth."""
    out = np.broadcast_to(albedo, (len(along), num_angles, 3)).copy()
    if appearance.pattern == "stripes":
        out[covered & (np.floor(along / 0.045).astype(int) % 2 == 0)] = appearance.shirt_second
    elif appearance.pattern == "blocks" and arm:
        out[covered] = appearance.shirt_second
    elif appearance.pattern == "blocks":
        out[covered & (along > 0.36)] = appearance.shirt_second
    elif appearance.pattern in ("print", "open") and not arm:
        front = np.sin(ring_angles(num_angles))
        wide = 0.93 if appearance.pattern == "open" else 0.8
        rows = (
            covered
            & (along > (0.3 if appearance.pattern == "print" else -1))
            & (along < (0.4 if appearance.pattern == "print" else 9))
        )
        out[np.ix_(np.flatnonzero(rows), np.flatnonzero(front > wide))] = appearance.shirt_second
    return np.asarray(out)


def _trunk_path(body: PosedBody, at: Array) -> tuple[Array, Array]:
    """Centres (S, 3) and frames (S, 3, 3) at heights above the hips. at: (S,) fractions of the body height."""
    p, f = body.points, body.frames
    knots = np.array([-0.2, 0.0, 0.075, 0.16, 0.298, 0.375])
    below = p["pelvis"] - f["pelvis"][:, 1] * 0.2 * body.proportions.height
    path = np.stack([below, p["pelvis"], p["waist"], p["chest"], p["head_bottom"], p["skull"]])
    turns = np.array([0.0, 0.05, 0.1, 0.14, 0.18, 0.29, 0.31, 0.37])
    frames = [f["pelvis"], f["pelvis"], f["waist"], f["waist"], f["chest"], f["chest"], f["neck"], f["head"]]
    return curve(knots, path, at), frames_along(turns, frames, at)


def _trunk(body: PosedBody, appearance: Appearance, detail: int) -> Surface:
    """From the crotch to the neck, in trousers and shirt."""
    hem = -0.005 if appearance.tucked or appearance.skirt else -0.055
    collar = 0.3
    at = np.unique(
        np.concatenate(
            [np.linspace(_TRUNK[0, 0], _TRUNK[-1, 0], 2 * detail), [hem - 0.003, hem, collar, collar + 0.003]]
        )
    )
    centres, frames = _trunk_path(body, at)
    proportions = body.proportions
    thick = proportions.height * proportions.width
    width, depth, forward = (smooth_curve(_TRUNK[:, 0], _TRUNK[:, i], at) for i in (1, 2, 3))
    broad = np.interp(
        at, [0.0, 0.08, 0.2, 0.29, 0.31], [proportions.hips, 0.97, proportions.shoulders, proportions.shoulders, 1.0]
    )
    belly = np.interp(at, [0.0, 0.07, 0.16], [0.0, 0.012, 0.0]) * max(0.0, proportions.width - 1.0) * 5
    shirt, bottom = (at >= hem) & (at <= collar), at < hem
    slack = appearance.loose * (shirt * (1.2 - 3.0 * np.abs(at - 0.08)) + 0.5 * bottom)
    centres = centres + ((forward + belly)[:, None] * proportions.height) * frames[:, :, 2]
    num_angles = 2 * detail
    neck = np.interp(at, [0.27, 0.31], [proportions.width**0.15, 1.0 / proportions.width**0.5])
    points = rings(
        centres, frames, width * broad * thick * neck + slack, (depth + belly) * thick * neck + slack, num_angles, 0.88
    )
    folds = _wrinkles(appearance, 0, at * 9, num_angles) * (shirt | bottom)[:, None]
    points += (points - centres[:, None]) * (folds / 0.1)[..., None]
    rows = shirt[:-1] & shirt[1:]
    albedo = np.where(
        rows[:, None], appearance.shirt, np.where(bottom[:-1, None], appearance.trousers, appearance.skin)
    )[:, None]
    return skin(points, _pattern(appearance, albedo, rows, at[:-1] * proportions.height, num_angles), lift=0.045)


def _shoulder(body: PosedBody, appearance: Appearance, side: str) -> Surface:
    """Collar bone and flank, which connect an arm to the trunk in any direction."""
    height, chest = body.proportions.height, body.frames["chest"]
    sign, end = (1.0 if side == "left" else -1.0), body.points[f"{side}_shoulder"]
    starts = [body.points["head_bottom"] + chest @ (np.array([0.02 * sign, -0.03, -0.006]) * height),
              body.points["chest"] + chest @ (np.array([0.062 * sign, 0.035, 0.0]) * height)]  # fmt: skip
    colour = _pattern(appearance, appearance.shirt, np.ones(1, bool), np.full(1, 0.3), 1, arm=True)[0, 0]
    thick = body.proportions.height * body.proportions.width**0.8
    parts = []
    for start, radii in zip(
        starts, ([0.022, 0.024, 0.026, 0.027, 0.010], [0.026, 0.028, 0.028, 0.026, 0.010]), strict=True
    ):
        t = np.array([0.0, 0.35, 0.7, 1.0, 1.1])[:, None]
        axis = (end - start) / np.linalg.norm(end - start)
        ahead = chest[:, 2] - axis * (chest[:, 2] @ axis)
        ahead /= np.linalg.norm(ahead)
        frame = np.stack([np.cross(ahead, axis), axis, ahead], axis=1)
        radius = np.array(radii) * thick + appearance.loose * 0.5
        ring = rings(start + t * (end - start), np.broadcast_to(frame, (5, 3, 3)), radius, radius, 10)
        parts.append(skin(ring, colour, lift=0.01))
    return join_surfaces(parts)


def _hand(body: PosedBody, appearance: Appearance, side: str) -> Surface:
    """A palm with closed fingers, and a thumb."""
    height, wrist, frame = body.proportions.height, body.points[f"{side}_wrist"], body.frames[f"{side}_wrist"]
    sign = 1.0 if side == "left" else -1.0
    at = np.linspace(0.0, 1.0, 8)
    curl = 0.022 * height * at**2.2
    centres = wrist - at[:, None] * 0.098 * height * frame[:, 1] - curl[:, None] * sign * frame[:, 0]
    knots = np.array([0, 0.25, 0.45, 0.7, 0.9, 1.0])
    depth = smooth_curve(knots, np.array([0.014, 0.023, 0.025, 0.021, 0.015, 0.003]), at) * height
    width = smooth_curve(knots, np.array([0.014, 0.012, 0.012, 0.010, 0.007, 0.002]), at) * height
    palm = skin(rings(centres, np.broadcast_to(frame, (8, 3, 3)), width, depth, 10), appearance.skin)
    root, tip = (
        wrist + frame @ (np.array([0, -0.02, 0.012]) * height),
        wrist + frame @ (np.array([-0.01 * sign, -0.062, 0.034]) * height),
    )
    thumb = curve(np.array([0.0, 1.0]), np.stack([root, tip]), at[::2])
    radii = np.array([0.010, 0.010, 0.008, 0.002]) * height
    return join_surfaces(
        [palm, skin(rings(thumb, np.broadcast_to(frame, (4, 3, 3)), radii, radii, 6), appearance.skin)]
    )


def _foot(body: PosedBody, appearance: Appearance, side: str) -> Surface:
    """A shoe with a pale sole."""
    height, ankle, frame = body.proportions.height, body.points[f"{side}_ankle"], body.frames[f"{side}_ankle"]
    z = np.array([-0.036, -0.032, -0.02, 0.0, 0.025, 0.06, 0.09, 0.108, 0.115]) * height
    top = np.array([-0.025, -0.006, 0.002, 0.002, -0.008, -0.018, -0.024, -0.028, -0.036]) * height
    wide = np.array([0.006, 0.017, 0.020, 0.021, 0.023, 0.027, 0.026, 0.018, 0.004]) * height
    sole = -0.042 * height
    centres = ankle + z[:, None] * frame[:, 2] + (0.5 * (top + sole))[:, None] * frame[:, 1]
    turned = np.stack([frame[:, 0], -frame[:, 2], frame[:, 1]], axis=1)  # rings across the foot, whose front is up
    angles = ring_angles(12)
    albedo = np.where(np.sin(angles)[None, :, None] < -0.6, 0.5 + 0.4 * appearance.shoes, appearance.shoes)
    points = rings(centres, np.broadcast_to(turned, (len(z), 3, 3)), wide, 0.5 * (top - sole), 12, 0.75)
    return skin(points, np.broadcast_to(albedo, (len(z) - 1, 12, 3)))


def _skirt(body: PosedBody, appearance: Appearance, detail: int) -> Surface:
    """A skirt around both legs."""
    height = body.proportions.height
    at = np.linspace(-0.1, 1.0, detail)
    reach = appearance.skirt / (THIGH * height)  # in thigh lengths
    legs = np.stack(
        [_limb_path(body, [f"{side}_{n}" for n in ("hip", "knee", "ankle")], at * reach)[0] for side in SIDES]
    )
    centres, apart = legs.mean(axis=0), np.linalg.norm(legs[0] - legs[1], axis=1)
    lateral = legs[0] - legs[1]
    left = lateral / np.maximum(np.linalg.norm(lateral, axis=1, keepdims=True), 1e-6)
    down = np.gradient(centres, axis=0)
    ahead = np.cross(left, -down)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    frames = np.stack([left, -down, ahead], axis=2)
    flare = np.interp(at, [-0.1, 0.1, 1.0], [0.034, 0.046, 0.075]) * height * body.proportions.width
    points = rings(centres, frames, 0.5 * apart + flare, flare * 1.4, 2 * detail)
    angles = np.arange(2 * detail) * (np.pi / detail)
    points += (points - centres[:, None]) * (
        0.07 * np.maximum(at, 0)[:, None] * np.sin(7 * angles + appearance.wrinkle_seed % 7)
    )[..., None]
    return skin(points, appearance.trousers, two_sided=True, lift=0.05)


def person_surface(body: PosedBody, appearance: Appearance, detail: int = 14) -> Surface:
    """The visible surface of a person. detail: number of quadrilaterals around a limb."""
    parts = [_trunk(body, appearance, detail), head(body, appearance, detail)]
    for side in SIDES:
        parts += [_limb(body, appearance, "arm", side, detail), _limb(body, appearance, "leg", side, detail)]
        parts += [_hand(body, appearance, side), _foot(body, appearance, side), _shoulder(body, appearance, side)]
    if appearance.skirt:
        parts.append(_skirt(body, appearance, detail))
    return join_surfaces(parts)
