"""Each sweep by the length of the tape and the number of directions."""

import numpy as np

import fastad as ad
from bench.objectives import lorenz, mixture


class ScalarSweeps:
    """A scalar tape of 71 instructions a Runge-Kutta step."""

    params = [[10, 1000], [1, 4, 16]]
    param_names = ["steps", "directions"]
    timeout = 600

    def setup(self, steps, directions):
        self.x = lorenz.example(steps)[0]
        self.tape = ad.record(lambda p: lorenz.objective(p, steps), self.x)
        random = np.random.default_rng(0)
        self.seeds = random.normal(size=(directions, self.tape.inputs))
        self.weights = random.normal(size=(directions, self.tape.outputs))

    def time_primal(self, steps, directions):
        self.tape.primal(self.x)

    def time_tangent(self, steps, directions):
        self.tape.tangent(self.x, seeds=self.seeds)

    def time_adjoint(self, steps, directions):
        self.tape.adjoint(self.x, weights=self.weights)


class ArraySweeps(ScalarSweeps):
    """An array tape of a dozen element-wise instructions."""

    params = [[100, 100_000], [1, 4, 16]]
    param_names = ["n", "directions"]

    def setup(self, n, directions):
        self.x = mixture.example(n)[0]
        self.tape = ad.record(mixture.objective, self.x)
        random = np.random.default_rng(0)
        self.seeds = random.normal(size=(directions, n))
        self.weights = random.normal(size=(directions, 1))
