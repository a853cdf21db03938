"""Derivatives of functions that Numba has compiled."""

import numpy as np
from numba import njit

import fastad as ad
from bench.native import codes


class Codes:
    """Codes with loops, branches and work arrays, as they are."""

    params = [["kalman", "lorenz", "n_body", "pendulum", "heat"], ["forward", "reverse"]]
    param_names = ["code", "mode"]
    timeout = 600

    def setup(self, code, mode):
        if not hasattr(ad, "njit_grad"):
            raise NotImplementedError
        self.x, self.gradient = codes.POINTS[code], ad.grad(codes.CODES[code][-1], mode=mode)
        self.gradient(self.x)

    def time_gradient(self, code, mode):
        self.gradient(self.x)


class Inside:
    """A gradient of five operations, from Python and from compiled code."""

    timeout = 600

    def setup(self):
        if not hasattr(ad, "njit_grad"):
            raise NotImplementedError
        function = njit(lambda x: x[0] * np.sin(x[1]) + x[2] * x[0] - x[1])
        self.x, self.gradient, inside = np.array([1.0, 2.0, 3.0]), ad.grad(function), ad.njit_grad(function)

        @njit
        def many(x, count):
            total = 0.0
            for _ in range(count):
                total += inside(x)[0]
                x[0] += 1e-9
            return total

        self.many = many
        self.gradient(self.x), self.many(self.x.copy(), 1)

    def time_from_python(self):
        self.gradient(self.x)

    def time_ten_thousand_inside(self):
        self.many(self.x.copy(), 10_000)
