"""Many points as lanes of one tape."""

import numpy as np

import fastad as ad
from bench.objectives import minors, rosenbrock


class Points:
    """Gradients at 64 points."""

    params = ["rosenbrock", "minors"]
    param_names = ["function"]
    timeout = 600

    def setup(self, function):
        if not hasattr(ad, "vmap"):
            raise NotImplementedError
        module = {"rosenbrock": rosenbrock, "minors": minors}[function]
        x = module.example(10)[0] if function == "rosenbrock" else module.example()[0]
        self.points = x + 0.01 * np.random.default_rng(0).normal(size=(64, *x.shape))
        self.many = ad.vmap(ad.grad(module.objective))
        self.many(self.points)

    def time_64_points(self, function):
        self.many(self.points)
