"""ADBench's bundle adjustment: squared errors of reprojected points and of weights, all observations at once.

A camera has 11 numbers: rotation vector (3), centre (3), focal length, principal point (2), radial distortion (2).
ADBench asks for the sparse Jacobian of the residuals; here it is the gradient of their sum of squares, at the smallest
published size (49 cameras, 7776 points, 31843 observations) on random data. ADBench's branch for a rotation of exactly
zero is left out.
"""

from __future__ import annotations

import numpy as np

ACTIVE = 3


def rotated(rotation, x):
    """Rodrigues' formula, one rotation vector and one point a row."""
    angle = np.sqrt(np.sum(rotation**2, axis=1))
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    w = rotation / angle[:, None]
    cross = np.stack(
        [
            w[:, 1] * x[:, 2] - w[:, 2] * x[:, 1],
            w[:, 2] * x[:, 0] - w[:, 0] * x[:, 2],
            w[:, 0] * x[:, 1] - w[:, 1] * x[:, 0],
        ],
        axis=1,
    )
    return x * cosine + cross * sine + w * (np.sum(w * x, axis=1)[:, None] * (1.0 - cosine))


def projected(cameras, points):
    x = rotated(cameras[:, 0:3], points - cameras[:, 3:6])
    plane = x[:, 0:2] / x[:, 2:3]
    square = np.sum(plane**2, axis=1)
    distortion = 1.0 + cameras[:, 9] * square + cameras[:, 10] * square**2
    return plane * distortion[:, None] * cameras[:, 6:7] + cameras[:, 7:9]


def objective(cameras, points, weights, features, camera_of, point_of):
    seen = projected(cameras[camera_of], points[point_of])
    errors = weights[:, None] * (seen - features)
    return np.sum(errors**2) + np.sum((1.0 - weights**2) ** 2)


def example(cameras: int = 49, points: int = 7776, observations: int = 31_843, seed: int = 0) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    # Cameras near the origin look along the third axis at points in front of them.
    views = np.hstack(
        [
            0.1 * random.normal(size=(cameras, 6)),
            random.uniform(0.8, 1.2, (cameras, 1)),
            0.1 * random.normal(size=(cameras, 4)),
        ]
    )
    space = random.uniform(-1.0, 1.0, (points, 3)) + np.array([0.0, 0.0, 5.0])
    camera_of, point_of = random.integers(0, cameras, observations), random.integers(0, points, observations)
    features = projected(views[camera_of], space[point_of]) + 0.01 * random.normal(size=(observations, 2))
    return views, space, random.uniform(0.5, 1.5, observations), features, camera_of, point_of
