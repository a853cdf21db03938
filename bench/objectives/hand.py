"""ADBench's hand tracking: bones posed by 26 angles carry the vertices of a hand; squared distances from seen points.

The first three parameters are a rotation vector, the next three a translation, then four angles a finger. ADBench
asks for the Jacobian of the residuals; here it is the gradient of their sum of squares. The sizes are the smallest
published ones (22 bones, 544 vertices, 100 points); bones, vertices and weights are random, as the published model is
not part of this project. ADBench's branch for a global rotation of zero is left out.
"""

from __future__ import annotations

import numpy as np

ACTIVE = 1
BONES, FINGERS, VERTICES = 22, 5, 544
PARAMETERS = 6 + 4 * FINGERS


def angle_places() -> np.ndarray:
    """(bones, 3): which element of (theta, 0) is each bone's first, second and third Euler angle."""
    places = np.full((BONES, 3), PARAMETERS)
    for finger in range(FINGERS):
        bone, first = 2 + 4 * finger, 6 + 4 * finger
        places[bone, :2] = first, first + 1
        places[bone + 1, 0], places[bone + 2, 0] = first + 2, first + 3
    return places


def parents() -> tuple[int, ...]:
    """The bone on which each bone sits; -1 is the frame of the hand."""
    chain = [-1, 0]
    for finger in range(FINGERS):
        chain += [1 if k == 0 else 1 + 4 * finger + k for k in range(4)]
    return tuple(chain)


PARENTS = parents()


def posed(angles, one, zero):
    """(bones, 4, 4): a rotation about the third, second and first axis for each bone."""
    cosine, sine = np.cos(angles), np.sin(angles)
    cx, cz, cy = cosine[:, 0], cosine[:, 1], cosine[:, 2]
    sx, sz, sy = sine[:, 0], sine[:, 1], sine[:, 2]
    first = [cz * cy, -sz * cx - cz * sy * sx, sz * sx - cz * sy * cx, zero]
    second = [sz * cy, cz * cx - sz * sy * sx, -cz * sx - sz * sy * cx, zero]
    third = [sy, cy * sx, cy * cx, zero]
    rows = [np.stack(row, axis=1) for row in (first, second, third, [zero, zero, zero, one])]
    return np.stack(rows, axis=1)


def chained(relative):
    """(bones, 4, 4): each bone's transform after those of all bones on which it sits."""
    absolute = []
    for bone, parent in enumerate(PARENTS):
        absolute.append(relative[bone] if parent < 0 else absolute[parent] @ relative[bone])
    return np.stack(absolute, axis=0)


def global_rotation(axis):
    angle = np.sqrt(np.sum(axis**2))
    unit = axis / angle
    x, y, z = unit[0], unit[1], unit[2]
    s, c = np.sin(angle), np.cos(angle)
    first = np.stack([x * x + (1.0 - x * x) * c, x * y * (1.0 - c) - z * s, x * z * (1.0 - c) + y * s])
    second = np.stack([x * y * (1.0 - c) + z * s, y * y + (1.0 - y * y) * c, y * z * (1.0 - c) - x * s])
    third = np.stack([x * z * (1.0 - c) - y * s, z * y * (1.0 - c) + x * s, z * z + (1.0 - z * z) * c])
    return np.stack([first, second, third])


def vertex_positions(theta, model):
    """(vertices, 3): where a pose puts the vertices."""
    base, inverse, corners, weights, places, nothing, one, zero = model
    angles = np.concatenate([theta, nothing])[places]
    transforms = chained(base @ posed(angles, one, zero)) @ inverse
    carried = np.matmul(transforms, corners.T)  # (bones, 4, vertices)
    skinned = np.sum(carried * weights.T[:, None, :], axis=0)[:3]
    return (global_rotation(theta[:3]) @ skinned).T + theta[3:6]


def objective(theta, points, vertex_of, model):
    return np.sum((points - vertex_positions(theta, model)[vertex_of]) ** 2)


def example_model(seed: int = 0) -> tuple[np.ndarray, ...]:
    """Base transforms of the bones, their inverse absolutes, vertices and weights (at most four bones a vertex)."""
    random = np.random.default_rng(seed)
    base = np.tile(np.eye(4), (BONES, 1, 1))
    base[:, :3, :3] = np.linalg.qr(random.normal(size=(BONES, 3, 3)))[0]
    base[:, :3, 3] = random.uniform(0.2, 0.4, (BONES, 3))
    corners = np.hstack([random.normal(size=(VERTICES, 3)), np.ones((VERTICES, 1))])
    weights = random.uniform(size=(VERTICES, BONES)) * (random.uniform(size=(VERTICES, BONES)) < 4 / BONES)
    weights = (weights + 1e-3) / np.sum(weights + 1e-3, axis=1, keepdims=True)
    inverse = np.linalg.inv(chained(base))
    return base, inverse, corners, weights, angle_places(), np.zeros(1), np.ones(BONES), np.zeros(BONES)


def example(points: int = 100, seed: int = 0) -> tuple:
    random, model = np.random.default_rng(seed), example_model(seed)
    theta, vertex_of = random.uniform(0.1, 0.5, PARAMETERS), random.integers(0, VERTICES, points)
    seen = vertex_positions(theta, model)[vertex_of] + 0.1 * random.normal(size=(points, 3))
    return theta + 0.05 * random.normal(size=PARAMETERS), seen, vertex_of, model
