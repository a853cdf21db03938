"""Recording a function: its run on traced values, the passes, the tape's own check."""

import numpy as np

import fastad as ad
from bench.objectives import lorenz


def array_chain(x):
    """Two hundred array operations."""
    y = x
    for _ in range(50):
        y = np.sin(y) * 0.5 + x[::-1] * y
    return np.sum(y)


class Recording:
    """Seconds to record; per operation divide by 35,500 and by 200."""

    timeout = 600

    def setup(self):
        self.point = lorenz.example(500)[0]
        self.x = np.linspace(0.5, 1.5, 100)
        ad.record(array_chain, self.x)

    def time_scalar_operations(self):
        ad.record(lambda p: lorenz.objective(p, 500), self.point)

    def time_array_operations(self):
        ad.record(array_chain, self.x)


class FirstGradient:
    """Recording and first gradient of a new function, kernels loaded."""

    params = [10, 1000, 1_000_000]
    param_names = ["n"]
    timeout = 600

    def setup(self, n):
        self.x = np.linspace(0.5, 1.5, n)
        ad.grad(lambda x: np.sum(np.sin(x) * x))(self.x)

    def time_first_gradient(self, n):
        ad.grad(lambda x: np.sum(np.sin(x) * x + np.exp(-x * x)))(self.x)
