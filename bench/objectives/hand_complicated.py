"""ADBench's hand tracking, complicated: each seen point has two more variables, its place within a triangle.

The variables are 100 pairs of barycentric coordinates and the 26 parameters of the pose (see `hand`).
"""

from __future__ import annotations

import numpy as np

from bench.objectives import hand
from bench.objectives.hand import vertex_positions

ACTIVE = 2


def within(positions, u, corners):
    """(points, 3): points by barycentric coordinates, in the triangles whose corners are given."""
    first, second, third = positions[corners[:, 0]], positions[corners[:, 1]], positions[corners[:, 2]]
    return u[:, :1] * first + u[:, 1:] * second + (1.0 - u[:, :1] - u[:, 1:]) * third


def objective(u, theta, points, corners, model):
    return np.sum((points - within(vertex_positions(theta, model), u, corners)) ** 2)


def example(points: int = 100, seed: int = 0) -> tuple:
    random, model = np.random.default_rng(seed), hand.example_model(seed)
    theta, corners = random.uniform(0.1, 0.5, hand.PARAMETERS), random.integers(0, hand.VERTICES, (points, 3))
    u = random.uniform(0.0, 0.5, (points, 2))
    seen = within(vertex_positions(theta, model), u, corners) + 0.1 * random.normal(size=(points, 3))
    return u, theta + 0.05 * random.normal(size=hand.PARAMETERS), seen, corners, model
